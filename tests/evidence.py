"""Finished experiments with values drawn at random (fixed seed); files are what the workflow's rules leave behind."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rankk import paths
from rankk.config.validation import validate_reranker
from rankk.evaluation.experiment import COLUMNS, CellFiles, evaluate
from rankk.io.files import write_json
from rankk.io.runs import ranked
from rankk.io.trec import write_run
from rankk.llm.journal import CallRecord, Journal
from rankk.llm.types import Thinking
from rankk.report import figures
from rankk.report.evidence import Evidence
from rankk.report.home import write_home
from rankk.report.progress import Progress
from rankk.report.tables import TABLES
from rankk.reranking.tally import Call, write_calls
from rankk.reranking.types import Answer, Outcome

QUERIES = {"eng": "what is subject", "fas": "موضوع چیست"}
DEPTH, WINDOW = 12, 6
MEASURES = ["nDCG@10", "R@100"]


def grid(*rerankers: str) -> list[paths.Cell]:
    """Cells of one collection: two languages, two first stages."""
    return [
        paths.Cell("c", language, retriever, reranker)
        for language in QUERIES
        for retriever in ("bm25", "splade")
        for reranker in (paths.FIRST_STAGE, *rerankers)
    ]


SMALL = grid("quick", "think")
"""A model that thinks and one that does not."""


def build(folder: Path, cells: Sequence[paths.Cell] = SMALL, queries: int = 24) -> list[CellFiles]:
    """Write collections, runs, manifests, calls and journals of the cells; each first stage precedes its cells."""
    draw = random.Random(0)
    qids, docids = [f"q{i}" for i in range(queries)], [f"d{i}" for i in range(40)]
    for name in {cell.collection: None for cell in cells}:
        for path in (paths.qrels(name), paths.passages(name)):
            (folder / path).parent.mkdir(parents=True)
        (folder / paths.qrels(name)).write_text(
            "".join(f"{qid} 0 {docid} {draw.choice((0, 0, 0, 1, 2, 3))}\n" for qid in qids for docid in docids[:30])
        )
        with (folder / paths.passages(name)).open("w") as file:
            file.writelines(json.dumps({"id": docid, "contents": f"متن <b>{docid}</b>"}) + "\n" for docid in docids)
    first: dict[paths.Cell, dict] = {}
    written = []
    for cell in cells:
        text = QUERIES.get(cell.language, "subject")
        (folder / paths.queries(cell.collection, cell.language)).write_text(
            "".join(f"{qid}\t{text} {qid}\n" for qid in qids)
        )
        names = [cell.run, paths.queries(cell.collection, cell.language), paths.qrels(cell.collection)]
        names += [cell.calls, cell.manifest] if cell.reranked else []
        written.append(CellFiles(cell, *(str(folder / name) for name in names)))
        if cell.reranked:
            _rerank(folder, cell, first[cell.first_stage], draw)
        else:
            first[cell] = {qid: ranked(draw.sample(docids, DEPTH)) for qid in qids}
            write_run(folder / cell.run, first[cell], "first")
    return written


def _rerank(folder: Path, cell: paths.Cell, first: dict, draw: random.Random) -> None:
    run, rows, records, thinks = {}, [], [], cell.reranker in ("think", "qwq", "rank-k")
    for qid, hits in first.items():
        order = [hit.docid for hit in hits]
        for call, start in enumerate((DEPTH - WINDOW, 0)):
            window = order[start : start + WINDOW]
            places = draw.sample(range(1, WINDOW + 1), WINDOW)
            answer = " > ".join(f"[{place}]" for place in places)
            thought = "<think>hm</think>\n" if thinks else ""
            record = CallRecord(
                **{"key": f"{qid}-{call}", "qid": qid, "call": call, "window": tuple(window)},
                **{"text": thought + answer, "finish_reason": "stop", "outcome": "ok", "finished": 1000.0 + call},
                **{"prompt_tokens": 300, "output_tokens": draw.randint(50, 400), "seconds": 2.0},
                waited=0.5 if thinks else None,
                computed=1.4 if thinks else None,
            )
            records.append(record)
            row = Call.of(record, Answer(((places[0] - 1,),), Outcome.OK), Thinking(), [start + 1], DEPTH)
            outcome = draw.choice(("ok", "ok", "repaired", "partial", "truncated"))
            rows.append(replace(row, outcome=outcome, thought_share=0.9 if thinks else 0.0))
        draw.shuffle(order)
        run[qid] = ranked(order)
    write_run(folder / cell.run, run, cell.reranker)
    with Journal(folder / cell.journal) as journal:
        for record in records:
            journal.append(record)
    write_calls(folder / cell.calls, rows)
    reranker = validate_reranker({"preset": "qwq" if thinks else "listwise", "model": "m"}, "test")
    tokens = sum(record.output_tokens for record in records)
    counts = {"outcomes": {"ok": len(rows)}, "usable_share": 1.0, "prompt_tokens": 300 * len(rows)}
    manifest = {"reranker": reranker.described(), "gpus": ["one"], "seconds": 30.0, "queries": len(run)}
    write_json(
        folder / cell.manifest, manifest | {"calls": counts | {"output_tokens": tokens}, "engine_start_seconds": 5.0}
    )


def evaluated(
    folder: Path,
    files: Sequence[CellFiles],
    measures: Sequence[str] = MEASURES,
    of_collections: Mapping[str, Sequence[str]] | None = None,
) -> Evidence:
    """The experiment's tables in `folder`, each cell compared with its first stage.

    `of_collections`: measures of collections that have others.
    """
    baselines = {entry.cell: entry.cell.first_stage for entry in files if entry.cell.reranked}
    jobs = {}
    for entry in files:
        stage = "rerank" if entry.cell.reranked else "retrieve"
        jobs[f"{stage}: {entry.run}"] = str(folder / paths.benchmark("runs", *str(entry.cell).split("/")))
    for file in jobs.values():
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text("s\tmax_rss\n40.0\tNA\n")
    outputs = {name: str(folder / paths.experiment("x", f"{name}.csv")) for name in COLUMNS}
    collections = {entry.cell.collection: None for entry in files}
    evaluate(files, dict.fromkeys(collections, measures) | dict(of_collections or {}), baselines, jobs, outputs)
    return Evidence(outputs, dict.fromkeys(collections, "fas"))


def home(folder: Path, found: Evidence, states: Mapping[paths.Cell, Progress] | None = None) -> Path:
    """The page of an experiment with a figure and a table."""
    target = folder / paths.experiment("x")
    figures.draw(found, ["effectiveness"], target / "figures")
    write_home(
        target / "index.html",
        found,
        figures=["effectiveness"],
        tables={"effectiveness": TABLES.get("effectiveness")().fill(found)},
        folder=target / "figures",
        facts={"experiment": {"experiment": "x", "description": "a & b"}, "provenance": {}},
        states=states,
    )
    return target / "index.html"
