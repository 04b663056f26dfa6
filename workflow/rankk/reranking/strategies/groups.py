"""Independent groups."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rankk.fusion.base import DIGITS
from rankk.reranking.strategies.base import WindowStrategy
from rankk.reranking.strategies.windows import balanced, means, order, shuffled, split
from rankk.reranking.types import WindowRanker


class Groups(WindowStrategy):
    """In each round, the list is shuffled and divided into groups; a passage's score is its mean grade over the rounds.

    GroupRank (2025), whose model grades the passages of a group. A parser that reads grades is needed for that; a group
    is then shown in its shuffled order. Otherwise a group is shown in the list's order, and the relative rank in the
    group serves as the grade.
    """

    name: ClassVar[str] = "groups"
    averages: ClassVar[bool] = True
    """Whether grades are averaged where answers hold them."""
    rounds: int = Field(default=2, ge=1, le=1000, description="independent rounds of groups")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="seed of the shuffles")

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Order by score, then by previous order."""
        sizes = balanced(len(docids), self.window)
        groups = [group for number in range(self.rounds) for group in split(shuffled(docids, self.seed, number), sizes)]
        asked = [group for group in groups if len(group) > 1]
        scores = means(await asyncio.gather(*(ranker.grade(group) for group in asked))) if self.averages else None
        if scores is None:
            position = {docid: number for number, docid in enumerate(docids)}
            ordered = [sorted(group, key=position.__getitem__) for group in groups]
            scores = self.merged(await asyncio.gather(*(order(ranker, group) for group in ordered)))
        return sorted(docids, key=lambda docid: -round(scores.get(docid, 0.0), DIGITS))

    def merged(self, rankings: Sequence[Sequence[str]]) -> dict[str, float]:
        """Score of every passage: the sum of its relative ranks."""
        scores: defaultdict[str, float] = defaultdict(float)
        for ranking in rankings:
            for rank, docid in enumerate(ranking):
                scores[docid] += (len(ranking) - rank) / len(ranking)
        return scores

    def calls(self, n: int) -> int:
        """Groups of two or more, in every round."""
        return self.rounds * sum(size > 1 for size in balanced(n, self.window))

    def longest_chain(self, n: int) -> int:
        """No call waits for another."""
        return int(n > 1)
