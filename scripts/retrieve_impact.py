"""Retrieve with encoded queries from an impact index."""

from rankk.logs import job
from rankk.retrieval.lucene import search_impact

with job(snakemake.log[0]):
    search_impact(
        snakemake.input.index,
        snakemake.input.vectors,
        snakemake.output[0],
        depth=snakemake.params.retriever["depth"],
        threads=snakemake.threads,
        excluded=snakemake.input.excluded,
    )
