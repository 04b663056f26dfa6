"""Which figures and tables an experiment has: known from its configuration, before anything ran."""

import csv
from dataclasses import astuple
from pathlib import Path

from rankk.config.experiment import Experiment
from rankk.files import open_text
from rankk.reranking.presets import load_preset

FIGURE_FORMATS = ("png", "pdf", "csv", "txt", "rst")
"""A figure, as PNG and PDF; the data it was drawn from, its alt text, and its caption."""
TABLE_FORMATS = ("csv", "tex", "md")


def figures(experiment: Experiment) -> list[str]:
    """Names of the figures that have something to show."""
    rerankers = [experiment.rerankers[name] for name in {cell.reranker for cell in experiment.cells if cell.reranked}]
    asked = [reranker for reranker in rerankers if reranker.backend != "replay"]
    names = ["effectiveness"]
    if several_languages(experiment):
        names.append("languages")
    if rerankers:
        names += ["gains", "difficulty", "movement", "outcomes"]
    if asked:
        names.append("cost")
    if any(load_preset(reranker.preset).thinking for reranker in asked):
        names.append("reasoning")
    return [*names, "time"]


def tables(experiment: Experiment, published: str | Path) -> list[str]:
    """Names of the tables. `published`: CSV file of figures that others published."""
    names = ["effectiveness", "languages"] if several_languages(experiment) else ["effectiveness"]
    with open_text(published) as file:
        known = {
            (row["collection"], row["language"], row["retriever"], row["reranker"]) for row in csv.DictReader(file)
        }
    return [*names, "published"] if known & {astuple(cell) for cell in experiment.cells} else names


def several_languages(experiment: Experiment) -> bool:
    """Whether queries or passages come in more than one language."""
    passages = {collection.language for collection in experiment.collections.values()}
    return len({cell.language for cell in experiment.cells} | passages) > 1
