"""Evaluate every cell of an experiment: effectiveness, significance, calls, movement of passages, resources."""

from rankk import paths
from rankk.evaluation import behaviour, experiment
from rankk.io.files import write_csv
from rankk.logs import job

with job(snakemake.log[0]):
    cells = [paths.Cell(*cell) for cell in snakemake.params.cells]
    baselines = {paths.Cell(*cell): paths.Cell(*baseline) for cell, baseline in snakemake.params.baselines}
    reranked = [cell for cell in cells if cell.reranked]
    tables = experiment.evaluate(cells, snakemake.params.measures, baselines) | {
        "calls": behaviour.calls(reranked),
        "movement": behaviour.movement(reranked),
        "resources": behaviour.resources(snakemake.params.jobs, reranked),
    }
    for name, table in tables.items():
        write_csv(snakemake.output[name], table)
