"""Differences between two finished experiments: settings, cells and values."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

from rankk import paths
from rankk.errors import RankkError
from rankk.io.text import parse_json, read_text

SAME = 5e-7
"""Values are written with six decimals."""
ROOM = 60
"""Characters of a setting that are shown."""


def diff(one: str, other: str, most: int) -> None:
    """Print what differs between two experiments, each a name or a folder; at most so many settings and values."""
    first, second = _Results(one), _Results(other)
    settings = list(_different(first.settings, second.settings))
    print(f"{len(settings)} settings differ")
    for key, ours, theirs in settings[:most]:
        print(f"  {key}: {ours} → {theirs}")
    _rest(settings, most)
    for results, others in ((first, second), (second, first)):
        alone = sorted(results.cells - others.cells)
        print(f"{len(alone)} cells only in {results.name}")
        for cell in alone[:most]:
            print(f"  {cell}")
        _rest(alone, most)
    shared = first.values.keys() & second.values.keys()
    changed = [(key, first.values[key], second.values[key]) for key in shared]
    changed = [(key, a, b) for key, a, b in changed if abs(a - b) > SAME]
    print(f"{len(changed)} of {len(shared)} shared values differ")
    for (cell, measure), a, b in sorted(changed, key=lambda row: (-abs(row[2] - row[1]), row[0]))[:most]:
        print(f"  {cell}  {measure}: {a:.4f} → {b:.4f} ({b - a:+.4f})")
    _rest(changed, most)


class _Results:
    """Settings by dotted key, and values by cell and measure, of one experiment."""

    def __init__(self, name: str) -> None:
        folder = Path(name) if Path(name).is_dir() else Path(paths.experiment(name))
        configuration = folder / "experiment.json"
        if not configuration.is_file():
            raise RankkError(f"{configuration}: no such file; give two finished experiments by name or folder")
        self.name = folder.name
        facts = parse_json(read_text(configuration), str(configuration))
        self.settings = {key: value for key, value in facts["experiment"].items() if key not in ("experiment", "grid")}
        with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        named = ["/".join(row[name] for name in ("collection", "language", "retriever", "reranker")) for row in rows]
        self.cells = set(named)
        self.values = {
            (cell, row["measure"]): float(row["value"]) for cell, row in zip(named, rows, strict=True) if row["value"]
        }


def _different(one: Any, other: Any, key: str = "") -> Iterator[tuple[str, str, str]]:
    """Keys whose values differ. A mapping that only one side has counts as one key."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in dict.fromkeys((*one, *other)):
            yield from _different(one.get(name, _Absent), other.get(name, _Absent), f"{key}.{name}" if key else name)
    elif one != other:
        yield key, _shown(one), _shown(other)


class _Absent:
    """Marks a key that one side lacks."""


def _shown(value: Any) -> str:
    if value is _Absent:
        return "not there"
    return shorten(json.dumps(value, ensure_ascii=False), ROOM, placeholder="…") if value else repr(value)


def _rest(rows: Sequence[Any], most: int) -> None:
    if len(rows) > most:
        print(f"  … and {len(rows) - most} more (--most)")
