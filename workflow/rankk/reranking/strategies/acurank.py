"""Ratings, and calls about the passages that they leave open."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rankk.reranking.strategies.base import LONGEST
from rankk.reranking.strategies.ratings import Ratings, RatingStrategy
from rankk.reranking.types import WindowRanker


class AcuRank(RatingStrategy):
    """Every passage has a rating with an uncertainty. Only passages for which it is uncertain whether they belong to
    the best `top_k` are ranked again (AcuRank, Yoon et al. 2025, arXiv 2505.18512, algorithm 1).

    First, every passage is ranked in one window, in the first stage's order. Then a threshold t is chosen such that the
    sum of P(rating > t) is top_k. Passages with tolerance < P < 1 - tolerance are uncertain and are ranked again in
    windows, until there are fewer than `uncertain` of them. A last round ranks all passages with P > tolerance. The
    ratings are TrueSkill's (Herbrich et al. 2006), updated after each window by expectation propagation. They start
    from the first stage's scores, scaled to mean 25 and standard deviation 25/6; the authors use the scores without
    scaling, which makes the result depend on the retriever's scale.
    """

    name: ClassVar[str] = "acurank"
    tolerance: float = Field(
        default=0.01,
        gt=0,
        lt=0.5,
        description="a passage is certain if its probability is at most this far from 0 or 1",
    )
    uncertain: int = Field(
        default=10, ge=1, le=LONGEST, description="the search ends when fewer passages are uncertain"
    )
    matches: int = Field(
        default=100,
        ge=1,
        le=LONGEST,
        description="calls after the first windows, after which the current ratings are used",
    )

    async def refine(self, ratings: Ratings, ranker: WindowRanker) -> None:
        """Rounds of all uncertain passages."""
        left, last = self.matches, False
        while not last and (room := int(min(left, ranker.room()))) > 0:
            inside = ratings.inside(self.top_k)
            chosen: Sequence[str] = [d for d, p in inside.items() if self.tolerance < p < 1 - self.tolerance]
            if last := len(chosen) < self.uncertain:
                chosen = [docid for docid, p in inside.items() if p > self.tolerance]
            left -= await ratings.play(chosen[: room * self.window], self.window, chain=left - 1)
