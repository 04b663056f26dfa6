"""Retrieve with encoded queries from an impact index."""

from rankk.fetching.scratch import on_this_node
from rankk.logs import job
from rankk.retrievers.lucene import search_impact

retriever = snakemake.params.retriever
with job(snakemake.log[0]):
    search_impact(
        on_this_node(snakemake.input.index, snakemake.resources.get("scratch")),
        snakemake.input.vectors,
        snakemake.output[0],
        depth=retriever["depth"],
        threads=snakemake.threads,
        excluded=snakemake.input.excluded,
        segments=bool(retriever["split"]),
    )
