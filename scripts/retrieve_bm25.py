"""Retrieve with BM25."""

from rankk.fetching.scratch import on_this_node
from rankk.logs import job
from rankk.retrievers.lucene import search_bm25

retriever = snakemake.params.retriever
with job(snakemake.log[0]):
    search_bm25(
        on_this_node(snakemake.input.index, snakemake.resources.get("scratch")),
        snakemake.input.queries,
        snakemake.output[0],
        language=snakemake.params.language,
        k1=retriever["k1"],
        b=retriever["b"],
        depth=retriever["depth"],
        threads=snakemake.threads,
        excluded=snakemake.input.excluded,
        segments=bool(retriever["split"]),
    )
