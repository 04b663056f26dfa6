"""Top-down partitioning."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from rankk.reranking.strategies.common import order
from rankk.reranking.types import WindowRanker


@dataclass(frozen=True)
class TopDown:
    """The top window gives a pivot at rank top_k; everything below is compared with it in parallel, then the same
    again over those that beat it (Parry, MacAvaney, Ganguly 2024, "Top-Down Partitioning for Efficient List-Wise
    Ranking").

    With a perfect ranker the first top_k are ideal. Calls depend on the answers: `calls` is the worst case.
    """

    window: int
    top_k: int
    exact = False

    def __post_init__(self) -> None:
        if not 1 <= self.top_k < self.window:
            raise ValueError(f"needs top_k < window, got {self.top_k} and {self.window}")

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Those that beat the pivot (sought again if there are many), the pivot, then the others."""
        if len(docids) <= self.window:
            return await order(ranker, docids)
        chain = self.longest_chain(len(docids)) - 1
        top = await order(ranker, docids[: self.window], chain=chain)
        above, pivot, below = top[: self.top_k - 1], top[self.top_k - 1], top[self.top_k :]
        rest = docids[self.window :]
        parts = [rest[start : start + self.window - 1] for start in range(0, len(rest), self.window - 1)]
        rankings = await asyncio.gather(*(order(ranker, [pivot, *part], chain=chain - 1) for part in parts))
        for ranking in rankings:
            place = ranking.index(pivot)
            above += ranking[:place]
            below += ranking[place + 1 :]
        if len(above) > self.top_k - 1:
            above = await self.rerank(above, ranker)
        return [*above, pivot, *below]

    def calls(self, n: int) -> int:
        """Worst case: every passage below the top window beats the pivot."""
        if n <= self.window:
            return int(n > 1)
        return 1 + ceil((n - self.window) / (self.window - 1)) + self.calls(self._left(n))

    def longest_chain(self, n: int) -> int:
        """Worst case: two steps for every partition."""
        return int(n > 1) if n <= self.window else 2 + self.longest_chain(self._left(n))

    def _left(self, n: int) -> int:
        return n - self.window + self.top_k - 1
