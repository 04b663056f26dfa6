"""Another first stage's passages in the order of a bi-encoder's similarity (Reimers & Gurevych 2019)."""

import logging
from pathlib import Path

from rankk.io.passages import open_passages
from rankk.io.trec import Hit, Run, read_queries, read_run, write_run
from rankk.retrievers.encoders import load

log = logging.getLogger("rankk")


def rescore_run(
    run: str | Path,
    output: str | Path,
    *,
    queries: str | Path,
    passages: str | Path,
    model: str,
    revision: str | None,
    depth: int,
    max_seq_length: int,
    batch_size: int,
) -> None:
    """Order each query's first `depth` passages by cosine similarity; those behind them are left out.

    `model`: a hub id or a folder. Texts are cut to `max_seq_length` tokens. RankkError where there is no such encoder.
    """
    from sentence_transformers import SentenceTransformer

    encoder = load(SentenceTransformer, model, revision, max_seq_length)
    first = {qid: [hit.docid for hit in hits[:depth]] for qid, hits in read_run(run).items()}
    topics = read_queries(queries)
    docids = sorted({docid for found in first.values() for docid in found})
    settings = {"batch_size": batch_size, "normalize_embeddings": True, "show_progress_bar": False}
    with open_passages(passages, docids) as texts:
        embedded = encoder.encode([texts[docid] for docid in docids], **settings)
    asked = encoder.encode([topics[qid] for qid in first], **settings)
    rows = {docid: row for row, docid in enumerate(docids)}
    rescored: Run = {}
    for (qid, found), query in zip(first.items(), asked, strict=True):
        scores = embedded[[rows[docid] for docid in found]] @ query
        hits = [Hit(docid, float(score)) for docid, score in zip(found, scores, strict=True)]
        rescored[qid] = sorted(hits, key=lambda hit: -hit.score)
    write_run(output, rescored, "dense")
    log.info("%d queries and %d passages encoded by %s", len(first), len(docids), model)
