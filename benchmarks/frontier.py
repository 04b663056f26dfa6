"""Effectiveness against calls and tokens for all strategies, with a real model on TREC DL 2019's published lists.

RANKK_DATA=… python benchmarks/frontier.py --reranker '{"preset": "listwise", "model": FOLDER, "window": 10, …}'

The settings may hold those of any strategy; each strategy gets its own. `--settings '{"topdown": {"top_k": 5}}'` gives
further ones to one strategy. The strategies share one engine. Cells that stand in the folder of an earlier call are not
made again, and the table has a row for each of them.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from common import report
from judge import DEPTH, MEASURE, Lists, Values, data, lists
from variants import BASELINE, VARIANTS, label

from rankk.config.reranker import Reranker
from rankk.config.validation import validate_reranker
from rankk.evaluation.statistics import mean_interval
from rankk.io.trec import read_run, write_run
from rankk.reranking.cell import rerank_cell
from rankk.reranking.outputs import RunFiles
from rankk.reranking.strategies.base import STRATEGIES
from rankk.reranking.tally import read_calls

Variant = tuple[str, dict[str, Any]]
"""A strategy's name and settings other than those given for all."""


def listwise() -> list[str]:
    """Names of the strategies that ask listwise models."""
    return [name for name, strategy in STRATEGIES.all().items() if strategy.kind == "listwise"]


def settings_of(variant: Variant, given: dict[str, Any], further: dict[str, dict[str, Any]]) -> Reranker:
    """The reranker of a variant, without the given settings of other strategies."""
    name, own = variant[0], further.get(variant[0], {}) | variant[1]
    known = Reranker.model_fields.keys() | STRATEGIES.get(name).model_fields.keys()
    others = {key for strategy in STRATEGIES.all().values() for key in strategy.model_fields} - known
    settings = {key: value for key, value in given.items() if key not in others} | own | {"strategy": name}
    if settings.get("samples", 1) > 1:
        settings |= {"shuffle": True}
    return validate_reranker({"depth": DEPTH} | settings, f"strategy {name}")


def cell_of(folder: Path, variant: Variant) -> RunFiles:
    """Files of a variant's cell."""
    name, own = variant
    return RunFiles.of(folder / f"{'-'.join([name, *label(own).split()])}.trec")


def make(reranker: Reranker, output: Path, first: Path, owner: int) -> None:
    """One cell."""
    rerank_cell(
        reranker,
        run=first,
        queries=data() / "queries.eng.tsv",
        passages=data() / "passages.jsonl.gz",
        output=output,
        engine_owner=owner,
    )


def row(variant: Variant, values: Values, first: Values, baseline: Values | None) -> dict[str, object]:
    """Effectiveness of a variant, and differences from the first stage and from the baseline, with intervals."""
    low, high = mean_interval(values)
    table: dict[str, object] = {"strategy": variant[0], "settings": label(variant[1])}
    table |= {MEASURE: float(values.mean()), "low": float(low), "high": float(high)}
    for key, other in (("difference", first), (f"to_{BASELINE}", baseline)):
        difference = values - other if other is not None else np.full(len(values), np.nan)
        low, high = mean_interval(difference)
        table |= {key: float(difference.mean()), f"{key}_low": float(low), f"{key}_high": float(high)}
    return table


def costs(cell: RunFiles, reranker: Reranker, given: Lists) -> dict[str, object]:
    """Means over queries, and the share of usable answers. The longest chain is the strategy's or all calls."""
    counts, queries = json.loads(cell.manifest.read_text())["calls"], len(given.run)
    made = dict.fromkeys(given.run, 0)
    for call in read_calls(cell.calls):
        made[call.qid] += 1
    strategy, samples = reranker.strategy, reranker.samples
    chains = [
        min(made[qid] / samples, strategy.longest_chain(min(len(hits), reranker.depth)))
        for qid, hits in given.run.items()
    ]
    return {
        "calls": sum(made.values()) / queries,
        "prompt_tokens": counts["prompt_tokens"] / queries,
        "output_tokens": counts["output_tokens"] / queries,
        "longest_chain": sum(chains) / queries,
        "usable": counts["usable_share"],
        "queries": queries,
    }


def rows(given: Lists, cells: dict[str, tuple[Variant, RunFiles, Reranker]]) -> Iterator[dict[str, object]]:
    """The first stage, then every cell that is there."""
    first = given.ndcg(given.run)
    there = {key: cell for key, cell in cells.items() if cell[1].run.exists()}
    values = {key: given.ndcg(read_run(files.run)) for key, (_, files, _) in there.items()}
    baseline = values.get(BASELINE)
    nothing = dict.fromkeys(("calls", "prompt_tokens", "output_tokens", "longest_chain"), 0.0)
    yield row(("first stage", {}), first, first, baseline) | nothing | {"usable": 1.0, "queries": len(given.run)}
    for key, (variant, files, reranker) in there.items():
        yield row(variant, values[key], first, baseline) | costs(files, reranker, given)


def main(arguments: Sequence[str] | None = None) -> None:
    """Rerank with every strategy; print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reranker", type=json.loads, required=True, help="settings as JSON")
    parser.add_argument("--settings", type=json.loads, default={}, help="further settings by strategy, as JSON")
    parser.add_argument("--folder", type=Path, required=True, help="where the cells are kept")
    parser.add_argument("--retriever", default="BM25", help="whose published lists are reranked")
    parser.add_argument("--only", nargs="+", choices=listwise(), default=listwise(), metavar="STRATEGY")
    parser.add_argument("--variants", action="store_true", help="also with settings that spend less and more")
    parser.add_argument("--at_once", type=int, default=1, help="strategies run beside each other, in processes")
    parser.add_argument("--queries", type=int, help="only the first ones")
    options = parser.parse_args(arguments)
    if unknown := options.settings.keys() - set(listwise()):
        parser.error(f"--settings: {', '.join(unknown)}: expected some of {', '.join(listwise())}")
    given = lists(options.retriever)
    given = Lists(dict(islice(given.run.items(), options.queries)), given.qrels)
    options.folder.mkdir(parents=True, exist_ok=True)
    write_run(first := options.folder / "first.trec", given.run, options.retriever)
    variants = [(name, own) for name in listwise() for own in (VARIANTS.get(name, [{}]) if options.variants else [{}])]
    files = [cell_of(options.folder, variant) for variant in variants]
    cells = {
        f.name: (v, f, settings_of(v, options.reranker, options.settings)) for v, f in zip(variants, files, strict=True)
    }
    failed = False
    with ProcessPoolExecutor(options.at_once, get_context("spawn")) as pool:
        work = {
            pool.submit(make, reranker, files.run, first, os.getpid()): name
            for name, (variant, files, reranker) in cells.items()
            if variant[0] in options.only and not files.run.exists()
        }
        for done in as_completed(work):
            failed |= done.exception() is not None
            print(work[done], done.exception() or "done", flush=True)
    report("frontier", list(rows(given, cells)))
    if failed:
        sys.exit("some strategies failed: see above")


if __name__ == "__main__":
    main()
