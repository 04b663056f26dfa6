"""Thompson sampling."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import ClassVar

from pydantic import Field

from rankk.reranking.strategies.base import LONGEST, WindowStrategy
from rankk.reranking.strategies.windows import balanced, order, shuffled, split
from rankk.reranking.types import WindowRanker


class TSSetRank(WindowStrategy):
    """Every passage has a Beta distribution of the probability that it is judged relevant. After a uniform phase, a
    window holds the passages with the highest draws from their distributions (TS-SetRank, Huang et al. 2025, arXiv
    2511.01208).

    Every distribution starts as Beta(1, 1). At the end, passages are ordered by the means; ties keep their previous
    order. The authors' prompt marks the relevant passages of a window. A ranking does not, so here a passage's reward
    is the share of the window that it beats, which is added to one parameter, and its complement to the other. In the
    uniform phase, the shuffled list is read in windows `rounds` times; the authors draw each window independently. They
    report 100 to 300 calls for 100 passages. Read were the paper's abstract and the beginning of a review of it, which
    describes the distributions and both phases; the order at the end is ours. The authors' program was not found.
    """

    name: ClassVar[str] = "ts-setrank"
    exact: ClassVar[bool] = False
    anytime: ClassVar[bool] = True
    rounds: int = Field(default=2, ge=1, le=1000, description="how often every passage is read in the uniform phase")
    draws: int = Field(
        default=10, ge=0, le=LONGEST, description="windows of the passages with the highest draws, one after the other"
    )
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="seed of shuffles and draws")

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Order by mean, then by previous order."""
        if len(docids) <= self.window:
            return await order(ranker, docids)
        wins, losses = dict.fromkeys(docids, 1.0), dict.fromkeys(docids, 1.0)

        def reward(ranking: Sequence[str]) -> None:
            for position, docid in enumerate(ranking):
                beaten_by = position / max(1, len(ranking) - 1)
                losses[docid] += beaten_by
                wins[docid] += 1 - beaten_by

        groups = [
            group
            for number in range(self.rounds)
            for group in split(shuffled(docids, self.seed, number), balanced(len(docids), self.window))
        ]
        for ranking in await asyncio.gather(*(order(ranker, group, chain=self.draws) for group in groups)):
            reward(ranking)
        random = Random(f"{self.seed}\0{' '.join(docids)}")
        for left in reversed(range(self.draws)):
            if ranker.room() < 1:
                break
            drawn = {docid: random.betavariate(wins[docid], losses[docid]) for docid in docids}
            window = sorted(docids, key=lambda docid: -drawn[docid])[: self.window]
            reward(await order(ranker, window, chain=left))
        return sorted(docids, key=lambda docid: -wins[docid] / (wins[docid] + losses[docid]))

    def calls(self, n: int) -> int:
        """Both phases, where the budget affords them; one call where the window holds the list."""
        if n <= self.window:
            return int(n > 1)
        return self.rounds * sum(size > 1 for size in balanced(n, self.window)) + self.draws

    def longest_chain(self, n: int) -> int:
        """The windows of the uniform phase are independent."""
        return int(n > 1) + (self.draws if n > self.window else 0)
