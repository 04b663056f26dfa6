"""The journal of a cell: every finished call, appended and flushed before its result is used.

A call is named by a hash of everything that decides its answer, so that a killed job, a greater depth or
another strategy never asks for the same answer twice. Only offsets are kept in memory.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rankk.errors import RankkError

Record = dict[str, Any]


def call_key(deciding: Mapping[str, Any]) -> str:
    """Name of a call: 128 bits, hexadecimal, of a canonical form of what decides its answer."""
    canonical = json.dumps(deciding, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()[:32]


class Journal:
    """An append-only file of call records, one JSON object a line; readable after a kill at any byte.

    Opening drops a torn last line and locks the file: a second writer gets a RankkError. A call that stands in one of
    the `others`, journals of cells with the same first stage, is copied instead of asked for.
    """

    def __init__(self, path: str | Path, others: Iterable[Path] = ()) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise RankkError(f"{path}: another process is writing this journal; wait for it or stop it") from None
        self._offsets: dict[str, tuple[int, int]] = {}
        end = 0
        for offset, line, record in _lines(self.path):
            self._offsets[record["key"]] = (offset, len(line))
            end = offset + len(line)
        self._file.truncate(end)
        self._end = end
        self._elsewhere: dict[str, tuple[Path, int, int]] = {
            record["key"]: (other, offset, len(line))
            for other in others
            if other.resolve() != self.path.resolve()
            for offset, line, record in _lines(other)
            if record["key"] not in self._offsets
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._offsets)

    def get(self, key: str) -> Record | None:
        """The record of a finished call."""
        if key in self._offsets:
            offset, length = self._offsets[key]
            return _record(os.pread(self._file.fileno(), length, offset))
        if key in self._elsewhere:
            path, offset, length = self._elsewhere[key]
            with path.open("rb") as file:
                record = _record(os.pread(file.fileno(), length, offset))
            self.append(record)
            return record
        return None

    def append(self, record: Record) -> None:
        """Add a finished call; it survives the process once this returns."""
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._file.write(line)
        self._file.flush()
        self._offsets[record["key"]] = (self._end, len(line))
        self._end += len(line)


def _record(line: bytes) -> Record:
    record: Record = json.loads(line)
    return record


def read_journal(path: str | Path) -> Iterator[Record]:
    """Every whole record of a journal, in order; a torn last line is left out."""
    if not Path(path).is_file():
        raise RankkError(f"{path}: no such file")
    return (record for _, _, record in _lines(Path(path)))


def _lines(path: Path) -> Iterator[tuple[int, bytes, Record]]:
    """Offset, bytes and record of each whole line."""
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return  # torn by a kill: the call is made again
            try:
                record = json.loads(line)
                record["key"]
            except (ValueError, TypeError, KeyError):
                raise RankkError(f"{path}:{number}: not a call record; move the journal away to start anew") from None
            yield offset, line, record
            offset += len(line)
