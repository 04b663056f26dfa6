"""Every query of a reranked cell has the cause that explains its gain or loss."""

import pytest

from rankk.evaluation.causes import Cause, explain
from rankk.llm.journal import CallRecord
from rankk.reranking.tally import Call
from rankk.reranking.types import Answer, Outcome

LIST = "abcdefghij"
BEFORE = {docid: rank for rank, docid in enumerate(LIST, 1)}


def call(number: int, window: str, first: int | None = None, outcome: Outcome = Outcome.OK) -> Call:
    """A call over the window's passages whose answer puts the passage at place `first` on top."""
    told = {"text": "", "finish_reason": "stop", "outcome": outcome.value}
    record = CallRecord(key="k", qid="q", call=number, window=tuple(window), **told)
    answer = Answer(((first - 1,),) if first else (), outcome)
    return Call.of(record, answer, None, [BEFORE[docid] for docid in window], len(LIST))


def order(docids: str) -> dict[str, int]:
    return {docid: rank for rank, docid in enumerate(docids, 1)}


def test_a_gain_needs_no_further_cause():
    assert explain(0.1, BEFORE, order("cabdefghij"), {"c": 1}, [call(0, "abcde")]) == (Cause.GAIN, None, None)


@pytest.mark.parametrize("gain", [0.0, 1e-12, -1e-12])
@pytest.mark.parametrize(
    ("grades", "calls", "cause"),
    [
        ({"x": 1}, [call(0, "abcde")], Cause.NOT_RETRIEVED),
        ({}, [call(0, "abcde")], Cause.NOT_RETRIEVED),
        ({"j": 1, "x": 1}, [call(0, "abcde")], Cause.OUTSIDE_DEPTH),
        ({"c": 1}, [call(0, "abcde", outcome=Outcome.TRUNCATED)], Cause.UNUSABLE),
        ({"c": 1}, [call(0, "abcde", 1)], Cause.NO_CHANGE),
    ],
)
def test_where_nothing_changes_the_cause_is_the_first_that_applies(gain, grades, calls, cause):
    assert explain(gain, BEFORE, BEFORE, grades, calls).cause == cause


def test_a_loss_names_the_passage_that_lost_most_and_the_last_window_that_held_it():
    calls = [call(0, "efghij", 1), call(1, "abcdef", 2), call(2, "bcdefg", 1)]
    found = explain(-0.3, BEFORE, order("bcdefaghij"), {"a": 3, "c": 1}, calls)
    assert found == (Cause.DEMOTED, "a", 1)


def test_an_irrelevant_passage_from_the_windows_last_fifth_on_top_is_position_bias():
    after = order("eabcdfghij")
    assert explain(-0.1, BEFORE, after, {"a": 1}, [call(0, "abcde", 5)]) == (Cause.POSITION_BIAS, "a", 0)
    assert explain(-0.1, BEFORE, after, {"a": 1}, [call(0, "abcde", 4)]).cause == Cause.DEMOTED
    assert explain(-0.1, BEFORE, after, {"a": 2, "e": 1}, [call(0, "abcde", 5)]).cause == Cause.DEMOTED
    assert explain(-0.1, BEFORE, after, {"a": 1}, [call(0, "abc", 3)]).cause == Cause.DEMOTED  # too short for fifths
    assert explain(-0.1, BEFORE, after, {"a": 1}, [call(0, "abcdef", 5)]).cause == Cause.DEMOTED  # two thirds down
    assert explain(-0.1, BEFORE, after, {"a": 1}, [call(0, "abcdef", 6)]).cause == Cause.POSITION_BIAS


def test_a_loss_whose_deciding_answer_was_unusable():
    calls = [call(0, "abcde", 3), call(1, "abcde", outcome=Outcome.REFUSED)]
    assert explain(-0.1, BEFORE, order("cabdefghij"), {"a": 1}, calls) == (Cause.UNUSABLE, "a", 1)
