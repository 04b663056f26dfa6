"""The journal survives a kill at any byte and a full disk, and never gives one call's record for another's."""

import errno
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankk.errors import BackendError, RankkError
from rankk.llm.journal import CallRecord, Journal, call_key, read_journal


def call(number=0, text="прочее 你好\n", **fields):
    known = {"key": f"k{number}", "qid": "q", "call": number, "finish_reason": "stop", "outcome": "ok"}
    return CallRecord(**{"text": text} | known | fields)


RECORDS = [call(number, "прочее 你好\n" * number, window=("a", "b")) for number in range(4)]


def filled(path):
    with Journal(path) as journal:
        for record in RECORDS:
            journal.append(record)
    return path.read_bytes()


def test_a_reopened_journal_holds_every_record(tmp_path):
    filled(tmp_path / "j")
    with Journal(tmp_path / "j") as journal:
        assert [journal.get(record.key) for record in RECORDS] == RECORDS
        assert journal.get("other") is None


def test_a_record_keeps_every_value_that_it_was_given(tmp_path):
    record = call(
        reasoning="since",
        prompt_tokens=0,
        output_tokens=2**53,
        first_logprobs={"true": -0.1},
        seconds=1.5,
        budget_fired=True,
        sample=2,
        window=("a", "b"),
        repairs=("no thought", "out of range"),
        score=0.0,
        finished=1700000000.123,
    )
    with Journal(tmp_path / "j") as journal:
        assert journal.append(record) == record
        assert journal.get("k0") == record
    assert list(read_journal(tmp_path / "j")) == [record]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1))
def test_a_journal_cut_at_any_byte_loses_only_its_torn_line_and_goes_on(tmp_path, share):
    (tmp_path / "whole").unlink(missing_ok=True)
    content = filled(tmp_path / "whole")
    cut = round(share * len(content))
    (tmp_path / "j").write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")
    with Journal(tmp_path / "j") as journal:
        assert len(journal) == whole
        for record in RECORDS[whole:]:
            journal.append(record)
    assert list(read_journal(tmp_path / "j")) == RECORDS


def test_a_second_writer_is_refused(tmp_path):
    with Journal(tmp_path / "j"), pytest.raises(RankkError, match="another process is writing this journal"):
        Journal(tmp_path / "j")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_from_a_busy_journal(tmp_path, monkeypatch, caplog, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    with Journal(tmp_path / "j") as journal:
        assert journal.append(call()) == call()
    assert f"this file system has no locks ({os.strerror(number)})" in caplog.text


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (b"nonsense\n", "Invalid JSON"),
        (b'{"key": "a"}\n', "text: Field required"),
        (b"[" * 100_000 + b"\n", "Invalid JSON: recursion limit exceeded"),
        (b"\xff\xfe\n", "Invalid JSON"),
    ],
)
def test_a_damaged_line_is_named_and_can_be_deleted_alone(tmp_path, damage, message):
    path = tmp_path / "with blanks.jsonl"
    lines = filled(path).splitlines(keepends=True)
    path.write_bytes(lines[0] + damage + b"".join(lines[2:]))
    with pytest.raises(RankkError, match=message) as caught:
        Journal(path)
    told = str(caught.value)
    assert told.startswith(f"{path}:2: this call record is not valid: ")
    assert "\n" not in told
    subprocess.run(told[told.index("(sed") + 1 : -1], shell=True, check=True)  # the remedy that the message names
    with Journal(path) as journal:
        assert [journal.get(record.key) for record in RECORDS] == [RECORDS[0], None, *RECORDS[2:]]


def test_a_device_or_a_folder_is_no_journal(tmp_path):
    with pytest.raises(RankkError, match="/dev/null: is a device"):
        Journal("/dev/null")
    with pytest.raises(IsADirectoryError):
        Journal(tmp_path)


NO_JOURNALS = [
    b"notes without a line break",
    b'[{"my": "data"}]',
    b'{"my": "data"}',
    b"\0\0",
    b"q0 Q0 d1 1 4.0 first\n",
]


@pytest.mark.parametrize("content", NO_JOURNALS)
def test_a_file_that_is_no_journal_is_left_as_it_is(tmp_path, content):
    (tmp_path / "mine").write_bytes(content)
    with pytest.raises(RankkError, match="mine: is no journal of calls; give another file"):
        Journal(tmp_path / "mine")
    assert (tmp_path / "mine").read_bytes() == content


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt_tokens", -1),
        ("prompt_tokens", "12"),
        ("prompt_tokens", True),
        ("prompt_tokens", 10**4000),
        ("output_tokens", float("nan")),
        ("seconds", float("inf")),
        ("seconds", -0.1),
        ("score", float("nan")),
        ("reasoning", ["a", "list"]),
        ("text", None),
        ("finish_reason", {"type": "stop"}),
        ("window", ("a", 1)),
        ("call", -1),
        ("repairs", ({1, 2},)),
    ],
)
def test_a_value_that_cannot_be_right_is_an_error_before_anything_is_written(tmp_path, field, value):
    with Journal(tmp_path / "j") as journal:
        with pytest.raises(RankkError, match=r"query q, call .*: the backend's answer is not valid") as caught:
            journal.append(replace(call(), **{field: value}))
        assert not isinstance(caught.value, BackendError)  # another query's answer may be valid
        assert len(journal) == 0
    assert (tmp_path / "j").read_bytes() == b""


def test_half_a_character_in_an_answer_loses_neither_the_answer_nor_the_journal(tmp_path):
    with Journal(tmp_path / "j") as journal:
        kept = journal.append(call(text="[1]\ud800 > [2]", reasoning="\udfff"))
        assert (kept.text, kept.reasoning) == ("[1]\ufffd > [2]", "\ufffd")
        assert journal.get("k0") == kept
    assert list(read_journal(tmp_path / "j")) == [kept]


FULL = """
import resource, signal, sys
from rankk.errors import BackendError
from rankk.llm.journal import Journal, CallRecord

def call(number, size):
    return CallRecord(text="x" * size, finish_reason="stop", key=f"k{number}", qid="q", call=number, outcome="ok")

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sizes = [int(size) for size in sys.argv[2].split(",")]
kept, failed = [], []
with Journal(sys.argv[1]) as journal:
    for number, size in enumerate(sizes):
        limit = int(sys.argv[3]) if number < len(sizes) - 2 else resource.RLIM_INFINITY  # room comes back at the end
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            kept.append(journal.append(call(number, size)))
        except BackendError as error:
            assert "cannot be written: File too large" in str(error) and "\\n" not in str(error), error
            failed.append(f"k{number}")
    assert [journal.get(record.key) for record in kept] == kept
    assert [journal.get(key) for key in failed] == [None] * len(failed)
with Journal(sys.argv[1]) as journal:
    assert [journal.get(record.key) for record in kept] == kept and len(journal) == len(kept)
print(len(failed))
"""


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(0, 3000), min_size=3, max_size=12), limit=st.integers(1, 9000))
def test_a_file_that_cannot_grow_loses_no_record_and_mixes_up_none(tmp_path, sizes, limit):
    path = tmp_path / "full.calls.jsonl"
    path.unlink(missing_ok=True)
    command = [sys.executable, "-c", FULL, str(path), ",".join(map(str, sizes)), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert path.read_bytes().count(b"\n") == len(sizes) - int(done.stdout)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 16 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_line_and_what_was_written_before_stays(small_disk):
    with Journal(small_disk / "j") as journal:
        with pytest.raises(BackendError, match="j: cannot be written: No space left on device") as caught:
            for number in range(100):
                journal.append(call(number, "x" * 1000))
        assert "\n" not in str(caught.value)
        assert journal.append(call(1000, "")).call == 1000  # a short one may still fit
        kept = len(journal)
    assert len(list(read_journal(small_disk / "j"))) == kept > 10


def test_a_call_is_named_by_what_decides_it_and_not_by_the_order_of_its_keys():
    assert call_key({"a": 1, "b": 2}) == call_key({"b": 2, "a": 1})
    assert call_key({"a": 1, "b": 2}) != call_key({"a": 1, "b": 3})


def test_calls_of_other_journals_are_copied_and_not_asked_for_again(tmp_path):
    with Journal(tmp_path / "a.calls.jsonl") as first:
        first.append(call(1))
        first.append(call(2))
    with Journal(tmp_path / "b.calls.jsonl", tmp_path.glob("*.calls.jsonl")) as second:
        assert second.get("k1") == call(1)
        assert second.get("k3") is None
    (tmp_path / "a.calls.jsonl").unlink()
    assert [record.key for record in read_journal(tmp_path / "b.calls.jsonl")] == ["k1"]


def test_another_journal_that_changed_meanwhile_gives_no_wrong_record(tmp_path):
    filled(tmp_path / "a.calls.jsonl")
    with Journal(tmp_path / "b.calls.jsonl", [tmp_path / "a.calls.jsonl"]) as journal:
        lines = (tmp_path / "a.calls.jsonl").read_bytes().splitlines(keepends=True)
        (tmp_path / "a.calls.jsonl").write_bytes(b"".join(reversed(lines)))
        assert [journal.get(record.key) in (None, record) for record in RECORDS] == [True] * 4


def test_a_damaged_journal_of_another_cell_is_a_warning(tmp_path, caplog):
    filled(tmp_path / "a.calls.jsonl")
    lines = (tmp_path / "a.calls.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "a.calls.jsonl").write_bytes(b"nonsense\n" + lines[1])
    with Journal(tmp_path / "b.calls.jsonl", [tmp_path / "a.calls.jsonl"]) as journal:
        assert journal.append(call()) == call()
    assert "a.calls.jsonl:1: this call record is not valid" in caplog.text


def test_a_journal_without_a_path_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Journal() as journal:
        assert journal.append(call()) == journal.get("k0") == call()
    assert list(tmp_path.iterdir()) == []


def test_lines_are_plain_json_objects(tmp_path):
    filled(tmp_path / "j")
    first = json.loads((tmp_path / "j").read_text().splitlines()[1])
    assert first == {
        **{"text": "прочее 你好\n", "finish_reason": "stop", "seconds": 0.0, "key": "k1", "qid": "q", "call": 1},
        **{"sample": 0, "window": ["a", "b"], "outcome": "ok", "repairs": []},
    }
