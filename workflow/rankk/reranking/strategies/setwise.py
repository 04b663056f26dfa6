"""Setwise heapsort."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rankk.reranking.strategies.base import LONGEST, Promise, WindowStrategy
from rankk.reranking.strategies.windows import order
from rankk.reranking.types import AnswerContent, WindowRanker


class Setwise(WindowStrategy):
    """Heapsort with `window` - 1 children per node, which ends when the top_k are found (Zhuang et al. 2023, "A Setwise
    Approach for Effective and Highly Efficient Zero-shot Ranking with Large Language Models").

    A call finds the best of a node and its children. Passages behind the first top_k keep their previous order.
    """

    name: ClassVar[str] = "setwise"
    needs: ClassVar[AnswerContent] = "best"
    exact: ClassVar[bool] = False
    window: int = Field(default=20, ge=3, le=LONGEST, description="passages in one call: a node and its children")
    top_k: int = Field(default=10, ge=1, le=LONGEST, description="passages at the front that are sorted")

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Build the heap level by level (subtrees are independent), then take the root top_k times."""
        heap = list(docids)
        best: list[str] = []
        for level in self._levels(len(heap)):
            await asyncio.gather(*(self._sift(heap, node, ranker) for node in level))
        while heap and len(best) < self.top_k:
            best.append(heap[0])
            last = heap.pop()
            if heap and len(best) < self.top_k:
                heap[0] = last
                await self._sift(heap, 0, ranker)
            elif heap:
                break
        first = set(best)
        return best + [docid for docid in docids if docid not in first]

    async def _sift(self, heap: list[str], node: int, ranker: WindowRanker) -> None:
        """Let the passage at `node` sink to its place."""
        while children := self._children(node, len(heap)):
            members = [node, *children]
            winner = (await order(ranker, [heap[member] for member in members], chain=self.top_k))[0]
            position = next(member for member in members if heap[member] == winner)
            if position == node:
                return
            heap[node], heap[position] = heap[position], heap[node]
            node = position

    def _children(self, node: int, size: int) -> range:
        first = node * (self.window - 1) + 1
        return range(first, min(first + self.window - 1, size))

    def _levels(self, size: int) -> list[list[int]]:
        """Nodes with children by level, deepest first."""
        levels, start, width = [], 0, 1
        while level := [node for node in range(start, min(start + width, size)) if self._children(node, size)]:
            levels.append(level)
            start, width = start + width, width * (self.window - 1)
        return levels[::-1]

    def _height(self, node: int, size: int) -> int:
        """Calls for a passage that sinks from `node` to a leaf."""
        height = 0
        while children := self._children(node, size):
            height, node = height + 1, children[0]
        return height

    def calls(self, n: int) -> int:
        """Worst case: every passage sinks to a leaf."""
        build = sum(self._height(node, n) for level in self._levels(n) for node in level)
        return build + self._extraction(n)

    def longest_chain(self, n: int) -> int:
        """Worst case: subtrees of one level are built side by side, extraction goes one by one."""
        return sum(max(self._height(node, n) for node in level) for level in self._levels(n)) + self._extraction(n)

    def _extraction(self, n: int) -> int:
        return sum(self._height(0, n - taken) for taken in range(1, min(self.top_k, n)))

    def promise(self, n: int) -> Promise:
        """The best top_k."""
        return Promise(min(self.top_k, n))
