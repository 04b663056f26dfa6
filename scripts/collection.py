"""Bring a collection's source into the project's files."""

from pathlib import Path

from rankk.corpora import build
from rankk.logs import job

with job(snakemake.log[0]):
    build(snakemake.params.collection, Path(snakemake.output.facts).parent)
