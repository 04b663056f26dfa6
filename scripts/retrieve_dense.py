"""Order another first stage's passages by a bi-encoder."""

from rankk.logs import job
from rankk.retrievers.rescored import rescore_run

retriever = snakemake.params.retriever
with job(snakemake.log[0]):
    rescore_run(
        snakemake.input.run,
        snakemake.output[0],
        queries=snakemake.input.queries,
        passages=snakemake.input.passages,
        model=str(snakemake.input.model or retriever["model"]),
        revision=retriever["revision"],
        depth=retriever["depth"],
        max_seq_length=retriever["max_seq_length"],
        batch_size=retriever["batch_size"],
    )
