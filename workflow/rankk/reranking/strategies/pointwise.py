"""Scores of single passages."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from rankk.reranking.strategies.base import Kind, Promise, Strategy
from rankk.reranking.types import WindowRanker


class Pointwise(Strategy):
    """Every passage is scored by itself (Rank1, Weller et al. 2025). Ties keep their previous order."""

    name: ClassVar[str] = "pointwise"
    kind: ClassVar[Kind] = "pointwise"

    @property
    def passages_per_call(self) -> int:
        """One."""
        return 1

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Order by score."""
        scores = await asyncio.gather(*(ranker.score(docid) for docid in docids))
        return [docid for docid, _ in sorted(zip(docids, scores, strict=True), key=lambda pair: -pair[1])]

    def calls(self, n: int) -> int:
        """One per passage."""
        return n

    def longest_chain(self, n: int) -> int:
        """No call waits for another."""
        return int(n > 0)

    def promise(self, n: int) -> Promise:
        """The whole list."""
        return Promise(n)
