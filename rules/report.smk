# Figures, tables and the experiment's page, and their place in Snakemake's report.

import os

from rankk.config.loading import DATA
from rankk.evaluation.measures import relevance_level
from rankk.report import contents
from rankk.report.evidence import Evidence
from rankk.report.figures import FORMATS as FIGURE_FORMATS
from rankk.report.tables import FORMATS as TABLE_FORMATS

NAMED = Evidence({}, names=EXPERIMENT.titles)
FIGURES = contents.figures(EXPERIMENT)
PUBLISHED = contents.published(
    EXPERIMENT, DATA / "config" / "reference" / "published.csv"
)
TABLES = contents.tables(EXPERIMENT, PUBLISHED)


rule report:
    input:
        **{table: paths.experiment(NAME, f"{table}.csv") for table in COLUMNS},
    output:
        home=report(
            paths.experiment(NAME, "index.html"),
            category="Overview",
            caption="../workflow/report/home.rst",
        ),
        comparison=paths.experiment(NAME, "compare.html"),
        figures=[
            report(
                paths.experiment(NAME, f"figures/{figure}.png"),
                category="Figures",
                labels={"figure": title},
                caption=os.path.abspath(
                    paths.experiment(NAME, f"figures/{figure}.rst")
                ),
            )
            for figure, title in FIGURES.items()
        ],
        files=expand(
            paths.experiment(NAME, "figures/{figure}.{format}"),
            figure=FIGURES,
            format=[name for name in FIGURE_FORMATS if name != "png"],
        ),
        configuration=report(
            paths.experiment(NAME, "experiment.json"),
            category="Configuration",
            caption="../workflow/report/configuration.rst",
        ),
        tables=[
            report(
                paths.experiment(NAME, f"tables/{table}.{format}"),
                category="Tables",
                labels={"table": title, "format": format},
                caption="../workflow/report/table.rst",
            )
            for table, title in TABLES.items()
            for format in TABLE_FORMATS
        ],
    log:
        paths.log("experiments", NAME, "report"),
    benchmark:
        paths.benchmark("experiments", NAME, "report")
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=RESOURCES.memory(4000),
        runtime=RESOURCES.minutes(30),
    params:
        figures=list(FIGURES),
        tables=list(TABLES),
        published=PUBLISHED,
        titles=EXPERIMENT.titles,
        test_time=EXPERIMENT.test_time,
        experiment=EXPERIMENT.recorded,
        passage_languages={
            name: EXPERIMENT.language_of(name) for name in EXPERIMENT.evaluated
        },
        code=fingerprint("rankk.report"),
    message:
        f"Figures, tables and pages of {NAME}"
    script:
        "../scripts/report.py"


rule page:
    input:
        run=CELL.run,
        first_stage=CELL.first_stage.run,
        calls=CELL.calls,
        manifest=CELL.manifest,
        queries=paths.queries("{collection}", "{language}"),
        passages=lambda wildcards: STAGES.passages(wildcards.collection),
        qrels=paths.qrels("{collection}"),
    output:
        report(
            CELL.page,
            category="Answers",
            caption="../workflow/report/page.rst",
            labels=lambda wildcards: {
                "collection": NAMED.shown(wildcards.collection),
                "queries in": NAMED.shown(wildcards.language),
                "first stage": NAMED.shown(wildcards.retriever),
                "reranker": NAMED.shown(wildcards.reranker),
            },
        ),
    log:
        paths.log("pages", *CELL.names),
    benchmark:
        paths.benchmark("pages", *CELL.names)
    wildcard_constraints:
        reranker=pattern(EXPERIMENT.rerankers),
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=RESOURCES.memory(4000),
        runtime=RESOURCES.minutes(30),
    params:
        title=lambda wildcards: NAMED.described({**wildcards}),
        stage=lambda wildcards: NAMED.shown(wildcards.retriever),
        journal=lambda wildcards: paths.Cell(**wildcards).journal,
        measure=lambda wildcards: EXPERIMENT.collections[
            wildcards.collection
        ].measures[0],
        level=lambda wildcards: relevance_level(
            EXPERIMENT.collections[wildcards.collection].measures
        ),
        languages=lambda wildcards: [
            wildcards.language,
            EXPERIMENT.language_of(wildcards.collection),
        ],
        code=fingerprint("rankk.report.answers"),
    message:
        "Page of answers of {wildcards.collection}/{wildcards.language}/{wildcards.retriever}/{wildcards.reranker}"
    script:
        "../scripts/page.py"
