"""Distribution of a cell's queries over several jobs, and merging of their results."""

import heapq
from collections.abc import Sequence
from typing import Any

from rankk.io.files import read_json, write_json
from rankk.io.runs import Run
from rankk.io.trec import read_run, write_run
from rankk.llm.journal import Journal, read_journal
from rankk.reranking.outputs import RunFiles, one_word
from rankk.reranking.strategies.base import Strategy
from rankk.reranking.tally import Call, counts, read_calls, write_calls

SUMMED = ("queries", "queries_changed", "seconds", "engine_start_seconds")


def members(first_stage: Run, strategy: Strategy, depth: int, shards: int) -> list[list[str]]:
    """Query ids of each shard: the same calls for all, as nearly as whole queries allow, in the run's order.

    The query with most calls goes first into the shard with the fewest calls; shards may be empty.
    """
    work = {qid: strategy.calls(min(depth, len(hits))) for qid, hits in first_stage.items()}
    heap = [(0, number) for number in range(shards)]
    chosen: dict[str, int] = {}
    for qid in sorted(work, key=lambda qid: -work[qid]):
        load, number = heapq.heappop(heap)
        chosen[qid] = number
        heapq.heappush(heap, (load + work[qid], number))
    return [[qid for qid in first_stage if chosen[qid] == number] for number in range(shards)]


def merge(parts: Sequence[str], output: str, first_stage: str, tag: str | None = None) -> None:
    """Join shards (runs, with the files beside them) into the run `output` and the files beside it.

    Run and calls are those of the cell in one piece; in the manifest counts, tokens and seconds are added up.
    """
    files, shards = RunFiles.of(output), [RunFiles.of(part) for part in parts]
    hits = {qid: hits for shard in shards for qid, hits in read_run(shard.run, allow_empty=True).items()}
    order = {qid: position for position, qid in enumerate(read_run(first_stage))}
    with Journal(files.journal) as journal:
        for shard in shards:
            for record in read_journal(shard.journal):
                if journal.get(record.key) is None:
                    journal.append(record)
    calls = [call for shard in shards for call in read_calls(shard.calls)]
    write_calls(files.calls, sorted(calls, key=lambda call: (order[call.qid], call.call)))
    manifests = [read_json(shard.manifest) for shard in shards]
    write_json(files.manifest, joined(manifests, calls) | {"run": files.run.name})
    write_run(files.run, {qid: hits[qid] for qid in order if qid in hits}, one_word(tag or files.name))


def joined(manifests: Sequence[dict[str, Any]], calls: Sequence[Call]) -> dict[str, Any]:
    """One manifest: the first one's facts, with queries and seconds added up and all calls counted."""
    sums = {name: round(sum(manifest.get(name, 0) for manifest in manifests), 3) for name in SUMMED}
    asked, from_journal = (sum(manifest["calls"][name] for manifest in manifests) for name in ("asked", "from_journal"))
    counted = counts(calls, asked=asked, from_journal=from_journal)
    return manifests[0] | sums | {"calls": counted, "shards": len(manifests)}
