"""The answers to each query of a reranked cell, as its page shows them."""

from collections.abc import Iterator, Sequence
from typing import Any

from rankk.config.reranker import Reranker
from rankk.errors import RankkError
from rankk.evaluation.causes import explain
from rankk.evaluation.measures import per_query, relevance_level
from rankk.io.files import read_json
from rankk.io.trec import read_qrels, read_queries, read_run
from rankk.llm.journal import StoredCalls
from rankk.llm.thinking import split_thought
from rankk.reranking.settings import Settings, resolve
from rankk.reranking.tally import Call, read_calls
from rankk.reranking.types import Answer, Outcome

MISSED = 50
"""Largest number of a query's relevant passages outside all windows that is listed."""
FOLLOWED = 100
"""Ranks that are listed at least, even if fewer passages were reranked."""


class CellAnswers:
    """The answers of a reranked cell, read from its files query by query.

    `level`: the grade from which passages are shown as relevant. Causes go by that of the measure itself.
    """

    def __init__(
        self,
        *,
        run: str,
        first_stage: str,
        calls: str,
        journal: str,
        manifest: str,
        queries: str,
        qrels: str,
        measure: str,
        level: int,
    ) -> None:
        self.measure, self.level = measure, level
        self._gains_level = relevance_level([measure])
        self._settings = resolve(Reranker(**read_json(manifest)["reranker"]))
        self._topics, self._grades = read_queries(queries), read_qrels(qrels)
        self._before, self._after = read_run(first_stage), read_run(run)
        (self._values,), (self._first,) = (
            per_query(run, self._grades, [measure], self._topics).values() for run in (self._after, self._before)
        )
        self._calls: dict[str, list[Call]] = {}
        for call in read_calls(calls):
            self._calls.setdefault(call.qid, []).append(call)
        self._journal = StoredCalls(journal)

    @property
    def asked(self) -> set[str]:
        """Passages of all windows."""
        return {docid for calls in self._calls.values() for call in calls for docid in call.window.split()}

    def queries(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Entry in the list, and content, of each query that was reranked or judged; the largest loss first.

        `number`: the query's position among the topics. Passages are given by their ids.
        """
        numbered = enumerate(self._topics.items())
        for number, (qid, text) in sorted(numbered, key=lambda topic: self._gain(topic[1][0])):
            if qid not in self._calls and qid not in self._values:
                continue
            calls = self._calls.get(qid, [])
            windows = windows_of(calls, self._journal, self._settings)
            before, after = ([hit.docid for hit in run.get(qid, ())] for run in (self._before, self._after))
            first, last = _ranks(before), _ranks(after)
            graded = self._graded(qid, self.level)
            value, base = self._values.get(qid), self._first.get(qid)
            entry: dict[str, Any] = {
                "id": qid,
                "number": number,
                "text": text,
                "value": value,
                "first": base,
                "windows": len(windows),
            }
            entry["outcomes"] = sorted({call.outcome for call in calls})
            if value is not None and base is not None:
                gaining = self._graded(qid, self._gains_level)
                entry["cause"] = explain(value - base, first, last, gaining, calls)._asdict()
            depth = max([call.list_size for call in calls], default=0)
            kept = max(depth, FOLLOWED)
            missed = sorted(graded.keys() - {*before[:depth]}, key=lambda docid: (-graded[docid], docid))
            listed = {*before[:kept], *after[:kept]}
            yield (
                entry,
                {
                    "depth": depth,
                    "first": before[:kept],
                    "final": after[:kept],
                    "missed": [[docid, first.get(docid)] for docid in missed[:MISSED]],
                    "more": max(0, len(missed) - MISSED),
                    "grades": {docid: grade for docid, grade in self._grades.get(qid, {}).items() if docid in listed}
                    | {docid: graded[docid] for docid in missed[:MISSED]},
                    "calls": windows,
                },
            )

    def _gain(self, qid: str) -> float:
        """The query's gain over the first stage; 0 without judgments."""
        return self._values.get(qid, 0.0) - self._first.get(qid, 0.0)

    def _graded(self, qid: str, level: int) -> dict[str, int]:
        """Grades of a query's passages from a level on."""
        return {docid: grade for docid, grade in self._grades.get(qid, {}).items() if grade >= level}


def windows_of(calls: Sequence[Call], journal: StoredCalls, settings: Settings) -> list[dict[str, Any]]:
    """A query's windows in the order in which they were asked.

    RankkError names a call whose record the journal does not hold.
    """
    windows = []
    for call in calls:
        try:
            record = journal[call.key]
        except KeyError:
            raise RankkError(
                f"{journal.path}: the record of query {call.qid}, call {call.call}, is gone, though the cell's table "
                "of calls names it; make the cell's run again (snakemake -f) to ask for it"
            ) from None
        window = call.window.split()
        thought, said = split_thought(record, settings.preset.thinking)
        parsed = Answer((), Outcome(call.outcome))
        if settings.preset.kind != "pointwise":
            parsed = settings.parser.parse(record, len(window), settings.preset.thinking)
        windows.append(
            {
                "call": call.call,
                "sample": call.sample,
                "outcome": call.outcome,
                "repairs": call.repairs.replace(",", ", "),
                "tokens": call.output_tokens,
                "seconds": call.seconds,
                "waited": record.waited,
                "computed": record.computed,
                "score": record.score,
                "fired": call.budget_fired,
                "thought": thought.strip(),
                "answer": said.strip(),
                "before": window,
                "after": [window[position] for group in parsed.complete(len(window)) for position in group],
            }
        )
    return windows


def _ranks(docids: Sequence[str]) -> dict[str, int]:
    """Rank from 1 by passage id."""
    return {docid: rank for rank, docid in enumerate(docids, 1)}
