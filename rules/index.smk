# Indexes: published ones, Lucene's of passages or of segments of them, impacts of sparse vectors.


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
