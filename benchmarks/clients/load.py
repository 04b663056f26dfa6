"""The load of the comparison: measured engine speeds, queries with their lists, and lower bounds of the time."""

import heapq
import json
import random
import sys
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from common import report, words
from engine import Call, Engine

from rankk.io.runs import ranked
from rankk.io.trec import write_run
from rankk.llm.engine_config import EngineConfig
from rankk.llm.room import POLL_SECONDS, Metrics, Room
from rankk.plan import gpus
from rankk.plan.simulation import drawn_lengths

WINDOWS, DEPTH = 9, 100
MEAN, LONGEST, PROMPT = 2400, 8000, 1750
"""Tokens of an answer, largest number of tokens of an answer, and tokens of a prompt."""
FIXED = (16, 24, 32, 40, 48, 56, 64, 68, 72, 76, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 256, 512, 1024)


def speeds(gpu: str, *, fp8: bool) -> gpus.Engine:
    """Qwen2.5-32B's shape on one GPU, as measured."""
    config = EngineConfig(quantization="fp8", kv_cache_dtype="fp8") if fp8 else EngineConfig()
    return gpus.Engine(gpus.GPUS[gpu], gpus.QWEN_32B, config)


def write(folder: Path, queries: int) -> None:
    """The same lists in the forms that the clients read: 100 passages of 60 words a query."""
    draw, vocabulary = random.Random(0), words()
    passages = {f"d{number}": " ".join(draw.choices(vocabulary, k=60)) for number in range(5000)}
    lists = {f"q{number}": draw.sample(sorted(passages), DEPTH) for number in range(queries)}
    topics = {qid: f"which passage tells of query-{qid[1:]}" for qid in lists}
    write_run(folder / "run.trec", {qid: ranked(docids) for qid, docids in lists.items()}, "first")
    (folder / "queries.tsv").write_text("".join(f"{qid}\t{text}\n" for qid, text in topics.items()))
    (folder / "docs.tsv").write_text("".join(f"{docid}\t{text}\n" for docid, text in passages.items()))
    lines = (json.dumps({"id": docid, "contents": text}) + "\n" for docid, text in passages.items())
    (folder / "passages.jsonl").write_text("".join(lines))
    with (folder / "requests.jsonl").open("w") as file:
        for qid, docids in lists.items():
            candidates = [
                {"docid": docid, "score": float(DEPTH - rank), "doc": {"contents": passages[docid]}}
                for rank, docid in enumerate(docids)
            ]
            file.write(json.dumps({"query": {"text": topics[qid], "qid": qid}, "candidates": candidates}) + "\n")


def seconds(made: gpus.Engine, queries: int, limit: int | Room, poll: float = POLL_SECONDS) -> float:
    """Time of all windows with a client without overhead, for a fixed number of calls in flight or one that follows
    metrics.

    The longest remaining chain goes first. In the engine's seconds, as is `poll`.
    """
    engine, length = Engine(made, made.cache_tokens), drawn_lengths(MEAN, LONGEST)
    ready = [(-WINDOWS, query, query, 0) for query in range(queries)]
    room, fixed = (limit, 0) if isinstance(limit, Room) else (None, limit)
    under_way, sent, looked = 0, queries, poll

    def done(query: int, window: int, _: Call) -> None:
        nonlocal under_way, sent
        under_way -= 1
        sent += 1
        if room:
            room.finished()
        if window + 1 < WINDOWS:
            heapq.heappush(ready, (window + 1 - WINDOWS, sent, query, window + 1))

    while ready or under_way:
        while ready and under_way < (room.limit if room else fixed):
            _, _, query, window = heapq.heappop(ready)
            under_way += 1
            if room:
                room.sent()
            engine.submit(Call(PROMPT, round(length(query, window)), partial(done, query, window)))
        until = engine.now + (engine.wait() or 0.0)
        engine.advance(min(until, looked) if room else until)
        if room and engine.now >= looked:
            looked += poll
            usage = min(1.0, engine.context / engine.tokens)
            waiting = float(len(engine.waiting))
            room.observe(Metrics(engine.inside, waiting, usage, engine.preemptions, int(engine.tokens)))
    return engine.now


def best_fixed(made: gpus.Engine, queries: int) -> tuple[float, int]:
    """The shortest time over all fixed numbers of calls in flight, and that number (chosen in hindsight)."""
    return min((seconds(made, queries, number), number) for number in FIXED if number <= max(queries, FIXED[0]) * 1.3)


def followed(made: gpus.Engine, queries: int, poll: float = POLL_SECONDS) -> float:
    """The time of a client that follows the engine's metrics."""
    room = Room(Metrics(0, 0, 0, 0, int(made.cache_tokens)))
    room.start(PROMPT * 4, LONGEST)
    return seconds(made, queries, room, poll)


def main() -> None:
    """Compare numbers of calls in flight in virtual time, with clients without overhead."""
    rows: list[dict[str, object]] = []
    for fp8 in (False, True):
        made = speeds("h200", fp8=fp8)
        for queries in (43, 97, 194, 800):
            best, number = best_fixed(made, queries)
            times = {f"times_{fixed}": seconds(made, queries, fixed) / best for fixed in (16, 32, 64, 256)}
            row = {"engine": "h200 fp8" if fp8 else "h200 bf16", "queries": queries, "best_fixed": number}
            rows.append({**row, "seconds": best, "times_followed": followed(made, queries) / best, **times})
    report("clients-virtual", rows)


if __name__ == "__main__":
    main()
