"""Write the weight delta between a model and its base, quantized to two bits per weight."""

from rankk.delta import write_delta
from rankk.logs import job

with job(snakemake.log[0]):
    base = str(snakemake.input.base) or snakemake.params.base
    write_delta(base, snakemake.input.trained, snakemake.output[0], revision=snakemake.params.revision)
