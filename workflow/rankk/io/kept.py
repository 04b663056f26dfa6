"""Results of slow functions of files that hardly ever change, kept from one process to the next.

They lie beside the package's bytecode, and are kept where Python keeps bytecode: neither with PYTHONDONTWRITEBYTECODE
nor in a folder that cannot be written to. Deleting `__pycache__` deletes them.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from rankk.io.files import read_json, sha256, write_json

AFFECTS_RESULTS = False


def kept(module: str, key: str, name: str, compute: Callable[[], Any]) -> Any:
    """What `compute` returned when it was last called for this key and name: plain data.

    `module`: file of the caller, which names the file of what is kept. `key`: what all its entries depend on beside the
    caller's code, such as a checksum of the files that are read; entries of another key or code are dropped.
    """
    file = Path(cache_from_source(module)).with_suffix(".json")
    key = f"{sha256(module)} {key}"
    entries: dict[str, Any] = {}
    with suppress(OSError, ValueError, KeyError, TypeError):  # there is none, or another process was killed
        found = read_json(file)
        entries = found["entries"] if found["key"] == key else {}
    if name not in entries:
        entries[name] = compute()
        if not sys.dont_write_bytecode:
            with suppress(OSError, TypeError):  # no plain data, such as a date, is computed each time
                write_json(file, {"key": key, "entries": entries})
    return entries[name]
