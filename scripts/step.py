"""Build an index, or encode texts."""

from rankk.logs import job
from rankk.retrievers.base import STEPS

with job(snakemake.log[0]):
    step = STEPS.make(snakemake.params.job["step"])
    step.run(dict(snakemake.input.items()), snakemake.output[0], snakemake.threads)
