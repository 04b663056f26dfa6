"""Let judgments or a model order training windows."""

import os

from rankk.config.reranker import Reranker
from rankk.config.training import Thoughts
from rankk.jobs import OWNER, shared_backend
from rankk.logs import job
from rankk.training.teacher import by_labels, by_model

files = snakemake.output.examples, snakemake.output.facts
with job(snakemake.log[0]):
    if snakemake.params.teacher is None:
        by_labels(
            snakemake.input.windows,
            snakemake.input.passages,
            *files,
            thoughts=Thoughts(**snakemake.params.thoughts),
            undecided=snakemake.params.undecided,
        )
    else:
        name, settings = snakemake.params.teacher
        by_model(
            snakemake.input.windows,
            snakemake.input.passages,
            Reranker(**settings | shared_backend(f"rerankers.{name}")),
            *files,
            min_agreement=snakemake.params.min_agreement,
            model=str(snakemake.input.model) or None,
            engine_owner=int(os.environ[OWNER]),
        )
