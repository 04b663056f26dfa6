"""Why a query did not gain by reranking: one cause for each query of a reranked cell."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import log2
from typing import NamedTuple

from rankk.reranking.tally import UNUSABLE, Call

SAME = 1e-9
"""Smaller differences are treated as rounding errors."""
FIFTHS = 5


class Cause(StrEnum):
    """Causes in the order in which figures and tables show them; the first that applies is a query's cause."""

    GAIN = "gain"
    NOT_RETRIEVED = "not retrieved"
    OUTSIDE_DEPTH = "outside the depth"
    UNUSABLE = "unusable answer"
    NO_CHANGE = "no change"
    POSITION_BIAS = "position bias"
    DEMOTED = "demoted"


class Explanation(NamedTuple):
    """A query's cause; for a loss also the passage that lost most and the call that decided on it."""

    cause: Cause
    docid: str | None = None
    call: int | None = None


def explain(
    gain: float,
    before: Mapping[str, int],
    after: Mapping[str, int],
    grades: Mapping[str, int],
    calls: Sequence[Call],
) -> Explanation:
    """The cause of one query's gain or loss in a measure against its first stage.

    `before` and `after`: ranks (from 1) of the first stage and after reranking. `grades`: of relevant passages only.
    A loss is explained by the relevant passage that lost most discounted gain and the last call whose window held it:
    an unusable answer; position bias, if that answer puts first an irrelevant passage from the last fifth of its
    window, where a first stage has its least relevant ones; otherwise the passage was demoted.
    """
    if gain > SAME:
        return Explanation(Cause.GAIN)
    retrieved = [docid for docid in grades if docid in before]
    if not retrieved:
        return Explanation(Cause.NOT_RETRIEVED)
    windows = [(call, call.window.split()) for call in calls]
    asked = {docid for _, window in windows for docid in window}
    if asked.isdisjoint(retrieved):
        return Explanation(Cause.OUTSIDE_DEPTH)
    if gain >= -SAME:
        unusable = any(call.outcome in UNUSABLE for call in calls)
        return Explanation(Cause.UNUSABLE if unusable else Cause.NO_CHANGE)
    lost = max(retrieved, key=lambda docid: grades[docid] * (_discount(before[docid]) - _discount(after[docid])))
    decided = [(call, window) for call, window in windows if lost in window]
    if not decided:
        return Explanation(Cause.DEMOTED, lost)
    call, window = decided[-1]
    cause = Cause.DEMOTED
    if call.outcome in UNUSABLE:
        cause = Cause.UNUSABLE
    elif call.first and _last_fifth(call.first, len(window)) and window[call.first - 1] not in grades:
        cause = Cause.POSITION_BIAS
    return Explanation(cause, lost, call.call)


def _last_fifth(position: int, size: int) -> bool:
    """Whether the whole place of a passage, from 1, is in the last fifth of a window that has fifths."""
    return (position - 1) * FIFTHS >= 4 * size >= 4 * FIFTHS


def _discount(rank: int) -> float:
    return 1 / log2(1 + rank)
