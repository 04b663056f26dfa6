"""Atomic writing of files; JSON lines; checksums."""

import errno
import gzip
import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rankk.errors import RankkError
from rankk.io.text import parse_json, read_lines

if TYPE_CHECKING:
    import pandas as pd


UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


def exists(path: str | Path) -> bool:
    """Whether a file or folder exists; False for a name that is too long for one."""
    try:
        return Path(path).exists()
    except OSError:
        return False


def is_file(path: str | Path) -> bool:
    """Whether a path can be read as a file (also a pipe); False for a folder."""
    return exists(path) and not Path(path).is_dir()


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A path beside `path` to write to; the file moves to `path` only when the block ends without an exception.

    An OSError of writing names `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        if str(error.filename) == str(partial) or (error.filename is None and error.errno in UNWRITABLE):
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # the error of the block is more informative
            partial.unlink(missing_ok=True)


@contextmanager
def atomic_write(path: str | Path) -> Iterator[IO[str]]:
    """A UTF-8 text file that appears at `path` only when the block ends without an exception.

    `.gz` is packed with a fixed time stamp, so that equal content gives equal bytes.
    """
    with atomic_path(path) as partial:
        if Path(path).suffix == ".gz":
            with (
                partial.open("wb") as raw,
                gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
                io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as file,
            ):
                yield file
        else:
            with partial.open("w", encoding="utf-8", newline="\n") as file:
                yield file


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    with atomic_write(path) as file:
        json.dump(value, file, ensure_ascii=False, indent=2)
        file.write("\n")


def read_json(path: str | Path) -> Any:
    """The value in a JSON file that rankk or a library wrote; `rankk.io.text.parse_json` is for files of users."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_csv(path: str | Path, table: "pd.DataFrame") -> None:
    """Write a table atomically, with six decimals."""
    with atomic_write(path) as file:
        table.to_csv(file, index=False, float_format="%.6f")


def read_jsonl(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number (from 1) and object of every non-blank line; RankkError names file and line of a broken one."""
    for number, line in read_lines(path):
        if not line.strip():
            continue
        record = parse_json(line, f"{path}:{number}")
        if not isinstance(record, dict):
            raise RankkError(f"{path}:{number}: expected a JSON object, found {type(record).__name__}")
        yield number, record


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
