"""The base class of fusions, and the registry that finds them."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from itertools import groupby

from pydantic import Field

from rankk.component import Component, Registry
from rankk.io.runs import Hit

DIGITS = 12
"""Decimal places to which sums are rounded, so that the order of addition neither makes nor breaks ties."""


class Fusion(Component):
    """Merges rankings of the same query; a passage that a ranking lacks is given what the subclass says."""

    weights: list[float] | None = Field(
        default=None, min_length=1, description="weight of each ranking, in the order of the rankings; left out: 1 each"
    )

    def fuse(self, rankings: Sequence[Sequence[Hit]], *, ties: bool = False) -> list[Hit]:
        """One ranking of all passages, best first, with the fused scores.

        Equal scores keep the order of the first ranking, then that of the second, and so on. `ties`: passages with
        equal scores within a ranking are tied and share their mean rank; without it a passage's rank is its position.
        Raises ValueError where there are more or fewer `weights` than rankings.
        """
        weights = self.weights or [1.0] * len(rankings)
        if len(weights) != len(rankings):
            raise ValueError(f"weights: {weights} are {len(weights)} numbers for {len(rankings)} rankings")
        sums = {hit.docid: 0.0 for ranking in rankings for hit in ranking}
        for weight, ranking in zip(weights, rankings, strict=True):
            for docid, score in self.scores(ranking, list(sums), ties=ties):
                sums[docid] += weight * score
        fused = [Hit(docid, round(score, DIGITS)) for docid, score in sums.items()]
        return sorted(fused, key=lambda hit: -hit.score)

    @abstractmethod
    def scores(self, ranking: Sequence[Hit], docids: Sequence[str], *, ties: bool) -> Iterator[tuple[str, float]]:
        """Scores that one ranking adds to `docids`, the passages of all rankings."""


def ranks(ranking: Sequence[Hit], *, ties: bool) -> Iterator[tuple[Hit, float]]:
    """Each passage with its rank from 1; of passages that are tied, with their mean rank."""
    before = 0
    for _, tied in groupby(ranking, key=lambda hit: hit.score if ties else object()):
        group = list(tied)
        for hit in group:
            yield hit, before + (len(group) + 1) / 2
        before += len(group)


FUSIONS = Registry("fusion", Fusion, "rankk.fusion")
