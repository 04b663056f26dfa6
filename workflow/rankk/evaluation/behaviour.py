"""What models did beside their effectiveness: calls, movement of relevant passages, seconds and memory."""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankk import paths
from rankk.io.trec import read_qrels, read_run
from rankk.paths import Cell
from rankk.reranking.tally import CALLS, read_calls

if TYPE_CHECKING:
    import pandas as pd

RELEVANT = 1
"""Grade from which a passage counts as relevant where its way through the ranks is followed."""
MOVED_BEYOND = 100
"""Ranks below this one are not followed: reranking does not reach them."""


def calls(cells: Iterable[Cell]) -> "pd.DataFrame":
    """One row a call: cell, query, outcome, tokens, seconds, `size` of the window.

    `rank` is the first-stage rank of the window's best passage, `first` the place in the window of the passage that the
    answer puts first, `thought_tokens` the output's share that is reasoning, by characters: engines count the whole.
    """
    import pandas as pd

    tables = []
    for cell in cells:
        table = pd.DataFrame(map(asdict, read_calls(cell.calls)), columns=CALLS)
        table["thought_tokens"] = (table["output_tokens"] * table["thought_share"]).round()
        for number, (name, value) in enumerate(asdict(cell).items()):
            table.insert(number, name, value)
        tables.append(table.drop(columns=["window", "key", "thought_share", "list_size"]))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=CALL_COLUMNS)


CALL_COLUMNS = [
    *("collection", "language", "retriever", "reranker", "qid", "call", "sample", "outcome", "repairs"),
    *(
        "finish_reason",
        "prompt_tokens",
        "output_tokens",
        "seconds",
        "budget_fired",
        "first",
        "rank",
        "thought_tokens",
        "size",
    ),
]


def movement(cells: Iterable[Cell]) -> "pd.DataFrame":
    """One row a cell and relevant passage in the first stage's top 100: its grade, its rank before and after."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for cell in cells:
        qrels = read_qrels(paths.qrels(cell.collection))
        after = read_run(cell.run)
        for qid, hits in read_run(cell.first_stage.run).items():
            ranks = {hit.docid: rank for rank, hit in enumerate(after[qid], 1)}
            rows += [
                asdict(cell)
                | {"qid": qid, "docid": hit.docid, "grade": grade, "before": rank, "after": ranks[hit.docid]}
                for rank, hit in enumerate(hits[:MOVED_BEYOND], 1)
                if (grade := qrels.get(qid, {}).get(hit.docid, 0)) >= RELEVANT
            ]
    return pd.DataFrame(rows, columns=[*asdict(Cell("", "", "")), "qid", "docid", "grade", "before", "after"])


def resources(jobs: Mapping[str, str], cells: Iterable[Cell]) -> "pd.DataFrame":
    """One row a job: stage, seconds, peak memory (MB) and, of reranked cells, what the manifest adds.

    `jobs`: benchmark file by "stage: what", for every job of the experiment that left one.
    """
    import pandas as pd

    manifests = {cell.run: json.loads(Path(cell.manifest).read_text(encoding="utf-8")) for cell in cells}
    rows = []
    for name, file in jobs.items():
        if not Path(file).is_file():
            continue
        stage, _, what = name.partition(": ")
        with Path(file).open(encoding="utf-8", newline="") as lines:
            measured = next(csv.DictReader(lines, delimiter="\t"))
        row: dict[str, Any] = {"stage": stage, "what": what, "seconds": float(measured["s"])}
        row["peak_memory_mb"] = _number(measured["max_rss"])
        rows.append(row | (spent(manifests[what]) if what in manifests else {}))
    return pd.DataFrame(rows, columns=RESOURCES)


RESOURCES = [
    *("stage", "what", "seconds", "peak_memory_mb", "engine_start_seconds", "rerank_seconds", "gpus", "gpu_seconds"),
    *("calls", "prompt_tokens", "output_tokens", "tokens_per_second"),
]


def spent(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a reranked cell cost, from its manifest."""
    calls, engine, seconds = manifest["calls"], manifest["reranker"]["engine"], manifest["seconds"]
    gpus = engine["tensor_parallel"] * engine["data_parallel"] if manifest["gpus"] else 0
    return {
        "engine_start_seconds": manifest.get("engine_start_seconds", 0.0),
        "rerank_seconds": seconds,
        "gpus": gpus,
        "gpu_seconds": gpus * seconds,
        "calls": sum(calls["outcomes"].values()),
        "prompt_tokens": calls["prompt_tokens"],
        "output_tokens": calls["output_tokens"],
        "tokens_per_second": calls["output_tokens"] / seconds if seconds else 0.0,
    }


def _number(text: str) -> float | None:
    """A benchmark's value; Snakemake writes NA for jobs too short to be sampled."""
    try:
        return float(text)
    except ValueError:
        return None
