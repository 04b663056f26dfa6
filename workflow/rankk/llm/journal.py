"""The journal of a cell: every finished call, one JSON line, written before its result is used.

A call is named by a hash of everything that decides its answer, so that a killed job, a greater depth or another
strategy never asks for the same answer twice. Only the offsets of records are kept in memory.
"""

import fcntl
import json
import logging
import os
import re
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from shlex import quote
from types import TracebackType
from typing import Annotated, Any, Self

from pydantic import Field, TypeAdapter, ValidationError

from rankk.errors import BackendError, RankkError
from rankk.llm.types import Completion, Count

AFFECTS_RESULTS = False

log = logging.getLogger("rankk")

BEGINNING = b'{"text":'
"""How every line begins. A file that begins otherwise is not taken for a journal whose last line was cut off."""

SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character: a server may send one as a JSON escape, but a UTF-8 file cannot hold it."""


@dataclass(frozen=True, kw_only=True)
class CallRecord(Completion):
    """A finished call: what was asked, and the model's completion."""

    key: str  # `call_key` of everything that decides the answer
    qid: str
    call: Count  # number of the call among its query's, from 0
    sample: Count = 0  # number of the answer among those to the same window, from 0
    window: tuple[str, ...] = ()  # passage ids in the order of the prompt
    outcome: str  # how the answer parsed when it was recorded
    repairs: tuple[str, ...] = ()
    finished: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None  # Unix time
    counted_by: str | None = None  # what counted the tokens by which the prompt was cut


RECORD = TypeAdapter(CallRecord)


def call_key(deciding: Mapping[str, Any]) -> str:
    """Name of a call: 128 bits, hexadecimal, of a canonical form of what decides its answer."""
    canonical = json.dumps(deciding, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()[:32]


class Journal:
    """An append-only file of call records that is readable after a kill at any byte.

    Opening drops a line that a kill cut off, and locks the file: RankkError for a second writer, and for a line that
    is not a call record. Calls in `others`, journals of cells with the same first stage, are copied when they are
    needed. Without a path the journal is a temporary file.
    """

    def __init__(self, path: str | Path | None = None, others: Iterable[Path] = ()) -> None:
        self.path = None if path is None else Path(path)
        if self.path is None:
            with tempfile.TemporaryFile(prefix="rankk-") as file:
                self._file = os.dup(file.fileno())
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._offsets: dict[str, tuple[int, int]] = {}
        self._elsewhere: dict[str, tuple[Path, int, int]] = {}
        self._end = 0
        self.counters: set[str] = set()
        """What counted the tokens of the prompts of calls that were there already."""
        try:
            self._open(others)
        except BaseException:
            os.close(self._file)
            raise

    def _open(self, others: Iterable[Path]) -> None:
        if self.path is None:
            return
        if not self.path.is_file():
            raise RankkError(f"{self.path}: is a device, not a file that keeps calls; give another journal")
        _lock(self._file, self.path)
        for offset, line, record in _records(self.path):
            self._offsets[record.key] = (offset, len(line))
            self._end = offset + len(line)
            self.counters |= {record.counted_by} if record.counted_by else set()
        os.ftruncate(self._file, self._end)
        for other in others:
            if other.resolve() == self.path.resolve():
                continue
            try:
                for offset, line, record in _records(other):
                    self._elsewhere.setdefault(record.key, (other, offset, len(line)))
            except (RankkError, OSError) as error:
                log.warning("calls of another cell are not reused: %s", error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            os.fsync(self._file)  # network file systems report missing space only now
        except OSError as failure:
            if error is None:
                raise self._failed(failure) from None
        finally:
            os.close(self._file)

    def __len__(self) -> int:
        return len(self._offsets)

    def get(self, key: str) -> CallRecord | None:
        """The record of a finished call, None where there is none."""
        if key in self._offsets:
            offset, length = self._offsets[key]
            record = parse_record(os.pread(self._file, length, offset), f"{self.path}: the record at byte {offset}")
            if record.key != key:
                raise RankkError(f"{self.path}: another program has changed the journal while it was in use")
            return record
        if key in self._elsewhere:
            return self._copied(key, *self._elsewhere[key])
        return None

    def _copied(self, key: str, path: Path, offset: int, length: int) -> CallRecord | None:
        """A record of another cell's journal, unless that journal has been changed since it was opened here."""
        try:
            with path.open("rb") as file:
                record = _record_at(file.fileno(), path, offset, length)
        except (RankkError, OSError):
            return None
        return self.append(record) if record.key == key else None

    def append(self, record: CallRecord) -> CallRecord:
        """Write a finished call and return it as it will be read again: it survives the process.

        Lone surrogates become U+FFFD. RankkError where the record's values cannot be right (a backend's fault); nothing
        is written then. BackendError where the file cannot take it; the records before it stay whole.
        """
        where = f"query {record.qid}, call {record.call}: the backend's answer"
        try:
            text = json.dumps(_told(record), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError) as error:
            raise RankkError(f"{where} is not valid: {error}") from None
        line = SURROGATE.sub("\ufffd", text).encode() + b"\n"
        kept = parse_record(line, where)
        try:
            self._write(line)
        except OSError as error:
            raise self._failed(error) from None
        self._offsets[kept.key] = (self._end, len(line))
        self._end += len(line)
        return kept

    def _write(self, line: bytes) -> None:
        """Write at the end of the last whole record, whatever an earlier failure left behind it."""
        written = 0
        try:
            while written < len(line):  # on a full disk, a part of the record may be written
                written += os.pwrite(self._file, line[written:], self._end + written)
        except OSError:
            os.ftruncate(self._file, self._end)
            raise

    def _failed(self, error: OSError) -> BackendError:
        return BackendError(
            f"{self.path or 'temporary journal'}: cannot be written: {error.strerror}; the calls before it are kept: "
            "make room and run again to go on"
        )


def parse_record(line: bytes, where: str) -> CallRecord:
    """The record in one line of a journal. RankkError at `where` tells what is wrong in it."""
    try:
        return RECORD.validate_json(line, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise RankkError(f"{where} is not valid: {field + ': ' if field else ''}{first['msg']}") from None


def read_journal(path: str | Path) -> Iterator[CallRecord]:
    """Every whole record of a journal, in order; a last line that a kill cut off is left out."""
    if not Path(path).is_file():
        raise RankkError(f"{path}: {'not a file' if Path(path).exists() else 'no such file'}")
    return (record for _, _, record in _records(Path(path)))


class StoredCalls:
    """Records of a finished journal by key. Only their offsets are kept in memory.

    KeyError for a record that the journal does not hold.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise RankkError(f"{path}: no such file")
        self._offsets = {record.key: (offset, len(line)) for offset, line, record in _records(self.path)}
        self._file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._file)

    def __getitem__(self, key: str) -> CallRecord:
        return _record_at(self._file, self.path, *self._offsets[key])


def _record_at(file: int, path: Path, offset: int, length: int) -> CallRecord:
    return parse_record(os.pread(file, length, offset), f"{path}: the record at byte {offset}")


def _told(record: CallRecord) -> dict[str, Any]:
    """Fields of a record without empty ones, except `repairs`."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    values |= {"token_ids": ()}
    values |= {name: round(values[name], 4) for name in ("seconds", "waited", "computed") if values[name] is not None}
    return {
        name: value
        for name, value in values.items()
        if not (value is None or value is False or (value == () and name != "repairs"))
    }


def _records(path: Path) -> Iterator[tuple[int, bytes, CallRecord]]:
    """Offset, bytes and record of each whole line."""
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n") and line.startswith(BEGINNING[: len(line)]):
                return  # cut off by a kill: the call is made again
            try:
                record = parse_record(line, f"{path}:{number}: this call record")
            except RankkError as error:
                if not _holds_records(path):
                    raise RankkError(f"{path}: is no journal of calls; give another file") from None
                raise RankkError(
                    f"{error}. Delete the line to make that call again (sed -i {number}d {quote(str(path))})"
                ) from None
            yield offset, line, record
            offset += len(line)


def _holds_records(path: Path) -> bool:
    with path.open("rb") as file:
        return any(line.startswith(BEGINNING) for line in file)


def _lock(file: int, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RankkError(f"{path}: another process is writing this journal; wait for it or stop it") from None
    except OSError as error:
        log.warning("%s: this file system has no locks (%s): let only one process write here", path, error.strerror)
