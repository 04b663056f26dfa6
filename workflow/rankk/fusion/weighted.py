"""Sums of scaled scores."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rankk.fusion.base import Fusion
from rankk.io.runs import Hit


class Weighted(Fusion):
    """Weighted sums of scores that are scaled to 0 … 1 within each ranking; a passage that a ranking lacks gets 0
    (CombSUM with min-max normalization, Lee 1997, "Analyses of Multiple Evidence Combination").
    """

    name: ClassVar[str] = "weighted"

    def scores(self, ranking: Sequence[Hit], docids: Sequence[str], *, ties: bool) -> Iterator[tuple[str, float]]:
        """Scaled scores; all 0 where a ranking's scores are equal."""
        low = min((hit.score for hit in ranking), default=0.0)
        spread = max((hit.score for hit in ranking), default=0.0) - low
        return ((hit.docid, (hit.score - low) / spread if spread else 0.0) for hit in ranking)
