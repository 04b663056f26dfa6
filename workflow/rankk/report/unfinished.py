"""The page of an experiment that is still running: values of finished cells, states of the others."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from rankk import paths
from rankk.evaluation.experiment import COLUMNS, CellFiles, evaluate
from rankk.experiment import Experiment
from rankk.paths import Cell
from rankk.provenance import environment
from rankk.report.answers.page import write_comparison
from rankk.report.evidence import Evidence
from rankk.report.home import comparable, headline, write_home
from rankk.report.progress import Progress, State

AFFECTS_RESULTS = False


def write_unfinished(experiment: Experiment, states: Mapping[Cell, Progress]) -> tuple[str, list[str]]:
    """Write the page (progress/index.html) and the one that compares cells; returns the page's path and headline.

    Differences are those from baselines that are done; corrected p-values will change with the cells to come.
    """
    ready = [cell for cell in experiment.cells if {states[cell].state, states[cell.first_stage].state} == {State.DONE}]
    files = [
        CellFiles(
            cell,
            cell.run,
            paths.queries(cell.collection, cell.language),
            paths.qrels(cell.collection),
            *((cell.calls, cell.manifest) if cell.reranked else ()),
        )
        for cell in ready
    ]
    measures = {name: experiment.collections[name].measures for name in experiment.evaluated}
    baselines = {cell: other for cell in ready if (other := experiment.baseline(cell)) in ready}
    with tempfile.TemporaryDirectory(prefix="rankk-") as folder:
        tables = {table: f"{folder}/{table}.csv" for table in COLUMNS}
        evaluate(files, measures, baselines, {}, tables)
        evidence = Evidence(tables, names=experiment.titles)
        facts = {"experiment": experiment.recorded, "provenance": environment()}
        here = paths.experiment(experiment.experiment, "progress")
        home = f"{here}/index.html"
        write_home(home, evidence, figures=[], tables={}, folder=folder, facts=facts, here=here, states=states)
        readable = [cell for cell in comparable(evidence, here) if Path(here, unquote(cell["page"])).is_file()]
        write_comparison(f"{here}/compare.html", experiment.experiment, readable)
        return home, headline(evidence)
