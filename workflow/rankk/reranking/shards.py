"""A cell's queries over several jobs, and their results as one."""

import csv
import heapq
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rankk.io.files import atomic_write, write_json
from rankk.io.trec import Run, read_run, write_run
from rankk.llm.journal import Journal, read_journal
from rankk.reranking.calls import CALLS
from rankk.reranking.types import Strategy

SUMMED = ("queries", "queries_changed", "seconds")
SUMMED_OF_CALLS = ("asked", "from_journal", "budget_fired", "prompt_tokens", "output_tokens")


def members(first_stage: Run, strategy: Strategy, depth: int, shards: int) -> list[list[str]]:
    """Query ids of each shard: the same calls for all, as nearly as whole queries allow, in the run's order.

    Longest first into the shard that has least; shards may be empty where there are fewer queries.
    """
    work = {qid: strategy.calls(min(depth, len(hits))) for qid, hits in first_stage.items()}
    heap = [(0, number) for number in range(shards)]
    chosen: dict[str, int] = {}
    for qid in sorted(work, key=lambda qid: -work[qid]):
        load, number = heapq.heappop(heap)
        chosen[qid] = number
        heapq.heappush(heap, (load + work[qid], number))
    return [[qid for qid in first_stage if chosen[qid] == number] for number in range(shards)]


def merge(parts: Sequence[str], output: str, first_stage: str) -> None:
    """Join shards (runs, with calls, journal and manifest beside them) into the run `output` and what is beside it.

    Run and calls are those of the cell in one piece; in the manifest counts, tokens and seconds are added up.
    """
    base = Path(output).with_suffix("")
    bases = [Path(part).with_suffix("") for part in parts]
    found = {qid: hits for part in parts for qid, hits in read_run(part).items()}
    order = {qid: place for place, qid in enumerate(read_run(first_stage))}
    with Journal(Path(f"{base}.calls.jsonl")) as journal:
        for part in bases:
            for record in read_journal(f"{part}.calls.jsonl"):
                if journal.get(record["key"]) is None:
                    journal.append(record)
    rows: list[dict[str, str]] = []
    for part in bases:
        with Path(f"{part}.calls.csv").open(encoding="utf-8", newline="") as lines:
            rows += csv.DictReader(lines)
    with atomic_write(f"{base}.calls.csv") as file:
        table = csv.DictWriter(file, CALLS, lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(rows, key=lambda row: (order[row["qid"]], int(row["call"]))))
    manifests = [json.loads(Path(f"{part}.json").read_text(encoding="utf-8")) for part in bases]
    write_json(f"{base}.json", joined(manifests))
    write_run(output, {qid: found[qid] for qid in order if qid in found}, base.name)


def joined(manifests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One manifest: the first one's facts, with counts, tokens and seconds of all."""
    whole, calls = dict(manifests[0]), dict(manifests[0]["calls"])
    whole |= {name: round(sum(manifest[name] for manifest in manifests), 3) for name in SUMMED}
    whole["engine_start_seconds"] = round(sum(m.get("engine_start_seconds", 0.0) for m in manifests), 3)
    calls |= {name: sum(manifest["calls"][name] for manifest in manifests) for name in SUMMED_OF_CALLS}
    for name in ("outcomes", "repairs"):
        calls[name] = dict(sum((Counter(manifest["calls"][name]) for manifest in manifests), Counter()))
    total = sum(calls["outcomes"].values())
    usable = sum(m["calls"]["usable_share"] * sum(m["calls"]["outcomes"].values()) for m in manifests)
    calls["usable_share"] = round(usable / total, 6) if total else 1.0
    return whole | {"calls": calls, "shards": len(manifests)}
