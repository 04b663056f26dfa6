"""Write the page on which a cell's answers are read."""

from rankk.logs import job
from rankk.report.answers.page import write_page

with job(snakemake.log[0]):
    write_page(
        snakemake.output[0],
        title=snakemake.params.title,
        stage=snakemake.params.stage,
        journal=snakemake.params.journal,
        measure=snakemake.params.measure,
        level=snakemake.params.level,
        languages=snakemake.params.languages,
        **dict(snakemake.input.items()),
    )
