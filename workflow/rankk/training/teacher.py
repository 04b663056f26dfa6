"""Target answers for training windows: from the judgments, or from a teacher model with its reasoning."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from math import log2
from pathlib import Path
from typing import Any

from rankk.config.reranker import Reranker
from rankk.config.training import Thoughts
from rankk.errors import RankkError
from rankk.io.files import atomic_write, read_jsonl, write_json
from rankk.io.passages import open_passages
from rankk.llm.journal import CallRecord, Journal
from rankk.llm.tasks import run_interruptible
from rankk.reranking.calls import Caller
from rankk.reranking.settings import resolve
from rankk.reranking.types import Outcome
from rankk.training.thoughts import Window, with_thought
from rankk.training.windows import chance

log = logging.getLogger("rankk")

NO_THOUGHTS = Thoughts()


def by_labels(
    windows: str | Path,
    passages: str | Path,
    output: str | Path,
    facts: str | Path,
    *,
    thoughts: Thoughts = NO_THOUGHTS,
    undecided: float = 0.0,
) -> None:
    """Write each window with the "answer" that its judgments give: by grade, then in the first stage's order.

    If all passages of a training window have the same grade, it is kept with probability `undecided`, so that the model
    also learns the first stage's order. Other windows with equal grades are left out and counted. `thoughts`: the
    shares of training windows that get a thought. Development windows get none, so that models with different shares
    are compared on the same examples. `facts`: JSON file for the counts. RankkError if no training example is left.
    """
    counts: Counter[str] = Counter()
    texts = {record["id"]: record["contents"] for _, record in read_jsonl(passages)} if thoughts.evidence else {}

    def labelled() -> Iterator[dict[str, Any]]:
        for _, window in read_jsonl(windows):
            hits = window["passages"]
            decided = len({hit["grade"] or 0 for hit in hits}) > 1
            if not decided:
                if window["split"] != "train" or not chance(undecided, f"{window['id']}.undecided"):
                    counts["left out: all grades equal"] += 1
                    continue
                counts["kept in the first stage's order"] += 1
            order = sorted(
                range(len(hits)), key=lambda position: (-(hits[position]["grade"] or 0), hits[position]["rank"])
            )
            example = window | {"answer": written(order)}
            if window["split"] == "train" and (thought := with_thought(window, order, thoughts, texts)):
                counts[f"with {thought['kind']}{', cut off' if thought['cut'] else ''}"] += 1
                example |= thought
            yield example

    _write(labelled(), output, facts, counts)


def by_model(
    windows: str | Path,
    passages: str | Path,
    teacher: Reranker,
    output: str | Path,
    facts: str | Path,
    *,
    min_agreement: float | None = None,
    model: str | None = None,
    engine_owner: int | None = None,
) -> None:
    """Write each window with the "answer" that the teacher's model gave, including its reasoning.

    A journal beside `output` records the calls, so that an interrupted job makes only the missing calls when it runs
    again. Windows whose outcome is not ok are left out and counted, and so are windows whose order has an nDCG below
    `min_agreement` by the judgments (1 if no judgment tells the passages apart). RankkError if no training example is
    left.
    """
    counts: Counter[str] = Counter()
    settings = resolve(teacher)
    journal = Path(output).with_suffix("").with_suffix(".calls.jsonl")
    asked = [window for _, window in read_jsonl(windows)]

    wanted = {passage["id"] for window in asked for passage in window["passages"]}

    async def work() -> list[tuple[CallRecord, list[int]]]:
        with open_passages(passages, wanted) as texts, Journal(journal) as calls:
            async with teacher.backend.connect(settings.asked_model(model), engine_owner) as connection:
                caller = Caller(settings, connection, calls)
                return await asyncio.gather(*(_ask(caller, window, texts) for window in asked))

    def taught() -> Iterator[dict[str, Any]]:
        for window, (record, order) in zip(asked, run_interruptible(work(), str(journal)), strict=True):
            if record.outcome != Outcome.OK:
                counts[f"left out: outcome {record.outcome}"] += 1
            elif min_agreement is not None and (agreement := ndcg(window, order)) < min_agreement:
                counts["left out: disagrees with the judgments"] += 1
                log.info("%s: nDCG %.3f by the judgments", window["id"], agreement)
            else:
                yield dict(window) | {"answer": record.text}

    _write(taught(), output, facts, counts)


async def _ask(caller: Caller, window: Window, texts: Mapping[str, str]) -> tuple[CallRecord, list[int]]:
    """The record of a window's call, and the order of window positions (from 0) in its answer."""
    docids = [passage["id"] for passage in window["passages"]]
    record, answer = await caller.call(window["id"], 0, window["query"], docids, texts, 0, 0)
    return record, [position for group in answer.complete(len(docids)) for position in group]


def ndcg(window: Window, order: list[int]) -> float:
    """nDCG of an order of window positions (from 0); 1 if no passage of the window is judged relevant."""
    gains = [passage["grade"] or 0 for passage in window["passages"]]
    ideal = sum(gain / log2(rank + 1) for rank, gain in enumerate(sorted(gains, reverse=True), 1))
    gained = sum(gains[position] / log2(rank + 1) for rank, position in enumerate(order, 1))
    return gained / ideal if ideal else 1.0


def written(order: list[int]) -> str:
    """An order of window positions (from 0) in the form in which models write it: `[2] > [1]`."""
    return " > ".join(f"[{position + 1}]" for position in order)


def _write(examples: Iterator[dict[str, Any]], output: str | Path, facts: str | Path, counts: Counter[str]) -> None:
    with atomic_write(output) as file:
        for example in examples:
            counts[example["split"]] += 1
            file.write(json.dumps(example, ensure_ascii=False) + "\n")
        if not counts["train"]:
            raise RankkError(f"{output}: no example is left: {dict(counts)}")
    write_json(facts, dict(sorted(counts.items())))
    log.info("%s: %s", output, dict(counts))
