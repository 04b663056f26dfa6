"""Sliding windows."""

from collections.abc import Sequence
from math import ceil
from typing import ClassVar

from pydantic import Field, model_validator

from rankk.reranking.strategies.base import LONGEST, Promise, WindowStrategy
from rankk.reranking.strategies.windows import order
from rankk.reranking.types import WindowRanker


class Sliding(WindowStrategy):
    """A window slides from the back of the list to its front (RankGPT, Sun et al. 2023; Rank-K, section 3).

    Windows end at n, n - stride, …; the last one starts at 0, so that every passage is read, whatever the list's
    length.
    """

    name: ClassVar[str] = "sliding"
    stride: int = Field(
        default_factory=lambda settings: max(1, settings.get("window", 20) // 2),
        ge=1,
        le=LONGEST,
        description="passages by which the window moves; left out: half of it",
    )

    @model_validator(mode="after")
    def no_gaps(self) -> "Sliding":
        """Check that the stride leaves no gaps between windows."""
        if self.window < self.stride:
            raise ValueError(
                f"window: {self.window} is smaller than stride {self.stride}: passages between windows would never "
                "be read; expected window >= stride"
            )
        return self

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """One pass over the list."""
        return await self.slide(docids, ranker)

    async def slide(self, docids: Sequence[str], ranker: WindowRanker, waiting: int = 0) -> list[str]:
        """Reorder the list window by window. `waiting`: calls that follow when all windows are ranked."""
        ranking = list(docids)
        spans = self.spans(len(ranking))
        for number, (start, end) in enumerate(spans, 1):
            ranking[start:end] = await order(ranker, ranking[start:end], chain=waiting + len(spans) - number)
        return ranking

    def spans(self, n: int) -> list[tuple[int, int]]:
        """Start and end of every window for a list of n, in the order in which they are ranked."""
        # At least 2: a stride as long as the window can leave the first passage alone, and unread.
        ends = [max(2, n - step * self.stride) for step in range(self._windows(n))]
        return [(max(0, end - self.window), end) for end in ends]

    def _windows(self, n: int) -> int:
        """1 for a list that fits into the window, then one more for every stride."""
        return 0 if n < 2 else 1 + max(0, ceil((n - self.window) / self.stride))

    def calls(self, n: int) -> int:
        """The windows of one pass."""
        return self._windows(n)

    def promise(self, n: int) -> Promise:
        """The best passages, as many as consecutive windows share."""
        return Promise(n if n <= self.window else self.window - self.stride)
