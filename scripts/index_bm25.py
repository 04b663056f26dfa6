"""Build a Lucene index of passages."""

from rankk.logs import job
from rankk.retrievers.lucene import index_bm25

with job(snakemake.log[0]):
    index_bm25(snakemake.input.passages, snakemake.output[0], snakemake.params.language, snakemake.threads)
