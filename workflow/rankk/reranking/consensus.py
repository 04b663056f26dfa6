"""Several answers to one window, merged into one order."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from rankk.reranking.strategies.common import shuffled
from rankk.reranking.types import TieGroups, WindowRanker

RRF_K = 60
"""Constant of reciprocal rank fusion (Cormack et al. 2009)."""


@dataclass(frozen=True)
class Consensus:
    """A ranker that asks another `samples` times and merges the orders by reciprocal ranks or Borda counts.

    With `shuffle` every sample but the first sees the window in another order (permutation self-consistency, Tang et
    al. 2023).
    """

    ranker: WindowRanker
    samples: int
    shuffle: bool
    method: Literal["rrf", "borda"]
    seed: int

    async def rank(self, window: Sequence[str], *, chain: int = 0, sample: int = 0) -> TieGroups:  # noqa: ARG002
        """Merged order of a window; equal sums are ties."""
        shown = [
            shuffled(window, self.seed, number) if self.shuffle and number else list(window)
            for number in range(self.samples)
        ]
        orders = await asyncio.gather(
            *(self.ranker.rank(view, chain=chain, sample=number) for number, view in enumerate(shown))
        )
        return merge(window, orders, self.method)

    async def score(self, docid: str) -> float:
        """The ranker's own score: samples are for windows."""
        return await self.ranker.score(docid)


def merge(window: Sequence[str], orders: Sequence[TieGroups], method: Literal["rrf", "borda"]) -> TieGroups:
    """Orders of one window as tie groups of equal sums; tied passages of an order share their mean rank."""
    sums: dict[str, float] = defaultdict(float)
    for groups in orders:
        before = 0
        for group in groups:
            rank = before + (len(group) + 1) / 2
            for docid in group:
                sums[docid] += 1 / (RRF_K + rank) if method == "rrf" else len(window) - rank
            before += len(group)
    ranked = sorted(window, key=lambda docid: -round(sums[docid], 12))
    return [list(group) for _, group in groupby(ranked, key=lambda docid: round(sums[docid], 12))]
