# One job a cell. Jobs of one Snakemake process that need the same model share one engine start.


rule rerank:
    input:
        run=grid.run("{collection}", "{language}", "{retriever}"),
        queries=grid.queries("{collection}", "{language}"),
        passages=grid.passages("{collection}"),
        model=lambda wildcards: EXPERIMENT.model_files(
            EXPERIMENT.rerankers[wildcards.reranker].model
        ),
        responses=lambda wildcards: EXPERIMENT.responses(**wildcards),
    output:
        run=grid.run("{collection}", "{language}", "{retriever}", "{reranker}"),
        manifest=grid.manifest(
            "{collection}", "{language}", "{retriever}", "{reranker}"
        ),
        calls=grid.calls("{collection}", "{language}", "{retriever}", "{reranker}"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.{reranker}.log",
    benchmark:
        grid.benchmark(
            "runs", "{collection}", "{language}", "{retriever}", "{reranker}"
        )
    wildcard_constraints:
        reranker=EXPERIMENT.reranker_names,
    conda:
        "../envs/llm.yaml"
    resources:
        mem_mb=16000,
        runtime=1440,
        gpu=lambda wildcards: EXPERIMENT.gpus(wildcards.reranker),
    params:
        reranker=lambda wildcards: EXPERIMENT.rerankers[wildcards.reranker].deciding(),
        code=fingerprint("rankk.reranking"),
    script:
        "../scripts/rerank.py"
