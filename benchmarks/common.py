"""Helpers of the benchmarks: synthetic cells, timing, and tables on the terminal and as CSV."""

import csv
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rankk.io.runs import ranked
from rankk.io.trec import write_run

REPEATS = int(os.environ.get("REPEATS", "0"))
"""Runs of whatever is timed, instead of a benchmark's own number; 0: that number."""

RESULTS = Path("results/benchmarks-of-the-code")
WORDS = Path("resources/mini/passages.jsonl")


def report(name: str, rows: Sequence[dict[str, object]], shown: int | None = None) -> None:
    """Print the rows as a table (`shown`: only this many of the last rows) and write all of them to results/."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    with (RESULTS / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    lines = [list(rows[0])] + [
        [f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows[-(shown or len(rows)) :]
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(f"\n{name}")
    for line in lines:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)), flush=True)


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Median wall-clock seconds of several runs."""
    times = []
    for _ in range(REPEATS or repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def command(*arguments: str) -> Callable[[], object]:
    """A function that runs a command; its output is shown only if it fails."""
    return lambda: subprocess.run(arguments, check=True, capture_output=True)


MEASURE = """
import json, os, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
cost = {"seconds": time.perf_counter() - began, "cpu_s": usage.ru_utime + usage.ru_stime}
print(json.dumps(cost | {"peak_mb": usage.ru_maxrss / 1024, "load": os.getloadavg()[0]}))
sys.exit(done.stderr.decode() if done.returncode else 0)
"""


def measured(*arguments: object) -> dict[str, float]:
    """Seconds, processor time and peak memory of a command, and the machine's load at its end.

    A small process starts the command: Linux counts the memory of the process that starts a command as the command's.
    """
    told = subprocess.check_output([sys.executable, "-S", "-c", MEASURE, *map(str, arguments)])
    cost: dict[str, float] = json.loads(told)
    return cost


def words() -> list[str]:
    """Words of the embedded collection, from which texts are generated."""
    return [word for line in WORDS.open() for word in json.loads(line)["contents"].split()]


def cell(folder: Path, *, queries: int, depth: int, window: int, calls: int, answer_words: int = 0) -> list[str]:
    """Write a first stage with texts and stored answers; returns the options of `rankk rerank` that name the files.

    Each query has `depth` passages of 60 words out of 5,000; each answer is a shuffled window behind a thought.
    """
    draw, vocabulary = random.Random(0), words()
    with (folder / "passages.jsonl").open("w") as file:
        for number in range(5000):
            text = " ".join(draw.choices(vocabulary, k=60))
            file.write(json.dumps({"id": f"d{number}", "contents": text}) + "\n")
    run = {f"q{i}": ranked([f"d{n}" for n in draw.sample(range(5000), depth)]) for i in range(queries)}
    write_run(folder / "first.trec", run, "first")
    (folder / "queries.tsv").write_text("".join(f"{qid}\twhich passage tells of it\n" for qid in run))
    with (folder / "responses.jsonl").open("w") as file:
        for qid in run:
            for call in range(calls):
                thought = " ".join(draw.choices(vocabulary, k=answer_words))
                order = " > ".join(f"[{i}]" for i in draw.sample(range(1, window + 1), window))
                response = f"<think>\n{thought}\n</think>\n\n{order}" if answer_words else order
                file.write(json.dumps({"qid": qid, "call": call, "response": response}) + "\n")
    names = {
        "run": "first.trec",
        "queries": "queries.tsv",
        "passages": "passages.jsonl",
        "responses": "responses.jsonl",
    }
    return [f"--{option}={folder / file}" for option, file in names.items()]
