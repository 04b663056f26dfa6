"""Build a collection's queries and judgments from their source."""

from pathlib import Path

from rankk.corpora.base import TOPICS
from rankk.logs import job

with job(snakemake.log[0]):
    source = TOPICS.make(snakemake.params.collection["source"])
    source.build(dict(snakemake.input.items()), Path(snakemake.output.counts).parent)
