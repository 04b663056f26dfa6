# Indexes: published ones, Lucene's of passages or of segments of them, impacts of sparse vectors.


rule prebuilt_index:
    output:
        directory(paths.prebuilt("{name}")),
    log:
        "results/logs/download/indexes/{name}.log",
    benchmark:
        paths.benchmark("download", "indexes", "{name}")
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
        passages=paths.passages("{collection}"),
    output:
        paths.segments("{collection}", "{characters}-{stride}"),
    log:
        "results/logs/collections/{collection}.segments.{characters}-{stride}.log",
    benchmark:
        paths.benchmark(
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
        code=fingerprint("rankk.retrievers.segments"),
    script:
        "../scripts/split_passages.py"


rule index_bm25:
    input:
        passages=paths.passages("{collection}"),
    output:
        directory(paths.index("{collection}", "bm25")),
    log:
        "results/logs/index/{collection}.bm25.log",
    benchmark:
        paths.benchmark("index", "{collection}", "bm25")
    conda:
        "../envs/workflow.yaml"
    threads: 2
    resources:
        mem_mb=grown(4000),
        runtime=grown(240),
    params:
        language=lambda wildcards: EXPERIMENT.collections[wildcards.collection].language,
        code=fingerprint("rankk.retrievers.lucene"),
    script:
        "../scripts/index_bm25.py"


use rule index_bm25 as index_bm25_segments with:
    input:
        passages=paths.segments("{collection}", "{split}"),
    output:
        directory(paths.index("{collection}", "bm25.{split}")),
    log:
        "results/logs/index/{collection}.bm25.{split}.log",
    benchmark:
        paths.benchmark("index", "{collection}", "bm25.{split}")
    wildcard_constraints:
        split="[0-9]+-[0-9]+",


rule encode_passages:
    input:
        texts=lambda wildcards: EXPERIMENT.indexed(**wildcards),
        model=lambda wildcards: EXPERIMENT.encoder_files(wildcards.retriever),
    output:
        paths.vectors("{collection}", "{retriever}", "passages"),
    log:
        "results/logs/vectors/{collection}.{retriever}.passages.log",
    benchmark:
        paths.benchmark("vectors", "{collection}", "{retriever}", "passages")
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
        code=fingerprint("rankk.retrievers.splade"),
    script:
        "../scripts/encode.py"


rule index_impact:
    input:
        vectors=paths.vectors("{collection}", "{retriever}", "passages"),
    output:
        directory(paths.index("{collection}", "{retriever}")),
    log:
        "results/logs/index/{collection}.{retriever}.log",
    benchmark:
        paths.benchmark("index", "{collection}", "{retriever}")
    wildcard_constraints:
        retriever=EXPERIMENT.retrievers_of("splade"),
    conda:
        "../envs/workflow.yaml"
    threads: 2
    resources:
        mem_mb=grown(4000),
        runtime=grown(240),
    params:
        code=fingerprint("rankk.retrievers.lucene"),
    script:
        "../scripts/index_impact.py"
