# Models: from the hub, or carried by a Python package for machines that reach none.


rule model:
    input:
        base=lambda wildcards: EXPERIMENT.base_files(wildcards.model),
    output:
        directory(paths.model("{model}")),
    log:
        "results/logs/models/{model}.log",
    benchmark:
        paths.benchmark("models", "{model}")
    wildcard_constraints:
        model=EXPERIMENT.model_names,
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(4000),
        runtime=grown(60),
    params:
        model=lambda wildcards: EXPERIMENT.models[wildcards.model].model_dump(
            mode="json"
        ),
        code=fingerprint("rankk.fetching.models"),
    script:
        "../scripts/model.py"


rule hub_model:
    output:
        directory(paths.hub_model("{owner}/{name}", "{revision}")),
    log:
        "results/logs/models/hub/{owner}/{name}@{revision}.log",
    benchmark:
        paths.benchmark("models", "hub", "{owner}", "{name}@{revision}")
    wildcard_constraints:
        owner="[^/]+",
        name="[^/]+",
        revision="[^/]+",
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(2000),
        runtime=grown(720),
    params:
        model=lambda wildcards: f"{wildcards.owner}/{wildcards.name}",
    script:
        "../scripts/hub_model.py"
