"""Tournaments of several stages."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from math import ceil
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from rankk.reranking.strategies.base import Promise, Strategy
from rankk.reranking.strategies.windows import dealt, order, shuffled
from rankk.reranking.types import WindowRanker

Stage = Annotated[list[int], Field(min_length=2, max_length=2)]


class Tournament(Strategy):
    """Passages compete in groups. The better part of each group goes on to the next stage and scores a point; points
    are added up over independent tournaments (TourRank, Chen et al. 2024, "Utilizing Large Language Models for
    Documents Ranking with a Tournament-Inspired Strategy").

    The stages are the authors': 100 passages are reduced to 50, 20, 10, 5 and 2. A stage that would drop no passage is
    skipped; the last one is repeated until it has a single group. Passages are distributed over groups in the first
    stage's order and shuffled for the prompt. The authors' prompt asks for the best passages of a group; here they are
    the first ones of its ranking. The authors report results for 1 to 10 rounds.
    """

    name: ClassVar[str] = "tournament"
    stages: list[Stage] = Field(
        default=[[20, 10], [10, 4], [20, 10], [10, 5], [5, 2]],
        min_length=1,
        max_length=100,
        description="for each stage: passages in a group, and how many of a full group go on",
    )
    rounds: int = Field(default=2, ge=1, le=1000, description="independent tournaments whose points are added up")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="seed of the shuffles")

    @model_validator(mode="after")
    def selective(self) -> "Tournament":
        """Every stage leaves out part of a group."""
        for stage in self.stages:
            if not 1 <= stage[1] < stage[0] <= 1000:
                raise ValueError(f"stages: {stage}: expected [passages in a group (at most 1000), fewer that go on]")
        return self

    @property
    def passages_per_call(self) -> int:
        """The largest group."""
        return max(size for size, _ in self.stages)

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Order by points, then by previous order."""
        points: Counter[str] = Counter()
        for won in await asyncio.gather(*(self._play(docids, number, ranker) for number in range(self.rounds))):
            points.update(won)
        return sorted(docids, key=lambda docid: -points[docid])

    async def _play(self, docids: Sequence[str], number: int, ranker: WindowRanker) -> Counter[str]:
        """Points of one tournament."""
        points: Counter[str] = Counter()
        remaining = list(docids)
        waiting = self.longest_chain(len(docids))
        for stage, (groups, size, kept) in enumerate(self._plan(len(docids))):
            waiting -= 1
            shown = [shuffled(group, self.seed, number, stage) for group in dealt(remaining, size)]
            ranked = await asyncio.gather(*(order(ranker, group, chain=waiting) for group in shown))
            winners = {
                docid for ranking in ranked for docid in ranking[: _advancing(len(ranking), size, kept, len(groups))]
            }
            remaining = [docid for docid in remaining if docid in winners]
            points.update(remaining)
        return points

    def calls(self, n: int) -> int:
        """Groups of all stages, in every round."""
        return self.rounds * sum(members > 1 for groups, _, _ in self._plan(n) for members in groups)

    def longest_chain(self, n: int) -> int:
        """Stages of one round."""
        return len(self._plan(n))

    def promise(self, n: int) -> Promise:
        """The last ones left, in any order, for all have the same points; if no group can have left out one of them."""
        best = left = n
        for groups, size, kept in self._plan(n):
            advancing = [_advancing(members, size, kept, len(groups)) for members in groups]
            best, left = min(best, *advancing), sum(advancing)
        return Promise(best if best == left else 0, ordered=n < 2, tied=False)

    def _plan(self, n: int) -> list[tuple[list[int], int, int]]:
        """Of every stage that is played: its groups' sizes, the size of a full group, and how many of one go on."""
        plan = []
        stages = [(size, kept) for size, kept in self.stages]
        while stages:
            size, kept = stages[0]
            groups = ceil(n / size)
            members = [len(range(position, n, groups)) for position in range(groups)]
            left = sum(_advancing(each, size, kept, groups) for each in members)
            if left < n:
                plan.append((members, size, kept))
            if not (left < n and len(stages) == 1 and groups > 1):
                stages = stages[1:]
            n = min(n, left)
        return plan


def _advancing(members: int, size: int, kept: int, groups: int) -> int:
    """How many of a group go on: `kept` of a full one or of the only one, the same share of a smaller one."""
    return min(members, kept) if groups == 1 else ceil(members * kept / size)
