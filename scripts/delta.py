"""Write what a training has moved of its base, at two bits a weight."""

from rankk.delta import write_delta
from rankk.logs import job

with job(snakemake.log[0]):
    base = str(snakemake.input.base) or snakemake.params.base
    write_delta(base, snakemake.input.trained, snakemake.output[0], revision=snakemake.params.revision)
