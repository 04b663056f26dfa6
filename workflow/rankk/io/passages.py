"""Passage texts by id, read as needed: a corpus is never held in memory as a whole.

A corpus is one uncompressed file of `{"id", "contents"}` lines, which Lucene and encoders stream, and beside it an
SQLite index (`passages.jsonl` and `passages.sqlite`) that tells where each passage's line stands. It is written once,
by the corpus stage, and read by any number of processes at the same time, also on network file systems: the index is
opened as immutable and takes no locks.

    with build_store(folder / "passages.jsonl") as add:         # both files appear when the block ends without error
        for docid, text in source:
            if not add(docid, text): ...                        # False: the id was there already, nothing is written

    with PassageStore(folder / "passages.jsonl") as passages:   # opens in milliseconds, whatever the corpus's size
        passages["d1"]; "d2" in passages; len(passages)         # a read-only mapping from id to text
        passages.require(docids)                                # RankkError names those that are missing

    with open_passages(path, wanted) as passages: ...           # any passage file: by its index, else by one scan
    index_path(path)                                            # the index's path, e.g. for a rule's output
"""

import errno
import json
import logging
import os
import sqlite3
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

from rankk.errors import RankkError
from rankk.io.files import atomic_path, read_jsonl
from rankk.io.text import replace_surrogates
from rankk.io.trec import check_id

log = logging.getLogger("rankk")

SHOWN = 100
"""Characters of a faulty record that are shown."""
IDS_SHOWN = 3
APPLICATION = 0x72616E6B
"""SQLite's application id of an index of passages; it changes with the tables below."""
TABLES = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;
CREATE TABLE passages (docid TEXT PRIMARY KEY, start INTEGER NOT NULL, length INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE corpus (passages INTEGER NOT NULL, bytes INTEGER NOT NULL);
BEGIN;
"""


def text_of(record: Mapping[str, Any], where: str) -> str:
    """A record's text: `contents`, or `title` and `text` joined by a blank. RankkError where there is none.

    Halves of characters in it are as they came; both stores replace them by U+FFFD.
    """
    if isinstance(record.get("contents"), str):
        return str(record["contents"])
    if isinstance(record.get("text"), str):
        title = record.get("title") or ""
        if not isinstance(title, str):
            raise RankkError(f"{where}: a passage's 'title' must be a text, found {title!r:.{SHOWN}}")
        return f"{title} {record['text']}".strip()
    raise RankkError(
        f"{where}: a passage needs 'contents', or 'text' with an optional 'title', as texts; found {_described(record)}"
    )


def id_of(record: Mapping[str, Any], where: str) -> str:
    """A record's `id`, or `_id` as BEIR's files have it. RankkError where it has none that TREC's files can hold."""
    for name in ("id", "_id"):
        if name in record:
            return check_id(record[name], where, f"passage {name}")
    raise RankkError(f"{where}: a passage needs an 'id' (or BEIR's '_id'); found {_described(record)}")


def _described(record: Mapping[str, Any]) -> str:
    """A record's keys and types, cut to one line."""
    return f"{ {key: type(value).__name__ for key, value in record.items()}!s:.{SHOWN}}"


def index_path(path: str | Path) -> Path:
    """Where the index of a file of passages is: `passages.sqlite` for `passages.jsonl`."""
    return path.with_suffix(".sqlite") if (path := Path(path)).name else path


@contextmanager
def build_store(path: str | Path) -> Iterator[Callable[[str, str], bool]]:
    """Write a corpus and its index; the block gets `add(docid, text)`, which is False for an id that was there already.

    Both files appear when the block ends without an exception. Memory does not grow with the corpus. Halves of
    characters (lone surrogates) in a text are replaced by U+FFFD; ids are taken as they are (see `id_of`).
    """
    with (
        atomic_path(index_path(path)) as index,
        atomic_path(path) as partial,
        partial.open("wb") as file,
        closing(_connect(index, "nolock=1")) as database,
    ):
        database.executescript(TABLES)
        end = count = 0

        def add(docid: str, text: str) -> bool:
            nonlocal end, count
            text = replace_surrogates(text)
            line = json.dumps({"id": docid, "contents": text}, ensure_ascii=False).encode() + b"\n"
            row = (docid, end, len(line))
            if not database.execute("INSERT OR IGNORE INTO passages VALUES (?, ?, ?)", row).rowcount:
                return False
            end += file.write(line)
            count += 1
            return True

        yield add
        database.execute("INSERT INTO corpus VALUES (?, ?)", (count, end))
        database.execute("COMMIT")


class Passages(Mapping[str, str]):
    """Texts by passage id, read from a file that is closed at the end of a `with` block."""

    path: Path

    def require(self, docids: Iterable[str]) -> None:
        """RankkError names ids that are not there."""
        _refuse({docid for docid in docids if docid not in self}, self.path)

    @abstractmethod
    def close(self) -> None:
        """Close the files."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PassageStore(Passages):
    """The corpus that `build_store` wrote. Threads may share it; a forked process opens its own.

    RankkError where the index is missing or was made of another file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path, index = Path(path), index_path(path)
        for file in (self.path, index):
            if not file.is_file():
                raise RankkError(f"{file}: no such file")
        self._database = _connect(index, "mode=ro&immutable=1")
        self._count, size = _counts(self._database)
        if size != self.path.stat().st_size:
            self._database.close()
            raise self._outdated()
        self._database.execute(f"PRAGMA mmap_size = {index.stat().st_size}")
        self._file = self.path.open("rb")

    def __getitem__(self, docid: str) -> str:
        for start, length in self._rows("SELECT start, length FROM passages WHERE docid = ?", docid):
            try:
                record = json.loads(os.pread(self._file.fileno(), length, start))
                if record["id"] == docid:
                    return str(record["contents"])
            except (ValueError, TypeError, KeyError, OverflowError):
                pass
            except OSError as error:
                if error.errno != errno.EINVAL:  # negative sizes come from a damaged index
                    raise
            raise self._outdated()
        raise KeyError(docid)

    def __contains__(self, docid: object) -> bool:
        return any(self._rows("SELECT 1 FROM passages WHERE docid = ?", docid))

    def __iter__(self) -> Iterator[str]:
        """Ids, sorted by their UTF-8 bytes."""
        return (docid for (docid,) in self._rows("SELECT docid FROM passages ORDER BY docid"))

    def _rows(self, query: str, *values: Any) -> Iterator[Any]:
        try:
            yield from self._database.execute(query, values)
        except UnicodeEncodeError:  # half a character in an id: no corpus holds it
            return
        except (sqlite3.Error, UnicodeDecodeError):
            raise self._outdated() from None

    def __len__(self) -> int:
        return int(self._count)

    def _outdated(self) -> RankkError:
        index = index_path(self.path)
        return RankkError(f"{index}: is not the index of {self.path} as it is now; build the corpus again")

    def close(self) -> None:
        """Close corpus and index."""
        self._file.close()
        self._database.close()


class ScannedPassages(Passages):
    """Texts of the wanted passages of any file, copied into a temporary one: memory grows with the ids only.

    RankkError names wanted passages that are missing or stand twice.
    """

    def __init__(self, path: str | Path, wanted: Iterable[str]) -> None:
        self.path = Path(path)
        self._file = tempfile.TemporaryFile(prefix="rankk-")  # noqa: SIM115 (closed with the store)
        self._spans: dict[str, tuple[int, int]] = {}
        end = 0
        for docid, text in _wanted(path, wanted):
            content = replace_surrogates(text).encode()
            self._file.write(content)
            self._spans[docid] = (end, len(content))
            end += len(content)
        self._file.flush()

    def __getitem__(self, docid: str) -> str:
        start, length = self._spans[docid]
        return os.pread(self._file.fileno(), length, start).decode()

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)

    def close(self) -> None:
        """Remove the temporary file."""
        self._file.close()


def open_passages(path: str | Path, wanted: Iterable[str]) -> Passages:
    """The wanted passages of a file: by its index where it has one, else by one scan of the file.

    RankkError names wanted passages that are missing.
    """
    if index_path(path).is_file():
        try:
            store = PassageStore(path)
        except RankkError as error:
            log.warning("%s; the file is read as a whole instead", error)
        else:
            store.require(wanted)
            return store
    return ScannedPassages(path, wanted)


def _connect(index: Path, options: str) -> sqlite3.Connection:
    uri = f"{index.resolve().as_uri()}?{options}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def _counts(database: sqlite3.Connection) -> tuple[int, int]:
    """Passages and bytes of the indexed file; -1 bytes where the database is no index of passages."""
    try:
        if database.execute("PRAGMA application_id").fetchone() == (APPLICATION,):
            count, size = database.execute("SELECT passages, bytes FROM corpus").fetchone()
            return int(count), int(size)
    except (sqlite3.Error, TypeError, ValueError):
        pass
    return 0, -1


def _wanted(path: str | Path, wanted: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Id and text of the wanted passages, in one pass over the whole file. RankkError names one that stands twice."""
    known = set(wanted)
    missing = set(known)
    for number, record in read_jsonl(path):
        where = f"{path}:{number}"
        if (docid := id_of(record, where)) in missing:
            missing.remove(docid)
            yield docid, text_of(record, where)
        elif docid in known:
            raise RankkError(f"{where}: passage {docid} stands twice; remove one of them")
    _refuse(missing, path)


def _refuse(missing: Collection[str], path: str | Path) -> None:
    if missing:
        raise RankkError(
            f"{path}: {len(missing)} passages of the run are not there, e.g. {', '.join(sorted(missing)[:IDS_SHOWN])}"
        )
