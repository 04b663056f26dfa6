"""Evaluate every cell of an experiment: effectiveness, significance, calls, movement of passages, resources."""

from rankk import grid
from rankk.evaluation import behaviour, experiment
from rankk.files import write_csv
from rankk.logs import job

with job(snakemake.log[0]):
    cells = [grid.Cell(*cell) for cell in snakemake.params.cells]
    baselines = {grid.Cell(*cell): grid.Cell(*baseline) for cell, baseline in snakemake.params.baselines}
    reranked = [cell for cell in cells if cell.reranked]
    tables = experiment.evaluate(cells, snakemake.params.measures, baselines) | {
        "calls": behaviour.calls(reranked),
        "movement": behaviour.movement(reranked),
        "resources": behaviour.resources(snakemake.params.jobs, reranked),
    }
    for name, table in tables.items():
        write_csv(snakemake.output[name], table)
