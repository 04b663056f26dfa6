"""Write a collection's queries in one language."""

from rankk.corpora.base import TOPICS
from rankk.logs import job

with job(snakemake.log[0]):
    source = TOPICS.make(snakemake.params.collection["source"])
    files = snakemake.output.queries, snakemake.output.excluded
    source.build_queries(dict(snakemake.input.items()), snakemake.wildcards.language, *files)
