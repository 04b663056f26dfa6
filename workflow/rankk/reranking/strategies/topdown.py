"""Top-down partitioning."""

import asyncio
from collections.abc import Sequence
from math import ceil
from typing import ClassVar

from pydantic import Field, model_validator

from rankk.reranking.strategies.base import LONGEST, Promise, WindowStrategy
from rankk.reranking.strategies.windows import order
from rankk.reranking.types import WindowRanker


class TopDown(WindowStrategy):
    """The passage at rank top_k of the top window is the pivot. All passages below are compared with it, `window` - 1
    at a time; those that beat it are the candidates of the next step (Parry, MacAvaney and Ganguly 2024, "Top-Down
    Partitioning for Efficient List-Wise Ranking", algorithm 1).

    The partitions are ranked side by side. Candidates beyond the budget, which the authors' program does not read,
    follow those that go on. With a budget of at least `depth` no candidate is left out, which guarantees the best
    top_k.
    """

    name: ClassVar[str] = "topdown"
    exact: ClassVar[bool] = False
    top_k: int = Field(default=10, ge=1, le=LONGEST, description="rank of the pivot in the top window")
    budget: int | None = Field(
        default=None, ge=1, le=LONGEST, description="candidates that go on to the next step; left out: the window"
    )

    @model_validator(mode="after")
    def possible(self) -> "TopDown":
        """The pivot is a passage of the window and not its last; the candidates before it go on."""
        if self.top_k >= self.window:
            raise ValueError(f"top_k: {self.top_k} is not smaller than window {self.window}; expected top_k < window")
        if self.budget is not None and self.budget < self.top_k:
            raise ValueError(f"budget: {self.budget} is smaller than top_k {self.top_k}; expected budget >= top_k")
        return self

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Candidates, candidates beyond the budget, the pivot, then the others."""
        back: list[str] = []
        while len(docids) > self.window:
            chain = self.longest_chain(len(docids)) - 1
            top = await order(ranker, docids[: self.window], chain=chain)
            above, pivot, below = top[: self.top_k - 1], top[self.top_k - 1], top[self.top_k :]
            rest = docids[self.window :]
            parts = [rest[start : start + self.window - 1] for start in range(0, len(rest), self.window - 1)]
            for ranking in await asyncio.gather(*(order(ranker, [pivot, *part], chain=chain - 1) for part in parts)):
                position = ranking.index(pivot)
                above += ranking[:position]
                below += ranking[position + 1 :]
            if len(above) < self.top_k:
                return [*above, pivot, *below, *back]
            docids, left_out = above[: self._budget], above[self._budget :]
            back = [*left_out, pivot, *below, *back]
        return [*await order(ranker, docids), *back]

    @property
    def _budget(self) -> int:
        return self.budget or self.window

    def calls(self, n: int) -> int:
        """All passages below the top window beat the pivot."""
        return sum(1 if size <= self.window else 1 + self._partitions(size) for size in self._steps(n))

    def longest_chain(self, n: int) -> int:
        """Two calls for every step: the top window, then the partitions."""
        return sum(1 if size <= self.window else 2 for size in self._steps(n))

    def promise(self, n: int) -> Promise:
        """The best top_k, where the budget holds all that can beat the pivot."""
        if n <= self.window:
            return Promise(n)
        return Promise(self.top_k if self._candidates(n) <= self._budget else 0)

    def _partitions(self, n: int) -> int:
        return ceil((n - self.window) / (self.window - 1))

    def _candidates(self, n: int) -> int:
        """Most passages that beat the pivot."""
        return self.top_k - 1 + n - self.window

    def _steps(self, n: int) -> list[int]:
        """Passages at each step, if as many as can be beat the pivot."""
        steps = []
        while n > self.window:
            steps.append(n)
            n = min(self._candidates(n), self._budget)
        return [*steps, n] if n > 1 else steps
