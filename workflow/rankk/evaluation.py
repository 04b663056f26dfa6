"""Effectiveness of runs: ir_measures' measures per query and on average over the topic list.

A judged query that a run does not hold counts 0 and is reported; a query without judgments counts nowhere.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankk.errors import RankkError
from rankk.files import atomic_write
from rankk.grid import Cell
from rankk.trec import Hit, read_qrels, read_queries, read_run

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("rankk")

CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 0

PerQuery = dict[str, dict[str, float]]
"""Value by measure and query id."""


def parse_measures(names: Iterable[str]) -> list[Any]:
    """ir_measures' measures. RankkError names one that it does not know."""
    import ir_measures

    measures = []
    for name in names:
        try:
            measures.append(ir_measures.parse_measure(name))
        except (NameError, ValueError, TypeError) as error:
            raise RankkError(f"measure {name!r}: ir_measures does not know it ({error}); e.g. nDCG@10, R@100") from None
    return measures


def per_query(
    run: Mapping[str, Sequence[Hit]],
    qrels: Mapping[str, Mapping[str, int]],
    measures: Sequence[str],
    topics: Iterable[str],
) -> PerQuery:
    """Values for every topic with judgments, in the topics' order; 0 where the run lacks the topic."""
    import ir_measures

    judged = [qid for qid in topics if qid in qrels]
    if not judged:
        raise RankkError("none of the topics has judgments: are run, queries and qrels of one collection?")
    parsed = parse_measures(measures)
    values: PerQuery = {str(measure): dict.fromkeys(judged, 0.0) for measure in parsed}
    scored = {qid: {hit.docid: hit.score for hit in run[qid]} for qid in judged if run.get(qid)}
    known = {qid: qrels[qid] for qid in judged}
    for metric in ir_measures.iter_calc(parsed, known, scored):
        values[str(metric.measure)][metric.query_id] = metric.value
    return values


def experiment(
    cells: Sequence[Cell],
    *,
    measures: Mapping[str, Sequence[str]],
    baselines: Mapping[Cell, Cell],
    paths: Mapping[str, Any],
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Summary and per-query table of an experiment; `paths` gives qrels(collection) and queries(collection, language).

    Summary: one row a cell and measure, with a bootstrap interval of the mean, and against the cell's baseline
    the relative gain and the p-value of a paired t-test.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    summary: list[dict[str, Any]] = []
    values: dict[Cell, PerQuery] = {}
    for cell in cells:
        topics = read_queries(paths["queries"](cell.collection, cell.language))
        qrels = read_qrels(paths["qrels"](cell.collection))
        run = read_run(cell.run)
        values[cell] = per_query(run, qrels, measures[cell.collection], topics)
        where = {"collection": cell.collection, "language": cell.language, "retriever": cell.retriever}
        where["reranker"] = cell.reranker
        for measure, by_query in values[cell].items():
            rows += [where | {"measure": measure, "qid": qid, "value": value} for qid, value in by_query.items()]
            missing = [qid for qid in by_query if not run.get(qid)]
            summary.append(where | {"measure": measure} | mean_of(by_query) | {"missing": len(missing)})
        if missing:
            log.warning(
                "%s: %d judged queries are not in the run and count 0: %s",
                cell,
                len(missing),
                ", ".join(missing[:5]),
            )
        for row in summary[-len(values[cell]) :]:
            if cell in baselines:
                row |= {"baseline": baselines[cell].reranker}
                row |= against(values[cell][row["measure"]], values[baselines[cell]][row["measure"]])
            row |= cost_of(cell)
    return pd.DataFrame(summary), pd.DataFrame(rows)


def mean_of(by_query: Mapping[str, float]) -> dict[str, float | int]:
    """Mean over queries with its bootstrap interval (percentile, 95 %)."""
    import numpy as np
    from scipy.stats import bootstrap

    sample = np.fromiter(by_query.values(), dtype=float)
    low = high = float(sample.mean())
    if len(sample) > 1 and np.ptp(sample) > 0:
        interval = bootstrap(
            (sample,),
            np.mean,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=SEED,
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
    return {"value": float(sample.mean()), "low": low, "high": high, "queries": len(sample)}


def against(by_query: Mapping[str, float], baseline: Mapping[str, float]) -> dict[str, float]:
    """Relative gain of the mean over the baseline's, and the p-value of a paired t-test (1 where nothing differs)."""
    import numpy as np
    from scipy.stats import ttest_rel

    ours = np.fromiter(by_query.values(), dtype=float)
    theirs = np.fromiter((baseline[qid] for qid in by_query), dtype=float)
    gain = ours.mean() / theirs.mean() - 1 if theirs.mean() else float("nan")
    p = float(ttest_rel(ours, theirs).pvalue) if len(ours) > 1 and (ours != theirs).any() else 1.0
    return {"gain": float(gain), "p_value": p}


def cost_of(cell: Cell) -> dict[str, Any]:
    """What a reranked cell's manifest says of its calls."""
    if not cell.reranked:
        return {}
    manifest = json.loads(Path(cell.manifest).read_text(encoding="utf-8"))
    calls = manifest["calls"]
    return {
        "calls": sum(calls["outcomes"].values()),
        "ok_share": calls["usable_share"],
        "output_tokens": calls["output_tokens"],
        "seconds": manifest["seconds"],
    }


def write_csv(table: "pd.DataFrame", path: str | Path) -> None:
    """Write a table atomically; floats in full, so that everything can be drawn from it again."""
    with atomic_write(path) as file:
        table.to_csv(file, index=False, float_format="%.6f")
