"""All cells of an experiment: summary, values per query, significance."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankk import paths
from rankk.evaluation.behaviour import spent
from rankk.evaluation.measures import JUDGED, PerQuery, is_count, per_query
from rankk.evaluation.statistics import compare, holm, mean_interval
from rankk.io.trec import read_qrels, read_queries, read_run
from rankk.paths import Cell
from rankk.progress import bar

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("rankk")

Baselines = Mapping[Cell, Cell]
DECLARED, PAIRS = "baseline", "pairs"
"""Families of comparisons, each corrected by itself (Holm) for each measure. Baseline: every cell with its declared
baseline, the hypotheses of the experiment. Pairs: all other pairs of cells with the same first stage. Every comparison
belongs to one family and so has one corrected p."""

SUMMARY = [
    *("collection", "language", "retriever", "reranker", "measure", "aggregate", "value", "low", "high", "queries"),
    *("missing", "judged_at_10", "baseline", "gain", "gain_low", "gain_high", "p_t", "p_t_holm"),
    *("calls", "usable_share", "output_tokens", "seconds", "gpu_seconds"),
]


def evaluate(
    cells: Sequence[Cell], measures: Mapping[str, Sequence[str]], baselines: Baselines
) -> "dict[str, pd.DataFrame]":
    """Tables by name: summary, per_query, significance.

    `measures` by collection. summary: one row a cell and measure (columns `SUMMARY`); per_query: one row a cell,
    measure and query; significance: one row a comparison and measure (columns `COMPARISON`).
    """
    import pandas as pd

    values: dict[Cell, PerQuery] = {}
    summary: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for cell in bar(cells, what="evaluate", unit="cells"):
        topics = read_queries(paths.queries(cell.collection, cell.language))
        run = read_run(cell.run)
        qrels = read_qrels(paths.qrels(cell.collection))
        found = per_query(run, qrels, [*measures[cell.collection], JUDGED], topics)
        judged = found.pop(JUDGED)
        values[cell] = found
        missing = [qid for qid in judged if not run.get(qid)]
        if missing:
            log.warning("%s: %d judged queries missing, counted 0: %s", cell, len(missing), ", ".join(missing[:5]))
        facts = {"missing": len(missing), "judged_at_10": sum(judged.values()) / len(judged)} | cost_of(cell)
        for measure, by_query in found.items():
            rows += [asdict(cell) | {"measure": measure, "qid": qid, "value": v} for qid, v in by_query.items()]
            summary.append(asdict(cell) | {"measure": measure} | overall(measure, by_query) | facts)
    compared = pd.DataFrame(comparisons(values, baselines), columns=COMPARISON)
    for family in (DECLARED, PAIRS):
        for measure in compared["measure"].unique():
            chosen = (compared["family"] == family) & (compared["measure"] == measure)
            for test in ("p_t", "p_randomization"):
                compared.loc[chosen, f"{test}_holm"] = holm(compared.loc[chosen, test].tolist())
    table = pd.DataFrame(summary)
    declared = compared[compared["family"] == DECLARED]
    gains = declared[[*CELL, "measure", "baseline", "gain", "gain_low", "gain_high", "p_t", "p_t_holm"]]
    table = table.merge(gains, on=[*CELL, "measure"], how="left").reindex(columns=SUMMARY)
    return {"summary": table, "per_query": pd.DataFrame(rows), "significance": compared}


CELL = ["collection", "language", "retriever", "reranker"]
COMPARISON = [
    *("family", *CELL, "baseline", "measure", "queries", "difference", "difference_low", "difference_high"),
    *("gain", "gain_low", "gain_high", "wins", "losses", "effect_size", "p_t", "p_t_holm"),
    *("p_randomization", "p_randomization_holm"),
]


def comparisons(values: Mapping[Cell, PerQuery], baselines: Baselines) -> Iterator[dict[str, Any]]:
    """Every comparison of both families, uncorrected."""
    import numpy as np

    stages: dict[Cell, list[Cell]] = {}
    for cell in values:
        stages.setdefault(cell.first_stage, []).append(cell)
    declared = [(cell, baselines[cell]) for cell in values if cell in baselines]
    known = {frozenset(pair) for pair in declared}
    pairs = [(b, a) for cells in stages.values() for a, b in combinations(cells, 2) if frozenset((a, b)) not in known]
    for family, members in ((DECLARED, declared), (PAIRS, pairs)):
        for cell, other in bar(members, what=f"tests, {family}", unit="comparisons"):
            for measure, by_query in values[cell].items():
                ours = np.fromiter(by_query.values(), dtype=float)
                theirs = np.fromiter((values[other][measure][qid] for qid in by_query), dtype=float)
                where = {"family": family, "baseline": other.reranker, "measure": measure}
                yield asdict(cell) | where | compare(ours, theirs)


def overall(measure: str, by_query: Mapping[str, float]) -> dict[str, Any]:
    """A measure's value over all queries, how it is aggregated, and the bootstrap interval of a mean."""
    import numpy as np

    sample = np.fromiter(by_query.values(), dtype=float)
    if is_count(measure):
        return {"aggregate": "sum", "value": float(sample.sum()), "queries": len(sample)}
    low, high = mean_interval(sample)
    return {"aggregate": "mean", "value": float(sample.mean()), "low": low, "high": high, "queries": len(sample)}


def cost_of(cell: Cell) -> dict[str, Any]:
    """What a reranked cell's manifest says of its calls; nothing for a first stage."""
    if not cell.reranked:
        return {}
    manifest = json.loads(Path(cell.manifest).read_text(encoding="utf-8"))
    cost = spent(manifest)
    return {
        "calls": cost["calls"],
        "usable_share": manifest["calls"]["usable_share"],
        "output_tokens": cost["output_tokens"],
        "seconds": cost["rerank_seconds"],
        "gpu_seconds": cost["gpu_seconds"],
    }
