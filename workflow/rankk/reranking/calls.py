"""Asking a model about one window: prompt, journal, backend, parser."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from rankk.errors import RankkError
from rankk.io.runs import Hit
from rankk.llm.connection import Connection
from rankk.llm.journal import CallRecord, Journal, call_key
from rankk.llm.scheduler import PriorityGate
from rankk.llm.thinking import complete_with_budget, first_logprobs, relevance
from rankk.llm.types import CallContext, Completion, Prompt, Sampling
from rankk.reranking.budget import fit
from rankk.reranking.pace import Pace
from rankk.reranking.settings import Settings
from rankk.reranking.tally import Call, Tally
from rankk.reranking.types import Answer, Outcome, TieGroups

log = logging.getLogger("rankk")

DECIDING = {"kind", "thinking", "chat_template_kwargs", "positive", "negative"}
"""Fields of a preset that decide an answer, in addition to the rendered prompt."""


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
        self.tally, self.pace = Tally(), Pace()
        self._deciding = settings.preset.model_dump(mode="json", include=DECIDING)
        self._gate = PriorityGate(connection.client.max_in_flight)
        counter = connection.counter.kind
        if connection.reads_prompts and journal.counters and counter not in journal.counters:
            log.warning(
                "%s: its prompts were cut by tokens counted by %s, now by %s: calls whose prompt is cut elsewhere are "
                "made again",
                *(journal.path, ", ".join(sorted(journal.counters)), counter),
            )
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def call(
        self,
        qid: str,
        number: int,
        query: str,
        window: Sequence[str],
        passages: Mapping[str, str],
        chain: int,
        sample: int,
    ) -> tuple[CallRecord, Answer]:
        """The record of one call and its answer; the call is made now if the journal does not hold it yet."""
        async with self._gate.slot(-chain):
            prompt, deciding = await self._prepare(qid, number, query, [passages[docid] for docid in window], sample)
            key = call_key(deciding)
            # Queries with the same text may need the same answer at the same time; only one call is made.
            async with self._asking.setdefault(key, asyncio.Lock()):
                made = self.journal.get(key)
                if made is None:
                    with self.pace.asking():
                        completion = await self._ask(CallContext(qid, number, -chain), prompt, sample)
                    answer = self._parse(completion, len(window))
                    record = CallRecord(
                        **vars(completion),
                        key=key,
                        qid=qid,
                        call=number,
                        sample=sample,
                        window=tuple(window),
                        outcome=answer.outcome.value,
                        repairs=answer.repairs,
                        finished=round(time.time(), 3) if self.connection.reads_prompts else None,
                        counted_by=self.connection.counter.kind if self.connection.reads_prompts else None,
                    )
                    self.pace.answered(completion)
                    self.tally.asked += 1
                    return self.journal.append(record), answer
        self.tally.from_journal += 1
        answer = self._parse(made, len(window))
        # The record may have been written for the same prompt in another call, even of another query.
        used = replace(made, qid=qid, call=number, sample=sample, window=tuple(window))
        return replace(used, outcome=answer.outcome.value, repairs=answer.repairs), answer

    def _parse(self, completion: Completion, size: int) -> Answer:
        """The answer about a window of `size` passages. A pointwise call that has its score is ok."""
        if completion.score is not None:
            return Answer(((0,),), Outcome.OK)
        if self.settings.preset.kind == "pointwise":
            return Answer((), Outcome.EMPTY)
        return self.settings.parser.parse(completion, size, self.settings.preset.thinking)

    async def _prepare(
        self, qid: str, number: int, query: str, texts: list[str], sample: int
    ) -> tuple[Prompt, dict[str, Any]]:
        """The prompt, and everything that decides its answer."""
        settings = self.settings
        if not self.connection.reads_prompts:
            return Prompt(), {"engine": self.connection.deciding, "qid": qid, "call": number}
        rendering = partial(
            fit,
            context=self.connection.context,
            answer_tokens=settings.completion_tokens,
            passage_tokens=settings.passage_tokens,
        )
        # In a thread, so that other calls continue.
        prompt = await asyncio.to_thread(rendering, settings.preset, query, texts, self.connection.counter)
        return prompt, {
            "model": settings.model,
            "revision": settings.reranker.revision,
            "prompt": vars(prompt) | {"messages": [vars(message) for message in prompt.messages]},
            "sampling": vars(settings.sampling_for(sample)),
            "thinking_tokens": settings.thinking_tokens,
            "answer_tokens": settings.answer_tokens,
            "sample": sample,
            "preset": self._deciding,
            "engine": self.connection.deciding,
        }

    async def _ask(self, call: CallContext, prompt: Prompt, sample: int) -> Completion:
        """The model's completion; from a pointwise model with the passage's relevance."""
        client, settings, preset = self.connection.client, self.settings, self.settings.preset

        async def complete(prompt: Prompt, sampling: Sampling) -> Completion:
            return await client.complete(prompt, sampling, call)

        sampling = settings.sampling_for(sample)
        if not self.connection.reads_prompts:
            return await complete(prompt, sampling)
        if preset.kind == "pointwise":
            return await relevance(
                complete,
                prompt,
                sampling,
                preset.thinking,
                preset.positive,
                preset.negative,
                budget=settings.thinking_tokens,
            )
        completion = await complete_with_budget(
            complete,
            prompt,
            sampling,
            preset.thinking,
            settings.thinking_tokens,
            settings.answer_tokens,
            closing_token=self.connection.closing_token,
        )
        if settings.parser.logprobs and completion.finish_reason != "content_filter":
            first_logprobs(completion)  # raises an error if there are none
        return completion


class QueryRanker:
    """What a strategy may ask about one query; numbers its calls from 0 in the order in which they are asked.

    `hits`: the passages that the strategy orders, in the first stage's order. `share`: tokens of prompts and answers
    that the query's calls may take.
    """

    def __init__(
        self,
        caller: Caller,
        qid: str,
        query: str,
        hits: Sequence[Hit],
        passages: Mapping[str, str],
        finished: Callable[[], object],
        share: float = math.inf,
    ) -> None:
        self._caller, self._qid, self._query, self._passages = caller, qid, query, passages
        self._ranks = {hit.docid: rank for rank, hit in enumerate(hits, 1)}
        self._hits = hits
        self._finished = finished
        self._calls = 0
        self._share, self._spent = share, 0

    async def rank(self, window: Sequence[str], *, chain: int = 0, sample: int = 0) -> TieGroups:
        """The window's ids in the order of the model's answer; unnamed ones behind, ties in previous order."""
        _, answer = await self._call(window, chain, sample)
        return [[window[position] for position in group] for group in answer.complete(len(window))]

    async def score(self, docid: str) -> float:
        """Relevance of one passage by a pointwise model; 0 where its answer was neither yes nor no."""
        record, _ = await self._call([docid], 0, 0)
        return record.score or 0.0

    async def grade(self, window: Sequence[str], *, sample: int = 0) -> dict[str, float] | None:
        """The passages' grades, where the parser reads grades; 0 for all of them in an answer without any."""
        if self._caller.settings.parser.reads != "grades":
            return None
        _, answer = await self._call(window, 0, sample)
        return {window[position]: grade for position, grade in answer.grades} or dict.fromkeys(window, 0.0)

    def prior(self, docid: str) -> float:
        """The first stage's score."""
        return self._hits[self._ranks[docid] - 1].score

    def room(self) -> float:
        """Further calls of the mean length so far that the query's share affords."""
        if not self._spent:
            return math.inf
        return (self._share - self._spent) * self._calls / self._spent

    async def _call(self, window: Sequence[str], chain: int, sample: int) -> tuple[CallRecord, Answer]:
        number, self._calls = self._calls, self._calls + 1
        caller = self._caller
        record, answer = await caller.call(self._qid, number, self._query, window, self._passages, chain, sample)
        ranks = [self._ranks[docid] for docid in window]
        call = Call.of(record, answer, caller.settings.preset.thinking, ranks, len(self._ranks))
        if self._share < math.inf:
            if record.prompt_tokens is None or record.output_tokens is None:
                raise RankkError("tokens: the backend does not tell how many tokens a call takes; leave the budget out")
            self._spent += record.prompt_tokens + record.output_tokens
        caller.tally.add(call, record.finished)
        self._finished()
        return record, answer
