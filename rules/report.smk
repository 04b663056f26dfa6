# Figures and tables, and their place in Snakemake's report.


rule report:
    input:
        summary=grid.experiment(NAME, "summary.csv"),
        per_query=grid.experiment(NAME, "per_query.csv"),
    output:
        figures=report(
            expand(
                grid.experiment(NAME, "figures/effectiveness.{format}"),
                format=["png", "pdf"],
            ),
            category="Figures",
            caption="../workflow/report/effectiveness.rst",
        ),
        tables=report(
            expand(
                grid.experiment(NAME, "tables/effectiveness.{format}"),
                format=["csv", "tex", "md"],
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
        code=fingerprint("rankk.report"),
    script:
        "../scripts/report.py"
