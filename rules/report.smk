# Figures and tables, and their place in Snakemake's report.

FIGURES = contents.figures(EXPERIMENT)
PUBLISHED = contents.published(
    EXPERIMENT, Path(workflow.basedir, "config", "reference", "published.csv")
)
TABLES = contents.tables(EXPERIMENT, PUBLISHED)


rule report:
    input:
        **{table: grid.experiment(NAME, f"{table}.csv") for table in grid.TABLES},
    output:
        figures=[
            report(
                grid.experiment(NAME, f"figures/{figure}.png"),
                category="Figures",
                labels={"figure": figure},
                caption=os.path.abspath(
                    grid.experiment(NAME, f"figures/{figure}.rst")
                ),
            )
            for figure in FIGURES
        ],
        files=expand(
            grid.experiment(NAME, "figures/{figure}.{format}"),
            figure=FIGURES,
            format=[name for name in contents.FIGURE_FORMATS if name != "png"],
        ),
        configuration=report(
            grid.experiment(NAME, "experiment.json"),
            category="Configuration",
            caption="../workflow/report/configuration.rst",
        ),
        tables=report(
            expand(
                grid.experiment(NAME, "tables/{table}.{format}"),
                table=TABLES,
                format=contents.TABLE_FORMATS,
            ),
            category="Tables",
            caption="../workflow/report/table.rst",
        ),
    log:
        f"results/logs/experiments/{NAME}.report.log",
    benchmark:
        grid.benchmark("experiments", NAME, "report")
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(4000),
        runtime=grown(30),
    params:
        figures=FIGURES,
        tables=TABLES,
        published=PUBLISHED,
        experiment=EXPERIMENT.model_dump(mode="json"),
        passage_languages={
            name: collection.language
            for name, collection in EXPERIMENT.collections.items()
        },
        code=fingerprint("rankk.report"),
    script:
        "../scripts/report.py"


rule page:
    input:
        run=grid.run(*CELL),
        first_stage=grid.run("{collection}", "{language}", "{retriever}"),
        calls=grid.calls(*CELL),
        manifest=grid.manifest(*CELL),
        queries=grid.queries("{collection}", "{language}"),
        passages=grid.passages("{collection}"),
        qrels=grid.qrels("{collection}"),
    output:
        report(
            grid.page(*CELL),
            category="Answers",
            caption="../workflow/report/page.rst",
            labels={
                "collection": "{collection}",
                "language": "{language}",
                "first stage": "{retriever}",
                "reranker": "{reranker}",
            },
        ),
    log:
        "results/logs/pages/{collection}.{language}.{retriever}.{reranker}.log",
    benchmark:
        grid.benchmark(
            "pages", "{collection}", "{language}", "{retriever}", "{reranker}"
        )
    wildcard_constraints:
        reranker=EXPERIMENT.reranker_names,
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=grown(4000),
        runtime=grown(30),
    params:
        journal=lambda wildcards: grid.journal(**wildcards),
        measure=lambda wildcards: EXPERIMENT.collections[
            wildcards.collection
        ].measures[0],
        code=fingerprint("rankk.report.page"),
    script:
        "../scripts/page.py"
