"""Cut passages into overlapping segments."""

from rankk.logs import job
from rankk.retrievers.segments import split_passages

with job(snakemake.log[0]):
    split_passages(
        snakemake.input.passages,
        snakemake.output[0],
        int(snakemake.wildcards.characters),
        int(snakemake.wildcards.stride),
    )
