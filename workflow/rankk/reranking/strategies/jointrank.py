"""Overlapping blocks."""

from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from rankk.reranking.strategies.groups import Groups

DAMPING, STEPS, PRECISE = 0.85, 200, 1e-9


class JointRank(Groups):
    """Blocks are ranked side by side, with every passage in `rounds` of them. Each ranking orders all pairs of its
    block, and PageRank over the pairs, from loser to winner, orders the list (JointRank, 2025, arXiv 2506.22262).

    The blocks are those of `groups`: in every round, a shuffled list is cut into parts (the authors' equi-replicate
    design). Ties keep their previous order.
    """

    name: ClassVar[str] = "jointrank"
    averages: ClassVar[bool] = False
    rounds: int = Field(default=2, ge=1, le=1000, description="blocks in which each passage stands")

    def merged(self, rankings: Sequence[Sequence[str]]) -> dict[str, float]:
        """PageRank of every passage."""
        winners: defaultdict[str, list[str]] = defaultdict(list)  # of each passage's lost pairs
        for ranking in rankings:
            for position, docid in enumerate(ranking):
                winners[docid] += ranking[:position]
        n = max(1, len(winners))
        ranks = dict.fromkeys(winners, 1 / n)
        for _ in range(STEPS):
            unbeaten = sum(ranks[docid] for docid, better in winners.items() if not better)
            following = dict.fromkeys(winners, (1 - DAMPING + DAMPING * unbeaten) / n)
            for docid, better in winners.items():
                for winner in better:
                    following[winner] += DAMPING * ranks[docid] / len(better)
            change = sum(abs(following[docid] - ranks[docid]) for docid in winners)
            ranks = following
            if change < PRECISE:
                break
        return ranks
