"""Build a Lucene index of sparse vectors."""

from rankk.logs import job
from rankk.retrievers.lucene import index_impact

with job(snakemake.log[0]):
    index_impact(snakemake.input.vectors, snakemake.output[0], snakemake.threads)
