"""A cell's table of calls is read back as it was written, and the manifest counts what stands in it."""

from array import array

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankk.errors import RankkError
from rankk.llm.journal import CallRecord
from rankk.llm.types import Thinking
from rankk.reranking.limit import check_outcomes
from rankk.reranking.tally import Call, Tally, counts, read_calls, write_calls
from rankk.reranking.types import Answer, Outcome

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1)
COUNTS = st.none() | st.integers(0, 2**53)
CALLS = st.builds(
    Call,
    qid=WORDS,
    finish_reason=WORDS,
    key=WORDS,
    outcome=st.sampled_from(list(map(str, Outcome))),
    repairs=st.sampled_from(["", "no thought,out of range", "cut off"]),
    prompt_tokens=COUNTS,
    output_tokens=COUNTS,
    first=st.none() | st.integers(1, 100),
    thought_share=st.floats(0, 1),
    seconds=st.floats(0, 1e6),
    window=st.lists(WORDS).map(" ".join),
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(CALLS, max_size=5))
def test_every_value_is_read_back_in_its_type(tmp_path, calls):
    write_calls(tmp_path / "calls.csv", calls)
    assert read_calls(tmp_path / "calls.csv") == calls


def test_a_broken_row_is_named(tmp_path):
    write_calls(tmp_path / "calls.csv", [call()])
    (tmp_path / "calls.csv").write_text((tmp_path / "calls.csv").read_text().replace("False", "maybe"))
    with pytest.raises(RankkError, match=r"calls\.csv:2: not a row of a table of calls"):
        read_calls(tmp_path / "calls.csv")


def call(outcome=Outcome.OK, repairs=(), groups=((1,), (0,)), **fields):
    known = {"key": "k", "qid": "q", "call": 0, "window": ("a", "b"), "finish_reason": "stop", "text": "[2] > [1]"}
    record = CallRecord(**known | {"outcome": outcome.value, "repairs": repairs} | fields)
    return Call.of(record, Answer(groups, outcome, repairs), Thinking(), [7, 3], 20)


def test_a_row_tells_where_the_window_stood_and_what_the_answer_put_first(tmp_path):
    row = call(text="<think>abcdef</think>[2]>", budget_fired=True, output_tokens=9)
    assert (row.rank, row.size, row.list_size, row.first, row.window) == (3, 2, 20, 2, "a b")
    assert row.thought_share == 0.6
    write_calls(tmp_path / "calls.csv", [row])
    assert pd.read_csv(tmp_path / "calls.csv")["budget_fired"].dtype == bool
    assert call(groups=((0, 1),)).first is None  # tied
    assert call(groups=()).first is None


def test_counts_are_those_of_the_rows():
    rows = [
        call(prompt_tokens=5, output_tokens=2),
        call(Outcome.REPAIRED, ("brackets", "prose"), prompt_tokens=5),
        call(Outcome.EMPTY, ("prose",), output_tokens=1, budget_fired=True),
    ]
    assert counts(rows, asked=2, from_journal=1) == {
        "asked": 2,
        "from_journal": 1,
        "outcomes": {"empty": 1, "ok": 1, "repaired": 1},
        "usable_share": 0.666667,
        "repairs": {"prose": 2, "brackets": 1},
        "budget_fired": 1,
        "prompt_tokens": 10,
        "output_tokens": 3,
    }
    assert counts([], asked=0, from_journal=0)["usable_share"] == 1


@pytest.mark.parametrize(
    ("unusable", "limit", "fails"), [(1, 0.25, False), (1, 0.24, True), (0, 0, False), (4, 1, False)]
)
def test_the_share_of_unusable_answers_may_reach_the_limit(unusable, limit, fails):
    tally = Tally()
    for number in range(4):
        tally.add(call(Outcome.REFUSED if number < unusable else Outcome.OK), None)
    if fails:
        with pytest.raises(RankkError, match=r"25\.0% of the answers could not be used \(3 ok, 1 refused\)"):
            check_outcomes(tally.outcomes, limit, None)
    else:
        check_outcomes(tally.outcomes, limit, None)


def test_the_time_of_calls_that_overlap_counts_once_and_pauses_between_runs_do_not_count():
    tally = Tally(begun=array("d", [0.0, 4.0, 100.0, 5.0]), ended=array("d", [10.0, 12.0, 103.0, 6.0]))
    assert tally.busy_seconds == 15.0
