"""A static page on which people read a cell's answers: no server, no request to anywhere."""

import json
from pathlib import Path
from typing import Any

from rankk.config.reranker import Reranker
from rankk.errors import RankkError
from rankk.evaluation.measures import per_query
from rankk.io.files import atomic_write
from rankk.io.passages import open_passages
from rankk.io.trec import read_qrels, read_queries, read_run
from rankk.llm.journal import read_journal
from rankk.llm.thinking import split_thought
from rankk.reranking.settings import Settings, resolve
from rankk.reranking.tally import read_calls
from rankk.reranking.types import Answer, Outcome

TEMPLATE = Path(__file__).with_name("page.html")


def write_page(
    output: str | Path,
    *,
    title: str,
    run: str,
    first_stage: str,
    calls: str,
    journal: str,
    manifest: str,
    queries: str,
    passages: str,
    qrels: str,
    measure: str,
) -> None:
    """Write the page of a reranked cell: every query's windows before and after, reasoning, outcome and grades."""
    settings = resolve(Reranker(**json.loads(Path(manifest).read_text(encoding="utf-8"))["reranker"]))
    topics, grades = read_queries(queries), read_qrels(qrels)
    after, before = (per_query(read_run(path), grades, [measure], topics)[measure] for path in (run, first_stage))
    windows = windows_of(calls, journal, settings)
    shown = {docid for made in windows.values() for call in made for docid in call["before"]}
    with open_passages(passages, shown) as store:
        texts = dict(store)
    data = {
        "cell": title,
        "measure": measure,
        "passages": texts,
        "queries": [
            {
                "id": qid,
                "text": topics[qid],
                "value": after.get(qid, 0.0),
                "first": before.get(qid, 0.0),
                "gain": after.get(qid, 0.0) - before.get(qid, 0.0),
                "grades": {d: g for d, g in grades.get(qid, {}).items() if d in texts},
                "calls": made,
            }
            for qid, made in windows.items()
        ],
    }
    with atomic_write(output) as file:
        file.write(TEMPLATE.read_text(encoding="utf-8").replace(">DATA<", f">{embedded(data)}<"))


def embedded(data: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def windows_of(calls: str, journal: str, settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """The windows of each query in the order in which they were asked."""
    used = read_calls(calls)
    wanted = {call.key for call in used}
    records = {record.key: record for record in read_journal(journal) if record.key in wanted}
    windows: dict[str, list[dict[str, Any]]] = {}
    for call in used:
        if call.key not in records:
            raise RankkError(
                f"{journal}: the record of query {call.qid}, call {call.call}, is gone, though {calls} names it; make "
                "the cell's run again (snakemake -f) to ask for it"
            )
        record, window = records[call.key], call.window.split()
        thought, said = split_thought(record, settings.preset.thinking)
        parsed = Answer((), Outcome(call.outcome))
        if settings.preset.kind != "pointwise":
            parsed = settings.parser.parse(record, len(window), settings.preset.thinking)
        windows.setdefault(call.qid, []).append(
            {
                "outcome": call.outcome,
                "repairs": call.repairs.replace(",", ", "),
                "tokens": call.output_tokens,
                "seconds": call.seconds,
                "fired": call.budget_fired,
                "thought": thought.strip(),
                "answer": said.strip(),
                "before": window,
                "after": [window[position] for group in parsed.complete(len(window)) for position in group],
            }
        )
    return windows
