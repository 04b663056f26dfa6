"""One window."""

from collections.abc import Sequence
from typing import ClassVar

from rankk.reranking.strategies.base import WindowStrategy
from rankk.reranking.strategies.windows import order
from rankk.reranking.types import WindowRanker


class Single(WindowStrategy):
    """One window over the top of the list; passages behind it keep their ranks."""

    name: ClassVar[str] = "single"

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Reorder the first window."""
        return [*await order(ranker, docids[: self.window]), *docids[self.window :]]

    def calls(self, n: int) -> int:
        """One."""
        return int(n > 1)
