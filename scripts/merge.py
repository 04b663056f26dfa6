"""Write a trained model's whole weights."""

from rankk.fetching.models import merge
from rankk.logs import job

with job(snakemake.log[0]):
    base = str(snakemake.input.base) or snakemake.params.base
    merge(base, snakemake.input.trained, snakemake.output[0], revision=snakemake.params.revision)
