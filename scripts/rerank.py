"""Rerank one cell; engines are shared by the jobs of one Snakemake process."""

import os

from rankk.config.reranker import Reranker
from rankk.jobs import OWNER
from rankk.logs import job
from rankk.reranking.cell import rerank_cell

with job(snakemake.log[0]):
    rerank_cell(
        Reranker(**snakemake.params.reranker, shards=snakemake.params.shards),
        run=snakemake.input.run,
        queries=snakemake.input.queries,
        passages=snakemake.input.passages,
        model=str(snakemake.input.model) or None,
        output=snakemake.output.run,
        manifest=snakemake.output.manifest,
        fill=dict(snakemake.wildcards.items()),
        engine_owner=int(os.environ[OWNER]),
        shard=dict(snakemake.wildcards.items()).get("number"),
    )
