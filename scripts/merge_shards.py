"""Join a cell's shards."""

from rankk.logs import job
from rankk.reranking.shards import merge

with job(snakemake.log[0]):
    merge(snakemake.input.runs, snakemake.output.run, snakemake.input.first_stage, ".".join(snakemake.wildcards))
