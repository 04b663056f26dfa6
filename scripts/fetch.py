"""Fetch something from a network."""

from rankk.fetching.base import DOWNLOADS
from rankk.logs import job

with job(snakemake.log[0], network=True):
    DOWNLOADS.make(snakemake.params.download).run(snakemake.output[0])
