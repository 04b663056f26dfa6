"""Encode passages or queries as sparse vectors."""

from rankk.logs import job
from rankk.retrievers.splade import encode

retriever = snakemake.params.retriever
with job(snakemake.log[0]):
    encode(
        snakemake.input.texts,
        str(snakemake.input.model or retriever["model"]),
        snakemake.output[0],
        revision=retriever["revision"],
        max_seq_length=retriever["max_seq_length"],
        batch_size=retriever["batch_size"],
    )
