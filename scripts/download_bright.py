"""Fetch a task of BRIGHT."""

from pathlib import Path

from rankk.corpora.bright import fetch
from rankk.logs import job

with job(snakemake.log[0], network=True):
    fetch(
        snakemake.wildcards.task,
        snakemake.wildcards.queries,
        Path(snakemake.output[0]),
        revision=snakemake.params.revision,
    )
