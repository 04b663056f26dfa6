"""First stages fused by reciprocal rank fusion (Cormack et al. 2009)."""

from collections.abc import Sequence
from pathlib import Path

from rankk.fusion.rrf import ReciprocalRank
from rankk.io.trec import read_queries, read_run, write_run


def fuse_runs(runs: Sequence[str | Path], output: str | Path, *, queries: str | Path, k: int, depth: int) -> None:
    """Fuse several first stages of one query list into one of at most `depth` passages a query."""
    found = [read_run(path) for path in runs]
    topics = [qid for qid in read_queries(queries) if any(qid in run for run in found)]
    fusion = ReciprocalRank(k=k)
    write_run(output, {qid: fusion.fuse([run.get(qid, []) for run in found])[:depth] for qid in topics}, "hybrid")
