"""Memory and time as queries and depth grow, with stored answers: both should be linear, and memory modest."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

from common import cell, report

SIZES = [(1_000, 20, 1), (10_000, 20, 1), (100_000, 20, 1), (100, 1000, 99), (1_000, 1000, 99)]
"""Queries, depth, calls a query."""


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a command."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return time.perf_counter() - began, usage.ru_maxrss / 1000


def main() -> None:
    """Every size once from an empty journal, and once again from it."""
    rows: list[dict[str, object]] = []
    for queries, depth, calls in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            inputs = cell(folder, queries=queries, depth=depth, window=20, calls=calls)
            command = [".venv/bin/rankk", "rerank", "--backend=replay", "--preset=rank-k", f"--depth={depth}", *inputs]
            for what in ("first", "again"):
                seconds, memory = measured([*command, f"--output={folder / 'o.trec'}"])
                size = (folder / "o.calls.jsonl").stat().st_size / 1e6
                sizes = {"queries": queries, "depth": depth, "calls": queries * calls}
                cost = {"ms a call": 1000 * seconds / queries / calls, "peak MB": memory, "journal MB": size}
                rows.append({**sizes, "run": what, "seconds": seconds, **cost})
                print(rows[-1], flush=True)
    report("scale", rows)


if __name__ == "__main__":
    main()
