"""Calls where a query's order is least certain."""

from collections.abc import Sequence
from math import ceil
from typing import ClassVar

from pydantic import Field

from rankk.reranking.strategies.base import LONGEST, Promise, WindowStrategy
from rankk.reranking.strategies.ratings import Ratings
from rankk.reranking.strategies.windows import order, shuffled
from rankk.reranking.types import WindowRanker


class Adaptive(WindowStrategy):
    """After a first pass in windows, each call ranks the `window` passages for which it is most uncertain whether they
    belong to the best `top_k`, as long as the budget lasts.

    Ratings, starting values and probabilities are those of `acurank`, which ranks all uncertain passages in each round
    and ends when few are left. Here, a call ranks the most uncertain passages together, those with the largest P (1 -
    P), and the number of calls is given by `matches` or by the reranker's budget of `tokens`. These windows are
    shuffled, so that two windows of the same passages differ as prompts.
    """

    name: ClassVar[str] = "adaptive"
    exact: ClassVar[bool] = False
    anytime: ClassVar[bool] = True
    top_k: int = Field(default=10, ge=1, le=LONGEST, description="passages that the search puts at the front")
    matches: int = Field(default=4, ge=0, le=LONGEST, description="largest number of calls after the first windows")

    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="seed of the shuffles")

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Order by rating, then by previous order."""
        if len(docids) <= self.window:
            return await order(ranker, docids)
        ratings = Ratings(docids, ranker)
        await ratings.play(docids, self.window, chain=self.matches)
        for left in reversed(range(self.matches)):
            if ranker.room() < 1:
                break
            inside = ratings.inside(self.top_k)
            uncertain = sorted(docids, key=lambda docid: inside[docid] * (inside[docid] - 1))[: self.window]
            await ratings.play(shuffled(uncertain, self.seed, left), self.window, chain=left)
        return ratings.ranking()

    def calls(self, n: int) -> int:
        """The first windows, and the most that may follow."""
        if n <= self.window:
            return int(n > 1)
        return ceil(n / self.window) + self.matches

    def longest_chain(self, n: int) -> int:
        """Every later call waits for the one before."""
        return int(n > 1) + (self.matches if n > self.window else 0)

    def promise(self, n: int) -> Promise:
        """The list, where one window holds it."""
        return Promise(n if n <= self.window else 0)
