"""Several answers to one window, merged into one order."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rankk.fusion.base import Fusion
from rankk.io.runs import Hit
from rankk.reranking.strategies.windows import means, shuffled
from rankk.reranking.types import TieGroups, WindowRanker


@dataclass(frozen=True)
class Consensus:
    """A ranker that asks another `samples` times and merges the orders.

    With `shuffle` every sample but the first sees the window in another order (permutation self-consistency, Tang et
    al. 2023).
    """

    ranker: WindowRanker
    samples: int
    shuffle: bool
    merge: Fusion
    seed: int

    async def rank(self, window: Sequence[str], *, chain: int = 0, sample: int = 0) -> TieGroups:
        """Merged order of a window; equal sums are ties."""
        orders = await asyncio.gather(
            *(self.ranker.rank(view, chain=chain, sample=number) for number, view in enumerate(self._views(window)))
        )
        return merge(window, orders, self.merge)

    async def grade(self, window: Sequence[str], *, sample: int = 0) -> dict[str, float] | None:
        """Mean grades of the samples."""
        return means(
            await asyncio.gather(
                *(self.ranker.grade(view, sample=number) for number, view in enumerate(self._views(window)))
            )
        )

    async def score(self, docid: str) -> float:
        """The score of the underlying ranker; samples apply to windows only."""
        return await self.ranker.score(docid)

    def prior(self, docid: str) -> float:
        """The first stage's score."""
        return self.ranker.prior(docid)

    def _views(self, window: Sequence[str]) -> list[list[str]]:
        """The window as each sample shows it."""
        return [
            shuffled(window, self.seed, number) if self.shuffle and number else list(window)
            for number in range(self.samples)
        ]

    def room(self) -> float:
        """Windows that the budget affords: each takes a call for every sample."""
        return self.ranker.room() / self.samples


def merge(window: Sequence[str], orders: Sequence[TieGroups], fusion: Fusion) -> TieGroups:
    """Orders of one window as tie groups of equal sums, each in the window's order.

    Tied passages of an order share their mean rank.
    """
    rankings = [[Hit(docid, -position) for position, group in enumerate(order) for docid in group] for order in orders]
    scores = dict(fusion.fuse(rankings, ties=True))
    ranked = sorted(window, key=lambda docid: -scores[docid])
    return [list(group) for _, group in groupby(ranked, key=scores.__getitem__)]
