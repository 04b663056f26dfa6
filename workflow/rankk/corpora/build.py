"""Writing a corpus and a collection, with every fault of the source named or counted."""

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
"""Faults that a corpus or a collection may declare as known (`drop`): they are left out and counted."""
DECLARED = {kind: f"drop: [{kind}]" for kind in FAULTS} | {
    "unknown passage": "drop: [unknown passage], or partial: true where only some passages are given"
}


@dataclass(frozen=True)
class Topics:
    """Queries by language and id, judgments, and passages that a query's runs must not hold.

    `qrels`: grades by query and passage id. `where` names the source in error messages.
    """

    queries: Mapping[str, Mapping[str, str]]
    qrels: Mapping[str, Mapping[str, int]]
    where: str
    excluded: Mapping[str, set[str]] = field(default_factory=dict)


class Drops:
    """Decides about a fault: an error, or one more of those that are known."""

    def __init__(self, allowed: frozenset[str]) -> None:
        if unknown := allowed - FAULTS.keys():
            raise RankkError(f"drop: {', '.join(sorted(unknown))}: unknown; expected some of {', '.join(FAULTS)}")
        self._allowed = allowed
        self.counts: Counter[str] = Counter()

    def fault(self, kind: str, where: str) -> None:
        """Count a known fault; RankkError for any other."""
        if kind not in self._allowed:
            raise RankkError(f"{where}: {FAULTS[kind]}; mend the file, or declare it as known ({DECLARED[kind]})")
        self.counts[kind] += 1


def write_corpus(records: Iterable[tuple[str, Mapping[str, Any]]], passages: str | Path, drop: frozenset[str]) -> None:
    """Write passages as JSON lines {"id", "contents"} with their index, and their counts as corpus.json beside them.

    `records`: ("file:line", record) pairs, which are streamed. RankkError names a record that has no text, or no id
    that TREC's files can hold, or a fault that is not in `drop`.
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


def write_collection(
    topics: Topics,
    folder: str | Path,
    *,
    passages: str | Path,
    drop: frozenset[str] = frozenset(),
    max_queries: int | None = None,
    partial: bool = False,
    exclude_query_document: bool = False,
) -> None:
    """Write queries.{language}.tsv, qrels.txt, excluded.tsv and collection.json into `folder`.

    `passages`: the corpus. `max_queries` keeps that many queries, evenly spaced over the first language's, the same
    ones in every language. `partial` keeps judgments of passages that the corpus does not hold.
    """
    folder, drops = Path(folder), Drops(drop)
    every = list(dict.fromkeys(qid for texts in topics.queries.values() for qid in texts))
    kept = evenly_spaced(every, max_queries)
    counts = {}
    for language, texts in topics.queries.items():
        chosen = {qid: texts[qid] for qid in kept if qid in texts}
        counts[language] = len(chosen)
        write_queries(folder / f"queries.{language}.tsv", chosen)
    excluded = {qid: set(docids) for qid, docids in topics.excluded.items()}
    with PassageStore(passages) as known:
        if exclude_query_document:
            for qid in kept:
                if qid in known:
                    excluded.setdefault(qid, set()).add(qid)
        with atomic_write(folder / "excluded.tsv") as file:
            for qid, docids in excluded.items():
                for docid in sorted(docids):
                    file.write(f"{qid}\t{check_id(docid, topics.where, 'passage id')}\n")
        corpus = None if partial else known
        judgments = _write_qrels(topics, folder / "qrels.txt", drops, corpus, set(every), set(kept))
    facts = {"queries": counts, "judgments": judgments, "excluded": sum(map(len, excluded.values()))}
    write_json(folder / "collection.json", facts | {"dropped": dict(drops.counts)})
    log.info("%s: queries %s, %d judgments, dropped %s", folder, counts, judgments, dict(drops.counts))


def evenly_spaced(items: Sequence[str], wanted: int | None) -> list[str]:
    """`wanted` of the items in their order, spread over the whole list; all where that is no fewer."""
    if wanted is None or wanted >= len(items):
        return list(items)
    return [items[place * len(items) // wanted] for place in range(wanted)]


def _write_qrels(
    topics: Topics, target: Path, drops: Drops, passages: PassageStore | None, every: set[str], kept: set[str]
) -> int:
    """Write the judgments of the kept queries; returns their number."""
    count = 0
    with atomic_write(target) as file:
        for qid, grades in topics.qrels.items():
            if qid not in every:
                drops.fault("unknown query", f"{topics.where}: query {qid}")
            elif qid in kept:
                for docid, grade in grades.items():
                    if passages is not None and docid not in passages:
                        drops.fault("unknown passage", f"{topics.where}: query {qid}, passage {docid}")
                    else:
                        file.write(f"{qid} 0 {check_id(docid, topics.where, 'passage id')} {grade}\n")
                        count += 1
        if not count:
            raise RankkError(f"{topics.where}: no judgment is of a query and a passage of this collection")
    return count
