# Every source is converted to the same files: passages of a corpus; queries by language and judgments of a collection.


rule corpus:
    input:
        unpack(lambda wildcards: STAGES.corpus_inputs(wildcards.corpus)),
    output:
        passages=paths.passages("{corpus}"),
        index=paths.corpus("{corpus}", "passages.sqlite"),
        counts=paths.corpus("{corpus}", "corpus.json"),
    log:
        paths.log("corpora", "{corpus}"),
    benchmark:
        paths.benchmark("corpora", "{corpus}")
    wildcard_constraints:
        corpus=pattern(EXPERIMENT.corpora),
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=RESOURCES.memory(2000),
        runtime=RESOURCES.minutes(240),
    params:
        corpus=lambda wildcards: EXPERIMENT.corpora[wildcards.corpus].source.params(),
    message:
        "Passages of {wildcards.corpus}"
    script:
        "../scripts/corpus.py"


rule qrels:
    input:
        unpack(lambda wildcards: STAGES.qrels_inputs(wildcards.collection)),
    output:
        qrels=paths.qrels("{collection}"),
        counts=paths.collection("{collection}", "collection.json"),
    log:
        paths.log("collections", "{collection}"),
    benchmark:
        paths.benchmark("collections", "{collection}")
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=RESOURCES.memory(2000),
        runtime=RESOURCES.minutes(60),
    params:
        collection=lambda wildcards: EXPERIMENT.collections[
            wildcards.collection
        ].source.params(),
    message:
        "Judgments of {wildcards.collection}"
    script:
        "../scripts/qrels.py"


# A language can be native in one collection and translated in another.
for name, collection in EXPERIMENT.collections.items():

    rule:
        name:
            f"queries_{name}"
        input:
            unpack(
                lambda wildcards, name=name: STAGES.queries_inputs(
                    name, wildcards.language
                )
            ),
        output:
            queries=paths.queries(name, "{language}"),
            excluded=paths.excluded(name, "{language}"),
        log:
            paths.log("collections", name, "{language}"),
        benchmark:
            paths.benchmark("collections", name, "{language}")
        wildcard_constraints:
            language=pattern(collection.source.languages),
        conda:
            "../envs/workflow.yaml"
        resources:
            mem_mb=RESOURCES.memory(2000),
            runtime=RESOURCES.minutes(60),
        params:
            collection=lambda wildcards, source=collection.source: source.only(
                wildcards.language
            ).params(),
        message:
            f"Queries of {name}, {{wildcards.language}}"
        script:
            "../scripts/queries.py"

    rule:
        name:
            f"translate_{name}"
        input:
            unpack(
                lambda wildcards, name=name: STAGES.translate_inputs(
                    name, wildcards.language
                )
            ),
        output:
            queries=paths.queries(name, "{language}"),
            provenance=paths.collection(name, "queries.{language}.json"),
        log:
            paths.log("collections", name, "{language}"),
        benchmark:
            paths.benchmark("collections", name, "{language}")
        wildcard_constraints:
            language=pattern(collection.translations),
        conda:
            "../envs/llm.yaml"
        resources:
            **RESOURCES.gpus(
                lambda wildcards, name=name: STAGES.translator_gpus(
                    name, wildcards.language
                )
            ),
            mem_mb=RESOURCES.memory(16000),
            runtime=RESOURCES.minutes(240),
        params:
            settings=lambda wildcards, name=name: STAGES.translate_params(
                name, wildcards.language
            ),
        message:
            f"Translated queries of {name}, {{wildcards.language}}"
        script:
            "../scripts/translate.py"
