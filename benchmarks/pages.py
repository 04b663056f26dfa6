"""Sizes of the pages, and their times to open in headless Chromium: cells, alone and compared, and a home page.

Times are measured in the page, from the start of the navigation until what is shown first is there: the windows of the
first query; of a home page, everything, with all its figures decoded. Answers have 1,000 words of reasoning. The home
page is that of the paper's grid (config/rank-k.yaml, 184 reranked cells) with random results. Medians of three runs.

python benchmarks/pages.py [cells] [home]
"""

import importlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from common import cell, command, report

from rankk import paths
from rankk.config.loading import load
from rankk.io.trec import read_run
from rankk.provenance import environment
from rankk.report import contents, figures, tables
from rankk.report.answers.page import write_comparison, write_page
from rankk.report.evidence import Evidence
from rankk.report.home import write_home

sys.path.insert(0, str(Path(__file__).parents[1]))
evidence = importlib.import_module("tests.evidence")  # results drawn at random
BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
OPEN = (BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--enable-logging=stderr")
WATCH = """<script>const watch = setInterval(() => {
  if (!document.querySelector("details.window")) return;
  clearInterval(watch);
  console.log(`opened in ${performance.now()} ms`);
}, 5)</script>"""
DECODED = """<script>addEventListener("load", async () => {
  await Promise.all([...document.images].map(image => image.decode()));
  await new Promise(requestAnimationFrame);
  console.log(`opened in ${performance.now()} ms`);
})</script>"""
CELLS = ((43, 9), (500, 9), (2000, 9))
"""Numbers of queries, and of windows per query."""


def page(folder: Path, queries: int, windows: int) -> Path:
    """Write a synthetic cell, its page, and a page that compares it with itself; returns the folder."""
    inputs = cell(folder, queries=queries, depth=10 + 10 * windows, window=20, calls=windows, answer_words=1000)
    rerank = [".venv/bin/rankk", "rerank", "--backend=replay", "--preset=rank-k", f"--depth={10 + 10 * windows}"]
    command(*rerank, *inputs, f"--output={folder / 'o.trec'}")()
    draw = random.Random(0)
    with (folder / "qrels.txt").open("w") as file:
        for qid, hits in read_run(folder / "first.trec").items():
            file.writelines(f"{qid} 0 {hit.docid} {draw.choice((0, 0, 1, 2))}\n" for hit in hits[:30])
    write_page(
        folder / "page.html",
        title="a cell",
        stage="first stage",
        languages=["eng", "eng"],
        passages=str(folder / "passages.jsonl"),
        run=str(folder / "o.trec"),
        first_stage=str(folder / "first.trec"),
        calls=str(folder / "o.calls.csv"),
        journal=str(folder / "o.calls.jsonl"),
        manifest=str(folder / "o.json"),
        queries=str(folder / "queries.tsv"),
        qrels=str(folder / "qrels.txt"),
        measure="nDCG@10",
        level=1,
    )
    cells = [{"key": key, "name": key, "collection": "c", "stage": "first", "page": "page.html"} for key in "ab"]
    write_comparison(folder / "compare.html", "x", cells)
    return folder


def home(folder: Path) -> tuple[Path, int]:
    """The page of the paper's grid with all its figures and tables, and the number of its figures."""
    experiment = load("config/rank-k.yaml")
    built = evidence.evaluated(folder, evidence.build(folder, experiment.cells, queries=8))
    languages = {name: experiment.language_of(name) for name in experiment.evaluated}
    found = Evidence(built.files, languages, experiment.titles, test_time=experiment.test_time)
    drawn, target = list(contents.figures(experiment)), folder / paths.experiment("x")
    figures.draw(found, drawn, target / "figures")
    filled = tables.write(found, list(contents.tables(experiment, [])), target / "tables")
    facts = {"experiment": experiment.recorded, "provenance": environment()}
    write_home(target / "index.html", found, figures=drawn, tables=filled, folder=target / "figures", facts=facts)
    return target / "index.html", len(drawn)


def opened(path: Path, watch: str = WATCH) -> float:
    """Seconds until the page shows what it shows first."""
    watched = path.with_name(f"watched-{path.name}")
    watched.write_text(path.read_text(encoding="utf-8").replace("<nav", watch + "<nav", 1), encoding="utf-8")
    times = []
    for _ in range(3):
        with subprocess.Popen([*OPEN, f"file://{watched}"], stderr=subprocess.PIPE, text=True) as browser:
            assert browser.stderr
            told = next(found for line in browser.stderr if (found := re.search(r"opened in ([\d.]+) ms", line)))
            browser.terminate()
        times.append(float(told[1]) / 1000)
    return statistics.median(times)


def cells() -> None:
    """Measure pages of each size."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        for queries, windows in CELLS:
            folder = Path(name, str(queries))
            folder.mkdir()
            page(folder, queries, windows)
            rows.append(
                {
                    "queries": queries,
                    "windows": windows,
                    "megabytes": (folder / "page.html").stat().st_size / 1e6,
                    "seconds to open": opened(folder / "page.html"),
                    "seconds to compare": opened(folder / "compare.html"),
                }
            )
    report("pages", rows)


def homes() -> None:
    """Measure the home page."""
    with tempfile.TemporaryDirectory() as name:
        path, drawn = home(Path(name))
        size, seconds = path.stat().st_size / 1e6, opened(path, DECODED)
    report("home", [{"cells": 184, "figures": drawn, "megabytes": size, "seconds to open": seconds}])


def main() -> None:
    """Measure the kinds of pages that are named, or all."""
    kinds = {"cells": cells, "home": homes}
    for kind in sys.argv[1:] or kinds:
        kinds[kind]()


if __name__ == "__main__":
    main()
