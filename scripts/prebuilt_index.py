"""Fetch a Lucene index that was built elsewhere."""

from pathlib import Path

from rankk.logs import job
from rankk.retrieval.prebuilt import fetch, named

with job(snakemake.log[0], network=True):
    fetch(named(snakemake.wildcards.name), Path(snakemake.output[0]))
