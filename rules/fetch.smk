# Downloads, and models that are built from them.


# The only rule that uses a network. It runs on Snakemake's machine, because a cluster's nodes may have no network.
rule fetch:
    output:
        directory(paths.download("{download}")),
    log:
        paths.log("downloads", "{download}"),
    benchmark:
        paths.benchmark("downloads", "{download}")
    wildcard_constraints:
        download=pattern(STAGES.downloads),
    localrule: True
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=RESOURCES.memory(4000),
        runtime=RESOURCES.minutes(1440),
    params:
        download=lambda wildcards: STAGES.downloads[wildcards.download].params(),
    message:
        "Download {wildcards.download}"
    script:
        "../scripts/fetch.py"


rule model:
    input:
        unpack(lambda wildcards: STAGES.model_inputs(wildcards.model)),
    output:
        directory(paths.model("{model}")),
    log:
        paths.log("models", "{model}"),
    benchmark:
        paths.benchmark("models", "{model}")
    wildcard_constraints:
        model=pattern(EXPERIMENT.models),
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=RESOURCES.memory(4000),
        runtime=RESOURCES.minutes(60),
    params:
        model=lambda wildcards: EXPERIMENT.models[wildcards.model].params(),
    message:
        "Model {wildcards.model}"
    script:
        "../scripts/model.py"
