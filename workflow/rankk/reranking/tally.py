"""The calls of a cell: their table, and their counts in the manifest."""

import csv
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from rankk.errors import RankkError
from rankk.io.files import atomic_write
from rankk.llm.journal import CallRecord
from rankk.llm.thinking import split_thought
from rankk.llm.types import Thinking
from rankk.reranking.types import Answer, Outcome

UNUSABLE = (Outcome.TRUNCATED, Outcome.EMPTY, Outcome.REFUSED)
"""Outcomes that leave a window in its previous order."""


@dataclass(frozen=True, slots=True)
class Call:
    """One row of a cell's table of calls (calls.csv): a call as this cell used it.

    The journal's record may have been made for another cell, where the same prompt was another call of its query.
    """

    qid: str
    call: int  # number among the query's calls, from 0
    sample: int
    key: str  # of the journal's record
    outcome: str
    repairs: str  # separated by commas
    finish_reason: str
    prompt_tokens: int | None
    output_tokens: int | None
    thought_share: float  # of the answer's characters, those that are reasoning
    seconds: float
    budget_fired: bool
    first: (
        int | None
    )  # position in the window (from 1) of the passage that the answer puts first; None: none or several
    rank: int  # first-stage rank (from 1) of the window's best passage
    size: int  # passages in the window
    list_size: int  # passages of the query that are reranked
    window: str  # passage ids, separated by blanks

    @classmethod
    def of(cls, record: CallRecord, answer: Answer, thinking: Thinking | None, ranks: Sequence[int], n: int) -> "Call":
        """The row of a record. `ranks`: first-stage ranks of the window's passages; `n`: passages of the query."""
        thought, said = split_thought(record, thinking)
        best = answer.groups[0] if answer.groups else ()
        return cls(
            qid=record.qid,
            call=record.call,
            sample=record.sample,
            key=record.key,
            outcome=record.outcome,
            repairs=",".join(record.repairs),
            finish_reason=record.finish_reason,
            prompt_tokens=record.prompt_tokens,
            output_tokens=record.output_tokens,
            thought_share=round(len(thought.strip()) / max(1, len(thought) + len(said)), 4),
            seconds=record.seconds,
            budget_fired=record.budget_fired,
            first=best[0] + 1 if len(best) == 1 else None,
            rank=min(ranks, default=0),
            size=len(record.window),
            list_size=n,
            window=" ".join(record.window),
        )


CALLS = tuple(column.name for column in fields(Call))
"""Columns of a cell's table of calls."""


def write_calls(path: str | Path, calls: Iterable[Call]) -> None:
    """Write a table of calls atomically."""
    with atomic_write(path) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(CALLS)
        table.writerows([getattr(call, name) for name in CALLS] for call in calls)


def read_calls(path: str | Path) -> list[Call]:
    """Read a table of calls with each value in its type. RankkError names the line of one that is not."""
    types = {name: get_args(hint) or (hint,) for name, hint in get_type_hints(Call).items()}
    calls = []
    with Path(path).open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            try:
                calls.append(Call(**{name: _value(row[name], *types[name]) for name in CALLS}))
            except (KeyError, ValueError, TypeError) as error:
                raise RankkError(f"{path}:{number}: not a row of a table of calls ({error!r})") from None
    return calls


def _value(text: str, kind: type, optional: type | None = None) -> Any:
    if optional is not None and not text:
        return None
    return {"True": True, "False": False}[text] if kind is bool else kind(text)


@dataclass
class Tally:
    """A cell's calls as they are made or found in the journal."""

    calls: list[Call] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    from_journal: int = 0
    begun: "array[float]" = field(default_factory=lambda: array("d"))
    ended: "array[float]" = field(default_factory=lambda: array("d"))
    """When each call began and ended (Unix time), whichever process made it."""

    def add(self, call: Call, finished: float | None) -> None:
        """Count a call; `finished` is the Unix time at which it was answered."""
        self.calls.append(call)
        self.outcomes[call.outcome] += 1
        if finished is not None:
            self.begun.append(finished - call.seconds)
            self.ended.append(finished)

    @property
    def busy_seconds(self) -> float:
        """Wall-clock time during which at least one of the calls was under way, over all interrupted runs."""
        total, until = 0.0, 0.0
        for began, ended in sorted(zip(self.begun, self.ended, strict=True)):
            total += max(0.0, ended - max(began, until))
            until = max(until, ended)
        return total

    def __str__(self) -> str:
        return shown(self.outcomes)


def counts(calls: Sequence[Call], *, asked: int, from_journal: int) -> dict[str, Any]:
    """The entry `calls` of a manifest."""
    outcomes = Counter(call.outcome for call in calls)
    repairs = Counter(repair for call in calls for repair in call.repairs.split(",") if repair)
    return {
        "asked": asked,
        "from_journal": from_journal,
        "outcomes": dict(sorted(outcomes.items())),
        "usable_share": round(1 - unusable_share(outcomes), 6),
        "repairs": dict(sorted(repairs.items(), key=lambda entry: (-entry[1], entry[0]))),
        "budget_fired": sum(call.budget_fired for call in calls),
        "prompt_tokens": sum(call.prompt_tokens or 0 for call in calls),
        "output_tokens": sum(call.output_tokens or 0 for call in calls),
    }


def unusable_share(outcomes: Counter[str]) -> float:
    """Share of answers that left their window in its previous order."""
    return sum(outcomes[outcome] for outcome in UNUSABLE) / max(1, outcomes.total())


def shown(outcomes: Counter[str]) -> str:
    """Outcomes for people, most frequent first."""
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
