"""First stages fused by reciprocal rank fusion (Cormack et al. 2009)."""

from collections.abc import Sequence
from pathlib import Path

from rankk.io.trec import Hit, read_queries, read_run, write_run


def fuse_runs(runs: Sequence[str | Path], output: str | Path, *, queries: str | Path, k: int, depth: int) -> None:
    """Fuse several first stages of one query list into one of at most `depth` passages a query."""
    found = [read_run(path) for path in runs]
    topics = [qid for qid in read_queries(queries) if any(qid in run for run in found)]
    write_run(output, {qid: reciprocal([run.get(qid, []) for run in found], k)[:depth] for qid in topics}, "hybrid")


def reciprocal(lists: Sequence[Sequence[Hit]], k: int) -> list[Hit]:
    """Passages by the sum of 1 / (k + rank) over the lists that hold them; ties by the first list's order."""
    scores: dict[str, float] = {}
    for hits in lists:
        for rank, hit in enumerate(hits, 1):
            scores[hit.docid] = scores.get(hit.docid, 0.0) + 1 / (k + rank)
    order = sorted(scores, key=lambda docid: -scores[docid])
    return [Hit(docid, scores[docid]) for docid in order]
