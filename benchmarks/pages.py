"""Size of a cell page, and its time to open in headless Chromium, by itself and in a comparison.

Times are measured in the page, from the start of the navigation until the windows of the first query are shown. Answers
have 1,000 words of reasoning. Medians of three runs.
"""

import random
import re
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from common import cell, command, report

from rankk.io.trec import read_run
from rankk.report.answers.page import write_comparison, write_page

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
OPEN = (BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--enable-logging=stderr")
WATCH = """<script>const watch = setInterval(() => {
  if (!document.querySelector("details.window")) return;
  clearInterval(watch);
  console.log(`opened in ${performance.now()} ms`);
}, 5)</script>"""
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


def opened(path: Path) -> float:
    """Seconds until the page shows its first query."""
    watched = path.with_name(f"watched-{path.name}")
    watched.write_text(path.read_text(encoding="utf-8").replace("<nav", WATCH + "<nav", 1), encoding="utf-8")
    times = []
    for _ in range(3):
        with subprocess.Popen([*OPEN, f"file://{watched}"], stderr=subprocess.PIPE, text=True) as browser:
            assert browser.stderr
            told = next(found for line in browser.stderr if (found := re.search(r"opened in ([\d.]+) ms", line)))
            browser.terminate()
        times.append(float(told[1]) / 1000)
    return statistics.median(times)


def main() -> None:
    """Measure each size and write the table."""
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


if __name__ == "__main__":
    main()
