# First stages: searches of an index, or runs made elsewhere.


rule retrieve_bm25:
    input:
        index=lambda wildcards: EXPERIMENT.index(
            wildcards.collection, wildcards.retriever
        ),
        queries=lambda wildcards: EXPERIMENT.search_queries(**wildcards),
        excluded=paths.excluded("{collection}"),
    output:
        paths.run("{collection}", "{language}", "{retriever}"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        paths.benchmark("runs", "{collection}", "{language}", "{retriever}")
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("bm25"),
    conda:
        "../envs/workflow.yaml"
    threads: 2
    resources:
        mem_mb=grown(4000),
        runtime=grown(120),
    params:
        retriever=lambda wildcards: EXPERIMENT.retrievers[
            wildcards.retriever
        ].model_dump(mode="json"),
        language=lambda wildcards: EXPERIMENT.analyzer_language(
            wildcards.collection, wildcards.retriever
        ),
        code=fingerprint("rankk.retrievers.lucene"),
    script:
        "../scripts/retrieve_bm25.py"


rule encode_queries:
    input:
        texts=lambda wildcards: EXPERIMENT.search_queries(**wildcards),
        model=lambda wildcards: EXPERIMENT.encoder_files(wildcards.retriever),
    output:
        paths.vectors("{collection}", "{retriever}", "queries.{language}"),
    log:
        "results/logs/vectors/{collection}.{retriever}.{language}.log",
    benchmark:
        paths.benchmark("vectors", "{collection}", "{retriever}", "{language}")
    conda:
        "../envs/workflow.yaml"
    threads: 2
    resources:
        mem_mb=grown(8000),
        runtime=grown(60),
    params:
        retriever=lambda wildcards: EXPERIMENT.retrievers[
            wildcards.retriever
        ].model_dump(mode="json"),
        code=fingerprint("rankk.retrievers.splade"),
    script:
        "../scripts/encode.py"


rule retrieve_impact:
    input:
        index=lambda wildcards: EXPERIMENT.index(
            wildcards.collection, wildcards.retriever
        ),
        vectors=paths.vectors("{collection}", "{retriever}", "queries.{language}"),
        excluded=paths.excluded("{collection}"),
    output:
        paths.run("{collection}", "{language}", "{retriever}"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        paths.benchmark("runs", "{collection}", "{language}", "{retriever}")
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("splade"),
    conda:
        "../envs/workflow.yaml"
    threads: 2
    resources:
        mem_mb=grown(4000),
        runtime=grown(120),
    params:
        retriever=lambda wildcards: EXPERIMENT.retrievers[
            wildcards.retriever
        ].model_dump(mode="json"),
        code=fingerprint("rankk.retrievers.lucene"),
    script:
        "../scripts/retrieve_impact.py"


rule published_run:
    input:
        run=lambda wildcards: EXPERIMENT.retrievers[wildcards.retriever].path.format(
            **wildcards
        ),
        passages=paths.passages("{collection}"),
        queries=paths.queries("{collection}", "{language}"),
        excluded=paths.excluded("{collection}"),
    output:
        paths.run("{collection}", "{language}", "{retriever}"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        paths.benchmark("runs", "{collection}", "{language}", "{retriever}")
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("run"),
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(2000),
        runtime=grown(30),
    params:
        code=fingerprint("rankk.retrievers.run"),
    script:
        "../scripts/published_run.py"


rule retrieve_hybrid:
    input:
        runs=lambda wildcards: [
            paths.run(wildcards.collection, wildcards.language, member)
            for member in EXPERIMENT.retrievers[wildcards.retriever].of
        ],
        queries=paths.queries("{collection}", "{language}"),
    output:
        paths.run("{collection}", "{language}", "{retriever}"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        paths.benchmark("runs", "{collection}", "{language}", "{retriever}")
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("hybrid"),
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(2000),
        runtime=grown(30),
    params:
        retriever=lambda wildcards: EXPERIMENT.retrievers[
            wildcards.retriever
        ].model_dump(mode="json"),
        code=fingerprint("rankk.retrievers.fusion"),
    script:
        "../scripts/retrieve_hybrid.py"


rule retrieve_shuffled:
    input:
        run=lambda wildcards: paths.run(
            wildcards.collection,
            wildcards.language,
            EXPERIMENT.retrievers[wildcards.retriever].of[0],
        ),
    output:
        paths.run("{collection}", "{language}", "{retriever}"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        paths.benchmark("runs", "{collection}", "{language}", "{retriever}")
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("shuffled"),
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(2000),
        runtime=grown(30),
    params:
        retriever=lambda wildcards: EXPERIMENT.retrievers[
            wildcards.retriever
        ].model_dump(mode="json"),
        code=fingerprint("rankk.retrievers.shuffled"),
    script:
        "../scripts/retrieve_shuffled.py"


rule retrieve_dense:
    input:
        run=lambda wildcards: paths.run(
            wildcards.collection,
            wildcards.language,
            EXPERIMENT.retrievers[wildcards.retriever].of[0],
        ),
        queries=paths.queries("{collection}", "{language}"),
        passages=paths.passages("{collection}"),
        model=lambda wildcards: EXPERIMENT.encoder_files(wildcards.retriever),
    output:
        paths.run("{collection}", "{language}", "{retriever}"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        paths.benchmark("runs", "{collection}", "{language}", "{retriever}")
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("dense"),
    conda:
        "../envs/workflow.yaml"
    threads: 2
    resources:
        mem_mb=grown(8000),
        runtime=grown(240),
    params:
        retriever=lambda wildcards: EXPERIMENT.retrievers[
            wildcards.retriever
        ].model_dump(mode="json"),
        code=fingerprint("rankk.retrievers.rescored"),
    script:
        "../scripts/retrieve_dense.py"
