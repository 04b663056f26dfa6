"""A simulated judge for real first-stage lists, to compare strategies and budgets without a model.

Noise model: in every call each passage of the window gets grade + s (sqrt(PERSISTENT) b + sqrt(1 - PERSISTENT) e),
with b drawn once for a passage of a query and e anew in every call, both standard normal; the answer is the order of
these values. s follows from the accuracy, the probability that a call orders two passages one grade apart correctly:
accuracy = Phi(1 / (s sqrt(2))). With `gumbel` e has a Gumbel distribution of the same variance, so that a call's order
follows the Plackett-Luce model (accuracies then hold nearly). Passages without a judgment have grade 0. The model
ignores that larger windows are harder, position bias, and unusable answers.
"""

import asyncio
import math
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any
from zlib import crc32

import numpy as np

from rankk.evaluation.measures import per_query
from rankk.io.runs import Run, ranked
from rankk.io.trec import Qrels, read_qrels, read_run
from rankk.reranking.types import TieGroups

PERSISTENT = 0.5
"""Share of the variance of the noise that is constant over all calls about a passage (assumed)."""
PASSAGE_TOKENS, QUERY_TOKENS = 96, 80
"""Tokens of a prompt: for the instructions, and per passage (as in workload.py)."""
THOUGHT_TOKENS, TOKENS_PER_PASSAGE = 400, 100
"""Tokens of an answer: 2,400 for 20 passages (the published mean of Rank-K); its dependence on the window size is
assumed."""
DEPTH = 100
MEASURE = "nDCG@10"

Values = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Lists:
    """First-stage lists and the grades of their passages."""

    run: Run
    qrels: Qrels

    def ndcg(self, run: Run) -> Values:
        """nDCG@10 of each query, in the order of the lists."""
        values = per_query(run, self.qrels, [MEASURE], self.run)[MEASURE]
        return np.array([values[qid] for qid in self.run])


def data() -> Path:
    """The folder dl19 in RANKK_DATA, with the published lists of TREC DL 2019."""
    return Path(os.environ.get("RANKK_DATA", "../shared/data")) / "dl19"


def lists(retriever: str) -> Lists:
    """The published top 100 of a retriever for the 43 judged queries of TREC DL 2019."""
    run = {qid: hits[:DEPTH] for qid, hits in read_run(data() / "first_stage" / f"{retriever}.trec").items()}
    return Lists(run, read_qrels(data() / "qrels.txt"))


def spread(accuracy: float) -> float:
    """Standard deviation of the noise in units of grades, for a given accuracy."""
    return 0.0 if accuracy >= 1 else 1 / (2**0.5 * NormalDist().inv_cdf(accuracy))


class Judge:
    """Answers about one query's passages; counts calls and tokens."""

    def __init__(
        self, lists: Lists, qid: str, accuracy: float, seed: int, *, gumbel: bool = False, budget: float = math.inf
    ) -> None:
        hits, grades = lists.run[qid], lists.qrels.get(qid, {})
        self._scores = dict(hits)
        self._gumbel = gumbel
        self._random = np.random.default_rng((seed, crc32(qid.encode())))
        self._noise = spread(accuracy) * (1 - PERSISTENT) ** 0.5
        lasting = spread(accuracy) * PERSISTENT**0.5 * self._random.standard_normal(len(hits))
        self._values = {hit.docid: grades.get(hit.docid, 0) + b for hit, b in zip(hits, lasting, strict=True)}
        self.budget = budget
        self.calls = self.prompt_tokens = self.output_tokens = 0

    async def rank(self, window: Sequence[str], *, chain: int = 0, sample: int = 0) -> TieGroups:
        """The window, sorted by noisy grades."""
        values = self._noisy(window)
        return [[window[position]] for position in np.argsort(-values, kind="stable")]

    async def score(self, docid: str) -> float:
        """The noisy grade of one passage."""
        return float(self._noisy([docid])[0])

    async def grade(self, window: Sequence[str], *, sample: int = 0) -> dict[str, float] | None:
        """None: answers are orders."""
        return None

    def prior(self, docid: str) -> float:
        """The first stage's score."""
        return self._scores[docid]

    def room(self) -> float:
        """Calls that the budget still allows, counted as in `rankk.reranking.calls.QueryRanker`."""
        spent = self.prompt_tokens + self.output_tokens
        return (self.budget - spent) * self.calls / spent if spent else math.inf

    def _noisy(self, window: Sequence[str]) -> Values:
        self.calls += 1
        self.prompt_tokens += QUERY_TOKENS + PASSAGE_TOKENS * len(window)
        self.output_tokens += THOUGHT_TOKENS + TOKENS_PER_PASSAGE * len(window)
        size = len(window)
        noise = self._random.gumbel(0, 6**0.5 / np.pi, size) if self._gumbel else self._random.standard_normal(size)
        values: Values = np.array([self._values[docid] for docid in window]) + self._noise * noise
        return values


def play(
    given: Lists, make: Callable[[str], Judge], rerank: Callable[[list[str], Judge], Awaitable[list[str]]]
) -> tuple[Run, list[Judge]]:
    """Rerank each query with a separate judge. Returns the run, and the judges in the order of the queries."""
    judges = {qid: make(qid) for qid in given.run}

    async def all_queries() -> list[list[str]]:
        return [await rerank([hit.docid for hit in hits], judges[qid]) for qid, hits in given.run.items()]

    orders = asyncio.run(all_queries())
    return {qid: ranked(order) for qid, order in zip(given.run, orders, strict=True)}, list(judges.values())
