# Figures and tables, and their place in Snakemake's report.

FIGURES = contents.figures(EXPERIMENT)
TABLES = contents.tables(EXPERIMENT)


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
        mem_mb=4000,
        runtime=30,
    params:
        figures=FIGURES,
        tables=TABLES,
        passage_languages={
            name: collection.language
            for name, collection in EXPERIMENT.collections.items()
        },
        code=fingerprint("rankk.report"),
    script:
        "../scripts/report.py"
