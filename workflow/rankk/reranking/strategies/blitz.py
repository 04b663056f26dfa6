"""Tournament graphs."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from typing import ClassVar

from pydantic import Field

from rankk.reranking.strategies.base import LONGEST, WindowStrategy
from rankk.reranking.strategies.windows import order
from rankk.reranking.types import WindowRanker


class Blitz(WindowStrategy):
    """A ranking of a window orders all pairs of its passages; orders that follow from several rankings are never asked
    for again (BlitzRank, Agrawal, Nguyen and Kiela 2026, arXiv 2602.05448, algorithm 1).

    A passage is settled when its order relative to every other passage is known. The search ends when the top_k are
    settled. Each call ranks the passages that the fewest others are known to beat, each of which has not been compared
    with at least one of the others. Passages with contradicting answers are treated as equal and keep their previous
    order. If all answers are right, 6 or 7 calls settle the best 10 of 100.
    """

    name: ClassVar[str] = "blitz"
    exact: ClassVar[bool] = False
    anytime: ClassVar[bool] = True
    top_k: int = Field(default=10, ge=1, le=LONGEST, description="passages at the front that are sorted")
    matches: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST,
        description="largest number of calls; left out: twice those that read every passage once, plus top_k",
    )

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Ask until the first top_k are settled."""
        graph = _Graph(len(docids))
        for left in reversed(range(self.calls(len(docids)))):
            match = graph.match(self.top_k, self.window)
            if not match or ranker.room() < 1:
                break
            position = {docids[node]: node for node in match}
            graph.add([position[docid] for docid in await order(ranker, list(position), chain=left)])
        return [docids[node] for node in graph.order()]

    def calls(self, n: int) -> int:
        """The limit of matches."""
        if n < 2:
            return 0
        return self.matches or (1 if n <= self.window else 2 * ceil((n - 1) / (self.window - 1)) + self.top_k)


class _Graph:
    """Who is known to beat whom, as bit sets over n nodes, closed under transitivity."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._beats = [0] * n
        self._beaten_by = [0] * n

    def add(self, ranking: Sequence[int]) -> None:
        """Add the pairs of a ranking, best first, and what follows from them."""
        for winner, loser in pairwise(ranking):
            winners, losers = self._beaten_by[winner] | 1 << winner, self._beats[loser] | 1 << loser
            for node in range(self._n):
                if winners >> node & 1:
                    self._beats[node] |= losers
                if losers >> node & 1:
                    self._beaten_by[node] |= winners

    def order(self) -> list[int]:
        """Nodes by the number of others that are known to beat them; equal ones in their previous order."""
        return sorted(range(self._n), key=lambda node: self._above(node).bit_count())

    def _above(self, node: int) -> int:
        """Nodes that beat this one and are not beaten by it."""
        return self._beaten_by[node] & ~self._beats[node] & ~(1 << node)

    def _unknown(self, node: int) -> int:
        """Nodes of which it is not known whether they beat this one."""
        return ~(self._beats[node] | self._beaten_by[node] | 1 << node) & (1 << self._n) - 1

    def match(self, top_k: int, size: int) -> list[int]:
        """Nodes to ask about next, each unknown to one before it; none when the first top_k are settled."""
        ranked = self.order()
        if not any(self._unknown(node) for node in ranked[:top_k]):
            return []
        # Of those that equally many are known to beat, first the ones that are known to beat fewest themselves.
        open_ = [node for node in ranked if self._unknown(node)]
        open_.sort(key=lambda node: (self._above(node).bit_count(), self._beats[node].bit_count()))
        match, news = [open_[0]], self._unknown(open_[0])
        for node in open_[1:]:
            if len(match) == size:
                break
            if news >> node & 1:
                match.append(node)
                news |= self._unknown(node)
        return sorted(match)
