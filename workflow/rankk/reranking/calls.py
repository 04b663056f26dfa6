"""Asking a model about one window: prompt, journal, backend, parser."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from rankk.llm.backends.replay import ReplayBackend
from rankk.llm.connect import Connection
from rankk.llm.journal import Journal, Record, call_key
from rankk.llm.scheduler import PriorityGate
from rankk.llm.thinking import complete_with_budget, relevance, split_thought
from rankk.llm.types import Completion, Prompt, Sampling
from rankk.reranking.budget import fit
from rankk.reranking.parsers.answers import PARSERS
from rankk.reranking.settings import Settings
from rankk.reranking.types import Answer, Outcome, TieGroups

BAD = (Outcome.TRUNCATED, Outcome.EMPTY, Outcome.REFUSED)
"""Outcomes that leave a window in its previous order."""

DECIDING = {"kind", "thinking", "chat_template_kwargs", "positive", "negative"}
"""What of a preset decides an answer beside the prompt, which is there in full."""


CALLS = (
    *("qid", "call", "sample", "key", "outcome", "repairs", "finish_reason", "prompt_tokens", "output_tokens"),
    *("thought_share", "seconds", "budget_fired", "first", "window"),
)
"""Columns of a cell's table of calls.

`thought_share`: of the answer's characters, those that are reasoning. `first`: place (from 1) in the window of what the
answer names first; none where it names nothing, or several passages at once.
"""


@dataclass
class Tally:
    """What a cell's calls came to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    output_tokens: int = 0
    asked: int = 0
    from_journal: int = 0
    budget_fired: int = 0
    used: list[dict[str, Any]] = field(default_factory=list)
    """One entry a call, for the cell's table (`CALLS`)."""
    spans: list[tuple[float, float]] = field(default_factory=list)
    """When each call began and ended (Unix time), whichever process made it."""

    @property
    def bad_share(self) -> float:
        """Share of answers that could not be used at all."""
        return sum(self.outcomes[outcome] for outcome in BAD) / max(1, self.outcomes.total())

    @property
    def busy_seconds(self) -> float:
        """Wall-clock time during which at least one of the calls was under way, over all interrupted runs."""
        total, until = 0.0, 0.0
        for began, ended in sorted(self.spans):
            total += max(0.0, ended - max(began, until))
            until = max(until, ended)
        return total

    def rate(self, seconds: float) -> str:
        """Generated tokens per second, for the progress bar."""
        return f"{self.output_tokens / max(seconds, 1e-9):.0f} tok/s"

    def __str__(self) -> str:
        return ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.most_common())


class Caller:
    """Makes the calls of all queries of a cell, each through the journal."""

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        journal: Journal,
    ) -> None:
        self.settings = settings
        self.connection = connection
        self.journal = journal
        self.tally = Tally()
        self._gate = PriorityGate(connection.backend.max_in_flight)

    async def call(
        self,
        qid: str,
        number: int,
        query: str,
        window: Sequence[str],
        passages: Mapping[str, str],
        chain: int,
        sample: int,
    ) -> Record:
        """The journal's record of one call, made now if it is not there yet."""
        async with self._gate.place(-chain):
            prompt, deciding = await self._prepare(qid, number, query, [passages[docid] for docid in window], sample)
            key = call_key(deciding)
            record = self.journal.get(key)
            if record is not None:
                self.tally.from_journal += 1
            else:
                record = {"key": key, "qid": qid, "call": number, "sample": sample, "window": list(window)}
                record |= await self._ask(qid, number, prompt, sample, -chain)
                answer = self.parse(record)
                record |= {"outcome": answer.outcome, "repairs": answer.repairs}  # for readers of the journal
                self.journal.append(record)
                self.tally.asked += 1
        return record

    def count(self, record: Record, answer: Answer, number: int, sample: int) -> None:
        """Add a call to the tally."""
        tally = self.tally
        tally.outcomes[answer.outcome] += 1
        tally.repairs.update(answer.repairs)
        tally.prompt_tokens += record.get("prompt_tokens") or 0
        tally.output_tokens += record.get("output_tokens") or 0
        tally.budget_fired += bool(record.get("budget_fired"))
        if "finished" in record:
            tally.spans.append((record["finished"] - (record.get("seconds") or 0.0), record["finished"]))
        thought, said = split_thought(completion_of(record), self.settings.preset.thinking)
        own = {
            "call": number,
            "sample": sample,
            "outcome": answer.outcome.value,
            "repairs": " ".join(answer.repairs),
            "thought_share": round(len(thought.strip()) / max(1, len(thought) + len(said)), 4),
            "first": answer.groups[0][0] + 1 if answer.groups and len(answer.groups[0]) == 1 else None,
            "window": " ".join(record["window"]),
            "budget_fired": bool(record.get("budget_fired")),
        }
        tally.used.append({name: record.get(name) for name in CALLS} | own)

    def parse(self, record: Record) -> Answer:
        """A record's answer. A pointwise call that has its score is ok."""
        if "score" in record:
            return Answer(((0,),), Outcome.OK)
        if self.settings.preset.kind == "pointwise":
            return Answer((), Outcome.EMPTY)
        parse = PARSERS[self.settings.parser]
        return parse(completion_of(record), len(record["window"]), self.settings.preset.thinking)

    async def _prepare(
        self, qid: str, number: int, query: str, texts: list[str], sample: int
    ) -> tuple[Prompt, dict[str, Any]]:
        """The prompt, and everything that decides its answer."""
        settings = self.settings
        backend = self.connection.backend
        if isinstance(backend, ReplayBackend):  # answers by number, whatever the prompt
            return Prompt(), {"replayed": [backend.digest, qid, number]}
        rendering = partial(
            fit,
            context=self.connection.context,
            answer_tokens=settings.completion_tokens,
            passage_tokens=settings.passage_tokens,
        )
        # In a thread: the engine goes on meanwhile.
        prompt = await asyncio.to_thread(rendering, settings.preset, query, texts, self.connection.counter)
        return prompt, {
            "model": settings.model,
            "revision": settings.reranker.revision,
            "prompt": asdict(prompt),
            "sampling": asdict(settings.sampling_for(sample)),
            "thinking_tokens": settings.thinking_tokens,
            "answer_tokens": settings.answer_tokens,
            "sample": sample,
            "preset": settings.preset.model_dump(mode="json", include=DECIDING),
            "engine": self.connection.deciding,
        }

    async def _ask(self, qid: str, number: int, prompt: Prompt, sample: int, priority: int) -> dict[str, Any]:
        backend, settings = self.connection.backend, self.settings
        if isinstance(backend, ReplayBackend):
            return _fields(backend.answer(qid, number))

        async def complete(prompt: Prompt, sampling: Sampling) -> Completion:
            return await backend.complete(prompt, sampling, priority=priority)

        score, sampling = None, settings.sampling_for(sample)
        if settings.preset.kind == "pointwise":
            score, completion = await relevance(complete, prompt, sampling, settings.preset)
        else:
            completion = await complete_with_budget(
                complete,
                prompt,
                sampling,
                settings.preset.thinking,
                settings.thinking_tokens,
                settings.answer_tokens,
                closing_token=self.connection.closing_token,
            )
        fields = _fields(completion) | ({} if score is None else {"score": score})
        return fields | {"finished": round(time.time(), 3)}


def _fields(completion: Completion) -> dict[str, Any]:
    """A completion as the journal keeps it: only what was told."""
    fields = asdict(completion) | {"token_ids": None, "seconds": round(completion.seconds, 4)}
    return {name: value for name, value in fields.items() if value not in (None, False)}


def completion_of(record: Record) -> Completion:
    """The completion that a record keeps."""
    names = Completion.__dataclass_fields__
    return Completion(**{name: record[name] for name in names if name in record})


class QueryRanker:
    """What a strategy may ask about one query; numbers its calls from 0 in the order in which they are asked."""

    def __init__(
        self,
        caller: Caller,
        qid: str,
        query: str,
        passages: Mapping[str, str],
        finished: Callable[[], object],
    ) -> None:
        self._caller, self._qid, self._query, self._passages = caller, qid, query, passages
        self._finished = finished
        self._calls = 0

    async def rank(self, window: Sequence[str], *, chain: int = 0, sample: int = 0) -> TieGroups:
        """The window's ids in the order of the model's answer; unnamed ones behind, ties in previous order."""
        _, answer = await self._call(window, chain, sample)
        return [[window[position] for position in group] for group in answer.complete(len(window))]

    async def score(self, docid: str) -> float:
        """Relevance of one passage by a pointwise model; 0 where its answer was neither yes nor no."""
        record, _ = await self._call([docid], 0, 0)
        return float(record.get("score", 0.0))

    async def _call(self, window: Sequence[str], chain: int, sample: int) -> tuple[Record, Answer]:
        number, self._calls = self._calls, self._calls + 1
        record = await self._caller.call(self._qid, number, self._query, window, self._passages, chain, sample)
        answer = self._caller.parse(record)
        self._caller.count(record, answer, number, sample)
        self._finished()
        return record, answer
