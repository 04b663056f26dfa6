# Any source becomes the same files: a corpus's passages; a collection's queries by language and judgments.


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
        mem_mb=grown(2000),
        runtime=grown(240),
    params:
        corpus=lambda wildcards: EXPERIMENT.corpora[wildcards.corpus].source.params(),
    script:
        "../scripts/corpus.py"


# The languages of the queries differ from collection to collection, and with them the output.
for name, collection in EXPERIMENT.collections.items():

    rule:
        name:
            f"collection_{name}"
        input:
            **STAGES.collection_inputs(name),
        output:
            queries=[
                paths.queries(name, language)
                for language in collection.source.languages
            ],
            qrels=paths.qrels(name),
            excluded=paths.excluded(name),
            counts=paths.collection(name, "collection.json"),
        log:
            paths.log("collections", name),
        benchmark:
            paths.benchmark("collections", name)
        conda:
            "../envs/workflow.yaml"
        resources:
            mem_mb=grown(2000),
            runtime=grown(60),
        params:
            collection=collection.source.params(),
        script:
            "../scripts/collection.py"


rule translate:
    input:
        unpack(lambda wildcards: STAGES.translate_inputs(**wildcards)),
    output:
        queries=paths.queries("{collection}", "{language}"),
        provenance=paths.collection("{collection}", "queries.{language}.json"),
    log:
        paths.log("collections", "{collection}", "{language}"),
    benchmark:
        paths.benchmark("collections", "{collection}", "{language}")
    wildcard_constraints:
        **STAGES.translation_wildcards,
    conda:
        "../envs/llm.yaml"
    resources:
        mem_mb=grown(16000),
        runtime=grown(240),
        gpu=lambda wildcards: STAGES.translator_gpus(**wildcards),
    params:
        settings=lambda wildcards: STAGES.translate_params(**wildcards),
    script:
        "../scripts/translate.py"
