"""A first stage made elsewhere: a TREC run, checked against the collection."""

import logging
from collections.abc import Mapping
from pathlib import Path

from rankk.errors import RankkError
from rankk.io.passages import passage_ids
from rankk.io.trec import read_excluded, read_queries, read_run, without, write_run

log = logging.getLogger("rankk")

SHOWN = 3


def take_over(
    source: str | Path, run: str | Path, *, passages: str | Path, queries: str | Path, excluded: str | Path
) -> None:
    """Write `source` as a cell's first stage: the collection's queries only, in their order, without excluded passages.

    RankkError where it ranks passages that the collection does not hold, or none of its queries.
    """
    found, topics = read_run(source), read_queries(queries)
    kept = {qid: found[qid] for qid in topics if qid in found}
    if not kept:
        raise RankkError(f"{source}: holds none of the {len(topics)} queries of {queries}")
    log.info("%d queries taken over, %d of other topics left out", len(kept), len(found) - len(kept))
    for qid in topics.keys() - kept.keys():
        log.warning("query %s: not in %s", qid, source)
    known = passage_ids(passages)
    _refuse_unknown({hit.docid: qid for qid, hits in kept.items() for hit in hits if hit.docid not in known}, source)
    write_run(run, without(kept, read_excluded(excluded)), "run")


def _refuse_unknown(unknown: Mapping[str, str], source: str | Path) -> None:
    if unknown:
        shown = ", ".join(f"{docid} (query {qid})" for docid, qid in list(unknown.items())[:SHOWN])
        raise RankkError(f"{source}: {len(unknown)} passages are not in the collection, e.g. {shown}")
