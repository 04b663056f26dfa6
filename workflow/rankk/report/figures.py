"""Figures of an experiment: PDF and PNG, one style, drawn from summary.csv alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankk.report.summary import main_measure, read_summary

if TYPE_CHECKING:
    import pandas as pd

STYLE = Path(__file__).with_name("paper.mplstyle")
TEXT_WIDTH = 6.75  # inches: two columns of a conference paper
COLOURS = ["#bbbbbb", "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377"]
"""Tol's "bright" scheme, safe for colour-blind readers; grey first for the first stage."""
HATCHES = ["", "///", "...", "xxx", "\\\\\\", "---", "+++"]
"""So that bars differ in grey print too."""


def effectiveness(summary: str | Path, outputs: Sequence[str]) -> None:
    """Mean effectiveness by first stage and reranker, a panel a collection and language; bars: 95 % intervals."""
    rows = main_measure(read_summary(summary))
    figure = draw_effectiveness(rows)
    for output in outputs:
        partial = Path(output).with_name(f".{Path(output).name}")
        figure.savefig(partial, format=Path(output).suffix[1:])
        partial.replace(output)


def draw_effectiveness(rows: "pd.DataFrame") -> Any:
    """The figure of `effectiveness` for the rows of one measure a collection."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels = list(rows.groupby(["collection", "language"], sort=False))
    rerankers = list(rows["reranker"].unique())
    with plt.style.context(STYLE):
        columns = min(4, len(panels))
        lines = -(-len(panels) // columns)
        widths = (TEXT_WIDTH, 0.6 + 1.9 * lines)
        figure, axes = plt.subplots(lines, columns, figsize=widths, sharey=True, squeeze=False, layout="constrained")
        for axis, ((collection, language), panel) in zip(axes.flat, panels, strict=False):
            _bars(axis, panel, rerankers)
            axis.set_title(f"{collection}, {language}")
        for axis in axes.flat[len(panels) :]:
            axis.remove()
        measures = " / ".join(rows["measure"].unique())
        figure.supylabel(measures, fontsize="medium")
        handles, labels = axes.flat[0].get_legend_handles_labels()
        named = dict(zip(labels, handles, strict=True))
        for axis in figure.axes:
            named |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
        figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=min(4, len(named)))
        return figure


def _bars(axis: Any, panel: "pd.DataFrame", rerankers: Sequence[str]) -> None:
    retrievers = list(panel["retriever"].unique())
    present = [name for name in rerankers if name in set(panel["reranker"])]
    width = 0.8 / len(present)
    for place, name in enumerate(present):
        rows = panel[panel["reranker"] == name].set_index("retriever").reindex(retrievers)
        positions = [i + (place - (len(present) - 1) / 2) * width for i in range(len(retrievers))]
        number = rerankers.index(name) % len(COLOURS)
        axis.bar(
            positions,
            rows["value"],
            width,
            yerr=[rows["value"] - rows["low"], rows["high"] - rows["value"]],
            label="first stage" if name == "none" else name,
            color=COLOURS[number],
            hatch=HATCHES[number],
        )
    axis.set_xticks(range(len(retrievers)), retrievers)
    axis.set_ylim(bottom=0)
