"""All cells of an experiment in one table, first stages × rerankers: each cell's values or its state."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any

from rankk.paths import FIRST_STAGE, Cell
from rankk.report.progress import Progress, State

LEAD = ["collection", "queries in", "first stage"]


def matrix(
    grid: Sequence[Cell],
    rows: Mapping[Cell, Mapping[str, Any]],
    states: Mapping[Cell, Progress],
    shown: Callable[[str], str],
) -> dict[str, Any]:
    """Titles of the leading columns, of the others, and rows of fields; None where the grid has no such cell.

    `rows`: values of the evaluated cells (`rankk.report.home.cells`). The table's rows are the first stages or the
    rerankers, whichever are more.
    """
    stages = list(dict.fromkeys(cell.first_stage for cell in grid))
    rerankers = list(dict.fromkeys(cell.reranker for cell in grid))
    there = set(grid)

    def named(stage: Cell) -> list[str]:
        return [shown(name) for name in astuple(stage)[:-1]]

    def field(stage: Cell, reranker: str) -> dict[str, Any] | None:
        cell = replace(stage, reranker=reranker)
        if cell not in there:
            return None
        progress = states.get(cell, Progress(State.DONE))
        name = ", ".join(map(shown, astuple(cell)))
        return {
            "name": name,
            "state": str(progress.state),
            "told": str(progress),
            "calls_told": progress.counted,
            **rows.get(cell, {}),
        }

    if len(rerankers) > len(stages):
        return {
            "lead": ["reranker"],
            "columns": [", ".join(named(stage)) for stage in stages],
            "rows": [([shown(name)], [field(stage, name) for stage in stages]) for name in rerankers],
        }
    return {
        "lead": LEAD,
        "columns": ["first stage alone" if name == FIRST_STAGE else shown(name) for name in rerankers],
        "rows": [(named(stage), [field(stage, name) for name in rerankers]) for stage in stages],
    }
