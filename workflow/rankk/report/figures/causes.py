"""Why queries did not gain."""

from typing import TYPE_CHECKING, ClassVar

from rankk.evaluation.causes import Cause
from rankk.report.bars import Groups, fitting, stacked
from rankk.report.evidence import CELL, Evidence, with_families
from rankk.report.figures.base import Figure, Subject
from rankk.report.style import Drawn, left_out

if TYPE_CHECKING:
    import pandas as pd


class Causes(Figure):
    """Share of the queries that gained and of every cause why others did not, a bar per reranked cell."""

    name: ClassVar[str] = "causes"
    title: ClassVar[str] = "Why queries did not gain"
    subject: ClassVar[Subject] = "queries"
    needs: ClassVar[str] = "causes"

    def plot(self, evidence: Evidence) -> Drawn:
        """Stacked bars; where there are more cells than a page has room for, collections are added up by family."""
        counts = evidence.causes.groupby([*CELL, "cause"], sort=False, observed=True).size()
        counts = counts.rename("queries").reset_index().astype(dict.fromkeys([*CELL, "cause"], str))
        groups = _groups(evidence, counts)
        if pooled := fitting(groups) < len(groups):
            groups = _groups(evidence, with_families(counts))
        # Grey where nothing changed; the losses, which come last, in the colours that stand out.
        order = [Cause.GAIN, Cause.NO_CHANGE, Cause.NOT_RETRIEVED, Cause.OUTSIDE_DEPTH, Cause.UNUSABLE]
        order += [cause for cause in Cause if cause not in order]
        colours = {cause.value: number for cause, number in zip(order, (2, 6, 4, 0, 3, 5, 1), strict=True)}
        figure = stacked(groups, [cause.value for cause in order], colours, self.width, "share of the queries")
        total = counts.groupby("cause")["queries"].sum()
        caption = (
            "Queries by what explains their gain or loss against the first stage. gain: reranking helped; no change: "
            "neither gain nor loss; not retrieved, outside the depth: no relevant passage was there to be reranked; "
            "unusable answer: it left passages where they were; position bias: the answer that decided a loss put "
            "first an irrelevant passage from the last fifth of its window; demoted: any other loss. "
            f"Numbers: queries, n = {total.sum()} in all."
            + (" Collections are added up by family; the data file holds every cell." if pooled else "")
            + left_out(fitting(groups), len(groups), "groups")
        )
        alt = "Stacked bars of causes over all cells: " + ", ".join(
            f"{cause.value} {total.get(cause.value, 0) / total.sum():.0%}" for cause in order
        )
        return Drawn(figure, counts, caption, alt)


def _groups(evidence: Evidence, counts: "pd.DataFrame") -> Groups:
    """Queries by collection, language and first stage; then by reranker; then by cause."""
    groups: dict[str, dict[str, dict[str, int]]] = {}
    for (*stage, reranker), group in counts.groupby(["collection", "language", "retriever", "reranker"], sort=False):
        bars = groups.setdefault(", ".join(map(evidence.shown, stage)), {})
        bars[evidence.shown(reranker)] = group.groupby("cause")["queries"].sum().to_dict()
    return groups
