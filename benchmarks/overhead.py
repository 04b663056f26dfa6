"""Overhead of the reranking engine: seconds and milliseconds per window with stored answers, and a journal's size."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from common import cell, command, report, seconds

RANKK = [".venv/bin/rankk", "rerank", "--backend=replay", "--preset=rank-k"]


def run_of(folder: Path, name: str, inputs: list[str]) -> Callable[..., None]:
    """A function that reranks with stored answers, from an empty journal unless called with `keep`."""
    journal = folder / f"{name}.calls.jsonl"

    def work(*, keep: bool = False) -> None:
        if not keep:
            journal.unlink(missing_ok=True)
        command(*RANKK, *inputs, f"--output={folder / name}.trec", f"--journal={journal}")()

    return work


def main() -> None:
    """Measure a cell of 43 queries and depth 100 (as TREC DL19), and the journal of 200 queries with long thoughts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = run_of(folder, "small", cell(folder, queries=1, depth=100, window=20, calls=9))
        start = seconds(small)
        whole = run_of(folder, "whole", cell(folder, queries=43, depth=100, window=20, calls=9))
        first = seconds(whole)
        again = seconds(lambda: whole(keep=True))
        windows = 42 * 9
        rows = [
            {"what": what, "seconds": took, "ms a further window": 1000 * (took - start) / windows}
            for what, took in (("387 windows, start-up included", first), ("again, from the journal", again))
        ]
        report("overhead", rows)
        inputs = cell(folder, queries=200, depth=100, window=20, calls=9, answer_words=1850)
        journal = folder / "long.calls.jsonl"
        command(*RANKK, *inputs, f"--output={folder / 'long.trec'}", f"--journal={journal}")()
        size = journal.stat().st_size
        rows = [{"queries": 200, "calls": 1800, "words of thought": 1850, "MB": size / 1e6, "kB a call": size / 1.8e6}]
        report("journal", rows)


if __name__ == "__main__":
    main()
