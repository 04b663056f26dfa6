# First stages: a Lucene index and a search over it, or a run made elsewhere.


def search_queries(wildcards):
    return grid.queries(wildcards.collection, EXPERIMENT.search_language(wildcards.retriever, wildcards.language))


def encoder(wildcards):
    return EXPERIMENT.model_files(EXPERIMENT.retrievers[wildcards.retriever].model)


def settings(wildcards):
    return EXPERIMENT.retrievers[wildcards.retriever].model_dump(mode="json")


rule index_bm25:
    input:
        passages=grid.passages("{collection}"),
    output:
        directory(grid.index("{collection}", "bm25")),
    params:
        language=lambda wildcards: EXPERIMENT.collections[wildcards.collection].language,
        code=fingerprint("rankk.retrieval.lucene"),
    log:
        "results/logs/index/{collection}.bm25.log",
    benchmark:
        "results/benchmarks/index/{collection}.bm25.tsv"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=240,
    conda:
        "../envs/workflow.yaml"
    script:
        "../scripts/index_bm25.py"


rule retrieve_bm25:
    input:
        index=grid.index("{collection}", "bm25"),
        queries=search_queries,
    output:
        grid.run("{collection}", "{language}", "{retriever}"),
    params:
        retriever=settings,
        language=lambda wildcards: EXPERIMENT.collections[wildcards.collection].language,
        code=fingerprint("rankk.retrieval.lucene"),
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("bm25"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        "results/benchmarks/runs/{collection}.{language}.{retriever}.tsv"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=120,
    conda:
        "../envs/workflow.yaml"
    script:
        "../scripts/retrieve_bm25.py"


rule encode_passages:
    input:
        texts=grid.passages("{collection}"),
        model=encoder,
    output:
        grid.vectors("{collection}", "{retriever}", "passages"),
    params:
        retriever=settings,
        code=fingerprint("rankk.retrieval.splade"),
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("splade"),
    log:
        "results/logs/vectors/{collection}.{retriever}.passages.log",
    benchmark:
        "results/benchmarks/vectors/{collection}.{retriever}.passages.tsv"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=720,
    conda:
        "../envs/workflow.yaml"
    script:
        "../scripts/encode.py"


rule encode_queries:
    input:
        texts=search_queries,
        model=encoder,
    output:
        grid.vectors("{collection}", "{retriever}", "queries.{language}"),
    params:
        retriever=settings,
        code=fingerprint("rankk.retrieval.splade"),
    log:
        "results/logs/vectors/{collection}.{retriever}.{language}.log",
    benchmark:
        "results/benchmarks/vectors/{collection}.{retriever}.{language}.tsv"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=60,
    conda:
        "../envs/workflow.yaml"
    script:
        "../scripts/encode.py"


rule index_impact:
    input:
        vectors=grid.vectors("{collection}", "{retriever}", "passages"),
    output:
        directory(grid.index("{collection}", "{retriever}")),
    params:
        code=fingerprint("rankk.retrieval.lucene"),
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("splade"),
    log:
        "results/logs/index/{collection}.{retriever}.log",
    benchmark:
        "results/benchmarks/index/{collection}.{retriever}.tsv"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=240,
    conda:
        "../envs/workflow.yaml"
    script:
        "../scripts/index_impact.py"


rule retrieve_impact:
    input:
        index=grid.index("{collection}", "{retriever}"),
        vectors=grid.vectors("{collection}", "{retriever}", "queries.{language}"),
    output:
        grid.run("{collection}", "{language}", "{retriever}"),
    params:
        retriever=settings,
        code=fingerprint("rankk.retrieval.lucene"),
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("splade"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        "results/benchmarks/runs/{collection}.{language}.{retriever}.tsv"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=120,
    conda:
        "../envs/workflow.yaml"
    script:
        "../scripts/retrieve_impact.py"


rule published_run:
    input:
        run=lambda wildcards: EXPERIMENT.retrievers[wildcards.retriever].path.format(**wildcards),
        passages=grid.passages("{collection}"),
        queries=grid.queries("{collection}", "{language}"),
    output:
        grid.run("{collection}", "{language}", "{retriever}"),
    params:
        code=fingerprint("rankk.retrieval.published"),
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("run"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        "results/benchmarks/runs/{collection}.{language}.{retriever}.tsv"
    resources:
        mem_mb=2000,
        runtime=30,
    conda:
        "../envs/workflow.yaml"
    script:
        "../scripts/published_run.py"
