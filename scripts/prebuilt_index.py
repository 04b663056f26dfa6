"""Fetch a Lucene index that was built elsewhere."""

from pathlib import Path

from rankk.fetching.prebuilt import fetch, named
from rankk.logs import job

with job(snakemake.log[0], network=True):
    fetch(named(snakemake.wildcards.name), Path(snakemake.output[0]))
