# Lucene indexes of passages or of sparse vectors, and the vectors themselves.


rule index:
    input:
        unpack(lambda wildcards: STAGES.jobs[paths.index(**wildcards)].inputs),
    output:
        directory(paths.index("{corpus_name}", "{name}")),
    log:
        paths.log("indexes", "{corpus_name}", "{name}"),
    benchmark:
        paths.benchmark("indexes", "{corpus_name}", "{name}")
    wildcard_constraints:
        corpus_name="[^/]+",
        name="[^/]+",
    conda:
        "../envs/workflow.yaml"
    threads: 2
    resources:
        mem_mb=RESOURCES.memory(4000),
        runtime=RESOURCES.minutes(240),
    params:
        job=lambda wildcards: STAGES.jobs[paths.index(**wildcards)].step.params(),
    message:
        "Index {wildcards.name} of {wildcards.corpus_name}"
    script:
        "../scripts/step.py"


rule encode:
    input:
        unpack(lambda wildcards: STAGES.jobs[paths.vectors(**wildcards)].inputs),
    output:
        paths.vectors("{texts}", "{retriever}"),
    log:
        paths.log("vectors", "{texts}", "{retriever}"),
    benchmark:
        paths.benchmark("vectors", "{texts}", "{retriever}")
    wildcard_constraints:
        texts="[^/]+/[^/]+",
    conda:
        "../envs/workflow.yaml"
    threads: 2
    resources:
        mem_mb=RESOURCES.memory(8000),
        runtime=RESOURCES.minutes(720),
    params:
        job=lambda wildcards: STAGES.jobs[paths.vectors(**wildcards)].step.params(),
    message:
        "Encode {wildcards.texts} with {wildcards.retriever}"
    script:
        "../scripts/step.py"
