"""The figures and tables of an experiment, known from its configuration before anything runs."""

import csv
import io
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

from rankk.io.text import read_text
from rankk.report.figures import FIGURES
from rankk.report.figures.base import SUBJECTS
from rankk.report.tables import TABLES

if TYPE_CHECKING:
    from rankk.experiment import Experiment


def figures(experiment: "Experiment") -> dict[str, str]:
    """Names and titles of the figures that have something to show, in the order of their subjects."""
    shown = [(name, figure) for name, figure in FIGURES.all().items() if figure.shows(experiment)]
    return {name: each.title for name, each in sorted(shown, key=lambda pair: SUBJECTS.index(pair[1].subject))}


def tables(experiment: "Experiment", others: list[dict[str, str]]) -> dict[str, str]:
    """Names and titles of the tables that have something to show."""
    return {name: table.title for name, table in TABLES.all().items() if table.shows(experiment, others)}


def published(experiment: "Experiment", file: str | Path) -> list[dict[str, str]]:
    """Rows of a CSV file of others' results (config/reference/published.csv) that are of the experiment's cells."""
    cells = {astuple(cell) for cell in experiment.cells}
    rows = list(csv.DictReader(io.StringIO(read_text(file))))
    return [row for row in rows if (row["collection"], row["language"], row["retriever"], row["reranker"]) in cells]
