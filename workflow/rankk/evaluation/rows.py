"""Tables written row by row, so that memory does not grow with their length."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from rankk.io.files import atomic_write

Row = Mapping[str, Any]


class Table:
    """A CSV file that is being written: six decimals, empty fields for None and NaN."""

    def __init__(self, file: Any, columns: Sequence[str]) -> None:
        self._columns, self._writer = columns, csv.writer(file, lineterminator="\n")
        self._writer.writerow(columns)

    def add(self, row: Row) -> None:
        """Write one row; columns that it lacks stay empty."""
        self._writer.writerow([_text(row.get(column)) for column in self._columns])


def _text(value: Any) -> Any:
    if isinstance(value, float):
        return "" if value != value else f"{value:.6f}"
    return value


@contextmanager
def tables(files: Mapping[str, str], columns: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Table]]:
    """The named tables, which appear at their paths together when the block ends without an exception."""
    with ExitStack() as stack:
        yield {name: Table(stack.enter_context(atomic_write(files[name])), columns[name]) for name in columns}
