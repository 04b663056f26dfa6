"""Ratings with uncertainty."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import ClassVar

from pydantic import Field

from rankk.reranking.strategies.base import LONGEST, Promise, WindowStrategy
from rankk.reranking.strategies.windows import order
from rankk.reranking.types import WindowRanker

MEAN, DEVIATION = 25.0, 25 / 3
"""Of a rating that nothing is known of: TrueSkill's scale, and so are the next three."""
NOISE = 25 / 6
"""Standard deviation of a passage's performance in one window around its rating."""
DRIFT = 25 / 300
"""Standard deviation that a rating gains with every window."""
MARGIN = 0.1256613 * math.sqrt(2) * NOISE
"""Difference of performances that counts as a win: one pair in ten would be a draw."""
SWEEPS, PRECISE = 50, 1e-7
"""Expectation propagation ends when no site changes its pair's mean difference by more than PRECISE."""


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
        ratings = dict(zip(docids, priors([ranker.prior(docid) for docid in docids]), strict=True))
        await self._play(docids, ratings, ranker, left=self.matches)
        left, last = self.matches, False
        while left and not last:
            inside = dict(zip(docids, above(list(ratings.values()), self.top_k), strict=True))
            ranked = sorted(docids, key=lambda docid: -inside[docid])
            chosen = [docid for docid in ranked if self.tolerance < inside[docid] < 1 - self.tolerance]
            if last := len(chosen) < self.uncertain:
                chosen = [docid for docid in ranked if inside[docid] > self.tolerance]
            left -= await self._play(chosen[: left * self.window], ratings, ranker, left=left)
        return sorted(docids, key=lambda docid: -ratings[docid].mean)

    async def _play(self, docids: Sequence[str], ratings: dict[str, "Rating"], ranker: WindowRanker, left: int) -> int:
        """Rank consecutive windows and update the ratings of their passages; the number of windows."""
        windows = [docids[start : start + self.window] for start in range(0, len(docids), self.window)]
        rankings = await asyncio.gather(*(order(ranker, window, chain=left) for window in windows))
        for ranking in rankings:
            if len(ranking) > 1:
                ratings.update(zip(ranking, updated([ratings[docid] for docid in ranking]), strict=True))
        return len(windows)

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


@dataclass(frozen=True)
class Rating:
    """A passage's relevance as a normal distribution."""

    mean: float
    deviation: float


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
    for _ in range(SWEEPS):
        change = 0.0
        for pair, (precision, shift) in enumerate(sites):
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
