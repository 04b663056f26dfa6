"""Take over a first stage made elsewhere."""

from rankk.logs import job
from rankk.retrievers.run import take_over

with job(snakemake.log[0]):
    take_over(
        snakemake.input.run,
        snakemake.output[0],
        passages=snakemake.input.passages,
        queries=snakemake.input.queries,
        excluded=snakemake.input.excluded,
    )
