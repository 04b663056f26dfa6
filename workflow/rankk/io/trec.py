"""TREC's plain files: runs, qrels and queries.

A run keeps the order of its first stage, however tied its scores are: lines are read by score, then by the
rank column; written scores decrease strictly even as 32-bit floats, which is what trec_eval compares.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rankk.errors import RankkError
from rankk.io.files import atomic_write, open_text


class Hit(NamedTuple):
    """One retrieved passage."""

    docid: str
    score: float


Run = dict[str, list[Hit]]
"""Hits by query id, best first."""


def read_run(path: str | Path) -> Run:
    """Read `qid Q0 docid rank score tag` lines. RankkError names file and line of what is not one."""
    rows: dict[str, list[tuple[float, int, str]]] = {}
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            fields = line.split()
            if not fields:
                continue
            try:
                qid, _, docid, rank, score, _ = fields
                rows.setdefault(qid, []).append((-float(score), int(rank), docid))
            except ValueError:
                raise RankkError(
                    f"{path}:{number}: expected 'qid Q0 docid rank score tag', found {line.strip()!r}"
                ) from None
    run: Run = {}
    for qid, hits in rows.items():
        hits.sort(key=lambda hit: hit[:2])
        run[qid] = [Hit(docid, -score) for score, _, docid in hits]
        if len({hit.docid for hit in run[qid]}) != len(run[qid]):
            raise RankkError(f"{path}: query {qid} holds a passage twice")
    return run


def write_run(path: str | Path, run: Mapping[str, Sequence[Hit]], tag: str) -> None:
    """Write a run atomically: ranks from 1, scores strictly decreasing in the order given."""
    with atomic_write(path) as file:
        for qid, hits in run.items():
            previous = float("inf")
            for rank, hit in enumerate(hits, 1):
                # The smallest step that survives 6 decimals and trec_eval's 32-bit floats.
                step = max(1e-6, abs(hit.score) * 2**-22)
                previous = min(hit.score, previous - step)
                file.write(f"{qid} Q0 {hit.docid} {rank} {previous:.6f} {tag}\n")


def ranked(docids: Sequence[str]) -> list[Hit]:
    """Hits for a bare order: scores n, n-1, …, 1."""
    return [Hit(docid, float(len(docids) - i)) for i, docid in enumerate(docids)]


def read_qrels(path: str | Path) -> dict[str, dict[str, int]]:
    """Grades by query id and passage id from `qid 0 docid grade` lines."""
    qrels: dict[str, dict[str, int]] = {}
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            fields = line.split()
            if not fields:
                continue
            try:
                qid, _, docid, grade = fields
                qrels.setdefault(qid, {})[docid] = int(grade)
            except ValueError:
                raise RankkError(f"{path}:{number}: expected 'qid 0 docid grade', found {line.strip()!r}") from None
    return qrels


def read_queries(path: str | Path) -> dict[str, str]:
    """Query text by id, in the file's order, from `qid<TAB>text` lines; further tabs belong to the text."""
    queries: dict[str, str] = {}
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            qid, tab, text = line.rstrip("\n").partition("\t")
            if not (qid and tab and text.strip()):
                raise RankkError(f"{path}:{number}: expected 'qid<TAB>text', found {line.strip()!r}")
            if qid in queries:
                raise RankkError(f"{path}:{number}: query {qid} stands twice")
            queries[qid] = text.strip()
    return queries


Excluded = dict[str, set[str]]
"""Passages by query id that no run may hold (BRIGHT: where the query was taken from)."""


def read_excluded(path: str | Path) -> Excluded:
    """Excluded passage ids by query id, from `qid<TAB>docid` lines."""
    excluded: Excluded = {}
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            qid, tab, docid = line.rstrip("\n").partition("\t")
            if not (qid and tab and docid):
                raise RankkError(f"{path}:{number}: expected 'qid<TAB>docid', found {line.strip()!r}")
            excluded.setdefault(qid, set()).add(docid)
    return excluded


def without(run: Mapping[str, Sequence[Hit]], excluded: Excluded, depth: int | None = None) -> Run:
    """The run without a query's excluded passages, cut to `depth` afterwards."""
    return {qid: [hit for hit in hits if hit.docid not in excluded.get(qid, ())][:depth] for qid, hits in run.items()}
