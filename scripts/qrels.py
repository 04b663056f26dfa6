"""Write a collection's judgments."""

from rankk.corpora.base import TOPICS
from rankk.logs import job

with job(snakemake.log[0]):
    source = TOPICS.make(snakemake.params.collection["source"])
    source.build_qrels(dict(snakemake.input.items()), snakemake.output.qrels, snakemake.output.counts)
