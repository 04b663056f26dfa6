"""Shuffle another first stage."""

from rankk.logs import job
from rankk.retrievers.shuffled import shuffle_run

retriever = snakemake.params.retriever
with job(snakemake.log[0]):
    shuffle_run(snakemake.input.run, snakemake.output[0], depth=retriever["depth"], seed=retriever["seed"])
