"""Windows, groups and shuffles, as several strategies use them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, fsum
from random import Random

from rankk.reranking.types import TieGroups, WindowRanker


def flatten(groups: TieGroups) -> list[str]:
    """The groups' ids in one order; tied ids stand in their previous order already."""
    return [docid for group in groups for docid in group]


async def order(ranker: WindowRanker, window: Sequence[str], chain: int = 0) -> list[str]:
    """A window in its new order; fewer than two passages need no call.

    `chain`: calls of the longest chain that waits for this one.
    """
    if len(window) < 2:
        return list(window)
    return flatten(await ranker.rank(window, chain=chain))


def means(graded: Iterable[Mapping[str, float] | None]) -> dict[str, float] | None:
    """Each passage's mean over the answers that grade it; None where answers are not read as grades."""
    known: defaultdict[str, list[float]] = defaultdict(list)
    for grades in graded:
        if grades is None:
            return None
        for docid, grade in grades.items():
            known[docid].append(grade)
    return {docid: fsum(values) / len(values) for docid, values in known.items()}


def balanced(n: int, largest: int) -> list[int]:
    """Sizes of the fewest groups of at most `largest` that hold n, differing by one at most."""
    groups = ceil(n / largest)
    return [n // groups + (position < n % groups) for position in range(groups)] if groups else []


def split(docids: Sequence[str], sizes: Sequence[int]) -> list[list[str]]:
    """Consecutive parts of the given sizes."""
    parts, start = [], 0
    for size in sizes:
        parts.append(list(docids[start : start + size]))
        start += size
    return parts


def dealt(docids: Sequence[str], largest: int) -> list[list[str]]:
    """The fewest groups of at most `largest`, dealt out one by one, so that each gets its share of the list's top."""
    groups = ceil(len(docids) / largest)
    return [list(docids[position::groups]) for position in range(groups)]


def shuffled(docids: Sequence[str], seed: int, *number: int) -> list[str]:
    """A shuffled copy that depends on seed, list and numbers only, not on the order in which queries run."""
    order_ = list(docids)
    Random("\0".join([*map(str, (seed, *number)), " ".join(docids)])).shuffle(order_)
    return order_
