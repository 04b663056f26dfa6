"""Build a corpus from its source."""

from rankk.corpora.base import PASSAGES
from rankk.logs import job

with job(snakemake.log[0]):
    PASSAGES.make(snakemake.params.corpus["source"]).build(dict(snakemake.input.items()), snakemake.output.passages)
