"""What all figures share: one style, colours that survive grey print and colour blindness, and how they are saved."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib as mpl
import pandas as pd

mpl.use("Agg")
import matplotlib.pyplot as plt

from rankk.io.files import atomic_write, write_csv
from rankk.report.evidence import Evidence

STYLE = Path(__file__).with_name("paper.mplstyle")
COLUMN_WIDTH, TEXT_WIDTH = 3.25, 6.75  # inches: one and two columns of a conference paper
COLOURS = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777"]
"""Tol's "bright" scheme, safe for colour-blind readers."""
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
HATCHES = ["", "///", "...", "xxx", "\\\\\\", "---", "+++"]
"""So that series differ in grey print too."""
MOST_PANELS = 12
CHARACTERS_AN_INCH = 13  # of a legend's or a title's text, at least


@dataclass(frozen=True)
class Drawn:
    """A figure with the data it was drawn from, its caption (n, what the bars mean) and its alt text."""

    figure: Any
    data: pd.DataFrame
    caption: str
    alt: str


Draw = Callable[[Evidence], Drawn]


def panels(number: int, *, columns: int, height: float, width: float = TEXT_WIDTH, **options: Any) -> tuple[Any, Any]:
    """A figure with `number` axes, filled by row, each `height` inches; returns figure and the list of its axes."""
    columns = max(1, min(columns, number))
    lines = -(-max(1, number) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(width, height * lines), squeeze=False, layout="constrained", **options
    )
    for axis in axes.flat[number:]:
        axis.remove()
    return figure, list(axes.flat[:number])


def legend(figure: Any) -> None:
    """One legend below all panels; each series once, in as many columns as the labels leave room for."""
    named: dict[str, Any] = {}
    for axis in figure.axes:
        handles, labels = axis.get_legend_handles_labels()
        named |= dict(zip(labels, handles, strict=True))
    if len(named) > 1:
        columns = int(figure.get_figwidth() * CHARACTERS_AN_INCH / (max(map(len, named)) + 8))
        figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=max(1, min(columns, len(named))))


def title(axis: Any, *lines: str) -> None:
    """A panel's title, broken so that it does not reach into its neighbour."""
    room = characters(axis)
    axis.set_title("\n".join(part for line in lines for part in wrap(line, room)))


def characters(axis: Any) -> int:
    """Letters of a title that a panel has room for side by side."""
    return int(axis.figure.get_figwidth() / axis.get_gridspec().ncols * CHARACTERS_AN_INCH)


def save(drawn: Drawn, folder: Path, name: str) -> None:
    """PNG, PDF with embedded fonts, data (.csv), caption (.rst) and alt text (.txt), each atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in ("png", "pdf"):
        partial = folder / f".{name}.{suffix}"
        drawn.figure.savefig(partial, format=suffix, metadata={"CreationDate": None} if suffix == "pdf" else None)
        partial.replace(folder / f"{name}.{suffix}")
    plt.close(drawn.figure)
    write_csv(folder / f"{name}.csv", drawn.data)
    for suffix, text in (("rst", drawn.caption), ("txt", drawn.alt)):
        with atomic_write(folder / f"{name}.{suffix}") as file:
            file.write(text + "\n")
