"""Fetch a collection through ir_datasets."""

from pathlib import Path

from rankk.corpora.ir_datasets import fetch
from rankk.logs import job

with job(snakemake.log[0], network=True):
    fetch(snakemake.wildcards.dataset, Path(snakemake.output[0]))
