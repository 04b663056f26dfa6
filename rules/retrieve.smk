# First stages.


rule retrieve:
    input:
        unpack(lambda wildcards: STAGES.run_inputs(**wildcards)),
    output:
        paths.run("{collection}", "{language}", "{retriever}"),
    log:
        paths.log("runs", "{collection}", "{language}", "{retriever}"),
    benchmark:
        paths.benchmark("runs", "{collection}", "{language}", "{retriever}")
    conda:
        "../envs/workflow.yaml"
    threads: 2
    resources:
        mem_mb=RESOURCES.memory(8000),
        runtime=RESOURCES.minutes(240),
    params:
        job=lambda wildcards: STAGES.run_params(**wildcards),
    message:
        "Retrieve {wildcards.collection}/{wildcards.language}/{wildcards.retriever}"
    script:
        "../scripts/retrieve.py"
