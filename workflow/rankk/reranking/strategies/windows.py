"""Sliding window and single window."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from rankk.reranking.strategies.common import order
from rankk.reranking.types import WindowRanker


@dataclass(frozen=True)
class Sliding:
    """A window slides from the back of the list to its front (RankGPT, Sun et al. 2023; Rank-K, section 3).

    Windows end at n, n - stride, …; the last one starts at 0, so every passage is read for any length. With a perfect
    ranker the first window - stride passages are the best ones in the right order (all of them where one window holds
    the list).
    """

    window: int
    stride: int
    exact = True

    def __post_init__(self) -> None:
        if not 1 <= self.stride <= self.window or self.window < 2:
            raise ValueError(f"needs window >= 2 and 1 <= stride <= window, got {self.window} and {self.stride}")

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Reorder the list in place, window by window."""
        ranking = list(docids)
        waiting = self.calls(len(ranking))
        for start, end in self.spans(len(ranking)):
            waiting -= 1
            ranking[start:end] = await order(ranker, ranking[start:end], chain=waiting)
        return ranking

    def spans(self, n: int) -> list[tuple[int, int]]:
        """Start and end of every window for a list of n, in the order in which they are ranked."""
        # At least 2: a stride as long as the window can leave the first passage alone, and unread.
        ends = [max(2, n - step * self.stride) for step in range(self.calls(n))]
        return [(max(0, end - self.window), end) for end in ends]

    def calls(self, n: int) -> int:
        """1 for a list that fits into the window, then one more for every stride."""
        return 0 if n < 2 else 1 + max(0, ceil((n - self.window) / self.stride))

    def longest_chain(self, n: int) -> int:
        """Every window waits for the one before."""
        return self.calls(n)


@dataclass(frozen=True)
class Single:
    """One window over the top of the list; what is beyond stays. With a perfect ranker the window is ideal."""

    window: int
    exact = True

    def __post_init__(self) -> None:
        if self.window < 2:
            raise ValueError(f"needs window >= 2, got {self.window}")

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Reorder the first window."""
        return [*await order(ranker, docids[: self.window]), *docids[self.window :]]

    def calls(self, n: int) -> int:
        """One."""
        return int(n > 1)

    def longest_chain(self, n: int) -> int:
        """One."""
        return self.calls(n)
