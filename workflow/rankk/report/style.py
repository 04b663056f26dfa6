"""Style of all figures: colours that are safe for grey print and colour blindness, layout, and saving.

Matplotlib is imported only for drawing, because the workflow often needs only the names of figures.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from rankk.io.files import atomic_write, write_csv
from rankk.paths import FIRST_STAGE
from rankk.report import escape

if TYPE_CHECKING:
    import pandas as pd

STYLE = Path(__file__).with_name("paper.mplstyle")
COLUMN_WIDTH, TEXT_WIDTH = 3.25, 6.75  # inches: one and two columns of a conference paper
PAGE_HEIGHT = 9.5  # inches
COLOURS = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777"]
"""Tol's "bright" scheme, safe for colour-blind readers."""
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
HATCHES = ["", "///", "...", "xxx", "\\\\\\", "---", "+++"]
"""Hatches, so that series differ in grey print too."""
ROW = 0.17  # inches that a row of points takes
LEGEND = 0.6  # inches kept for legend and axis labels below the panels
LEGEND_LINE = 0.15  # inches
CHARACTERS_AN_INCH = 13  # of a legend's or a title's text, at least


@dataclass(frozen=True)
class Drawn:
    """A figure with the data it was drawn from, its caption (n, what the bars mean) and its alt text."""

    figure: Any
    data: "pd.DataFrame"
    caption: str
    alt: str


def pyplot() -> Any:
    """Matplotlib's pyplot, drawing into files."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def capacity(height: float, width: float, narrowest: float) -> int:
    """Panels of `height` inches, at least `narrowest` wide, that one page holds."""
    return max(1, int((PAGE_HEIGHT - LEGEND) // height)) * max(1, int(width // narrowest))


def panels(number: int, *, narrowest: float, height: float, width: float, **options: Any) -> tuple[Any, list[Any]]:
    """A figure with `number` axes, filled by row, each `height` inches high and at least `narrowest` inches wide.

    Returns the figure and the list of its axes. Shared axes are labelled on the lowest panel of each column.
    """
    columns = max(1, min(int(width // narrowest), number))
    lines = -(-max(1, number) // columns)
    size = (width, min(PAGE_HEIGHT, height * lines + LEGEND))
    figure, axes = pyplot().subplots(lines, columns, figsize=size, squeeze=False, layout="constrained", **options)
    for axis in axes.flat[number:]:
        axis.remove()
    drawn = list(axes.flat[:number])
    for axis in drawn[-columns:]:
        axis.tick_params(labelbottom=True)
    return figure, drawn


def label(axes: Sequence[Any], x: str, y: str = "") -> None:
    """Axis labels: `x` below the lowest panel of each column, `y` beside the first panel of each row."""
    columns = axes[0].get_gridspec().ncols
    for axis in axes[-columns:]:
        axis.set_xlabel(x)
    for axis in axes[::columns]:
        axis.set_ylabel(y)


def legend(figure: Any, named: Mapping[str, Any] | None = None) -> None:
    """One legend below all panels, in as many columns as the labels leave room for; the figure grows with its lines.

    `named`: handles by label; by default those of all panels, each label once.
    """
    if named is None:
        handles = [axis.get_legend_handles_labels() for axis in figure.axes]
        named = {text: handle for pair in handles for handle, text in zip(*pair, strict=True)}
    if named:
        room = figure.get_figwidth() * CHARACTERS_AN_INCH
        named = {shortened(text, int(room) - 8): handle for text, handle in named.items()}
        columns = max(1, min(len(named), int(room / (max(map(len, named)) + 8))))
        lines = -(-len(named) // columns)
        height = figure.get_figheight() + max(0, lines - 2) * LEGEND_LINE
        figure.set_figheight(min(PAGE_HEIGHT, height))
        figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=columns)


class Series:
    """Colours by reranker and markers by retriever, the first stage hollow; and the legend that explains them."""

    def __init__(self, table: "pd.DataFrame", shown: Callable[[str], str]) -> None:
        self._rerankers, self._retrievers = (list(table[name].unique()) for name in ("reranker", "retriever"))
        self._shown = shown

    def style(self, retriever: str, reranker: str) -> dict[str, Any]:
        """Matplotlib's options for a system's points."""
        colour = COLOURS[self._rerankers.index(reranker) % len(COLOURS)]
        hollow = {"markerfacecolor": "white"} if reranker == FIRST_STAGE else {}
        marker = MARKERS[self._retrievers.index(retriever) % len(MARKERS)]
        return {"marker": marker, "color": colour, "linestyle": "none", "markersize": 3.5} | hollow

    def legend(self, figure: Any) -> None:
        """Rerankers by colour, and retrievers by marker where there are several."""
        from matplotlib.lines import Line2D

        retrievers = self._retrievers if len(self._retrievers) > 1 else []
        grey = {"color": "#555555", "linestyle": "none", "markersize": 4}
        handles = {
            self._shown(name): Line2D([], [], **self.style(self._retrievers[0], name)) for name in self._rerankers
        }
        handles |= {
            self._shown(name): Line2D([], [], marker=MARKERS[position % len(MARKERS)], **grey)
            for position, name in enumerate(retrievers)
        }
        legend(figure, handles)


def title(axis: Any, *lines: str) -> None:
    """A panel's title, broken so that it does not reach into its neighbour."""
    room = characters(axis)
    axis.set_title("\n".join(part for line in lines for part in wrap(line, room)))


def characters(axis: Any) -> int:
    """Letters of a title that a panel has room for side by side."""
    return int(axis.figure.get_figwidth() / axis.get_gridspec().ncols * CHARACTERS_AN_INCH)


def rows(axis: Any, names: Iterable[str]) -> None:
    """Rows with a name each, from top to bottom; names take at most two fifths of the panel."""
    room = characters(axis) * 2 // 5
    shown = [shortened(name, room) for name in names]
    axis.set_yticks(range(len(shown)), shown)
    axis.set_ylim(len(shown) - 0.4, -0.6)


def shortened(text: str, room: int) -> str:
    """The text; a long one is shortened to its beginning and end."""
    room = max(room, 8)
    return text if len(text) <= room else f"{text[: room // 2]}…{text[len(text) - (room - room // 2 - 1) :]}"


def interval(axis: Any, value: float, low: float, high: float, row: float, **options: Any) -> None:
    """A point with its interval in a row."""
    axis.errorbar(value, row, xerr=[[max(0.0, value - low)], [max(0.0, high - value)]], **options)


def between(counts: Iterable[float]) -> str:
    """The range of some counts, for captions."""
    there = list(counts)
    low, high = (f"{value:.0f}" for value in (min(there), max(there)))
    return low if low == high else f"{low} to {high}"


def left_out(drawn: int, there: int, what: str) -> str:
    """A sentence on what is not drawn; empty if everything is."""
    return f" The first {drawn} of {there} {what} are drawn; the data file holds all." if drawn < there else ""


def save_image(figure: Any, path: Path) -> None:
    """Write a figure in the format of the path's suffix, PDF with embedded fonts; atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")
    suffix = path.suffix.removeprefix(".")
    figure.savefig(partial, format=suffix, metadata={"CreationDate": None} if suffix == "pdf" else None)
    partial.replace(path)


def save(drawn: Drawn, folder: Path, name: str) -> None:
    """PNG, PDF, data (.csv), caption (.rst) and alt text (.txt)."""
    for suffix in ("png", "pdf"):
        save_image(drawn.figure, folder / f"{name}.{suffix}")
    pyplot().close(drawn.figure)
    write_csv(folder / f"{name}.csv", neutral(drawn.data))
    for suffix, text in (("rst", drawn.caption), ("txt", drawn.alt)):
        with atomic_write(folder / f"{name}.{suffix}") as file:
            file.write(text + "\n")


def neutral(table: "pd.DataFrame") -> "pd.DataFrame":
    """A table whose texts are escaped for spreadsheets (`escape.cell`)."""
    table = table.rename(columns=lambda name: escape.cell(str(name)))
    return table.apply(lambda column: column.map(lambda value: escape.cell(value) if isinstance(value, str) else value))
