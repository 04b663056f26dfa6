# First stages: a Lucene index and a search over it, or a run made elsewhere.


rule prebuilt_index:
    output:
        directory(grid.prebuilt("{name}")),
    log:
        "results/logs/download/indexes/{name}.log",
    benchmark:
        grid.benchmark("download", "indexes", "{name}")
    wildcard_constraints:
        name="[^/]+",
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(1000),
        runtime=grown(1440),
    script:
        "../scripts/prebuilt_index.py"


rule split_passages:
    input:
        passages=grid.passages("{collection}"),
    output:
        grid.segments("{collection}", "{characters}-{stride}"),
    log:
        "results/logs/collections/{collection}.segments.{characters}-{stride}.log",
    benchmark:
        grid.benchmark(
            "collections", "{collection}", "segments", "{characters}-{stride}"
        )
    wildcard_constraints:
        characters="[0-9]+",
        stride="[0-9]+",
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(1000),
        runtime=grown(240),
    params:
        code=fingerprint("rankk.collections.segments"),
    script:
        "../scripts/split_passages.py"


rule index_bm25:
    input:
        passages=grid.passages("{collection}"),
    output:
        directory(grid.index("{collection}", "bm25")),
    log:
        "results/logs/index/{collection}.bm25.log",
    benchmark:
        grid.benchmark("index", "{collection}", "bm25")
    conda:
        "../envs/workflow.yaml"
    threads: 2
    resources:
        mem_mb=grown(4000),
        runtime=grown(240),
    params:
        language=lambda wildcards: EXPERIMENT.collections[wildcards.collection].language,
        code=fingerprint("rankk.retrieval.lucene"),
    script:
        "../scripts/index_bm25.py"


use rule index_bm25 as index_bm25_segments with:
    input:
        passages=grid.segments("{collection}", "{split}"),
    output:
        directory(grid.index("{collection}", "bm25.{split}")),
    log:
        "results/logs/index/{collection}.bm25.{split}.log",
    benchmark:
        grid.benchmark("index", "{collection}", "bm25.{split}")
    wildcard_constraints:
        split="[0-9]+-[0-9]+",


rule retrieve_bm25:
    input:
        index=lambda wildcards: EXPERIMENT.index(
            wildcards.collection, wildcards.retriever
        ),
        queries=lambda wildcards: EXPERIMENT.search_queries(**wildcards),
        excluded=grid.excluded("{collection}"),
    output:
        grid.run("{collection}", "{language}", "{retriever}"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        grid.benchmark("runs", "{collection}", "{language}", "{retriever}")
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
        code=fingerprint("rankk.retrieval.lucene"),
    script:
        "../scripts/retrieve_bm25.py"


rule encode_passages:
    input:
        texts=lambda wildcards: EXPERIMENT.indexed(**wildcards),
        model=lambda wildcards: EXPERIMENT.encoder_files(wildcards.retriever),
    output:
        grid.vectors("{collection}", "{retriever}", "passages"),
    log:
        "results/logs/vectors/{collection}.{retriever}.passages.log",
    benchmark:
        grid.benchmark("vectors", "{collection}", "{retriever}", "passages")
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("splade"),
    conda:
        "../envs/workflow.yaml"
    threads: 2
    resources:
        mem_mb=grown(8000),
        runtime=grown(720),
    params:
        retriever=lambda wildcards: EXPERIMENT.retrievers[
            wildcards.retriever
        ].model_dump(mode="json"),
        code=fingerprint("rankk.retrieval.splade"),
    script:
        "../scripts/encode.py"


rule encode_queries:
    input:
        texts=lambda wildcards: EXPERIMENT.search_queries(**wildcards),
        model=lambda wildcards: EXPERIMENT.encoder_files(wildcards.retriever),
    output:
        grid.vectors("{collection}", "{retriever}", "queries.{language}"),
    log:
        "results/logs/vectors/{collection}.{retriever}.{language}.log",
    benchmark:
        grid.benchmark("vectors", "{collection}", "{retriever}", "{language}")
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
        code=fingerprint("rankk.retrieval.splade"),
    script:
        "../scripts/encode.py"


rule index_impact:
    input:
        vectors=grid.vectors("{collection}", "{retriever}", "passages"),
    output:
        directory(grid.index("{collection}", "{retriever}")),
    log:
        "results/logs/index/{collection}.{retriever}.log",
    benchmark:
        grid.benchmark("index", "{collection}", "{retriever}")
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("splade"),
    conda:
        "../envs/workflow.yaml"
    threads: 2
    resources:
        mem_mb=grown(4000),
        runtime=grown(240),
    params:
        code=fingerprint("rankk.retrieval.lucene"),
    script:
        "../scripts/index_impact.py"


rule retrieve_impact:
    input:
        index=lambda wildcards: EXPERIMENT.index(
            wildcards.collection, wildcards.retriever
        ),
        vectors=grid.vectors("{collection}", "{retriever}", "queries.{language}"),
        excluded=grid.excluded("{collection}"),
    output:
        grid.run("{collection}", "{language}", "{retriever}"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        grid.benchmark("runs", "{collection}", "{language}", "{retriever}")
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
        code=fingerprint("rankk.retrieval.lucene"),
    script:
        "../scripts/retrieve_impact.py"


rule published_run:
    input:
        run=lambda wildcards: EXPERIMENT.retrievers[wildcards.retriever].path.format(
            **wildcards
        ),
        passages=grid.passages("{collection}"),
        queries=grid.queries("{collection}", "{language}"),
        excluded=grid.excluded("{collection}"),
    output:
        grid.run("{collection}", "{language}", "{retriever}"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        grid.benchmark("runs", "{collection}", "{language}", "{retriever}")
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("run"),
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(2000),
        runtime=grown(30),
    params:
        code=fingerprint("rankk.retrieval.published"),
    script:
        "../scripts/published_run.py"


rule retrieve_hybrid:
    input:
        runs=lambda wildcards: [
            grid.run(wildcards.collection, wildcards.language, member)
            for member in EXPERIMENT.retrievers[wildcards.retriever].of
        ],
        queries=grid.queries("{collection}", "{language}"),
    output:
        grid.run("{collection}", "{language}", "{retriever}"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        grid.benchmark("runs", "{collection}", "{language}", "{retriever}")
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
        code=fingerprint("rankk.retrieval.hybrid"),
    script:
        "../scripts/retrieve_hybrid.py"


rule retrieve_shuffled:
    input:
        run=lambda wildcards: grid.run(
            wildcards.collection,
            wildcards.language,
            EXPERIMENT.retrievers[wildcards.retriever].of[0],
        ),
    output:
        grid.run("{collection}", "{language}", "{retriever}"),
    log:
        "results/logs/runs/{collection}.{language}.{retriever}.log",
    benchmark:
        grid.benchmark("runs", "{collection}", "{language}", "{retriever}")
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
        code=fingerprint("rankk.retrieval.shuffled"),
    script:
        "../scripts/retrieve_shuffled.py"
