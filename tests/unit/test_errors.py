"""A user's error is one line with path and reason; an error that nobody foresaw keeps its traceback and its query."""

import asyncio
import errno
import gzip
import logging
import zlib

import pytest

from rankk.errors import BackendError, RankkError, one_line
from rankk.io.files import atomic_write
from rankk.llm import tasks
from rankk.llm.tasks import failed, finish_all
from rankk.logs import job


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RankkError("as it is"), "as it is"),
        (OSError(errno.ENOSPC, "No space left on device", "out.trec"), "out.trec: No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "in.tsv"), "in.tsv: Permission denied"),
        (ConnectionResetError(), "ConnectionResetError"),
        (gzip.BadGzipFile("CRC check failed"), "CRC check failed"),
        (EOFError("ended early"), "an input cannot be read: ended early (EOFError)"),
        (zlib.error("invalid block"), "an input cannot be read: invalid block (error)"),
        (RecursionError("too deep"), "an input cannot be read: too deep (RecursionError)"),
        (KeyError("d5"), None),
        (AssertionError(), None),
    ],
)
def test_what_the_system_refuses_is_one_line_and_a_bug_is_none(error, told):
    assert one_line(error) == told


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EDQUOT, "Quota")])
def test_an_error_of_writing_names_the_file_and_leaves_no_part_of_it(tmp_path, error):
    with pytest.raises(OSError, match=error.strerror) as caught, atomic_write(tmp_path / "o.json"):
        raise error
    assert one_line(caught.value) == f"{tmp_path / 'o.json'}: {error.strerror}"
    assert list(tmp_path.iterdir()) == []


def test_a_job_logs_a_users_error_as_one_line_and_a_bug_with_its_traceback(tmp_path, capsys):
    with pytest.raises(SystemExit), job(tmp_path / "user.log"):
        (tmp_path / "missing" / "file").read_text()
    line = f"ERROR {tmp_path / 'missing' / 'file'}: No such file or directory"
    assert (tmp_path / "user.log").read_text().strip().endswith(line)
    assert line in capsys.readouterr().err
    with pytest.raises(KeyError), job(tmp_path / "bug.log"):
        {}["d5"]
    assert "Traceback (most recent call last)" in (tmp_path / "bug.log").read_text()
    assert '{}["d5"]' in (tmp_path / "bug.log").read_text()


def test_a_bug_in_one_query_keeps_its_traceback_and_stops_no_other(caplog):
    async def work(qid):
        if qid == "b":
            return {}["d5"]
        if qid == "c":
            raise RankkError("no answer")
        if qid == "e":
            raise PermissionError(errno.EACCES, "Permission denied", "passages.jsonl")
        return qid

    with caplog.at_level(logging.ERROR):
        done, failures = asyncio.run(finish_all(["a", "b", "c", "d", "e"], work))
    assert done == {"a": "a", "d": "d"}
    (bug,) = (record for record in caplog.records if record.exc_info)
    assert bug.getMessage() == "query b: unexpected error"
    assert 'return {}["d5"]' in caplog.text
    assert failed(failures, 5) == (
        "3 of 5 queries failed (b, c, e); query b: KeyError: 'd5' (see the log); query c: no answer; "
        "query e: passages.jsonl: Permission denied"
    )


def test_a_backend_that_is_gone_stops_every_query_at_once():
    asked = []

    async def work(qid):
        asked.append(qid)
        await asyncio.sleep(0 if qid == "a" else 60)
        raise BackendError("the engine has died")

    with pytest.raises(BackendError, match="the engine has died"):
        asyncio.run(asyncio.wait_for(finish_all(["a", "b", "c"], work), 10))
    assert sorted(asked) == ["a", "b", "c"]


def test_more_queries_than_are_under_way_at_once_come_in_their_order_and_all_end(monkeypatch):
    monkeypatch.setattr(tasks, "UNDER_WAY", 2)
    begun, most, under_way = [], 0, 0

    async def work(qid):
        nonlocal most, under_way
        begun.append(qid)
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        if qid == "b":
            raise RankkError("no answer")
        return qid

    done, failures = asyncio.run(finish_all(list("abcde"), work))
    assert (begun, most) == (list("abcde"), 2)
    assert (sorted(done), sorted(failures)) == (list("acde"), ["b"])
