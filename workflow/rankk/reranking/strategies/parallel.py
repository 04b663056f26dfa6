"""Strategies whose calls wait for few others: tournament, groups, pointwise."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rankk.reranking.strategies.common import balanced, order, shuffled, split
from rankk.reranking.types import WindowRanker


@dataclass(frozen=True)
class Tournament:
    """Groups play, the better part of each goes on to the next stage, and points add up over rounds (TourRank, Chen
    et al. 2024).

    A passage scores a point for every stage it survives; the last stage, one window, gives points by rank. Rounds are
    independent: the first groups in the first stage's order, the others shuffle. With a perfect ranker the first top_k
    are ideal.
    """

    window: int
    top_k: int
    rounds: int
    seed: int
    exact = True

    def __post_init__(self) -> None:
        if not 1 <= self.top_k <= self.window // 2:
            raise ValueError(f"needs top_k <= window / 2, got {self.top_k} and {self.window}")

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Order by points, then by previous order."""
        lists = [docids if number == 0 else shuffled(docids, self.seed, number) for number in range(self.rounds)]
        played = await asyncio.gather(*(self._round(players, ranker) for players in lists))
        points: Counter[str] = Counter()
        for won in played:
            points.update(won)
        return sorted(docids, key=lambda docid: -points[docid])

    async def _round(self, players: Sequence[str], ranker: WindowRanker) -> Counter[str]:
        points: Counter[str] = Counter()
        remaining = list(players)
        chain = self.longest_chain(len(remaining)) - 1
        while len(remaining) > self.window:
            sizes = balanced(len(remaining), self.window)
            # Dealt out one by one, so that each group gets its share of the list's top.
            groups = [remaining[place :: len(sizes)] for place in range(len(sizes))]
            ranked = await asyncio.gather(*(order(ranker, group, chain=chain) for group in groups))
            winners = {docid for ranking in ranked for docid in ranking[: self._advancing(len(ranking))]}
            remaining = [docid for docid in remaining if docid in winners]
            points.update(remaining)
            chain -= 1
        for place, docid in enumerate(await order(ranker, remaining)):
            points[docid] += len(remaining) - place
        return points

    def _advancing(self, size: int) -> int:
        return max(self.top_k, size // 2)

    def _stages(self, n: int) -> list[list[int]]:
        """Group sizes of every stage."""
        stages = []
        while n > self.window:
            sizes = [
                len(range(place, n, len(balanced(n, self.window)))) for place in range(len(balanced(n, self.window)))
            ]
            stages.append(sizes)
            n = sum(min(size, self._advancing(size)) for size in sizes)
        return [*stages, [n]]

    def calls(self, n: int) -> int:
        """Groups of all stages, in every round."""
        return self.rounds * sum(size > 1 for stage in self._stages(n) for size in stage)

    def longest_chain(self, n: int) -> int:
        """Stages of one round."""
        return sum(any(size > 1 for size in stage) for stage in self._stages(n))


@dataclass(frozen=True)
class Groups:
    """Shuffled groups, each ranked once; a passage's score is its mean relative rank over the rounds (after
    GroupRank, 2025, whose model grades groups; here the rank in the group is the grade).

    All calls are independent. A list that one window holds is ideal with a perfect ranker; beyond that nothing is
    promised.
    """

    window: int
    rounds: int
    seed: int
    exact = True

    def __post_init__(self) -> None:
        if self.window < 2:
            raise ValueError(f"needs window >= 2, got {self.window}")

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Order by score, then by previous order."""
        sizes = balanced(len(docids), self.window)
        groups = [group for number in range(self.rounds) for group in split(shuffled(docids, self.seed, number), sizes)]
        place = {docid: number for number, docid in enumerate(docids)}
        ordered = [sorted(group, key=place.__getitem__) for group in groups]
        scores: Counter[str] = Counter()
        for ranking in await asyncio.gather(*(order(ranker, group) for group in ordered)):
            for rank, docid in enumerate(ranking):
                scores[docid] += (len(ranking) - rank) / len(ranking)  # type: ignore[assignment]
        return sorted(docids, key=lambda docid: -scores[docid])

    def calls(self, n: int) -> int:
        """Groups of two or more, in every round."""
        return self.rounds * sum(size > 1 for size in balanced(n, self.window))

    def longest_chain(self, n: int) -> int:
        """No call waits for another."""
        return int(n > 1)


@dataclass(frozen=True)
class Pointwise:
    """Every passage is scored by itself (Rank1, Weller et al. 2025); ties keep their previous order."""

    exact = True

    async def rerank(self, docids: Sequence[str], ranker: WindowRanker) -> list[str]:
        """Order by score."""
        scores = await asyncio.gather(*(ranker.score(docid) for docid in docids))
        return [docid for docid, _ in sorted(zip(docids, scores, strict=True), key=lambda pair: -pair[1])]

    def calls(self, n: int) -> int:
        """One a passage."""
        return n

    def longest_chain(self, n: int) -> int:
        """No call waits for another."""
        return int(n > 0)
