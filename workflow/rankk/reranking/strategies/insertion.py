"""Setwise insertion."""

from collections.abc import Sequence
from math import ceil, log2
from typing import ClassVar

from rankk.reranking.strategies.base import Promise
from rankk.reranking.strategies.setwise import Setwise
from rankk.reranking.strategies.windows import order
from rankk.reranking.types import WindowRanker


class SetwiseInsertion(Setwise):
    """The first stage's first top_k are sorted as by `setwise`. Then each group of the other passages is compared with
    the last of the sorted ones, until no passage of the group is better. A better passage is inserted, and the last
    sorted one is dropped (Setwise Insertion, Podolak et al. 2025, arXiv 2504.10509).

    Only the best passage of an answer is used. The position of an insertion is found by bisection, with calls of two
    passages. Sorted passages are shown first, so that a model that sees no difference does not change the order. If the
    first stage is right at the top, this makes fewer calls than `setwise`.

    The authors' program was not found. The steps agree with an independent program that follows the paper
    (shangeth/llmranker), except that it inserts at most one passage of each group. Here, a group is asked about again,
    as otherwise one of the best top_k could be missed.
    """

    name: ClassVar[str] = "setwise-insertion"

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """The sorted front; the others keep their previous order."""
        front = (await super().rerank(docids[: self.top_k], ranker))[: self.top_k]
        for start in range(self.top_k, len(docids), self.window - 1):
            group = list(docids[start : start + self.window - 1])
            while group:
                best = (await order(ranker, [front[-1], *group], chain=len(docids) - start))[0]
                if best == front[-1]:
                    break
                group.remove(best)
                front.insert(await self._position(best, front, ranker, chain=len(docids) - start), best)
                front.pop()
        first = set(front)
        return front + [docid for docid in docids if docid not in first]

    async def _position(self, docid: str, front: Sequence[str], ranker: WindowRanker, chain: int) -> int:
        """Position at which a passage that is better than the last one is inserted."""
        low, high = 0, len(front) - 1
        while low < high:
            middle = (low + high) // 2
            if (await order(ranker, [front[middle], docid], chain=chain))[0] == docid:
                high = middle
            else:
                low = middle + 1
        return low

    def _insertions(self, n: int) -> int:
        """Every later passage is inserted."""
        return max(0, n - self.top_k) * (1 + ceil(log2(self.top_k)))

    def calls(self, n: int) -> int:
        """Worst case: every later passage is inserted."""
        return super().calls(min(n, self.top_k)) + self._insertions(n)

    def longest_chain(self, n: int) -> int:
        """Insertions go one by one."""
        return super().longest_chain(min(n, self.top_k)) + self._insertions(n)

    def promise(self, n: int) -> Promise:
        """The best top_k."""
        return Promise(min(self.top_k, n))
