"""Types that strategies, rankers and parsers exchange."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, get_args

TieGroups = list[list[str]]
"""Passage ids, best group first; ids of one group are tied and stand in their previous order."""


class Outcome(StrEnum):
    """How a call's answer parsed."""

    OK = "ok"  # every identifier once, in the asked format
    REPAIRED = "repaired"  # complete after repairs that are named
    PARTIAL = "partial"  # some identifiers missing
    TRUNCATED = "truncated"  # the token budget ended before an answer stood there
    EMPTY = "empty"  # no identifier in the answer
    REFUSED = "refused"  # the model declined


@dataclass(frozen=True)
class Answer:
    """A parsed answer: tie groups of 0-based window positions, only those that the model named.

    `grades`: position and grade of each graded passage, of parsers that read grades.
    """

    groups: tuple[tuple[int, ...], ...]
    outcome: Outcome
    repairs: tuple[str, ...] = ()
    grades: tuple[tuple[int, float], ...] = ()

    def complete(self, n: int) -> list[list[int]]:
        """Tie groups over all n positions: ties in previous order, unnamed ones behind in previous order."""
        named = {position for group in self.groups for position in group}
        groups = [sorted(group) for group in self.groups]
        return groups + [[position] for position in range(n) if position not in named]


AnswerContent = Literal["best", "ends", "order", "grades"]
"""What an answer says about a window: its best passage, the best and the worst, the order of all, or their grades."""
ANSWER_CONTENTS: tuple[AnswerContent, ...] = get_args(AnswerContent)
"""From the least to the most informative: each content includes those before it."""


class WindowRanker(Protocol):
    """The questions that a strategy may ask about one query's passages."""

    async def rank(self, window: Sequence[str], *, chain: int = 0, sample: int = 0) -> TieGroups:
        """Order a window of passage ids, all of them. `chain`: longest chain of calls that wait for this one."""
        ...

    async def score(self, docid: str) -> float:
        """Relevance of one passage in 0 … 1 (pointwise models)."""
        ...

    async def grade(self, window: Sequence[str], *, sample: int = 0) -> dict[str, float] | None:
        """Grades of a window's passages, 0 for all where the answer holds none; None, without a call, where the
        answers are not read as grades."""
        ...

    def prior(self, docid: str) -> float:
        """The first stage's score, on the retriever's scale. Needs no call."""
        ...

    def room(self) -> float:
        """Further calls like those made so far that the query's share of the budget affords; infinite without one."""
        ...
