"""Reading text: UTF-8 with or without a byte-order mark, gzip by content; a fault is one line with file and line.

All files that come from outside the package are read here. Pipes (`<(zcat run.gz)`, /dev/stdin) are read as files are.
"""

import gzip
import io
import json
import math
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn, cast

from rankk.errors import RankkError

GZIP = b"\x1f\x8b"
UNREADABLE = {
    b"\xff\xfe\0\0": "is UTF-32",
    b"\0\0\xfe\xff": "is UTF-32",
    b"\xff\xfe": "is UTF-16",
    b"\xfe\xff": "is UTF-16",
    b"BZh": "is packed by bzip2",
    b"\xfd7zXZ": "is packed by xz",
    b"\x28\xb5\x2f\xfd": "is packed by zstd",
    b"PK\x03\x04": "is a zip archive",
    b"PAR1": "is a Parquet file",
}
"""Kinds of files by their first bytes."""
EXPECTED = "expected UTF-8 text (or gzip of it)"
MARK = "\ufeff"
"""Byte-order mark; files that were joined have it at the beginning of later lines too."""
SURROGATE = re.compile("[\ud800-\udfff]")


def read_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of every line, without its line break.

    RankkError names file and line of what is not UTF-8 text, and of gzip data that is damaged or cut off.
    """
    number = 0
    with _faults(path, lambda: number + 1), _open(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8")  # kept in a variable: the file is closed with the object
        try:
            for number, line in enumerate(text, 1):
                if "\0" in line:
                    raise _no_text(file, path)
                line = line.rstrip("\n")
                yield number, line.lstrip(MARK) if line.startswith(MARK) else line
        except UnicodeDecodeError:
            raise _no_text(file, path) from None


def read_text(path: str | Path) -> str:
    """A whole file's text. RankkError as for `read_lines`."""
    return "\n".join(line for _, line in read_lines(path))


def parse_json(text: str, where: str) -> Any:
    """The value of a JSON text.

    RankkError names `where` and what is wrong: the syntax, NaN, a key that stands twice, levels or digits by thousands.
    """
    try:
        return DECODER.decode(text)
    except RecursionError:
        raise RankkError(f"{where}: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise RankkError(f"{where}: not JSON: {error.msg} (column {error.colno})") from None
    except ValueError as error:  # raised by `_refuse` and `_unique`, or for a number with thousands of digits
        raise RankkError(f"{where}: not JSON: {str(error).partition(';')[0]}") from None


def replace_surrogates(text: str) -> str:
    """`text` with U+FFFD for every half of a character (a lone surrogate), which no file and no tokenizer takes."""
    return SURROGATE.sub("\ufffd", text)


@contextmanager
def _open(path: str | Path) -> Iterator[IO[bytes]]:
    """The file's bytes, decompressed repeatedly if they were compressed repeatedly."""
    with ExitStack() as files:
        file: IO[bytes] = files.enter_context(Path(path).open("rb"))
        if not file.seekable():  # a pipe: its first bytes show its type and can be read only once
            spooled = files.enter_context(tempfile.TemporaryFile(prefix="rankk-"))
            shutil.copyfileobj(file, spooled)
            spooled.seek(0)
            file = cast("IO[bytes]", spooled)
        while (beginning := _peek(file)).startswith(GZIP):
            packed = files.enter_context(gzip.GzipFile(fileobj=file, mode="rb"))
            file = cast("IO[bytes]", files.enter_context(io.BufferedReader(packed, 1 << 16)))
        for mark, what in UNREADABLE.items():
            if beginning.startswith(mark):
                raise RankkError(f"{path}:1: {what}; {EXPECTED}")
        yield file


def _no_text(file: IO[bytes], path: str | Path) -> RankkError:
    """The error for the first line that is not UTF-8 text."""
    file.seek(0)
    for number, line in enumerate(file, 1):
        if b"\0" in line:
            return RankkError(f"{path}:{number}: holds a NUL byte, as binary files and UTF-16 do; {EXPECTED}")
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            return RankkError(
                f"{path}:{number}: byte 0x{line[error.start]:02x} is not UTF-8; {EXPECTED}; convert it, e.g. by "
                "iconv -f LATIN1 -t UTF-8"
            )
    return RankkError(f"{path}: changes while it is read")


def _peek(file: IO[bytes]) -> bytes:
    beginning = file.read(max(map(len, UNREADABLE)))
    file.seek(0)
    return beginning


@contextmanager
def _faults(path: str | Path, line: Callable[[], int]) -> Iterator[None]:
    """Errors of the system and of gzip as RankkError; `line` gives the number of the line that was being read."""
    try:
        yield
    except FileNotFoundError:
        raise RankkError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise RankkError(f"{path}: is a folder, expected a file") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        what = "is cut off" if isinstance(error, EOFError) else f"is damaged ({error})"
        raise RankkError(f"{path}:{line()}: the gzip file {what}; get it again") from None
    except OSError as error:
        raise RankkError(f"{path}: cannot be read: {error.strerror or error}") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} stands twice")
    return record


DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_unique)
