"""Effectiveness of runs per query: all measures of ir_measures, and those in the modules of this package.

A judged query that a run lacks counts 0 and is reported; a query without judgments counts nowhere. Passages are ranked
in the order of the run as read (score, then rank column), for every measure: how a measure's implementation would
break ties has no influence.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import yaml
from pydantic import ValidationError

from rankk.component import Registry
from rankk.errors import RankkError
from rankk.evaluation.measures.base import Measure
from rankk.io.runs import Hit

MEASURES = Registry("measure", Measure, __name__)

JUDGED = "Judged@10"
"""Share of the first ten passages that are judged: low values make other measures unreliable."""

OF_TOPICS = ("NumQ", "NumRel")
"""Counts that queries and judgments decide, whatever a run holds."""

LARGEST_GRADE = 10_000
BATCH = 100_000
"""Largest number of passages of one batch of queries."""

PerQuery = dict[str, dict[str, float]]
"""Value by measure and query id."""

NAME = re.compile(r"(?P<name>\w+)(?:\((?P<settings>[^()]*)\))?(?:@(?P<cutoff>[^@]+))?")


def check_measures(names: Iterable[str]) -> None:
    """RankkError names the first measure that is unknown, cannot be computed here (each is tried), or stands twice."""
    known: dict[str, str] = {}
    for name in names:
        measure = str(parse_measure(name))
        if measure in known:
            other = "" if known[measure] == name else f" (as {known[measure]!r} too)"
            raise RankkError(f"measure {name!r} stands twice{other}")
        known[measure] = name


@cache
def parse_measure(name: str) -> Any:
    """A `Measure`, or a measure of ir_measures, that was tried. RankkError says what is wrong with the name."""
    try:
        measure = _parsed(name)
    except ValidationError as error:
        raise _wrong(name, error.errors()[0]["msg"]) from None
    except (NameError, ValueError, TypeError) as error:
        raise _wrong(name, error) from None
    # trec_eval's code aborts the process where a cutoff is 0.
    if (cutoff := _parameters(measure).get("cutoff")) is not None and not (type(cutoff) is int and cutoff >= 1):
        raise _wrong(name, f"cutoff {cutoff}, expected a whole number from 1")
    _values([measure], {"1": ["a", "b"]}, {"1": {"a": 1, "b": 0}})
    return measure


def _wrong(name: Any, reason: object) -> RankkError:
    text = re.sub(r"=<object object at \w+>", " is missing", " ".join(str(reason).split())).rstrip(".")
    return RankkError(
        f"measure {str(name)!r} cannot be computed: {text}; expected a measure of ir_measures, e.g. nDCG@10 or "
        f"R(rel=2)@100, or one of {', '.join(MEASURES.names())}"
    )


def _parsed(name: str) -> Any:
    import ir_measures

    match = NAME.fullmatch(name)
    if match is None or match["name"] not in MEASURES.names():
        return ir_measures.parse_measure(name)
    settings = dict(item.split("=", 1) for item in (match["settings"] or "").split(",") if item.strip())
    if match["cutoff"]:
        settings["cutoff"] = match["cutoff"]
    return MEASURES.get(match["name"])(**{key.strip(): yaml.safe_load(value) for key, value in settings.items()})


def _parameters(measure: Any) -> dict[str, Any]:
    return measure.model_dump() if isinstance(measure, Measure) else dict(measure.params)


def is_count(name: str) -> bool:
    """Whether a measure is a count (NumQ, NumRet, NumRel), which is summed over queries instead of averaged."""
    from ir_measures.measures import SumAgg

    measure = parse_measure(name)
    return not isinstance(measure, Measure) and isinstance(measure.aggregator(), SumAgg)


def total(name: str, values: Iterable[float]) -> float:
    """A measure over all queries: the sum of a count, the mean of anything else."""
    numbers = list(values)
    return sum(numbers) / (1 if is_count(name) else len(numbers))


def formatted(name: str, value: float, digits: int = 4) -> str:
    """A value for readers: counts are whole numbers."""
    return f"{value:.{0 if is_count(name) else digits}f}"


def relevance_level(names: Sequence[str]) -> int:
    """Grade from which passages are relevant: `rel` of the first measure that states one, else 1."""
    levels = (_parameters(parse_measure(name)).get("rel") for name in names)
    return next((int(level) for level in levels if level is not None), 1)


def per_query(
    run: Mapping[str, Sequence[Hit]],
    qrels: Mapping[str, Mapping[str, int]],
    measures: Sequence[str],
    topics: Iterable[str],
) -> PerQuery:
    """Values for every topic with judgments, in the topics' order; 0 where the run lacks the topic.

    Passages are counted in batches of queries: memory does not grow with the number of queries.
    """
    parsed = [parse_measure(name) for name in measures]
    judged = [qid for qid in topics if qid in qrels]
    if not judged:
        raise RankkError("none of the topics has judgments: are run, queries and qrels of one collection?")
    values: PerQuery = {str(measure): dict.fromkeys(judged, 0.0) for measure in parsed}
    for rankings in _batches(run, judged):
        found = {qid: ranking for qid, ranking in rankings.items() if ranking}
        for name, by_query in _values(parsed, found, {qid: qrels[qid] for qid in rankings}).items():
            values[name] |= by_query
        for measure in parsed:
            if getattr(measure, "NAME", "") in OF_TOPICS:
                values[str(measure)] |= {qid: _of_topic(measure, qrels[qid]) for qid in rankings.keys() - found.keys()}
    return values


def _of_topic(measure: Any, grades: Mapping[str, int]) -> float:
    """NumQ or NumRel of a topic that the run lacks, which ir_measures gives as 0."""
    return 1.0 if measure.NAME == "NumQ" else float(sum(grade >= 1 for grade in grades.values()))


def _batches(run: Mapping[str, Sequence[Hit]], qids: Sequence[str]) -> Iterator[dict[str, list[str]]]:
    """Ranked passage ids by query, empty for those that the run lacks, `BATCH` passages or a little more at a time."""
    batch: dict[str, list[str]] = {}
    size = 0
    for qid in qids:
        batch[qid] = [hit.docid for hit in run.get(qid, ())]
        size += len(batch[qid])
        if size >= BATCH:
            yield batch
            batch, size = {}, 0
    if batch:
        yield batch


def _values(
    measures: Sequence[Any], rankings: Mapping[str, Sequence[str]], qrels: Mapping[str, Mapping[str, int]]
) -> PerQuery:
    import ir_measures

    ours = [measure for measure in measures if isinstance(measure, Measure)]
    theirs = [measure for measure in measures if not isinstance(measure, Measure)]
    values: PerQuery = {
        str(measure): {qid: measure.value(ranking, qrels[qid]) for qid, ranking in rankings.items()} for measure in ours
    }
    # Queries are numbered, as gdeval (ERR) takes no other ids. Scores decrease strictly, as implementations order ties
    # differently.
    qids = list(qrels)
    scored = {
        str(number): dict(zip(rankings[qid], map(float, range(len(rankings[qid]), 0, -1)), strict=True))
        for number, qid in enumerate(qids, 1)
        if qid in rankings
    }
    known = {str(number): _safe(qrels[qid], qid) for number, qid in enumerate(qids, 1)}
    try:
        for metric in ir_measures.iter_calc(theirs, known, scored) if theirs else ():
            values.setdefault(str(metric.measure), {})[qids[int(metric.query_id) - 1]] = metric.value
    except Exception as error:  # providers raise many types, from AssertionError to CalledProcessError
        raise _wrong(", ".join(map(str, theirs)), error) from error
    return values


def _safe(grades: Mapping[str, int], qid: str) -> Mapping[str, int]:
    """Grades with which trec_eval's code does not write outside its memory: not all of them below 0.

    RankkError where one is so large that trec_eval, which counts each level, would not end or take it for another.
    """
    if (largest := max(map(abs, grades.values()))) > LARGEST_GRADE:
        raise RankkError(
            f"query {qid}: a judgment of grade {largest}, expected at most {LARGEST_GRADE}; map the qrels' grades to "
            "smaller numbers"
        )
    return grades if max(grades.values()) >= 0 else dict.fromkeys(grades, 0)
