"""Ratings, and calls about the passages that they leave open."""

import math
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rankk.reranking.strategies.base import LONGEST, Promise, WindowStrategy
from rankk.reranking.strategies.ratings import Ratings
from rankk.reranking.strategies.windows import order
from rankk.reranking.types import WindowRanker


class AcuRank(WindowStrategy):
    """Passages have ratings of known uncertainty, and only those are asked about again of which it is not known
    whether they belong to the best `top_k` (AcuRank, Yoon et al. 2025, arXiv 2505.18512, algorithm 1).

    First every passage is in one window, in the first stage's order. Then t is sought with sum of P(rating > t) =
    top_k; passages with tolerance < P < 1 - tolerance are uncertain and are ranked again in windows, until fewer than
    `uncertain` are. A last round ranks all with P > tolerance. Ratings are TrueSkill's (Herbrich et al. 2006), after
    each window by expectation propagation. The ratings' means at the start are the first stage's scores with mean 25
    and standard deviation 25/6; the authors take the scores as they are, which depends on the retriever's scale.
    """

    name: ClassVar[str] = "acurank"
    exact: ClassVar[bool] = False
    anytime: ClassVar[bool] = True
    top_k: int = Field(default=10, ge=1, le=LONGEST, description="passages of the front that are sought")
    tolerance: float = Field(default=0.01, gt=0, lt=0.5, description="probability at which a passage is in or out")
    uncertain: int = Field(default=10, ge=1, le=LONGEST, description="with fewer uncertain passages the search ends")
    matches: int = Field(
        default=100, ge=1, le=LONGEST, description="calls after the first windows, when the ratings so far are taken"
    )

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Order by rating, then by previous order."""
        if len(docids) <= self.window:
            return await order(ranker, docids)
        ratings = Ratings(docids, ranker)
        await ratings.play(docids, self.window, chain=self.matches)
        left, last = self.matches, False
        while not last and (room := int(min(left, ranker.room()))) > 0:
            inside = ratings.inside(self.top_k)
            chosen = [docid for docid, p in inside.items() if self.tolerance < p < 1 - self.tolerance]
            if last := len(chosen) < self.uncertain:
                chosen = [docid for docid, p in inside.items() if p > self.tolerance]
            left -= await ratings.play(chosen[: room * self.window], self.window, chain=left - 1)
        return ratings.ranking()

    def calls(self, n: int) -> int:
        """The limit."""
        if n <= self.window:
            return int(n > 1)
        return math.ceil(n / self.window) + self.matches

    def longest_chain(self, n: int) -> int:
        """Every later call may wait for the one before."""
        return int(n > 1) + (self.matches if n > self.window else 0)

    def promise(self, n: int) -> Promise:
        """The list, where one window holds it."""
        return Promise(n if n <= self.window else 0)
