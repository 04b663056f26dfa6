"""Passages by id: by the index that is written with a corpus, or by one scan of a file that has none."""

import json
import os
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankk.errors import RankkError
from rankk.io.passages import PassageStore, ScannedPassages, build_store, index_path, open_passages

TEXTS = st.dictionaries(st.text("abcé你", min_size=1), st.text(st.characters(exclude_categories=["Cs"])), min_size=1)


def write(path: Path, texts: dict[str, str]) -> Path:
    with build_store(path) as add:
        assert all(add(docid, text) for docid, text in texts.items())
    return path


@given(texts=TEXTS)
def test_every_text_comes_back_as_it_was(tmp_path_factory, texts):
    path = write(tmp_path_factory.mktemp("p") / "passages.jsonl", texts)
    with PassageStore(path) as store:
        assert dict(store) == texts
        assert len(store) == len(texts)
        assert list(store) == sorted(texts, key=str.encode)
        assert "absent" not in store
        assert store.get("absent") is None
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    assert lines == [{"id": docid, "contents": text} for docid, text in texts.items()]


@given(texts=TEXTS)
def test_a_file_without_an_index_gives_the_same_texts(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("p") / "passages.jsonl"
    path.write_text("".join(json.dumps({"id": docid, "contents": text}) + "\n" for docid, text in texts.items()))
    with open_passages(path, texts.keys()) as passages:
        assert isinstance(passages, ScannedPassages)
        assert dict(passages) == texts


def test_a_wanted_passage_that_stands_twice_in_a_scanned_file_is_refused(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text("".join(f'{{"id": "{docid}", "contents": "x"}}\n' for docid in "abbca"))
    assert set(open_passages(path, {"c"})) == {"c"}
    with pytest.raises(RankkError, match=r"p\.jsonl:5: passage a stands twice"):
        open_passages(path, {"a"})


def test_an_id_that_was_added_before_is_refused_and_changes_nothing(tmp_path):
    with build_store(tmp_path / "p.jsonl") as add:
        assert [add("a", "first"), add("b", "other"), add("a", "second")] == [True, True, False]
    with PassageStore(tmp_path / "p.jsonl") as store:
        assert dict(store) == {"a": "first", "b": "other"}


def test_a_build_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError), build_store(tmp_path / "p.jsonl") as add:
        add("a", "x")
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_missing_passages_are_named(tmp_path):
    path = write(tmp_path / "p.jsonl", {"a": "x"})
    message = r"p\.jsonl: 1 passages of the run are not there, e\.g\. b"
    with pytest.raises(RankkError, match=message):
        open_passages(path, {"a", "b"})
    index_path(path).unlink()
    with pytest.raises(RankkError, match=message):
        open_passages(path, {"a", "b"})


def test_an_index_of_another_state_of_the_file_is_refused_and_the_file_scanned(tmp_path, caplog):
    path = write(tmp_path / "p.jsonl", {"a": "old"})
    path.write_text('{"id": "a", "contents": "newer"}\n')
    with pytest.raises(RankkError, match=r"p\.sqlite: is not the index of .*p\.jsonl as it is now"):
        PassageStore(path)
    with open_passages(path, {"a"}) as passages:
        assert passages["a"] == "newer"
    assert "is not the index of" in caplog.text


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(4080)])
def test_a_file_that_is_no_index_is_refused(tmp_path, content):
    path = write(tmp_path / "p.jsonl", {"a": "x"})
    index_path(path).write_bytes(content)
    with pytest.raises(RankkError, match="is not the index of"):
        PassageStore(path)


def test_a_database_of_something_else_is_refused(tmp_path):
    path = write(tmp_path / "p.jsonl", {"a": "x"})
    index_path(path).unlink()
    sqlite3.connect(index_path(path)).execute("CREATE TABLE corpus (passages, bytes)")
    with pytest.raises(RankkError, match="is not the index of"):
        PassageStore(path)


def test_lines_that_moved_within_a_file_of_the_same_size_are_never_read_as_another_passage(tmp_path):
    path = write(tmp_path / "p.jsonl", {"a": "x", "b": "y"})
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    with PassageStore(path) as store, pytest.raises(RankkError, match="is not the index of"):
        store["a"]


def test_names_with_signs_of_addresses_are_opened_as_they_are(tmp_path):
    path = write(tmp_path / "a?mode=rw#x %20" / "p.jsonl", {"a": "x"})
    with PassageStore(path) as store:
        assert store["a"] == "x"


def read(arguments: tuple[Path, int]) -> list[str]:
    path, first = arguments
    with PassageStore(path) as store:
        return [store[str(number)] for number in range(first, 2000, 7)]


def test_many_processes_read_at_the_same_time_from_a_folder_that_nobody_may_write(tmp_path):
    path = write(tmp_path / "c" / "p.jsonl", {str(number): f"text {number}" for number in range(2000)})
    for file in (path, index_path(path)):
        file.chmod(0o444)
    path.parent.chmod(0o555)
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        for first, texts in enumerate(pool.map(read, [(path, first) for first in range(7)])):
            assert texts == [f"text {number}" for number in range(first, 2000, 7)]
    path.parent.chmod(0o755)
    assert sorted(os.listdir(path.parent)) == ["p.jsonl", "p.sqlite"]  # noqa: PTH208
