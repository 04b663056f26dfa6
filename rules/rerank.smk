# One job per cell. Jobs of one Snakemake process that need the same model share one engine start.

CELL = paths.Cell("{collection}", "{language}", "{retriever}", "{reranker}")


rule rerank:
    input:
        run=CELL.first_stage.run,
        queries=paths.queries("{collection}", "{language}"),
        passages=lambda wildcards: STAGES.passages(wildcards.collection),
        model=lambda wildcards: EXPERIMENT.model_files(wildcards.reranker),
        adapter=lambda wildcards: EXPERIMENT.adapter_files(wildcards.reranker),
        responses=lambda wildcards: EXPERIMENT.responses(**wildcards),
    output:
        run=CELL.run,
        manifest=CELL.manifest,
        calls=CELL.calls,
    log:
        paths.log("runs", *CELL.names),
    benchmark:
        paths.benchmark("runs", *CELL.names)
    wildcard_constraints:
        reranker=STAGES.rerankers_in_shards(several=False),
    conda:
        "../envs/llm.yaml"
    resources:
        **RESOURCES.gpus(lambda wildcards: EXPERIMENT.gpus(wildcards.reranker)),
        mem_mb=RESOURCES.memory(16000),
        runtime=RESOURCES.minutes(lambda wildcards: STAGES.rerank_minutes(**wildcards)),
    params:
        reranker=lambda wildcards: STAGES.rerank_params[wildcards.reranker],
        shards=1,
    message:
        "Rerank {wildcards.collection}/{wildcards.language}/{wildcards.retriever}/{wildcards.reranker}"
    script:
        "../scripts/rerank.py"


# A cell of a reranker with `shards: N`: N jobs, each for a part of the queries, and one job that merges them.
use rule rerank as rerank_shard with:
    output:
        run=CELL.shard("{number}", ".trec"),
        manifest=CELL.shard("{number}", ".json"),
        calls=CELL.shard("{number}", ".calls.csv"),
    log:
        paths.log("runs", *CELL.names, "{number}"),
    benchmark:
        paths.benchmark("runs", *CELL.names, "{number}")
    wildcard_constraints:
        number="[0-9]+",
        reranker=STAGES.rerankers_in_shards(several=True),
    params:
        reranker=lambda wildcards: STAGES.rerank_params[wildcards.reranker],
        shards=lambda wildcards: EXPERIMENT.rerankers[wildcards.reranker].shards,
    message:
        "Rerank shard {wildcards.number} of {wildcards.collection}/{wildcards.language}/{wildcards.retriever}/{wildcards.reranker}"


rule merge_shards:
    input:
        first_stage=CELL.first_stage.run,
        runs=lambda wildcards: STAGES.shards(".trec", **wildcards),
        manifests=lambda wildcards: STAGES.shards(".json", **wildcards),
        calls=lambda wildcards: STAGES.shards(".calls.csv", **wildcards),
    output:
        run=CELL.run,
        manifest=CELL.manifest,
        calls=CELL.calls,
    log:
        paths.log("runs", *CELL.names),
    benchmark:
        paths.benchmark("runs", *CELL.names)
    wildcard_constraints:
        reranker=STAGES.rerankers_in_shards(several=True),
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=RESOURCES.memory(2000),
        runtime=RESOURCES.minutes(30),
    message:
        "Join the shards of {wildcards.collection}/{wildcards.language}/{wildcards.retriever}/{wildcards.reranker}"
    script:
        "../scripts/merge_shards.py"


# Fails if too many answers of a cell are unusable. The limit does not affect answers, so it is not a parameter of the
# cell: if it changes, only this check runs again.
rule check_outcomes:
    input:
        manifest=CELL.manifest,
    output:
        CELL.checked,
    log:
        paths.log("checked", *CELL.names),
    wildcard_constraints:
        reranker=pattern(EXPERIMENT.rerankers),
    priority: 1  # checked before other cells of the reranker use GPU hours
    localrule: True
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=RESOURCES.memory(500),
        runtime=RESOURCES.minutes(5),
    params:
        limit=lambda wildcards: EXPERIMENT.rerankers[
            wildcards.reranker
        ].max_bad_outcomes,
    message:
        "Check the answers of {wildcards.collection}/{wildcards.language}/{wildcards.retriever}/{wildcards.reranker}"
    script:
        "../scripts/check_outcomes.py"
