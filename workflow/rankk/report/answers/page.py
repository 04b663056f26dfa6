"""Static pages that show answers, without a server or network requests."""

import base64
import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rankk.errors import RankkError
from rankk.evaluation.measures import check_measures, relevance_level
from rankk.io.files import atomic_write
from rankk.io.passages import open_passages
from rankk.report.answers.queries import CellAnswers
from rankk.reranking.outputs import RunFiles

TEMPLATE, SCRIPT = (Path(__file__).with_name(name) for name in ("page.html", "page.js"))
BLOCK = 200
"""Number of passages that are compressed together."""


def write_page(
    output: str | Path, *, title: str, stage: str, languages: Sequence[str], passages: str, **files: Any
) -> None:
    """Write the page of a reranked cell: each query's rankings, relevant passages and windows.

    `title`, `stage`: display names of the cell and its first stage; the path of its run, which commands take, stands
    below. `languages`: of queries and passages (ISO 639-3). `files`: see `CellAnswers`. Each query's answers, and
    passages in blocks, are compressed (deflate, base64) and unpacked when they are shown; a passage's text is on the
    page once. Data of the query that is shown first come first, so that it is shown while the browser reads the rest.
    """
    answers = CellAnswers(**files)
    numbers: dict[str, int] = {}  # of passages, in the order in which queries show them
    entries, queries, first_blocks = [], [], 0
    for entry, content in answers.queries():
        shown = [docid for call in content["calls"] for docid in call["before"]]
        shown += [docid for docid, _ in content["missed"]]
        shown_blocks = {numbers.setdefault(docid, len(numbers)) // BLOCK for docid in shown}
        entries.append(entry)
        queries.append(_packed("query", entry["number"], content | {"blocks": sorted(shown_blocks)}))
        first_blocks = first_blocks or len(shown_blocks)
    with open_passages(passages, answers.asked) as store:
        texts = {docid: store.get(docid) for docid in numbers}
    docids = list(texts)
    blocks = [
        _packed("texts", start // BLOCK, {docid: texts[docid] for docid in docids[start : start + BLOCK]})
        for start in range(0, len(docids), BLOCK)
    ]
    index = {"cell": title, "stage": stage, "run": files["run"], "languages": languages}
    index |= {"measure": answers.measure, "level": answers.level}
    index["queries"] = sorted(entries, key=lambda entry: entry["number"])
    _write(output, index, [*queries[:1], *blocks[:first_blocks], *queries[1:], *blocks[first_blocks:]])


def write_comparison(output: str | Path, experiment: str, cells: Sequence[Mapping[str, Any]]) -> None:
    """Write the page that compares any two cells of an experiment, query by query.

    `cells`: of each reranked one a `name`, its `collection`, its first `stage`, and `page`, the link to the page of its
    answers, from which the data are taken.
    """
    _write(output, {"experiment": experiment, "cells": cells}, ())


def write_pages(
    runs: Sequence[str], *, first_stage: str, queries: str, qrels: str, passages: str, measure: str
) -> list[Path]:
    """Write the pages of runs that `rankk rerank` made from one first stage, each beside its run as .html.

    Of several runs also compare.html, beside the first one. Returns the paths, the one to open first. RankkError for an
    unknown measure, and for a run without the files that `rankk rerank` writes beside it.
    """
    check_measures([measure])
    files = [RunFiles.of(run) for run in runs]
    for each in files:
        if lacking := next((path for path in (each.calls, each.journal, each.manifest) if not path.is_file()), None):
            raise RankkError(f"{each.run}: {lacking} is not beside it; give runs that rankk rerank has written")
    pages = [each.manifest.with_suffix(".html") for each in files]
    for each, page in zip(files, pages, strict=True):
        write_page(
            page,
            title=each.name,
            stage="first stage",
            languages=["", ""],
            passages=passages,
            run=str(each.run),
            first_stage=first_stage,
            calls=str(each.calls),
            journal=str(each.journal),
            manifest=str(each.manifest),
            queries=queries,
            qrels=qrels,
            measure=measure,
            level=relevance_level([measure]),
        )
    if len(pages) == 1:
        return pages
    comparison = pages[0].with_name("compare.html")
    cells = [
        {"key": str(run), "name": each.name, "collection": "", "stage": "first stage"}
        | {"page": quote(os.path.relpath(page, comparison.parent))}
        for run, each, page in zip(runs, files, pages, strict=True)
    ]
    write_comparison(comparison, ", ".join(each.name for each in files), cells)
    return [comparison, *pages]


def embedded(data: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _packed(kind: str, number: int, data: Any) -> str:
    """A numbered script element with compressed JSON, which browsers do not execute."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    content = deflate.compress(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()) + deflate.flush()
    text = base64.b64encode(content).decode()
    return f'<script type="text/plain" class="{kind}" data-number="{number}">{text}</script>\n'


def _write(output: str | Path, index: Mapping[str, Any], packed: Iterable[str]) -> None:
    """Fill the template."""
    head, _, rest = TEMPLATE.read_text(encoding="utf-8").partition("INDEX")
    middle, _, tail = rest.partition("SCRIPT")
    before, _, end = tail.partition("PACKED")
    with atomic_write(output) as file:
        file.writelines((head, embedded(index), middle, SCRIPT.read_text(encoding="utf-8")))
        file.writelines((before, *packed, end))
