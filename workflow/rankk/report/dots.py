"""Points with intervals, a row per system and a panel per collection and query language."""

from typing import TYPE_CHECKING, Any

from rankk.report.condense import by_family
from rankk.report.evidence import PANEL, Evidence
from rankk.report.style import (
    COLOURS,
    LEGEND,
    MARKERS,
    PAGE_HEIGHT,
    ROW,
    capacity,
    interval,
    label,
    left_out,
    legend,
    panels,
    rows,
    title,
)

if TYPE_CHECKING:
    import pandas as pd

NARROWEST = 2.6
AROUND = 0.45  # inches of a panel beside its rows
MOST_ROWS = int((PAGE_HEIGHT - LEGEND - AROUND) / ROW)


def dots(evidence: Evidence, table: "pd.DataFrame", width: float, x_label: str) -> tuple[Any, list[Any], str]:
    """Figure, axes, and a sentence for the caption on what was averaged or left out.

    `table`: one row per cell with `value`, `low`, `high`, `queries`, whether its marker is `filled`, and optionally
    counts `gained` and `lost` that stand beside the row.
    """
    tallest = int(table.groupby(PANEL).size().max())
    height = AROUND + ROW * min(tallest, MOST_ROWS)
    most = capacity(height, width, NARROWEST)
    table, note = by_family(table, most, ["filled"])
    groups = list(table.groupby(PANEL, sort=False))
    note += left_out(most, len(groups), "panels")
    retrievers = list(table["retriever"].unique())
    tallest = min(MOST_ROWS, max(len(group) for _, group in groups))
    figure, axes = panels(
        min(len(groups), most), narrowest=NARROWEST, height=AROUND + ROW * tallest, width=width, sharex=True
    )
    for axis, ((collection, language), group) in zip(axes, groups, strict=False):
        for position, row in enumerate(group.head(MOST_ROWS).to_dict("records")):
            number = retrievers.index(row["retriever"]) % len(COLOURS)
            interval(
                axis,
                row["value"],
                row["low"],
                row["high"],
                position,
                fmt=MARKERS[number],
                color=COLOURS[number],
                label=evidence.shown(row["retriever"]),
                markerfacecolor=COLOURS[number] if row["filled"] else "white",
            )
            if text := _counts(row):
                axis.annotate(
                    text, (1, position), xycoords=("axes fraction", "data"), ha="right", va="center", fontsize=6
                )
        rows(axis, [evidence.shown(name) for name in group["reranker"].head(MOST_ROWS)])
        title(axis, f"{evidence.shown(collection)}, {evidence.shown(language)}")
    axes[0].locator_params(axis="x", nbins=5)
    label(axes, x_label)
    legend(figure)
    return figure, axes, note


def _counts(row: dict[str, Any]) -> str:
    gained, lost = int(row.get("gained", 0)), int(row.get("lost", 0))
    if row.get("collections", 1) == 1:
        return "▲" * gained + "▼" * lost
    return " ".join(f"{count}{mark}" for count, mark in ((gained, "▲"), (lost, "▼")) if count)
