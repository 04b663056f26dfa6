"""Position bias."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rankk.report.condense import pooled_by_family
from rankk.report.evidence import CELL, Evidence
from rankk.report.figures.position import Position as PositionFigure
from rankk.report.positions import NAMES, first_calls
from rankk.report.tables.base import Filled, Table

if TYPE_CHECKING:
    from rankk.experiment import Experiment


class Position(Table):
    """One row per reranked cell: where in the first window the passages stood that answers put first."""

    name: ClassVar[str] = "position"
    title: ClassVar[str] = "Position bias"

    @classmethod
    def shows(cls, experiment: "Experiment", published: Sequence[object]) -> bool:  # noqa: ARG003
        """Whether a reranker reads several passages at once."""
        return PositionFigure.shows(experiment)

    def fill(self, evidence: Evidence) -> Filled:
        """Shares by fifths of the window."""
        calls, pooled = pooled_by_family(evidence.calls)
        table = first_calls(calls)
        note = (
            "Share of the queries' first calls whose answer puts first a passage from that fifth of the window. From a "
            "shuffled first stage, a model without position bias takes a fifth from each; from one that ranks, most "
            "from the first. Later calls are not counted: their windows hold passages that earlier answers moved."
            + pooled
        )
        return Filled(
            table[CELL].map(evidence.shown),
            table[[*NAMES, "calls"]],
            "Position in the first window of the passage put first.",
            note,
            counts=["calls"],
        )
