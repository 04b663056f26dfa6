"""Several passes of sliding windows."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rankk.reranking.strategies.base import LONGEST, Promise
from rankk.reranking.strategies.sliding import Sliding
from rankk.reranking.types import WindowRanker


class Passes(Sliding):
    """Several passes of sliding windows over the list, as in RankZephyr's best results (Pradeep et al. 2023,
    "progressive reranking"). A pass that does not change the first top_k is the last one.

    If all answers are right, each pass moves another `window` - `stride` of the best passages to the front.
    """

    name: ClassVar[str] = "passes"
    exact: ClassVar[bool] = False
    anytime: ClassVar[bool] = True
    passes: int = Field(default=3, ge=1, le=100, description="largest number of passes over the list")
    top_k: int = Field(default=10, ge=1, le=LONGEST, description="first passages that must change for another pass")

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Slide until nothing changes at the top."""
        ranking = list(docids)
        for left in reversed(range(self.passes)):
            before = ranking[: self.top_k]
            ranking = await self.slide(ranking, ranker, waiting=left * self._windows(len(ranking)))
            if ranking[: self.top_k] == before or ranker.room() < self._windows(len(ranking)):
                break
        return ranking

    def calls(self, n: int) -> int:
        """Every pass is made."""
        return self.passes * self._windows(n)

    def promise(self, n: int) -> Promise:
        """What the first pass brings up, and at least the top_k where there are passes enough to find them."""
        reached = self.passes * (self.window - self.stride)
        first = super().promise(n).best
        return Promise(max(first, min(n, self.top_k)) if self.top_k <= reached else first)
