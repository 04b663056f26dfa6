"""Memory and time of a cell by numbers of queries and depth; both should grow linearly.

    python benchmarks/scale.py                                 # stored answers, from an empty journal and again from it
    python benchmarks/scale.py --asked 2000 5000 10000 20000   # cells of so many queries that ask a server

Cells that ask a server (`clients/server.py`, which answers at once) have a first stage of 100 passages a query and
rerank 20 of them in one call.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common import cell, measured, report

SIZES = [(1_000, 20, 1), (10_000, 20, 1), (100_000, 20, 1), (100, 1000, 99), (1_000, 1000, 99)]
"""Numbers of queries, depth, and calls per query."""
PORT = 8198
RERANK = [".venv/bin/rankk", "rerank", "--preset=rank-k"]


def stored() -> Iterator[dict[str, object]]:
    """Measure each size from an empty journal, and again from the complete journal."""
    for queries, depth, calls in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            inputs = cell(folder, queries=queries, depth=depth, window=20, calls=calls)
            command = [*RERANK, "--backend=replay", f"--depth={depth}", *inputs, f"--output={folder / 'o.trec'}"]
            for what in ("first", "again"):
                cost = measured(*command)
                size = (folder / "o.calls.jsonl").stat().st_size / 1e6
                sizes = {"queries": queries, "depth": depth, "calls": queries * calls}
                yield {**sizes, "run": what, **cost, "journal MB": size}


@contextmanager
def server() -> Iterator[list[str]]:
    """Run a server for the block; yields the options of `rankk rerank` that name it."""
    address = f"http://127.0.0.1:{PORT}/v1"
    script = str(Path(__file__).with_name("clients") / "server.py")
    process = subprocess.Popen([sys.executable, script, "--at-once", "--port", str(PORT)])
    try:
        while process.poll() is None:
            with suppress(OSError):
                urllib.request.urlopen(f"{address}/models").read()
                break
            time.sleep(0.2)
        yield ["--backend=openai", f"--base-url={address}"]
    finally:
        process.terminate()
        process.wait()


def asked(numbers: list[int]) -> Iterator[dict[str, object]]:
    """Measure cells of these numbers of queries, whose calls a server answers."""
    with server() as options:
        for queries in numbers:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                inputs = cell(folder, queries=queries, depth=100, window=20, calls=0)
                inputs = [option for option in inputs if not option.startswith("--responses")]
                output = f"--output={folder / 'o.trec'}"
                yield {"queries": queries, **measured(*RERANK, "--depth=20", *options, *inputs, output)}


def main() -> None:
    """Measure the cells with stored answers, or those that ask a server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--asked", nargs="+", type=int, metavar="QUERIES")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for row in asked(options.asked) if options.asked else stored():
        rows.append(row)
        print(row, flush=True)
    report("cells" if options.asked else "scale", rows)


if __name__ == "__main__":
    main()
