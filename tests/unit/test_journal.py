"""The journal survives a kill at any byte and never holds a call twice."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankk.errors import RankkError
from rankk.llm.journal import Journal, call_key, read_journal

RECORDS = [{"key": f"k{i}", "qid": "q", "text": "прочее 你好\n" * i} for i in range(4)]


def filled(path):
    with Journal(path) as journal:
        for record in RECORDS:
            journal.append(record)
    return path.read_bytes()


def test_a_reopened_journal_holds_every_record(tmp_path):
    filled(tmp_path / "j")
    with Journal(tmp_path / "j") as journal:
        assert [journal.get(record["key"]) for record in RECORDS] == RECORDS
        assert journal.get("other") is None


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1))
def test_a_journal_cut_at_any_byte_loses_only_its_torn_line_and_goes_on(tmp_path, share):
    content = filled_content(tmp_path)
    cut = round(share * len(content))
    (tmp_path / "j").write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")
    with Journal(tmp_path / "j") as journal:
        assert len(journal) == whole
        for record in RECORDS[whole:]:
            journal.append(record)
    assert list(read_journal(tmp_path / "j")) == RECORDS


def filled_content(folder):
    (folder / "whole").unlink(missing_ok=True)
    return filled(folder / "whole")


def test_a_second_writer_is_refused(tmp_path):
    with Journal(tmp_path / "j"), pytest.raises(RankkError, match="another process is writing this journal"):
        Journal(tmp_path / "j")


def test_a_line_that_is_no_record_is_named(tmp_path):
    (tmp_path / "j").write_text('{"key": "a"}\nnonsense\n{"key": "b"}\n')
    with pytest.raises(RankkError, match="j:2: not a call record"):
        Journal(tmp_path / "j")


def test_a_call_is_named_by_what_decides_it_and_not_by_the_order_of_its_keys():
    assert call_key({"a": 1, "b": 2}) == call_key({"b": 2, "a": 1})
    assert call_key({"a": 1, "b": 2}) != call_key({"a": 1, "b": 3})


def test_calls_of_other_journals_are_copied_and_not_asked_for_again(tmp_path):
    with Journal(tmp_path / "a.calls.jsonl") as first:
        first.append({"key": "k1", "text": "one"})
        first.append({"key": "k2", "text": "two"})
    with Journal(tmp_path / "b.calls.jsonl", tmp_path.glob("*.calls.jsonl")) as second:
        assert second.get("k1") == {"key": "k1", "text": "one"}
        assert second.get("k3") is None
    (tmp_path / "a.calls.jsonl").unlink()
    assert [record["key"] for record in read_journal(tmp_path / "b.calls.jsonl")] == ["k1"]
