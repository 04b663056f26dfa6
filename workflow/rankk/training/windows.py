"""Draws training windows from first-stage lists, seeded and shuffled (Rank-K, section on training data)."""

import json
import logging
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, Any

from rankk.config.training import Windows
from rankk.corpora.build import evenly_spaced
from rankk.errors import RankkError
from rankk.io.files import atomic_write, read_jsonl, write_json
from rankk.io.passages import PassageStore, open_passages, text_of
from rankk.io.runs import Run
from rankk.io.trec import read_qrels, read_queries, read_run
from rankk.training.held_out import held_out_passages, held_out_queries

log = logging.getLogger("rankk")

WORDS = """
a an the of in on at to for from by with about as and or but that this these those it its he his she her they their
who whom whose what which when where why how is are was were be been do does did has have had can could will would
should there
"""
FUNCTION_WORDS = frozenset(WORDS.split())
"""English words that are removed when a question is turned into keywords."""


@dataclass(frozen=True)
class Files:
    """The files of a first stage, and how windows are drawn from it.

    `copies`: number of windows per query and range of ranks, in place of the setting `copies`. `queries_in` and
    `passages_in`: files of the same queries and passages in other languages, by language. `parallel_share`: share of
    the windows with a query in another language whose passages are also taken from that language.
    """

    run: str
    queries: str
    passages: str
    qrels: str
    copies: int | None = None
    parallel_share: float = 0.0
    queries_in: Mapping[str, str] = field(default_factory=dict)
    passages_in: Mapping[str, str] = field(default_factory=dict)


def write_windows(
    settings: Windows,
    learnt: Sequence[Files],
    development: Sequence[Files],
    held_out: Sequence[Files],
    output: str | Path,
    passages: str | Path,
    facts: str | Path,
) -> None:
    """Write windows to `output` (JSON lines), their passages to `passages` and counts to `facts` (JSON).

    A window is {"id", "split": train or development, "query", "passages": [{"id", "grade", "rank", "score"}, …]}. Rank
    and score are those of the first stage; the grade is None if the passage was not judged. A passage is {"id",
    "contents"}. `held_out`: evaluation collections, whose `run` is not read. Training windows are left out and counted
    if their query or one of their passages is (nearly) one of a held-out collection. Windows of either split are left
    out if the list is too short for them. RankkError if no training window is left.
    """
    counts: Counter[str] = Counter()
    with atomic_write(output) as file, atomic_write(passages) as texts:
        for split, parts in (("train", learnt), ("development", development)):
            for number, part in enumerate(parts):
                kept_out = held_out if split == "train" else []
                for window in _windows(settings, part, f"{split}{number}", kept_out, counts, texts):
                    counts[split] += 1
                    file.write(json.dumps(window | {"split": split}, ensure_ascii=False) + "\n")
        if not counts["train"]:
            raise RankkError(f"{output}: no window to learn from is left: {dict(counts)}")
    write_json(facts, dict(sorted(counts.items())))
    log.info("%s: %s", output, dict(counts))


def _windows(
    settings: Windows,
    files: Files,
    name: str,
    held_out: Sequence[Files],
    counts: Counter[str],
    written: IO[str],
) -> Iterator[dict[str, Any]]:
    run, queries, qrels = read_run(files.run), read_queries(files.queries), read_qrels(files.qrels)
    queries_in = {language: read_queries(path) for language, path in files.queries_in.items()}
    kept = evenly_spaced([qid for qid in run if qid in queries], settings.queries)
    others = [text for other in held_out for text in read_queries(other.queries).values()]
    taken = set().union(
        *(held_out_queries({qid: texts[qid] for qid in kept if qid in texts}, others)
          for texts in (queries, *queries_in.values()))
    )  # fmt: skip
    counts["queries left out: held out"] += len(taken)
    drawn = list(_drawn(settings, {qid: run[qid] for qid in kept if qid not in taken}, name, counts, files.copies))
    wanted = {docid for _, _, docids in drawn for docid in docids}
    with ExitStack() as stack:
        texts = stack.enter_context(open_passages(files.passages, wanted))
        parallel = {language: stack.enter_context(PassageStore(path)) for language, path in files.passages_in.items()}
        duplicates = held_out_passages(texts, chain.from_iterable(map(_judged_texts, held_out)))
        counts.update(f"passages held out: {kind}" for kind in duplicates.values())
        used: dict[str, str] = {}
        for identifier, qid, docids in drawn:
            if any(docid in duplicates for docid in docids):
                counts["windows left out: a passage held out"] += 1
                continue
            language = _language(identifier, qid, queries_in)
            query = _worded(settings, queries_in[language][qid] if language else queries[qid], identifier, language)
            if language:
                counts[f"queries: {language}"] += 1
            translated = language in parallel and chance(files.parallel_share, f"{identifier}.parallel")
            grades = qrels.get(qid, {})
            hits = {hit.docid: {"rank": rank, "score": hit.score} for rank, hit in enumerate(run[qid], 1)}
            passages = []
            for docid in docids:
                key, text = f"{name}/{docid}", texts[docid]
                if translated and docid in parallel[language]:
                    key, text = f"{name}/{language}/{docid}", parallel[language][docid]
                used[key] = text
                passages.append({"id": key, "grade": grades.get(docid), **hits[docid]})
            yield {"id": identifier, "query": query, "passages": passages}
        for key in sorted(used):
            written.write(json.dumps({"id": key, "contents": used[key]}, ensure_ascii=False) + "\n")


def _language(identifier: str, qid: str, queries_in: Mapping[str, Mapping[str, str]]) -> str:
    """Draw the language of a window's query; empty: the language of the first stage.

    A language's probability is inversely proportional to its number of queries, so that rare languages are drawn more
    often.
    """
    possible = [language for language, queries in queries_in.items() if qid in queries]
    if not possible:
        return ""
    weights = [1 / len(queries_in[language]) for language in possible]
    return random.Random(f"{identifier}.language").choices(possible, weights)[0]


def _drawn(
    settings: Windows, run: Run, name: str, counts: Counter[str], copies: int | None
) -> Iterator[tuple[str, str, list[str]]]:
    """Id, query id and shuffled passage ids of every window; each window has its own seeded random generator."""
    for qid, hits in run.items():
        for first, last in settings.ranks:
            candidates = [hit.docid for hit in hits[first - 1 : last]]
            for copy in range(copies or settings.copies):
                identifier = f"{name}.{qid}.{first}-{last}.{copy}"
                draw = random.Random(f"{settings.seed}.{identifier}")
                size = max(draw.randint(*settings.sizes), draw.randint(*settings.sizes))  # most windows asked are full
                if len(candidates) < size:
                    counts["windows left out: list too short"] += 1
                    continue
                yield identifier, qid, draw.sample(candidates, size)


def chance(share: float, seed: str) -> bool:
    """True for a share of all seeds, always the same ones."""
    return random.Random(seed).random() < share


def _worded(settings: Windows, query: str, identifier: str, language: str) -> str:
    if language in ("", "eng") and chance(settings.keywords, f"{identifier}.keywords"):
        return as_keywords(query)
    return as_typed(query) if chance(settings.typed, f"{identifier}.typed") else query


def as_typed(query: str) -> str:
    """A question as people type it into a search box: in lower case, without punctuation at its end."""
    return query.lower().rstrip(" ?.!؟。？！")


def as_keywords(query: str) -> str:
    """A question's content words in their order; the question as `as_typed` gives it if it has none."""
    typed = as_typed(query)
    return " ".join(word for word in typed.split() if word not in FUNCTION_WORDS) or typed


def _judged_texts(files: Files) -> Iterator[str]:
    judged = {docid for grades in read_qrels(files.qrels).values() for docid in grades}
    for number, record in read_jsonl(files.passages):  # a partial corpus does not hold all judged passages
        if record["id"] in judged:
            yield text_of(record, f"{files.passages}:{number}")
