"""A first stage in random order: what a reranker does without the help of the order that it is given."""

import random
from pathlib import Path

from rankk.io.trec import ranked, read_run, write_run


def shuffle_run(run: str | Path, output: str | Path, *, depth: int, seed: int) -> None:
    """Shuffle each query's first `depth` passages; those behind them are left out. A query's order is its own."""
    shuffled = {}
    for qid, hits in read_run(run).items():
        docids = [hit.docid for hit in hits[:depth]]
        random.Random(f"{seed}.{qid}").shuffle(docids)
        shuffled[qid] = ranked(docids)
    write_run(output, shuffled, "shuffled")
