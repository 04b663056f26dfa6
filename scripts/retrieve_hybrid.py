"""Fuse several first stages into one."""

from rankk.logs import job
from rankk.retrievers.fusion import fuse_runs

with job(snakemake.log[0]):
    retriever = snakemake.params.retriever
    fuse_runs(
        snakemake.input.runs,
        snakemake.output[0],
        queries=snakemake.input.queries,
        k=retriever["k"],
        depth=retriever["depth"],
    )
