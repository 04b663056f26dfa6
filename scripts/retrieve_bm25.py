"""Retrieve with BM25."""

from rankk.logs import job
from rankk.retrieval.lucene import search_bm25

retriever = snakemake.params.retriever
with job(snakemake.log[0]):
    search_bm25(
        snakemake.input.index,
        snakemake.input.queries,
        snakemake.output[0],
        language=snakemake.params.language,
        k1=retriever["k1"],
        b=retriever["b"],
        depth=retriever["depth"],
        threads=snakemake.threads,
        excluded=snakemake.input.excluded,
    )
