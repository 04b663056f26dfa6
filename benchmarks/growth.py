"""Time and memory of evaluation and report by number of runs, and of a comparison by number of queries.

    python benchmarks/growth.py [--runs 5 10 20] [--queries 1000] [--depth 1000] [--compared 20000]

Each step runs in a process of its own. The runs are links to five files (a first stage and four rerankings); each group
of five is another first stage of the grid.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from common import measured, report

from rankk import paths
from rankk.config.validation import validate_reranker
from rankk.evaluation.experiment import COLUMNS, CellFiles, evaluate
from rankk.io.files import write_json
from rankk.io.runs import ranked
from rankk.io.trec import write_run
from rankk.report import figures, tables
from rankk.report.evidence import Evidence
from rankk.report.home import write_home
from rankk.reranking.tally import Call, write_calls

GROUP = 5
MEASURES = ["nDCG@10", "R@100"]
FIGURES = ["effectiveness", "gains", "difficulty", "differences", "causes", "movement", "outcomes"]
TABLES = ["effectiveness", "causes"]


def cells(runs: int) -> list[paths.Cell]:
    """Cells of one collection: first stages, each followed by its rerankings."""
    names = [(f"r{number // GROUP}", f"m{number % GROUP}" if number % GROUP else "none") for number in range(runs)]
    return [paths.Cell("c", "eng", retriever, reranker) for retriever, reranker in names]


def write(folder: Path, runs: int, queries: int, depth: int) -> None:
    """Write the files of all cells."""
    draw = random.Random(0)
    qids, docids = [f"q{number}" for number in range(queries)], [f"d{number}" for number in range(max(2 * depth, 100))]
    (folder / "queries.tsv").write_text("".join(f"{qid}\tsome query\n" for qid in qids))
    grades = (f"{qid} 0 {docid} {draw.choice((0, 0, 1, 2))}\n" for qid in qids for docid in draw.sample(docids, 50))
    (folder / "qrels.txt").write_text("".join(grades))
    retrieved = {qid: draw.sample(docids, depth) for qid in qids}
    for member in range(GROUP):
        run = {qid: ranked(draw.sample(hits, depth)) for qid, hits in retrieved.items()}
        write_run(folder / f"{member}.trec", run, "made")
    write_calls(folder / "cell.calls.csv", made_calls(retrieved))
    reranker = validate_reranker({"preset": "listwise", "model": "m"}, "growth")
    calls = {"outcomes": {}, "usable_share": 1.0, "prompt_tokens": 0, "output_tokens": 0}
    manifest = {"reranker": reranker.described(), "gpus": [], "seconds": 1.0, "calls": calls, "queries": queries}
    write_json(folder / "cell.json", manifest)


def made_calls(run: dict[str, list[str]]) -> Iterator[Call]:
    """Nine calls per query, as a sliding window makes them for depth 100."""
    for qid, hits in run.items():
        for number in range(9):
            window = hits[: 100 - 10 * number][-20:]
            yield Call(
                *(qid, number, 0, f"{qid}-{number}", "ok", "", "stop", 2000, 2400, 0.9, 30.0, False, 1),
                *(1, len(window), min(100, len(hits)), " ".join(window)),
            )


def tabulate(folder: Path, runs: int) -> None:
    """Evaluate all cells, as the rule `evaluate` does."""
    made = [
        CellFiles(
            *(cell, str(folder / f"{number % GROUP}.trec"), str(folder / "queries.tsv"), str(folder / "qrels.txt")),
            *((str(folder / "cell.calls.csv"), str(folder / "cell.json")) if cell.reranked else ()),
        )
        for number, cell in enumerate(cells(runs))
    ]
    baselines = {files.cell: files.cell.first_stage for files in made if files.cell.reranked}
    outputs = {name: str(folder / f"{name}.csv") for name in COLUMNS}
    evaluate(made, {"c": MEASURES}, baselines, {}, outputs)


def draw_all(folder: Path) -> None:
    """Draw figures, tables and the page, as the rule `report` does."""
    evidence = Evidence({name: str(folder / f"{name}.csv") for name in COLUMNS}, {"c": "eng"})
    (folder / "figures").mkdir(exist_ok=True)
    (folder / "tables").mkdir(exist_ok=True)
    figures.draw(evidence, FIGURES, folder / "figures")
    filled = tables.write(evidence, TABLES, folder / "tables")
    facts = {"experiment": {"experiment": "growth", "description": ""}, "provenance": {}}
    write_home(folder / "index.html", evidence, figures=FIGURES, tables=filled, folder=folder / "figures", facts=facts)


def main() -> None:
    """Measure all steps and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", nargs="+", type=int, default=[5, 10, 20])
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--depth", type=int, default=1000)
    parser.add_argument("--compared", type=int, default=20_000)
    parser.add_argument("--step", nargs=2, metavar=("FOLDER", "STEP"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        folder, what = Path(options.step[0]), json.loads(options.step[1])
        tabulate(folder, what) if what else draw_all(folder)
        return
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.runs:
            write(folder, max(options.runs), options.queries, options.depth)
        sizes: dict[str, object] = {"queries": options.queries, "depth": options.depth}
        for runs in options.runs:
            for name, argument in (("evaluate", runs), ("report", 0)):
                cost = measured(sys.executable, __file__, "--step", folder, argument)
                rows.append({"step": name, "runs": runs, **sizes, **cost})
            report("growth", rows, shown=2)
        if options.compared:
            write(folder, GROUP, options.compared, 100)
            pair = [folder / "0.trec", folder / "1.trec", "--qrels", folder / "qrels.txt"]
            sizes = {"queries": options.compared, "depth": 100}
            rows.append(
                {"step": "compare", "runs": 2, **sizes, **measured(sys.executable, "-m", "rankk", "compare", *pair)}
            )
    report("growth", rows)


if __name__ == "__main__":
    main()
