"""Rerank one cell; engines are shared by the jobs of one Snakemake process."""

import os

from rankk.config.reranker import Reranker
from rankk.fetching.scratch import on_this_node
from rankk.jobs import OWNER, shared_backend
from rankk.logs import job
from rankk.reranking.cell import rerank_cell

with job(snakemake.log[0]):
    model = str(snakemake.input.model)
    backend = shared_backend(f"rerankers.{snakemake.wildcards.reranker}")
    rerank_cell(
        Reranker(**snakemake.params.reranker["settings"] | backend, shards=snakemake.params.shards),
        run=snakemake.input.run,
        queries=snakemake.input.queries,
        passages=snakemake.input.passages,
        model=on_this_node(model, snakemake.resources.get("scratch")) if model else None,
        adapter=str(snakemake.input.adapter) or None,
        output=snakemake.output.run,
        tag=".".join(snakemake.wildcards),
        fill=dict(snakemake.wildcards.items()),
        engine_owner=int(os.environ[OWNER]),
        shard=dict(snakemake.wildcards.items()).get("number"),
    )
