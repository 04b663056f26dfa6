"""Which figures and tables an experiment has: known from its configuration, before anything ran."""

import csv
import io
from dataclasses import astuple
from pathlib import Path

from rankk.experiment import Experiment
from rankk.io.text import read_text

FIGURE_FORMATS = ("png", "pdf", "csv", "txt", "rst")
"""A figure, as PNG and PDF; the data it was drawn from, its alt text, and its caption."""
TABLE_FORMATS = ("csv", "tex", "md")


def figures(experiment: Experiment) -> list[str]:
    """Names of the figures that have something to show."""
    rerankers = [experiment.rerankers[name] for name in {cell.reranker for cell in experiment.cells if cell.reranked}]
    asked = [reranker for reranker in rerankers if reranker.backend.asks_model]
    names = ["effectiveness"]
    if several_languages(experiment):
        names.append("languages")
    if rerankers:
        names += ["gains", "difficulty", "movement", "outcomes"]
    if asked:
        names.append("cost")
    if any(reranker.preset.thinking for reranker in asked):
        names.append("reasoning")
    return [*names, "time"]


def tables(experiment: Experiment, others: list[dict[str, str]]) -> list[str]:
    """Names of the tables."""
    names = ["effectiveness"]
    if several_languages(experiment):
        names.append("languages")
    if others:
        names.append("published")
    if any(experiment.rerankers[cell.reranker].preset.kind == "listwise" for cell in experiment.cells if cell.reranked):
        names.append("position")
    return names


def published(experiment: Experiment, file: str | Path) -> list[dict[str, str]]:
    """Rows of a CSV file of others' figures (config/reference/published.csv) that are of the experiment's cells."""
    cells = {astuple(cell) for cell in experiment.cells}
    rows = list(csv.DictReader(io.StringIO(read_text(file))))
    return [row for row in rows if (row["collection"], row["language"], row["retriever"], row["reranker"]) in cells]


def several_languages(experiment: Experiment) -> bool:
    """Whether queries or passages come in more than one language."""
    passages = {experiment.language_of(name) for name in experiment.evaluated}
    return len({cell.language for cell in experiment.cells} | passages) > 1
