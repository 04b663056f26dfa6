"""Evaluate every cell of an experiment."""

from rankk import evaluation, grid
from rankk.logs import job

with job(snakemake.log[0]):
    summary, per_query = evaluation.experiment(
        [grid.Cell(*cell) for cell in snakemake.params.cells],
        measures=snakemake.params.measures,
        baselines={grid.Cell(*cell): grid.Cell(*baseline) for cell, baseline in snakemake.params.baselines},
        paths={"qrels": grid.qrels, "queries": grid.queries},
    )
    evaluation.write_csv(summary, snakemake.output.summary)
    evaluation.write_csv(per_query, snakemake.output.per_query)
