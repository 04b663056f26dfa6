"""Stored answers."""

import gzip

import pytest

from rankk.errors import RankkError
from rankk.llm.backends.replay import ReplayClient

ANSWERS = '{"qid": "q", "call": 0, "response": "[1]"}\n{"qid": 7, "call": 1, "response": null}\n'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"qid": "q", "call": 0}', r'a\.jsonl:3: expected \{"qid", "call", "response"\}'),
        ('{"qid": "q", "call": "0", "response": "x"}', r"a\.jsonl:3: expected"),
        ('{"qid": "q", "call": 0, "response": ["x"]}', r"a\.jsonl:3: expected"),
        ('{"qid": "q", "call": 0, "response": "[2]"}', r"a\.jsonl:3: query q, call 0 stands twice, with another"),
    ],
)
def test_a_faulty_line_is_named(tmp_path, line, message):
    (tmp_path / "a.jsonl").write_text(ANSWERS + line + "\n")
    with pytest.raises(RankkError, match=message):
        ReplayClient(tmp_path / "a.jsonl")


def test_equal_answers_are_the_same_however_they_are_stored_and_others_are_not(tmp_path):
    (tmp_path / "a").write_text(ANSWERS)
    (tmp_path / "b").write_bytes(gzip.compress("".join(reversed(ANSWERS.splitlines(keepends=True))).encode()))
    (tmp_path / "c").write_text(ANSWERS.replace("[1]", "[2]"))
    a, b, c = (ReplayClient(tmp_path / name).digest for name in "abc")
    assert a == b != c
