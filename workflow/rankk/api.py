"""Reranking, evaluating and comparing in memory: `from rankk import rerank, evaluate, compare`.

Runs and judgments are mappings, or pandas data frames with PyTerrier's columns, in and out. The functions can be called
while an event loop is running (in a notebook), and need neither vLLM nor torch if a server answers the calls. As a
PyTerrier transformer:

    pt.apply.generic(lambda frame: rerank(frame, passages=texts, reranker={"preset": "rank-k", …}).to_pandas())
"""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankk.config.validation import validate_reranker
from rankk.errors import RankkError
from rankk.evaluation.measures import PerQuery, check_measures, per_query, total
from rankk.io.runs import Hit, Run
from rankk.llm.journal import Journal
from rankk.llm.tasks import run_anywhere
from rankk.reranking.cell import rerank_in_memory
from rankk.reranking.settings import resolve
from rankk.reranking.tally import Call, counts

if TYPE_CHECKING:
    import pandas as pd

Pairs = Mapping[str, Iterable[tuple[str, float]]]
"""Passage ids with scores, by query id."""
Grades = Mapping[str, Mapping[str, int]]
"""Grades by query id and passage id."""


@dataclass(frozen=True)
class RerankResult:
    """A reranked run, with its calls and their costs."""

    run: Run
    """(docno, score) pairs by query id, best first; passages beyond the depth stay behind in their order."""
    queries: Mapping[str, str]
    calls: Sequence[Call]
    """One entry per call: query, window, outcome, tokens, seconds, …"""
    seconds: float
    """Wall-clock seconds during which at least one call was in flight."""

    @property
    def outcomes(self) -> dict[str, int]:
        """Numbers of answers by outcome (ok, repaired, partial, truncated, empty, refused); outcomes without answers
        are 0."""
        return dict(counts(self.calls, asked=0, from_journal=0)["outcomes"])

    @property
    def tokens(self) -> dict[str, int]:
        """Tokens of all prompts and of all answers (including reasoning), if the backend reports them."""
        counted = counts(self.calls, asked=0, from_journal=0)
        return {"prompt": counted["prompt_tokens"], "output": counted["output_tokens"]}

    def to_pandas(self) -> "pd.DataFrame":
        """A data frame with PyTerrier's columns qid, query, docno, score and rank (from 0)."""
        import pandas as pd

        rows = [
            (qid, self.queries[qid], hit.docid, hit.score, rank)
            for qid, hits in self.run.items()
            for rank, hit in enumerate(hits)
        ]
        return pd.DataFrame(rows, columns=["qid", "query", "docno", "score", "rank"])


def rerank(
    run: "Pairs | pd.DataFrame",
    queries: Mapping[str, str] | None = None,
    passages: Mapping[str, str] | None = None,
    *,
    reranker: Mapping[str, Any],
    journal: str | Path | None = None,
) -> RerankResult:
    """Rerank a run in memory.

    `run`: (docno, score) pairs by query id, or a data frame with the columns qid, docno, score and optionally rank.
    `queries`, `passages`: texts by id; default: the columns `query` and `text` of the data frame. `reranker`: the
    settings of a reranker, as under `rerankers` in a configuration file. `journal`: a file in which every finished call
    is stored, so that no call is repeated; default: a temporary file.

    Raises RankkError for an invalid argument. Raises QueriesFailed if queries fail; its `run` has the queries that did
    not.
    """
    settings = resolve(validate_reranker(dict(_items(reranker, "reranker")), "reranker"))
    first_stage = _run(run, "run")
    topics = _texts(queries, run, "queries", "qid", "query")
    texts = _texts(passages, run, "passages", "docno", "text")
    heads = {qid: [hit.docid for hit in hits[: settings.reranker.depth]] for qid, hits in first_stage.items()}
    _require(first_stage, topics, "queries")
    _require([docid for docids in heads.values() for docid in docids], texts, "passages")
    owner = None if find_spec("vllm") else os.getpid()  # vLLM in an environment of its own
    with Journal(journal) as kept:
        work = rerank_in_memory(settings, first_stage, topics, texts, kept, engine_owner=owner)
        result = run_anywhere(work, kept.path)
    return RerankResult(dict(result.run), topics, result.tally.calls, result.tally.busy_seconds)


@dataclass(frozen=True)
class Evaluation:
    """Values of a run: `values` by measure and query id, `means` over queries (sums of counts)."""

    values: PerQuery

    @property
    def means(self) -> dict[str, float]:
        """Mean over queries by measure; the sum for measures that count (such as NumRet)."""
        return {measure: total(measure, values.values()) for measure, values in self.values.items()}

    def to_pandas(self) -> "pd.DataFrame":
        """Columns qid, measure, value."""
        import pandas as pd

        rows = [(qid, measure, value) for measure, values in self.values.items() for qid, value in values.items()]
        return pd.DataFrame(rows, columns=["qid", "measure", "value"])


def evaluate(
    run: "Pairs | pd.DataFrame",
    qrels: "Grades | pd.DataFrame",
    measures: Sequence[str] = ("nDCG@10", "R@100"),
    queries: Iterable[str] | None = None,
) -> Evaluation:
    """Values of a run for every judged query of `queries` (default: of the qrels); 0 where the run lacks the query.

    `qrels`: grades by query id and passage id, or a data frame with the columns qid, docno and label. `measures`:
    names of ir_measures.
    """
    check_measures(measures)
    grades = _grades(qrels)
    return Evaluation(per_query(_run(run, "run"), grades, measures, queries or grades))


@dataclass(frozen=True)
class Comparison:
    """Two runs compared over the same queries: values by query id, and intervals and tests of the difference."""

    measure: str
    values: Mapping[str, float]
    baseline: Mapping[str, float]
    statistics: Mapping[str, float | int]
    """difference, gain, their intervals, wins, losses, effect_size, p_t, p_randomization, queries."""

    def to_pandas(self) -> "pd.DataFrame":
        """Columns qid, value, baseline, difference."""
        import pandas as pd

        rows = [(qid, value, self.baseline[qid], value - self.baseline[qid]) for qid, value in self.values.items()]
        return pd.DataFrame(rows, columns=["qid", "value", "baseline", "difference"])


def compare(
    run: "Pairs | pd.DataFrame",
    baseline: "Pairs | pd.DataFrame",
    qrels: "Grades | pd.DataFrame",
    measure: str = "nDCG@10",
    queries: Iterable[str] | None = None,
) -> Comparison:
    """Compare two runs over the judged queries; arguments as for `evaluate`."""
    import numpy as np

    from rankk.evaluation import statistics

    check_measures([measure])
    grades = _grades(qrels)
    topics = list(queries or grades)
    (ours,), (theirs,) = (
        per_query(_run(given, what), grades, [measure], topics).values()
        for given, what in ((run, "run"), (baseline, "baseline"))
    )
    compared = statistics.compare(np.array(list(ours.values())), np.array(list(theirs.values())))
    return Comparison(measure, ours, theirs, compared)


def _is_frame(value: object) -> bool:
    return hasattr(value, "columns") and hasattr(value, "itertuples")


def _rows(frame: Any, what: str, columns: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    """Rows of a data frame with these columns. Raises RankkError that names a missing column."""
    if missing := [column for column in columns if column not in frame.columns]:
        has = ", ".join(map(str, frame.columns))
        raise RankkError(f"{what}: column {missing[0]!r} is missing; expected {', '.join(columns)}, found {has}")
    return zip(*(frame[column] for column in columns), strict=True)  # itertuples renames columns


def _run(given: Any, what: str) -> Run:
    """A run; hits are sorted by score, and ties by rank if there is one, else by their given order."""
    rows: dict[str, list[tuple[float, float, str]]] = {}
    if _is_frame(given):
        ranked = "rank" in given.columns
        for qid, docid, score, *rank in _rows(given, what, ["qid", "docno", "score", *(["rank"] if ranked else [])]):
            rows.setdefault(str(qid), []).append((_number(score, what, qid), rank[0] if rank else 0, str(docid)))
    else:
        for qid, hits in _items(given, what):
            rows[str(qid)] = [(_number(score, what, qid), 0, str(docid)) for docid, score in _pairs(hits, what, qid)]
    run: dict[str, list[Hit]] = {}
    for qid, scored in rows.items():
        run[qid] = [Hit(docid, score) for score, _, docid in sorted(scored, key=lambda row: (-row[0], row[1]))]
        if len({hit.docid for hit in run[qid]}) < len(run[qid]):
            raise RankkError(f"{what}: query {qid} holds a passage twice")
    return run


def _items(given: Any, what: str) -> Iterable[tuple[Any, Any]]:
    if not isinstance(given, Mapping):
        expected = "settings" if what == "reranker" else "a mapping by query, or a data frame"
        raise RankkError(f"{what}: {given!r:.80}; expected {expected}")
    return given.items()


def _pairs(hits: Any, what: str, qid: object) -> Iterable[tuple[Any, Any]]:
    """Passage ids and scores of a query, from pairs or from a mapping."""
    try:
        return [(docid, score) for docid, score in (hits.items() if isinstance(hits, Mapping) else hits)]
    except (TypeError, ValueError):
        raise RankkError(f"{what}: query {qid}: {hits!r:.80}; expected pairs of passage id and score") from None


def _number(value: Any, what: str, qid: object, name: str = "score") -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not isfinite(number):
        raise RankkError(f"{what}: query {qid}: {name} {value!r}; expected a number")
    return number


def _grades(given: Any) -> Grades:
    qrels: dict[str, dict[str, int]] = {}
    if _is_frame(given):
        for qid, docid, label in _rows(given, "qrels", ["qid", "docno", "label"]):
            qrels.setdefault(str(qid), {})[str(docid)] = _grade(label, qid, docid)
    else:
        for qid, grades in _items(given, "qrels"):
            pairs = _pairs(grades, "qrels", qid)
            qrels[str(qid)] = {str(docid): _grade(grade, qid, docid) for docid, grade in pairs}
    return qrels


def _grade(value: Any, qid: object, docid: object) -> int:
    number = _number(value, "qrels", qid, "grade")
    if not number.is_integer():
        raise RankkError(f"qrels: query {qid}, passage {docid}: grade {value!r}; expected a whole number")
    return int(number)


def _texts(given: Mapping[str, str] | None, run: Any, what: str, key: str, column: str) -> Mapping[str, str]:
    """Texts by id: the given ones, or a column of the run's data frame."""
    if isinstance(given, Mapping):
        return given
    if given is not None:
        raise RankkError(f"{what}: {given!r:.80}; expected texts by id")
    if not _is_frame(run):
        raise RankkError(f"{what}: missing; expected texts by id, or a data frame as run with a column {column!r}")
    return {str(name): str(text) for name, text in _rows(run, "run", [key, column])}


def _require(names: Collection[str], texts: Mapping[str, str], what: str) -> None:
    if missing := [name for name in dict.fromkeys(names) if name not in texts]:
        raise RankkError(f"{what}: {len(missing)} of the run are missing, e.g. {', '.join(missing[:3])}")
    for name in names:
        if not isinstance(text := texts[name], str):
            raise RankkError(f"{what}: {name}: {text!r:.80}; expected a text")
