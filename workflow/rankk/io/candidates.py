"""First-stage results in JSON, as other projects publish them, read as runs.

Known forms: rank_llm's requests, {"query": {"qid", …}, "candidates": [{"docid", "score", …}]}, and those of its first
year, {"query": "…", "hits": [{"qid", "docid", "score", …}]}, one a line (.jsonl) or all in a list (.json); and BRIGHT's
score.json, {qid: {docid: score}}, which rank1's run files have too.
"""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rankk.errors import RankkError
from rankk.io.files import read_jsonl
from rankk.io.runs import Hit, Run
from rankk.io.text import parse_json, read_text
from rankk.io.trec import check_id, read_run

JSON_NAME = re.compile(r"\.json(l?)(?:\.gz)?$")


def read_any_run(path: str | Path) -> Run:
    """Hits by query id, best first, from a TREC run, or from JSON where the file's name ends in .json or .jsonl.

    Blanks in ids become `_`, as in the corpora that such ids are known from. RankkError names file and record of what
    has none of the known forms, a score that is no finite number, and a passage that a query holds twice.
    """
    if not JSON_NAME.search(str(path)):
        return read_run(path)
    run: dict[str, list[Hit]] = {}
    for where, qid, scores in _records(path):
        qid = _id(qid, where, "query id")
        hits = [Hit(_id(docid, where, "passage id"), _score(score, where)) for docid, score in scores]
        if qid in run:
            raise RankkError(f"{where}: query {qid} stands twice")
        if len({hit.docid for hit in hits}) < len(hits):
            raise RankkError(f"{where}: query {qid} holds a passage twice")
        run[qid] = sorted(hits, key=lambda hit: -hit.score)
    if not run:
        raise RankkError(f"{path}: holds no query")
    return run


def _records(path: str | Path) -> Iterator[tuple[str, Any, list[tuple[Any, Any]]]]:
    """For every query: its location in the file, its id, and passage ids with scores."""
    lines = JSON_NAME.search(str(path))
    if lines and lines[1]:
        yield from ((f"{path}:{number}", *_record(record, f"{path}:{number}")) for number, record in read_jsonl(path))
        return
    content = parse_json(read_text(path), str(path))
    if isinstance(content, Mapping):
        for qid, scores in content.items():
            if not isinstance(scores, Mapping):
                raise RankkError(f"{path}: query {qid}: expected {{docid: score}}, found {type(scores).__name__}")
            yield f"{path}: query {qid}", qid, list(scores.items())
    elif isinstance(content, list):
        for number, record in enumerate(content, 1):
            yield f"{path}: record {number}", *_record(record, f"{path}: record {number}")
    else:
        raise RankkError(f"{path}: expected a list or {{qid: {{docid: score}}}}, found {type(content).__name__}")


def _record(record: Any, where: str) -> tuple[Any, list[tuple[Any, Any]]]:
    """Query id and passage ids with scores of one request in a format of rank_llm."""
    try:
        if "candidates" in record:
            return record["query"]["qid"], [(each["docid"], each["score"]) for each in record["candidates"]]
        return record["hits"][0]["qid"], [(each["docid"], each["score"]) for each in record["hits"]]
    except (KeyError, IndexError, TypeError):
        raise RankkError(f'{where}: expected {{"query": {{"qid"}}, "candidates": [{{"docid", "score"}}]}}') from None


def _id(identifier: Any, where: str, what: str) -> str:
    return check_id("_".join(identifier.split()) if isinstance(identifier, str) else identifier, where, what)


def _score(score: Any, where: str) -> float:
    try:
        number = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else math.nan
    except OverflowError:  # of an integer with hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        raise RankkError(f"{where}: score {score!r:.100}: expected a finite number")
    return number
