"""Ranks of relevant passages before and after reranking."""

from itertools import pairwise
from typing import ClassVar

from rankk.report.evidence import Evidence
from rankk.report.figures.base import Figure, Subject
from rankk.report.style import Drawn, capacity, label, left_out, panels, title

NARROWEST = 1.6
RANKS = [1, 6, 11, 21, 51, 101]
"""First ranks of the bins in which passages are followed; the last one ends the list."""


class Movement(Figure):
    """Ranks of relevant passages before and after reranking, in bins."""

    name: ClassVar[str] = "movement"
    title: ClassVar[str] = "Movement of relevant passages"
    subject: ClassVar[Subject] = "queries"
    needs: ClassVar[str] = "movement"

    def plot(self, evidence: Evidence) -> Drawn:
        """A panel per reranker and query language."""
        import numpy as np
        import pandas as pd

        rows = evidence.movement[["reranker", "language", "before", "after"]]
        deepest = rows["before"].max()
        edges = [edge for edge in RANKS if edge <= deepest] + [next(edge for edge in RANKS if edge > deepest)]
        names = [f"{low}–{high - 1}" for low, high in pairwise(edges)]
        beyond = bool((rows["after"] >= edges[-1]).any())
        after_names = [*names, f"{edges[-1]}–"] if beyond else names
        rows = rows.assign(
            source=pd.cut(rows["before"], edges, right=False, labels=names),
            target=pd.cut(rows["after"], [*edges, np.inf] if beyond else edges, right=False, labels=after_names),
        )
        key = ["reranker", "language"]
        groups = [(shown, group) for shown, group in rows.groupby(key, sort=False, observed=True)]
        height = 0.6 + 0.2 * len(names)
        most = capacity(height, self.width, NARROWEST)
        figure, axes = panels(
            min(len(groups), most), narrowest=NARROWEST, height=height, width=self.width, sharex=True, sharey=True
        )
        counted = rows.groupby([*key, "source", "target"], sort=False, observed=False).size()
        for axis, (shown, group) in zip(axes, groups, strict=False):
            table = group.groupby(["source", "target"], observed=False).size().unstack().to_numpy()
            shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
            axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
            for (i, j), count in np.ndenumerate(table):
                color = "white" if shares[i, j] > 0.6 else "black"
                axis.text(j, i, count or "", ha="center", va="center", fontsize=6, color=color)
            title(axis, ", ".join(map(evidence.shown, shown)))
            axis.grid(visible=False)
        axes[0].set_xticks(range(len(after_names)), after_names, fontsize=6, rotation=45)
        axes[0].set_yticks(range(len(names)), names, fontsize=6)
        for axis in axes:
            axis.tick_params(axis="x", labelrotation=45, labelsize=6)
        label(axes, "rank after reranking", "rank before")
        counts = ", ".join(f"{evidence.shown(a)}, {evidence.shown(b)}: {len(group)}" for (a, b), group in groups[:12])
        caption = (
            "Ranks of relevant passages in the first stage's first 100, before and after reranking, over all "
            "collections and first stages of a reranker and query language. Relevant: from the grade that the "
            "collection's measures state. Numbers: passages; shading: share of the row. n: "
            f"{counts}{', …' if len(groups) > 12 else ''}.{left_out(most, len(groups), 'panels')}"
        )
        risen = (rows["after"] < rows["before"]).groupby(rows["reranker"], sort=False, observed=True).mean()
        alt = "Heat maps of ranks before and after. Share of relevant passages that rose: " + ", ".join(
            f"{evidence.shown(name)} {share:.0%}" for name, share in risen.items()
        )
        data = counted.rename("passages").reset_index()
        return Drawn(figure, data[data["passages"] > 0], caption, alt)
