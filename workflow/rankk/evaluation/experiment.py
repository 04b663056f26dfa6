"""Evaluation of an experiment: effectiveness of the cells, comparisons, and statistics of the models' answers.

Cells are taken one first stage at a time, and each file is parsed once: memory grows with the largest run, not with
the number of cells.
"""

import logging
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

from rankk.evaluation.causes import explain
from rankk.evaluation.costs import RESOURCES, resources, spent
from rankk.evaluation.measures import JUDGED, is_count, parse_measure, per_query, relevance_level
from rankk.evaluation.rows import Table, tables
from rankk.evaluation.statistics import compare, holm, mean_interval
from rankk.io.files import read_json
from rankk.io.runs import Hit, Run
from rankk.io.trec import read_qrels, read_queries, read_run
from rankk.paths import Cell
from rankk.progress import bar
from rankk.reranking.tally import read_calls

if TYPE_CHECKING:
    import numpy as np

    Values = dict[str, np.ndarray[Any, np.dtype[np.float64]]]

log = logging.getLogger("rankk")

DECLARED, PAIRS = "baseline", "pairs"
"""Families of comparisons. Baseline: every cell with its declared baseline, the hypotheses of the experiment. Pairs:
all other pairs of cells with the same first stage. Holm's correction is over all comparisons of a family by their
collections' first measures together, whichever these are, and over those by each other measure. Every comparison is
corrected once."""

MOVED_BEYOND = 100
"""Relevant passages are followed down to this rank."""

CELL = tuple(field.name for field in fields(Cell))
COLUMNS: dict[str, tuple[str, ...]] = {
    "summary": (
        *(*CELL, "measure", "aggregate", "value", "low", "high", "queries", "missing", "judged_at_10"),
        *("baseline", "gain", "gain_low", "gain_high", "p_t", "p_t_holm"),
        *("calls", "usable_share", "output_tokens", "seconds", "gpu_seconds", "queries_reranked"),
    ),
    "per_query": (*CELL, "measure", "qid", "value"),
    "significance": (
        *("family", *CELL, "baseline", "measure", "queries", "difference", "difference_low", "difference_high"),
        *("gain", "gain_low", "gain_high", "wins", "losses", "effect_size"),
        *("p_t", "p_t_holm", "p_randomization", "p_randomization_holm"),
    ),
    "calls": (
        *(*CELL, "qid", "call", "sample", "outcome", "repairs", "finish_reason", "prompt_tokens", "output_tokens"),
        *("thought_tokens", "seconds", "budget_fired", "first", "rank", "size"),
    ),
    "movement": (*CELL, "qid", "docid", "grade", "before", "after"),
    "causes": (*CELL, "qid", "cause", "gain", "docid", "call"),
    "resources": RESOURCES,
}
"""Columns of every table of an experiment's results."""


@dataclass(frozen=True)
class CellFiles:
    """A cell and the files that it is evaluated from; calls and manifest belong to reranked cells."""

    cell: Cell
    run: str
    queries: str
    qrels: str
    calls: str = ""
    manifest: str = ""


def evaluate(
    cells: Sequence[CellFiles],
    measures: Mapping[str, Sequence[str]],
    baselines: Mapping[Cell, Cell],
    jobs: Mapping[str, str],
    outputs: Mapping[str, str],
) -> None:
    """Write the tables `COLUMNS` to `outputs` (path by table).

    `measures` by collection; `jobs`: benchmark file by "stage: what". A row is, in summary: a cell and measure;
    per_query: a cell, measure and query; significance: a comparison and measure; calls: a call; movement: a cell and
    relevant passage in the first stage's top 100; causes: a reranked cell and query, for the
    collection's first measure; resources: a job.
    """
    stages: dict[Cell, list[CellFiles]] = {}
    for files in sorted(cells, key=lambda files: files.cell.reranked):
        stages.setdefault(files.cell.first_stage, []).append(files)
    summaries: dict[Cell, list[dict[str, Any]]] = {}
    compared: list[dict[str, Any]] = []
    with tables(outputs, COLUMNS) as written, bar(what="evaluate", unit="cells", total=len(cells)) as progress:
        for members in stages.values():
            stage = Stage(measures[members[0].cell.collection], written)
            for files in members:
                summaries[files.cell] = list(stage.evaluate(files))
                progress.update()
            compared += comparisons(stage.values, baselines)
        _correct(compared, {name: str(parse_measure(chosen[0])) for name, chosen in measures.items()})
        for row in compared:
            written["significance"].add(row)
        declared = {(*_key(row), row["measure"]): row for row in compared if row["family"] == DECLARED}
        for files in cells:
            for row in summaries[files.cell]:
                written["summary"].add(declared.get((*_key(row), row["measure"]), {}) | row)
        for row in resources(jobs, {files.run: files.manifest for files in cells if files.manifest}):
            written["resources"].add(row)


class Stage:
    """Evaluates the cells of one first stage, which comes first; `values` holds their values per query, aligned."""

    def __init__(self, measures: Sequence[str], written: Mapping[str, Table]) -> None:
        self.values: dict[Cell, Values] = {}
        self._measures, self._written = measures, written
        self._level = relevance_level(measures)
        self._gains_level = relevance_level(measures[:1])
        self._lower_level = min(self._level, self._gains_level)
        self._ranks: dict[str, dict[str, int]] = {}
        self._first: dict[str, float] = {}

    def evaluate(self, files: CellFiles) -> Iterator[dict[str, Any]]:
        """Write a cell's values, calls, movement and causes; yields its rows of the summary."""
        import numpy as np

        cell, run = asdict(files.cell), read_run(files.run)
        qrels, topics = _qrels(files.qrels), _queries(files.queries)
        by_measure = per_query(run, qrels, [*self._measures, JUDGED], topics)
        judged = by_measure[JUDGED] if JUDGED in self._measures else by_measure.pop(JUDGED)
        first, *_ = by_measure.values()
        if files.cell.reranked:
            self._describe(files, run, qrels, first)
        else:
            relevant = self._relevant(qrels, self._lower_level)
            self._ranks, self._first = {qid: _ranked(run[qid], relevant.get(qid, {})) for qid in run}, first
        missing = [qid for qid in judged if qid not in run]
        if missing:
            log.warning(
                "%s: %d judged queries missing, counted 0: %s", files.cell, len(missing), ", ".join(missing[:5])
            )
        facts = {"missing": len(missing), "judged_at_10": sum(judged.values()) / len(judged)} | _cost(files)
        self.values[files.cell] = {
            name: np.fromiter(by_query.values(), dtype=float) for name, by_query in by_measure.items()
        }
        for measure, by_query in by_measure.items():
            for qid, value in by_query.items():
                self._written["per_query"].add(cell | {"measure": measure, "qid": qid, "value": value})
            yield cell | {"measure": measure} | overall(measure, self.values[files.cell][measure]) | facts

    def _describe(
        self, files: CellFiles, run: Run, qrels: Mapping[str, Mapping[str, int]], values: Mapping[str, float]
    ) -> None:
        """Write the calls of a reranked cell, the movement of relevant passages, and the causes of losses."""
        cell = asdict(files.cell)
        calls: dict[str, list[Any]] = {}
        for call in read_calls(files.calls):
            calls.setdefault(call.qid, []).append(call)
            thought = round((call.output_tokens or 0) * call.thought_share)
            row = {name: getattr(call, name, None) for name in COLUMNS["calls"]}
            self._written["calls"].add(row | cell | {"thought_tokens": thought})
        relevant = self._relevant(qrels, self._lower_level)
        ranks = {qid: _ranked(run[qid], relevant.get(qid, {})) for qid in run}
        for qid, before in self._ranks.items():
            for docid in sorted(before, key=before.__getitem__):
                if before[docid] <= MOVED_BEYOND and relevant[qid][docid] >= self._level:
                    moved = {"grade": relevant[qid][docid], "before": before[docid], "after": ranks[qid][docid]}
                    self._written["movement"].add(cell | {"qid": qid, "docid": docid} | moved)
        gaining = self._relevant(qrels, self._gains_level)
        for qid, value in values.items():
            gain, before, after = value - self._first[qid], self._ranks.get(qid, {}), ranks.get(qid, {})
            explanation = explain(gain, before, after, gaining[qid], calls.get(qid, []))
            self._written["causes"].add(cell | {"qid": qid, "gain": gain} | explanation._asdict())

    def _relevant(self, qrels: Mapping[str, Mapping[str, int]], level: int) -> dict[str, dict[str, int]]:
        """Grades of the passages that are relevant from a level on, by query."""
        return {
            qid: {docid: grade for docid, grade in grades.items() if grade >= level} for qid, grades in qrels.items()
        }


def _ranked(hits: Iterable[Hit], among: Container[str]) -> dict[str, int]:
    """Ranks from 1 of some passages, by their ids."""
    return {hit.docid: rank for rank, hit in enumerate(hits, 1) if hit.docid in among}


@lru_cache(maxsize=2)
def _qrels(path: str) -> dict[str, dict[str, int]]:
    return read_qrels(path)


@lru_cache(maxsize=8)
def _queries(path: str) -> list[str]:
    return list(read_queries(path))


def overall(measure: str, values: "np.ndarray[Any, np.dtype[np.float64]]") -> dict[str, Any]:
    """A measure's value over all queries, how it is aggregated, and the bootstrap interval of a mean."""
    if is_count(measure):
        return {"aggregate": "sum", "value": float(values.sum()), "queries": len(values)}
    low, high = mean_interval(values)
    return {"aggregate": "mean", "value": float(values.mean()), "low": low, "high": high, "queries": len(values)}


def comparisons(values: "Mapping[Cell, Values]", baselines: Mapping[Cell, Cell]) -> Iterator[dict[str, Any]]:
    """Every comparison of cells with the same first stage, uncorrected; each pair once."""
    declared = [(cell, baselines[cell]) for cell in values if cell in baselines]
    known = {frozenset(pair) for pair in declared}
    pairs = [(b, a) for a, b in combinations(values, 2) if frozenset((a, b)) not in known]
    for family, members in ((DECLARED, declared), (PAIRS, pairs)):
        for cell, other in members:
            for measure, ours in values[cell].items():
                where = {"family": family, "baseline": other.reranker, "measure": measure}
                yield asdict(cell) | where | compare(ours, values[other][measure])


def _correct(compared: Sequence[dict[str, Any]], first: Mapping[str, str]) -> None:
    """Add Holm's correction to every comparison. `first`: a collection's first measure."""
    families: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for row in compared:
        measure = None if row["measure"] == first[row["collection"]] else row["measure"]
        families.setdefault((row["family"], measure), []).append(row)
    for rows in families.values():
        for test in ("p_t", "p_randomization"):
            for row, p in zip(rows, holm([row[test] for row in rows]), strict=True):
                row[f"{test}_holm"] = p


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in CELL)


def _cost(files: CellFiles) -> dict[str, Any]:
    """Counts of calls in a reranked cell's manifest; empty for a first stage."""
    if not files.manifest:
        return {}
    manifest = read_json(files.manifest)
    cost = spent(manifest)
    return {
        "calls": cost["calls"],
        "usable_share": manifest["calls"]["usable_share"],
        "output_tokens": cost["output_tokens"],
        "seconds": cost["rerank_seconds"],
        "gpu_seconds": cost["gpu_seconds"],
        "queries_reranked": manifest["queries"],
    }
