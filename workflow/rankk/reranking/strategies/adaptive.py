"""Calls where a query's order is least certain."""

from typing import ClassVar

from pydantic import Field

from rankk.reranking.strategies.base import LONGEST
from rankk.reranking.strategies.ratings import Ratings, RatingStrategy
from rankk.reranking.strategies.windows import shuffled
from rankk.reranking.types import WindowRanker


class Adaptive(RatingStrategy):
    """After a first pass in windows, each call ranks the `window` passages for which it is most uncertain whether they
    belong to the best `top_k`, as long as the budget lasts.

    Ratings, starting values and probabilities are those of `acurank`, which ranks all uncertain passages in each round
    and ends when few are left. Here, a call ranks the most uncertain passages together, those with the largest P (1 -
    P), and the number of calls is given by `matches` or by the reranker's budget of `tokens`. These windows are
    shuffled, so that two windows of the same passages differ as prompts.
    """

    name: ClassVar[str] = "adaptive"
    matches: int = Field(default=4, ge=0, le=LONGEST, description="largest number of calls after the first windows")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="seed of the shuffles")

    async def refine(self, ratings: Ratings, ranker: WindowRanker) -> None:
        """A window of the most uncertain passages at a time."""
        for left in reversed(range(self.matches)):
            if ranker.room() < 1:
                break
            inside = ratings.inside(self.top_k)
            uncertain = sorted(ratings, key=lambda docid: inside[docid] * (inside[docid] - 1))[: self.window]
            await ratings.play(shuffled(uncertain, self.seed, left), self.window, chain=left)
