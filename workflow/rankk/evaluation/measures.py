"""Effectiveness of runs: ir_measures' measures per query, over the topic list.

A judged query that a run does not hold counts 0 and is reported; a query without judgments counts nowhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rankk.errors import RankkError
from rankk.io.trec import Hit

JUDGED = "Judged@10"
"""Share of the first ten passages that somebody judged: what a figure can be trusted for."""

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
