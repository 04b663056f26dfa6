"""Figures of an experiment: one class in one module each, found by the registry."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rankk.component import Registry
from rankk.progress import bar
from rankk.report.figures.base import Figure
from rankk.report.fonts import drawable
from rankk.report.style import COLUMN_WIDTH, STYLE, pyplot, save, save_image

if TYPE_CHECKING:
    from rankk.report.evidence import Evidence

FIGURES = Registry("figure", Figure, __name__)

FORMATS = ("png", "pdf", "column.pdf", "csv", "txt", "rst")
"""A figure as PNG and PDF of a page's width and as PDF of a column's; its data, alt text and caption."""


def draw(evidence: "Evidence", names: Sequence[str], folder: str | Path) -> None:
    """Draw the named figures into a folder, each in all `FORMATS`."""
    plt = pyplot()
    with (
        plt.style.context(STYLE),
        drawable(evidence.names) as titles,
        bar(what="figures", unit="figures", total=len(names)) as progress,
    ):
        if len(titles) < len(evidence.names):
            evidence = replace(evidence, names=titles)
        for name in names:
            figure = FIGURES.get(name)
            column = figure(width=COLUMN_WIDTH).draw(evidence).figure
            save_image(column, Path(folder, f"{name}.column.pdf"))
            plt.close(column)
            save(figure().draw(evidence), Path(folder), name)
            progress.update()
