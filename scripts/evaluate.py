"""Evaluate every cell of an experiment: effectiveness, significance, calls, movement of passages, causes, resources."""

from rankk.evaluation.experiment import CellFiles, evaluate
from rankk.logs import job
from rankk.paths import Cell

with job(snakemake.log[0]):
    cells = [Cell(*names) for names in snakemake.params.cells]
    reranked = iter(zip(snakemake.input.calls, snakemake.input.manifests, strict=True))
    inputs = zip(cells, snakemake.input.runs, snakemake.input.queries, snakemake.input.qrels, strict=True)
    evaluate(
        [CellFiles(*files, *(next(reranked) if files[0].reranked else ())) for files in inputs],
        snakemake.params.measures,
        {Cell(*cell): Cell(*baseline) for cell, baseline in snakemake.params.baselines},
        snakemake.params.jobs,
        dict(snakemake.output.items()),
    )
