"""Reciprocal rank fusion."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import Field

from rankk.fusion.base import Fusion, ranks
from rankk.io.runs import Hit


class ReciprocalRank(Fusion):
    """Sums of 1 / (k + rank); a passage that a ranking lacks gets nothing from it (Cormack, Clarke and Büttcher 2009,
    "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods").
    """

    name: ClassVar[str] = "rrf"
    k: int = Field(default=60, ge=0, le=1_000_000, description="the larger, the less the first ranks stand out")

    def scores(self, ranking: Sequence[Hit], docids: Sequence[str], *, ties: bool) -> Iterator[tuple[str, float]]:
        """1 / (k + rank)."""
        return ((hit.docid, 1 / (self.k + rank)) for hit, rank in ranks(ranking, ties=ties))
