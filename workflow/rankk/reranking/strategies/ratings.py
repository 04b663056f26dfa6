"""Ratings of passages with their uncertainty: TrueSkill's (Herbrich, Minka and Graepel 2006)."""

import asyncio
import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import ClassVar

from pydantic import Field

from rankk.reranking.strategies.base import LONGEST, WindowStrategy
from rankk.reranking.strategies.windows import order
from rankk.reranking.types import WindowRanker

MEAN, DEVIATION = 25.0, 25 / 3
"""Mean of a new rating. This and the next three values are TrueSkill's scale."""
NOISE = 25 / 6
"""Standard deviation of a passage's performance in one window around its rating."""
DRIFT = 25 / 300
"""Standard deviation that a rating gains with every window."""
MARGIN = 0.1256613 * math.sqrt(2) * NOISE
"""Difference of performances that counts as a win: one pair in ten would be a draw."""
SWEEPS, PRECISE = 50, 1e-5
"""Expectation propagation ends when no site changes its pair's mean difference by more than PRECISE."""


@dataclass(frozen=True)
class Rating:
    """A passage's relevance as a normal distribution."""

    mean: float
    deviation: float


class Ratings(dict[str, Rating]):
    """A query's ratings by passage id, in the first stage's order."""

    def __init__(self, docids: Sequence[str], ranker: WindowRanker) -> None:
        super().__init__(zip(docids, priors([ranker.prior(docid) for docid in docids]), strict=True))
        self._ranker = ranker

    async def play(self, docids: Sequence[str], window: int, chain: int) -> int:
        """Rank consecutive windows of `docids` side by side and update their ratings; the number of windows.

        `chain`: calls that may follow.
        """
        windows = [docids[start : start + window] for start in range(0, len(docids), window)]
        for ranking in await asyncio.gather(*(order(self._ranker, window, chain=chain) for window in windows)):
            if len(ranking) > 1:
                self.update(zip(ranking, updated([self[docid] for docid in ranking]), strict=True))
        return len(windows)

    def inside(self, top_k: int) -> dict[str, float]:
        """Of every passage the probability that it belongs to the best top_k, the likeliest first."""
        shares = dict(zip(self, above(list(self.values()), top_k), strict=True))
        return dict(sorted(shares.items(), key=lambda share: -share[1]))

    def ranking(self) -> list[str]:
        """Passages by mean, then by previous order."""
        return sorted(self, key=lambda docid: -self[docid].mean)


class RatingStrategy(WindowStrategy):
    """Rates every passage in windows, and then asks again about those whose rating decides least."""

    exact: ClassVar[bool] = False
    anytime: ClassVar[bool] = True
    top_k: int = Field(default=10, ge=1, le=LONGEST, description="passages that the search puts at the front")
    matches: int = Field(default=0, ge=0, le=LONGEST, description="largest number of calls after the first windows")

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Order by rating, then by previous order."""
        if len(docids) <= self.window:
            return await order(ranker, docids)
        ratings = Ratings(docids, ranker)
        await ratings.play(docids, self.window, chain=self.matches)
        await self.refine(ratings, ranker)
        return ratings.ranking()

    @abstractmethod
    async def refine(self, ratings: Ratings, ranker: WindowRanker) -> None:
        """The calls after the first windows: at most `matches`, as long as the ranker has room for them."""

    def calls(self, n: int) -> int:
        """The first windows, and the most that may follow."""
        return int(n > 1) if n <= self.window else math.ceil(n / self.window) + self.matches

    def longest_chain(self, n: int) -> int:
        """Every later call may wait for the one before."""
        return int(n > 1) + (self.matches if n > self.window else 0)


def priors(scores: Sequence[float]) -> list[Rating]:
    """Ratings before any window, from the first stage's scores of any scale."""
    centre, spread = fmean(scores), pstdev(scores)
    return [Rating(MEAN + (NOISE * (score - centre) / spread if spread else 0.0), DEVIATION) for score in scores]


def above(ratings: Sequence[Rating], expected: int) -> list[float]:
    """P(rating > t) of each rating, with t such that they sum to `expected` (all of them 1 if there are no more)."""
    if len(ratings) <= expected:
        return [1.0] * len(ratings)
    widest = 10 * max(rating.deviation for rating in ratings)
    low = min(rating.mean for rating in ratings) - widest
    high = max(rating.mean for rating in ratings) + widest
    for _ in range(60):
        middle = (low + high) / 2
        shares = [_normal((rating.mean - middle) / rating.deviation) for rating in ratings]
        low, high = (middle, high) if sum(shares) > expected else (low, middle)
    return shares


def updated(ratings: Sequence[Rating]) -> list[Rating]:
    """TrueSkill's ratings after a game of single players without draws, `ratings` in its order, best first.

    The performances' joint distribution is normal with one site for each pair of neighbours, which says that the first
    one is better by at least MARGIN (the fixed point of TrueSkill's message passing).
    """
    import numpy as np

    before = np.array([rating.deviation**2 + DRIFT**2 for rating in ratings])
    means = np.array([float(rating.mean) for rating in ratings])
    spread = before + NOISE**2
    covariance, centre = np.diag(spread), means.copy()
    sites = [(0.0, 0.0)] * (len(ratings) - 1)  # of a pair's difference: precision, and precision times mean
    for sweep in range(SWEEPS):  # forward, then backward
        change = 0.0
        for pair in range(len(sites))[:: -1 if sweep % 2 else 1]:
            precision, shift = sites[pair]
            column = covariance[:, pair] - covariance[:, pair + 1]
            variance, difference = column[pair] - column[pair + 1], centre[pair] - centre[pair + 1]
            cavity = 1 / (1 / variance - precision)
            cavity_mean = cavity * (difference / variance - shift)
            v, w = _truncated((cavity_mean - MARGIN) / math.sqrt(cavity))
            wanted_mean, wanted_variance = cavity_mean + math.sqrt(cavity) * v, cavity * (1 - w)
            sites[pair] = (1 / wanted_variance - 1 / cavity, wanted_mean / wanted_variance - cavity_mean / cavity)
            # Of a normal distribution one of whose marginals is replaced.
            centre += column * (wanted_mean - difference) / variance
            covariance -= np.outer(column, column) * (variance - wanted_variance) / variance**2
            change = max(change, abs(wanted_mean - difference))
        if change < PRECISE:
            break
    pull = before / spread
    after = before * (1 - pull) + pull**2 * np.diag(covariance)
    return [
        Rating(float(mean), float(deviation))
        for mean, deviation in zip(means + pull * (centre - means), np.sqrt(after), strict=True)
    ]


def _normal(x: float) -> float:
    """The standard normal distribution's cumulative probability."""
    return math.erfc(-x / math.sqrt(2)) / 2


def _truncated(t: float) -> tuple[float, float]:
    """Gain of the mean and loss of the variance of a standard normal that is cut off below -t."""
    if t < -30:  # where the probability is too small for a float
        return -t, 1 - 1 / t**2
    v = math.exp(-t * t / 2) / math.sqrt(2 * math.pi) / _normal(t)
    return v, v * (v + t)
