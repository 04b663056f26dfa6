"""Effect of engine options on a cell of a real model, with many queries in flight and with the last few.

python benchmarks/tail.py --run RUN --queries QUERIES --passages PASSAGES --reranker '{"preset": "listwise", …}'
"""

import argparse
import json
import os
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from common import report

from rankk.config.validation import validate_reranker
from rankk.io.files import read_jsonl
from rankk.io.runs import Run
from rankk.io.trec import read_run, write_run
from rankk.reranking.cell import rerank_cell

SHARE = 0.2
"""Share of the GPU's memory per engine, as the engines run side by side."""
VARIANTS: dict[str, dict[str, Any]] = {
    "no option": {"enable_prefix_caching": False},
    "prefix caching": {},
    "n-gram, 3 tokens": {"enable_prefix_caching": False, "speculative": {"tokens": 3}},
    "n-gram, 8 tokens": {"enable_prefix_caching": False, "speculative": {"tokens": 8}},
}

Answers = dict[tuple[str, int], str]


def measure(engine: Mapping[str, Any], queries: Run, options: argparse.Namespace) -> tuple[Answers, dict[str, Any]]:
    """Rerank these queries. Returns the answer to each call, and the manifest."""
    settings = options.reranker | {"engine": options.reranker.get("engine", {}) | engine}
    with tempfile.TemporaryDirectory() as folder:
        write_run(Path(folder, "first.trec"), queries, "first")
        output = Path(folder, "reranked", "cell.trec")
        output.parent.mkdir()
        rerank_cell(
            validate_reranker(settings, "--reranker"),
            run=Path(folder, "first.trec"),
            queries=options.queries,
            passages=options.passages,
            output=output,
            engine_owner=os.getpid(),
        )
        journal = [record for _, record in read_jsonl(output.with_suffix(".calls.jsonl")) if "text" in record]
        answers = {(record["qid"], record["call"]): record["text"] for record in journal}
        return answers, json.loads(output.with_suffix(".json").read_text())


def main() -> None:
    """Measure every variant with disjoint sets of queries, so that no prompt is asked twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("run", "queries", "passages"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--reranker", type=json.loads, required=True, help="settings as JSON")
    parser.add_argument(
        "--numbers", type=int, nargs="*", default=[8, 1, 0], help="numbers of queries; 0: all remaining queries"
    )
    options = parser.parse_args()
    run = read_run(options.run)
    rows: list[dict[str, object]] = []
    plain: dict[int, Answers] = {}
    for variant, engine in VARIANTS.items():
        left = iter(run.items())
        for number in options.numbers:
            queries = dict(islice(left, number or None))
            answers, manifest = measure(engine | {"gpu_memory_utilization": SHARE}, queries, options)
            same = [answers.get(call) == text for call, text in plain.setdefault(number, answers).items()]
            seconds = manifest["seconds"]  # while calls were in flight, without the engine's start
            rows.append(
                {
                    "variant": variant,
                    "queries": len(queries),
                    "calls": len(answers),
                    "seconds": seconds,
                    "output tokens a second": manifest["calls"]["output_tokens"] / seconds,
                    "same answers": sum(same) / len(same),
                }
            )
            print(rows[-1], flush=True)
    report("tail", rows)


if __name__ == "__main__":
    main()
