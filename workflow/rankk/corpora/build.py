"""Writes the files of corpora and collections. A fault of a source is an error, or is dropped and counted."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rankk.errors import RankkError
from rankk.io.files import atomic_write, write_json
from rankk.io.passages import PassageStore, build_store, id_of, text_of
from rankk.io.text import replace_surrogates
from rankk.io.trec import check_id, write_queries
from rankk.progress import bar

log = logging.getLogger("rankk")

FAULTS = {
    "duplicate passage": "a passage id stands twice",
    "empty passage": "a passage has no text",
    "unknown query": "judgments for a query that is not there",
    "unknown passage": "judgments for a passage that is not there",
}
"""Faults that a corpus or a collection may declare as known (`drop`). Faulty records are left out and counted."""
REASONS = {
    "duplicate passage": "an id can name one passage only, the first one stays",
    "empty passage": "there is no text to index or to read",
    "unknown query": "judgments of a query whose text is not there cannot be used",
    "unknown passage": "judged passages that the corpus does not hold cannot be retrieved",
}
"""Why records with a known fault are left out."""
DECLARED = {kind: f"drop: [{kind}]" for kind in FAULTS} | {
    "unknown passage": "drop: [unknown passage], or partial: true where only some passages are given"
}
"""Settings that declare a fault as known."""


@dataclass(frozen=True)
class Topics:
    """Queries, judgments and excluded passages of a source.

    `queries`: texts by language and query id. `qrels`: grades by query id and passage id. `where` names the source in
    error messages. `excluded`: ids of the passages that the runs of a query must not hold, by query id.
    """

    queries: Mapping[str, Mapping[str, str]]
    qrels: Mapping[str, Mapping[str, int]]
    where: str
    excluded: Mapping[str, set[str]] = field(default_factory=dict)


class Drops:
    """Counts faults of the kinds that are allowed and raises RankkError for all others. `counts`: faults by kind."""

    def __init__(self, allowed: frozenset[str]) -> None:
        if unknown := allowed - FAULTS.keys():
            raise RankkError(f"drop: {', '.join(sorted(unknown))}: unknown; expected some of {', '.join(FAULTS)}")
        self._allowed = allowed
        self.counts: Counter[str] = Counter()

    def fault(self, kind: str, where: str) -> None:
        """Count a fault of an allowed kind; RankkError for any other. `where` names the record in the message."""
        if kind not in self._allowed:
            raise RankkError(f"{where}: {FAULTS[kind]}; mend the file, or declare it as known ({DECLARED[kind]})")
        self.counts[kind] += 1


def write_corpus(records: Iterable[tuple[str, Mapping[str, Any]]], passages: str | Path, drop: frozenset[str]) -> None:
    """Write passages as JSON lines {"id", "contents"}, and beside them their index and corpus.json with counts.

    `records`: ("file:line", record) pairs, which are streamed. `drop`: kinds of faults that are dropped and counted.
    RankkError names a record with any other fault, or without an id that TREC files can hold.
    """
    drops, count, replaced = Drops(drop), 0, 0
    with build_store(passages) as add, bar(what="passages", unit="passages") as progress:
        for where, record in records:
            docid, text = id_of(record, where), text_of(record, where)
            replaced += replace_surrogates(text) != text
            if not text.strip():
                drops.fault("empty passage", f"{where}: passage {docid}")
            elif add(docid, text):
                count += 1
            else:
                drops.fault("duplicate passage", f"{where}: passage {docid}")
            progress.update()
        if not count:
            raise RankkError(f"{passages}: the source holds no passages")
    facts: dict[str, Any] = {"passages": count, "dropped": dict(drops.counts)}
    if replaced:
        facts["with_replaced_surrogates"] = replaced
        log.warning("%s: half characters (lone surrogates) in %d passages became U+FFFD", passages, replaced)
    write_json(Path(passages).with_name("corpus.json"), facts)
    log.info("%s: %d passages, dropped %s", passages, count, dict(drops.counts))


def write_topics(
    topics: Topics,
    language: str,
    queries: str | Path,
    excluded: str | Path,
    *,
    max_queries: int | None = None,
    passages: str | Path | None = None,
) -> None:
    """Write one language's queries (`qid<TAB>text`) and the passages that their runs must not hold (`qid<TAB>docid`).

    `max_queries`: number of judged queries that are kept, evenly spaced; every language keeps the same ones.
    `passages`: the corpus; if it is given, a passage whose id is the query's own id is excluded.
    """
    kept = kept_queries(topics, max_queries)
    texts = {qid: text for qid, text in topics.queries[language].items() if kept is None or qid in kept}
    unwanted = {qid: set(docids) for qid, docids in topics.excluded.items() if qid in texts}
    if passages is not None:
        with PassageStore(passages) as known:
            for qid in texts:
                if qid in known:
                    unwanted.setdefault(qid, set()).add(qid)
    write_queries(queries, texts)
    with atomic_write(excluded) as file:
        for qid, docids in unwanted.items():
            for docid in sorted(docids):
                file.write(f"{qid}\t{check_id(docid, topics.where, 'passage id')}\n")
    log.info("%s: %d queries, %d passages excluded", queries, len(texts), sum(map(len, unwanted.values())))


def write_qrels(
    topics: Topics,
    qrels: str | Path,
    counts: str | Path,
    *,
    passages: str | Path,
    drop: frozenset[str] = frozenset(),
    max_queries: int | None = None,
    partial: bool = False,
) -> None:
    """Write TREC qrels, and the numbers of queries, judgments and dropped judgments to `counts` (JSON).

    RankkError names a judgment of an unknown query or passage, unless `drop` allows it. With `partial`, judgments of
    passages that the corpus `passages` does not hold are kept.
    """
    drops, judgments = Drops(drop), 0
    known = {qid for texts in topics.queries.values() for qid in texts}
    kept = kept_queries(topics, max_queries)
    with PassageStore(passages) as corpus, atomic_write(qrels) as file:
        for qid, grades in topics.qrels.items():
            if qid not in known:
                drops.fault("unknown query", f"{topics.where}: query {qid}")
            elif kept is None or qid in kept:
                for docid, grade in grades.items():
                    if not partial and docid not in corpus:
                        drops.fault("unknown passage", f"{topics.where}: query {qid}, passage {docid}")
                    else:
                        file.write(f"{qid} 0 {check_id(docid, topics.where, 'passage id')} {grade}\n")
                        judgments += 1
        if not judgments:
            raise RankkError(f"{topics.where}: no judgment is of a query and a passage of this collection")
    queries = {
        language: sum(kept is None or qid in kept for qid in texts) for language, texts in topics.queries.items()
    }
    facts = {"queries": queries, "judgments": judgments, "dropped": dict(drops.counts)}
    write_json(counts, facts)
    log.info("%s: %s", qrels, facts)


def kept_queries(topics: Topics, max_queries: int | None) -> set[str] | None:
    """Ids of the judged queries that are kept, evenly spaced; None if all queries are kept, judged or not."""
    return None if max_queries is None else set(evenly_spaced(list(topics.qrels), max_queries))


def evenly_spaced(items: Sequence[str], wanted: int | None) -> list[str]:
    """`wanted` items in their order, evenly spaced over the list; all items if the list has no more than that."""
    if wanted is None or wanted >= len(items):
        return list(items)
    return [items[position * len(items) // wanted] for position in range(wanted)]
