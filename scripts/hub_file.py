"""Fetch one file of a dataset from the hub."""

from rankk.fetching.hub import fetch_file
from rankk.logs import job

with job(snakemake.log[0], network=True):
    fetch_file(
        f"{snakemake.wildcards.owner}/{snakemake.wildcards.dataset}",
        snakemake.wildcards.revision,
        snakemake.wildcards.file,
        snakemake.output[0],
    )
