"""rankk's client against those of rank-llm and Rank-K on one simulated vLLM server, in turns.

    python benchmarks/clients/compare.py --rank-llm VENV --rank-k VENV CHECKOUT --tokenizer FOLDER

README.md beside benchmarks/ tells how the other clients are installed. Without their options only ours is measured.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import load
from common import report

from rankk.plan.gpus import Engine

HERE = Path(__file__).resolve().parent
SAMPLE_SECONDS = 0.5


def get(port: int, path: str) -> Any:
    """The server's answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return json.load(answer)


@contextmanager
def serving(options: argparse.Namespace, *more: str) -> Iterator[None]:
    """A simulated server for the block."""
    command = [sys.executable, str(HERE / "server.py"), f"--port={options.port}", f"--scale={options.scale}", *more]
    command += [f"--gpu={options.gpu}", *(["--fp8"] if options.fp8 else [])]
    server = subprocess.Popen([*command, "--models", "hltcoe/Rank-K-32B", str(options.tokenizer)])
    try:
        for _ in range(200):
            with suppress(OSError):
                get(options.port, "/stats")
                break
            time.sleep(0.05)
        yield
    finally:
        server.kill()
        server.wait()


def commands(options: argparse.Namespace, folder: Path, out: Path) -> dict[str, list[str]]:
    """The clients' command lines by name."""
    url = f"http://127.0.0.1:{options.port}/v1"
    inputs = [f"--run={folder / 'run.trec'}", f"--queries={folder / 'queries.tsv'}"]
    ours = [sys.executable, "-m", "rankk", "rerank", "--preset=rank-k", "--backend=openai", f"--base-url={url}"]
    ours += [*inputs, f"--passages={folder / 'passages.jsonl'}", f"--output={out / 'ours.trec'}"]
    made = {"rankk": ours, "rankk, local tokenizer": [*ours, f"--model={options.tokenizer}"]}
    if options.rank_llm:
        for size in options.batch_sizes:
            made[f"rank-llm, batch_size {size}"] = [
                f"{options.rank_llm}/bin/python", str(HERE / "rank_llm_client.py"),
                f"--requests={folder / 'requests.jsonl'}", f"--model={options.tokenizer}", f"--base-url={url}",
                f"--output={out / 'l.trec'}", f"--batch-size={size}",
            ]  # fmt: skip
    if options.rank_k:
        python, checkout = options.rank_k
        made["rank-k, 16 workers"] = [
            f"{python}/bin/python", f"{checkout}/rerank.py", f"--rerank_data={folder / 'run.trec'}",
            f"--docs={folder / 'docs.tsv'}", f"--queries={folder / 'queries.tsv'}", "--truncate_doc_to=450",
            "--rerank_depth=100", "--rerank_window=20", "--rerank_stride=10", "--worker=16", "--temperature=0.5",
            "--max-tokens=8000", "--server=127.0.0.1", f"--port={options.port}", f"--model={options.tokenizer}",
            f"--output={out / 'k.json'}",
        ]  # fmt: skip
    return made


def family(root: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):
            children.setdefault(int(file.read_text().rpartition(")")[2].split()[1]), []).append(int(file.parent.name))
    members = [root]
    for member in members:
        members += children.get(member, [])
    return members


def megabytes(pid: int) -> float:
    """Proportional set size of a process and its descendants: pages that they share count once."""
    total = 0
    for member in family(pid):
        with suppress(OSError):
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def measure(command: list[str], port: int, environment: dict[str, str]) -> dict[str, Any]:
    """Run one client once and measure it."""
    urllib.request.urlopen(f"http://127.0.0.1:{port}/reset", b"{}", timeout=30).close()
    began, most, looked = time.time(), 0.0, 0.0
    with tempfile.TemporaryFile() as log:
        client = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            while True:
                pid, status, usage = os.wait4(client.pid, os.WNOHANG)
                if pid:
                    break
                if time.monotonic() - looked > SAMPLE_SECONDS:
                    most, looked = max(most, megabytes(client.pid)), time.monotonic()
                time.sleep(0.01)
        except BaseException:
            os.killpg(client.pid, signal.SIGKILL)
            raise
        client.returncode = os.waitstatus_to_exitcode(status)
        if client.returncode:
            log.seek(0)
            raise SystemExit(f"{' '.join(command)}: exit {client.returncode}\n{log.read().decode()[-3000:]}")
    stats = get(port, "/stats")
    return {
        "seconds": stats["last_answer"] - stats["first_request"],
        "to_first_request": stats["first_request"] - began,
        "whole": time.time() - began,
        "cpu_ms_a_window": 1000 * (usage.ru_utime + usage.ru_stime) / stats["requests"],
        "peak_mb": most,
        "in_flight_mean": stats["in_flight_mean"],
        "in_flight_most": stats["in_flight_most"],
        "requests": stats["requests"],
        "preemptions": stats["preemptions"],
        "load": os.getloadavg()[0],
    }


def parsed() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rank-llm", help="environment with rank-llm")
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[32, 256], help="of rank-llm; 32 is its default")
    parser.add_argument("--rank-k", nargs=2, metavar=("VENV", "CHECKOUT"), help="environment and checkout of rank-k")
    parser.add_argument(
        "--tokenizer", type=Path, required=True, help="a model's folder with tokenizer and chat template"
    )
    parser.add_argument("--queries", nargs="+", type=int, default=[43, 97, 194, 800])
    parser.add_argument("--clients", nargs="+", help="only those whose names begin so")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scale", type=float, default=32.0)
    parser.add_argument("--gpu", default="h200")
    parser.add_argument("--fp8", action="store_true")
    parser.add_argument("--at-once", action="store_true", help="the server answers at once: the clients' own cost")
    parser.add_argument("--port", type=int, default=8199)
    parser.add_argument("--name", default="clients", help="of the CSV files")
    return parser.parse_args()


def main() -> None:
    """Run all clients alternately for each size; writes a row per run, and a row per client and size."""
    options = parsed()
    made = load.speeds(options.gpu, fp8=options.fp8)
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OPENAI_API_KEY": "none"}
    rows: list[dict[str, Any]] = []
    summary: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name, serving(options, *(["--at-once"] if options.at_once else [])):
        folder = Path(name)
        (folder / "stub/vllm").mkdir(parents=True)  # rank-llm imports vLLM, also where it does not use it
        (folder / "stub/vllm/__init__.py").touch()
        others = environment | {"PYTHONPATH": f"{folder / 'stub'}"}
        for queries in options.queries:
            load.write(folder, queries)
            for repeat in range(options.repeats):
                for client in commands(options, folder, folder):
                    if options.clients and not client.startswith(tuple(options.clients)):
                        continue
                    out = folder / f"{queries} {repeat} {client}"  # alone: answers of journals beside it are taken
                    out.mkdir()
                    command = commands(options, folder, out)[client]
                    ours = client.startswith("rankk")
                    row = measure(command, options.port, environment if ours else others)
                    rows.append({"queries": queries, "client": client, "repeat": repeat, **row})
                    report(f"{options.name}-runs", rows, shown=1)
            summary += medians([row for row in rows if row["queries"] == queries], options, made)
    report(options.name, summary)


def medians(rows: list[dict[str, Any]], options: argparse.Namespace, made: Engine) -> list[dict[str, object]]:
    """A row per client: medians, and medians of its time relative to ours and to the best fixed number of calls in
    flight."""
    queries = rows[0]["queries"]
    bounds: dict[str, object] = {}
    if not options.at_once:
        best, number = load.best_fixed(made, queries)
        bounds = {"best_fixed": number, "followed_times_best_fixed": load.followed(made, queries) / best}
    ours = {row["repeat"]: row["seconds"] for row in rows if row["client"] == "rankk"}
    told = []
    for client in dict.fromkeys(row["client"] for row in rows):
        members = [row for row in rows if row["client"] == client]
        middle = {
            key: statistics.median(row[key] for row in members) for key in members[0] if key not in ("client", "repeat")
        }
        ratios = [row["seconds"] / ours[row["repeat"]] for row in members] if ours else [0.0]
        told.append(
            {"client": client, **middle, "times_ours": statistics.median(ratios)}
            | {"least": min(ratios), "most": max(ratios), "runs": len(members)}
            | ({"times_best_fixed": middle["seconds"] * options.scale / best, **bounds} if bounds else {})
        )
    return told


if __name__ == "__main__":
    main()
