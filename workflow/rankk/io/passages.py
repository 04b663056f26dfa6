"""Passage texts, read as needed: a collection is never held as a whole."""

import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from rankk.errors import RankkError
from rankk.io.files import read_jsonl

SHOWN = 3


def text_of(record: Mapping[str, Any], where: str) -> str:
    """A record's text: `contents`, or `title` and `text` joined by a blank. RankkError where there is none."""
    if isinstance(record.get("contents"), str):
        return str(record["contents"])
    if isinstance(record.get("text"), str):
        return f"{record.get('title') or ''} {record['text']}".strip()
    raise RankkError(f"{where}: a passage needs 'contents', or 'text' with an optional 'title'")


def id_of(record: Mapping[str, Any], where: str) -> str:
    """A record's id. RankkError where it has none."""
    if not isinstance(record.get("id"), str) or not record["id"]:
        raise RankkError(f"{where}: a passage needs an 'id' (a string)")
    return str(record["id"])


class PassageStore(Mapping[str, str]):
    """Texts of the wanted passages by id, in a temporary file: memory grows with the ids and not with the texts.

    RankkError names wanted passages that are missing.
    """

    def __init__(self, path: str | Path, wanted: Collection[str]) -> None:
        self._file = tempfile.TemporaryFile(prefix="rankk-")  # noqa: SIM115 (closed with the store)
        self._places: dict[str, tuple[int, int]] = {}
        end = 0
        for docid, text in _wanted(path, wanted):
            content = text.encode("utf-8", "surrogatepass")
            self._file.write(content)
            self._places[docid] = (end, len(content))
            end += len(content)
        self._file.flush()

    def __getitem__(self, docid: str) -> str:
        start, length = self._places[docid]
        return os.pread(self._file.fileno(), length, start).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _wanted(path: str | Path, wanted: Collection[str]) -> Iterator[tuple[str, str]]:
    """Id and text of the wanted passages, in one pass."""
    missing = set(wanted)
    for number, record in read_jsonl(path):
        where = f"{path}:{number}"
        if (docid := id_of(record, where)) in missing:
            missing.remove(docid)
            yield docid, text_of(record, where)
            if not missing:
                return
    if missing:
        raise RankkError(
            f"{path}: {len(missing)} passages of the run are not there, e.g. {', '.join(sorted(missing)[:SHOWN])}"
        )


def passage_ids(path: str | Path) -> set[str]:
    """Ids of all passages."""
    return {id_of(record, f"{path}:{number}") for number, record in read_jsonl(path)}
