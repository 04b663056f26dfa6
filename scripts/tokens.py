"""Turn training examples into tokens."""

from rankk.config.reranker import Reranker
from rankk.logs import job
from rankk.training.tokens import write_tokens

with job(snakemake.log[0]):
    write_tokens(
        snakemake.input.examples,
        snakemake.input.passages,
        str(snakemake.input.base) or snakemake.params.base,
        Reranker(**snakemake.params.reranker),
        *snakemake.output,
        revision=snakemake.params.revision,
        shortest_passages=snakemake.params.shortest_passages,
        max_length=snakemake.params.max_length,
        processes=snakemake.threads,
    )
