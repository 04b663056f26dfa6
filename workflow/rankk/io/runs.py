"""Runs in memory: hits by query."""

import os
import tempfile
import weakref
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Hit(NamedTuple):
    """One retrieved passage."""

    docid: str
    score: float


Run = Mapping[str, list[Hit]]
"""Hits by query id, best first."""


class RunOnDemand(Run):
    """A run whose hits are built on access from compact data by query."""

    def __init__(self, queries: Mapping[str, Any]) -> None:
        self._queries = queries

    def __contains__(self, qid: object) -> bool:
        return qid in self._queries

    def __iter__(self) -> Iterator[str]:
        return iter(self._queries)

    def __len__(self) -> int:
        return len(self._queries)


Lines = tuple[list[str], "array[float]", "array[int]"]
"""Passage ids, scores and ranks of a query."""


class StoredRun(RunOnDemand):
    """A run as it was read. Its lines are in a temporary file; where each query's lines are is kept in memory."""

    def __init__(self) -> None:
        self._parts: dict[str, int] = {}  # numbers of the queries' parts of the file
        self._ends = array("q", [0])  # of the parts
        super().__init__(self._parts)
        self._file = tempfile.TemporaryFile(prefix="rankk-")  # noqa: SIM115 (closed with the run)
        weakref.finalize(self, self._file.close)

    def __getitem__(self, qid: str) -> list[Hit]:
        docids, scores, _ = self.lines(qid)
        return list(map(Hit._make, zip(docids, scores, strict=True)))

    def lines(self, qid: str) -> Lines:
        """A query's lines as they were stored."""
        self._file.flush()
        number = self._parts[qid]
        start, end = self._ends[number : number + 2]
        docids, _, numbers = os.pread(self._file.fileno(), end - start, start).partition(b"\n")
        half = len(numbers) // 2
        return docids.decode().split(" "), array("d", numbers[:half]), array("q", numbers[half:])

    def store(self, qid: str, lines: Lines) -> None:
        """Store a query's lines, in place of those that it had."""
        docids, scores, ranks = lines
        size = self._file.write(b"".join((" ".join(docids).encode(), b"\n", scores, ranks)))
        self._parts[qid] = len(self._ends) - 1
        self._ends.append(self._ends[-1] + size)


def ranked(docids: Sequence[str]) -> list[Hit]:
    """Hits for a bare order: scores n, n-1, …, 1."""
    return [Hit(docid, float(len(docids) - i)) for i, docid in enumerate(docids)]
