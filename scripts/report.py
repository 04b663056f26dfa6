"""Draw an experiment's figures and write its tables."""

from rankk.logs import job
from rankk.report import figures, tables

with job(snakemake.log[0]):
    figures.effectiveness(snakemake.input.summary, snakemake.output.figures)
    tables.effectiveness(snakemake.input.summary, snakemake.output.tables)
