"""Fetch a model from the hub."""

from rankk.fetching.hub import fetch
from rankk.logs import job

with job(snakemake.log[0], network=True):
    fetch(snakemake.params.model, snakemake.wildcards.revision, snakemake.output[0])
