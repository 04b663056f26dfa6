"""Check how many answers of a cell could be used."""

from rankk.logs import job
from rankk.reranking.limit import check_cell

with job(snakemake.log[0]):
    check_cell(snakemake.input.manifest, snakemake.params.limit, snakemake.output[0])
