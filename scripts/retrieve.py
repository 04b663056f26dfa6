"""Retrieve a first stage."""

from rankk.fetching.scratch import on_this_node
from rankk.logs import job
from rankk.retrievers.base import RETRIEVERS

with job(snakemake.log[0]):
    inputs = dict(snakemake.input.items())
    if "index" in inputs:
        inputs["index"] = on_this_node(inputs["index"], snakemake.resources.get("scratch"))
    RETRIEVERS.make(snakemake.params.job["retriever"]).retrieve(
        inputs,
        snakemake.output[0],
        threads=snakemake.threads,
        tag=".".join(snakemake.wildcards),
        **snakemake.params.job["facts"],
    )
