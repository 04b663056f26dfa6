"""A finished experiment in the current folder: two languages, two first stages, a model that thinks and one that
does not. Values are drawn at random with a fixed seed; files are what the workflow's rules leave behind."""

import json
import random
from dataclasses import replace
from pathlib import Path

from rankk import paths
from rankk.config.loading import validate_reranker
from rankk.evaluation import behaviour, experiment
from rankk.io.files import write_csv, write_json
from rankk.io.trec import ranked, write_run
from rankk.llm.journal import CallRecord, Journal
from rankk.llm.types import Thinking
from rankk.report.evidence import Evidence
from rankk.reranking.tally import Call, write_calls
from rankk.reranking.types import Answer, Outcome

QUERIES = {"eng": "what is subject", "fas": "موضوع چیست"}
DEPTH, WINDOW = 12, 6


def build(queries: int = 24, rerankers: tuple[str, ...] = ("quick", "think")) -> list[paths.Cell]:
    """Write collection, runs, manifests, calls and journals; returns the cells."""
    draw = random.Random(0)
    qids, docids = [f"q{i}" for i in range(queries)], [f"d{i}" for i in range(40)]
    folder = Path(paths.collection_dir("c"))
    folder.mkdir(parents=True)
    Path(paths.qrels("c")).write_text(
        "".join(f"{qid} 0 {docid} {draw.choice((0, 0, 0, 1, 2, 3))}\n" for qid in qids for docid in docids[:30])
    )
    for language, text in QUERIES.items():
        Path(paths.queries("c", language)).write_text("".join(f"{qid}\t{text} {qid}\n" for qid in qids))
    with Path(paths.passages("c").removesuffix(".gz")).open("w") as file:
        file.writelines(json.dumps({"id": docid, "contents": f"متن <b>{docid}</b>"}) + "\n" for docid in docids)
    cells = [
        paths.Cell("c", language, retriever, reranker)
        for language in QUERIES
        for retriever in ("bm25", "splade")
        for reranker in (paths.FIRST_STAGE, *rerankers)
    ]
    for cell in cells:
        if not cell.reranked:
            run = {qid: ranked(draw.sample(docids, DEPTH)) for qid in qids}
            write_run(cell.run, run, "first")
        else:
            _reranked(cell, run, draw)
    return cells


def _reranked(cell: paths.Cell, first: dict, draw: random.Random) -> None:
    run, rows, records, thinks = {}, [], [], cell.reranker == "think"
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
            )
            records.append(record)
            row = Call.of(record, Answer(((places[0] - 1,),), Outcome.OK), Thinking(), [start + 1], DEPTH)
            outcome = draw.choice(("ok", "ok", "repaired", "partial", "truncated"))
            rows.append(replace(row, outcome=outcome, thought_share=0.9 if thinks else 0.0))
        draw.shuffle(order)
        run[qid] = ranked(order)
    write_run(cell.run, run, cell.reranker)
    with Journal(cell.journal) as journal:
        for record in records:
            journal.append(record)
    write_calls(cell.calls, rows)
    reranker = validate_reranker({"preset": "qwq" if thinks else "listwise", "model": "m"}, "test")
    tokens = sum(record.output_tokens for record in records)
    counts = {"outcomes": {"ok": len(rows)}, "usable_share": 1.0, "prompt_tokens": 300 * len(rows)}
    manifest = {"reranker": reranker.model_dump(mode="json"), "gpus": ["one"], "seconds": 30.0}
    write_json(cell.manifest, manifest | {"calls": counts | {"output_tokens": tokens}, "engine_start_seconds": 5.0})


def evaluated(cells: list[paths.Cell]) -> Evidence:
    """The experiment's tables, written and read again."""
    baselines = {cell: cell.first_stage for cell in cells if cell.reranked}
    reranked = list(baselines)
    jobs = {f"rerank: {cell.run}": paths.benchmark("runs", cell.language, cell.reranker) for cell in reranked}
    for file in jobs.values():
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text("s\tmax_rss\n40.0\tNA\n")
    tables = experiment.evaluate(cells, {"c": ["nDCG@10", "R@100"]}, baselines) | {
        "calls": behaviour.calls(reranked),
        "movement": behaviour.movement(reranked),
        "resources": behaviour.resources(jobs, reranked),
    }
    for name, table in tables.items():
        write_csv(paths.experiment("x", f"{name}.csv"), table)
    return Evidence({name: paths.experiment("x", f"{name}.csv") for name in paths.TABLES}, {"c": "fas"})
