"""Normalizing passages, queries and judgments, with every fault named or counted."""

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rankk.errors import RankkError
from rankk.io.files import atomic_write, read_jsonl, sha256, write_json
from rankk.io.passages import id_of, text_of
from rankk.io.trec import read_excluded, read_qrels, read_queries
from rankk.progress import bar

log = logging.getLogger("rankk")

FAULTS = {
    "duplicate passage": "a passage id stands twice",
    "empty passage": "a passage has no text",
    "unknown query": "judgments for a query that is not there",
    "unknown passage": "judgments for a passage that is not there",
}
"""Faults that a collection may declare as known (`drop`): they are left out and counted."""
DECLARED = {kind: f"drop: [{kind}]" for kind in FAULTS} | {
    "unknown passage": "drop: [unknown passage], or partial: true where only some passages are given"
}


@dataclass(frozen=True, kw_only=True)
class Source:
    """Files of a collection as they came."""

    passages: str
    queries: Mapping[str, str]
    qrels: str
    drop: frozenset[str] = frozenset()
    excluded: str | None = None  # `qid<TAB>docid` lines: passages that a query's run must not hold
    partial: bool = False  # judgments of passages that are not there stay: they decide the ideal ranking


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


def normalize(source: Source, folder: Path, *, topics: int | None = None) -> None:
    """Write passages.jsonl.gz, queries.{language}.tsv, qrels.txt, excluded.tsv and collection.json into `folder`.

    Streams the passages; only their ids are held. `topics` keeps that many queries, evenly spaced over the first
    language's, the same ones in every language.
    """
    drops = Drops(source.drop)
    ids = _passages(source.passages, folder / "passages.jsonl.gz", drops)
    queries = {language: read_queries(path) for language, path in source.queries.items()}
    kept = evenly_spaced(list(dict.fromkeys(qid for texts in queries.values() for qid in texts)), topics)
    counts = {}
    for language, texts in queries.items():
        chosen = {qid: texts[qid] for qid in kept if qid in texts}
        counts[language] = len(chosen)
        with atomic_write(folder / f"queries.{language}.tsv") as file:
            file.writelines(f"{qid}\t{' '.join(text.split())}\n" for qid, text in chosen.items())
    excluded = read_excluded(source.excluded) if source.excluded else {}
    with atomic_write(folder / "excluded.tsv") as file:
        file.writelines(f"{qid}\t{docid}\n" for qid, docids in excluded.items() for docid in sorted(docids))
    judgments = _qrels(
        source.qrels,
        folder / "qrels.txt",
        drops,
        None if source.partial else ids,
        {q for t in queries.values() for q in t},
        set(kept),
    )
    facts = {
        "passages": len(ids),
        "queries": counts,
        "judgments": judgments,
        "excluded": sum(map(len, excluded.values())),
        "dropped": dict(drops.counts),
        "sha256": {path: sha256(path) for path in [source.passages, *source.queries.values(), source.qrels]},
    }
    write_json(folder / "collection.json", facts)
    log.info(
        "%s: %d passages, queries %s, %d judgments, dropped %s",
        folder,
        len(ids),
        counts,
        judgments,
        dict(drops.counts),
    )


def evenly_spaced(items: Sequence[str], wanted: int | None) -> list[str]:
    """`wanted` of the items in their order, spread over the whole list; all where that is no fewer."""
    if wanted is None or wanted >= len(items):
        return list(items)
    return [items[place * len(items) // wanted] for place in range(wanted)]


def _passages(source: str, target: Path, drops: Drops) -> set[str]:
    ids: set[str] = set()
    with atomic_write(target) as file, bar(what="passages", unit="passages") as progress:
        for number, record in read_jsonl(source):
            where = f"{source}:{number}"
            docid, text = id_of(record, where), text_of(record, where)
            if any(character.isspace() for character in docid):
                raise RankkError(f"{where}: passage id {docid!r} holds a blank, which TREC files cannot")
            if docid in ids:
                drops.fault("duplicate passage", f"{where}: passage {docid}")
            elif not text.strip():
                drops.fault("empty passage", f"{where}: passage {docid}")
            else:
                ids.add(docid)
                file.write(json.dumps({"id": docid, "contents": text}, ensure_ascii=False) + "\n")
            progress.update()
    if not ids:
        raise RankkError(f"{source}: holds no passages")
    return ids


def _qrels(source: str, target: Path, drops: Drops, ids: set[str] | None, known: set[str], kept: set[str]) -> int:
    count = 0
    with atomic_write(target) as file:
        for qid, grades in read_qrels(source).items():
            if qid not in known:
                drops.fault("unknown query", f"{source}: query {qid}")
            elif qid in kept:
                for docid, grade in grades.items():
                    if ids is not None and docid not in ids:
                        drops.fault("unknown passage", f"{source}: query {qid}, passage {docid}")
                    else:
                        file.write(f"{qid} 0 {docid} {grade}\n")
                        count += 1
    if not count:
        raise RankkError(f"{source}: no judgment is of a query and a passage of this collection")
    return count
