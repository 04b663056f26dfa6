# Any source becomes the same files: passages, queries by language, qrels.


rule download_libreoffice_help:
    output:
        directory(paths.downloads("libreoffice-help")),
    log:
        "results/logs/download/libreoffice-help.log",
    benchmark:
        paths.benchmark("download", "libreoffice-help")
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(500),
        runtime=grown(60),
    script:
        "../scripts/download_libreoffice_help.py"


rule download_ir_dataset:
    output:
        directory(paths.downloads("ir_datasets/{dataset}")),
    log:
        "results/logs/download/ir_datasets/{dataset}.log",
    benchmark:
        paths.benchmark("download", "ir_datasets/{dataset}")
    wildcard_constraints:
        dataset=".+",
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(2000),
        runtime=grown(720),
    script:
        "../scripts/download_ir_dataset.py"


rule download_bright:
    output:
        directory(paths.downloads("bright/{task}.{queries}")),
    log:
        "results/logs/download/bright/{task}.{queries}.log",
    benchmark:
        paths.benchmark("download", "bright", "{task}", "{queries}")
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(4000),
        runtime=grown(120),
    params:
        revision=lambda wildcards: EXPERIMENT.bright_revision(**wildcards),
    script:
        "../scripts/download_bright.py"


rule download_package:
    output:
        paths.downloads("packages/{package}"),
    log:
        "results/logs/download/packages/{package}.log",
    benchmark:
        paths.benchmark("download", "packages", "{package}")
    wildcard_constraints:
        package="[^/]+",
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(500),
        runtime=grown(240),
    params:
        sha256=lambda wildcards: EXPERIMENT.package_sha256(wildcards.package),
    script:
        "../scripts/download_package.py"


rule hub_file:
    output:
        paths.downloads("hub/{owner}/{dataset}@{revision}/{file}"),
    log:
        "results/logs/download/hub/{owner}/{dataset}@{revision}/{file}.log",
    benchmark:
        paths.benchmark("download", "hub", "{owner}/{dataset}@{revision}/{file}")
    wildcard_constraints:
        owner="[^/]+",
        dataset="[^/@]+",
        revision="[^/]+",
        file=".+",
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(1000),
        runtime=grown(720),
    script:
        "../scripts/hub_file.py"


for name, collection in EXPERIMENT.collections.items():

    rule:
        name:
            f"collection_{name}"
        input:
            collection.files,
        output:
            passages=paths.passages(name),
            queries=[
                paths.queries(name, language) for language in collection.own_languages
            ],
            qrels=paths.qrels(name),
            excluded=paths.excluded(name),
            facts=paths.facts(name),
        log:
            f"results/logs/collections/{name}.log",
        benchmark:
            paths.benchmark("collections", name)
        conda:
            "../envs/workflow.yaml"
        resources:
            mem_mb=grown(2000),
            runtime=grown(60),
        params:
            collection=collection.model_dump(mode="json"),
            code=fingerprint("rankk.corpora"),
        script:
            "../scripts/collection.py"

    for language, translation in collection.translations.items():

        rule:
            name:
                f"translate_{name}_{language}"
            input:
                queries=paths.queries(name, translation.source),
                model=EXPERIMENT.translator_files(translation.translator),
            output:
                queries=paths.queries(name, language),
                provenance=paths.queries(name, language, ".json"),
            log:
                f"results/logs/collections/{name}.{language}.log",
            benchmark:
                paths.benchmark("collections", name, language)
            conda:
                "../envs/llm.yaml"
            resources:
                mem_mb=grown(16000),
                runtime=grown(240),
                gpu=EXPERIMENT.translators[translation.translator].gpus,
            params:
                translator=EXPERIMENT.translators[translation.translator].model_dump(
                    mode="json"
                ),
                source=translation.source,
                target=language,
                code=fingerprint("rankk.translation"),
            script:
                "../scripts/translate.py"
