"""Sparse vectors from a SPLADE encoder (Formal et al. 2021; SPLADE-v3: Lassance et al. 2024)."""

import json
import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from rankk.io.files import atomic_write, read_jsonl
from rankk.io.trec import read_queries
from rankk.progress import bar
from rankk.retrievers.encoders import load

log = logging.getLogger("rankk")

WEIGHT_RANGE, LEVELS = 5, 256
"""Lucene's impacts are whole numbers: a weight of 5 becomes 256, Pyserini's own scale."""

BATCHES_AT_ONCE = 16
"""Batches handed to the encoder together: it sorts them by length, so that little is padded."""


def encode(
    texts: str | Path,
    model: str,
    vectors: str | Path,
    *,
    revision: str | None,
    max_seq_length: int,
    batch_size: int,
) -> None:
    """Write {"id", "vector": {token: impact}} lines for passages (JSON lines) or queries (TSV).

    `model`: a hub id or a folder. Texts are cut to `max_seq_length` tokens.
    """
    from sentence_transformers import SparseEncoder

    encoder = load(SparseEncoder, model, revision, max_seq_length)
    total = sum(1 for _ in read_texts(texts))
    with atomic_write(vectors) as file, bar(what="encode", unit="texts", total=total) as progress:
        rows = read_texts(texts)
        while chunk := list(islice(rows, batch_size * BATCHES_AT_ONCE)):
            embeddings = encoder.encode([text for _, text in chunk], batch_size=batch_size, show_progress_bar=False)
            for (identifier, _), weights in zip(chunk, encoder.decode(embeddings), strict=True):
                file.write(json.dumps({"id": identifier, "vector": impacts(weights)}, ensure_ascii=False) + "\n")
            progress.update(len(chunk))
    log.info("%d texts encoded by %s", total, model)


def impacts(weights: list[tuple[str, float]]) -> dict[str, int]:
    """Whole positive impacts by token; a weight that rounds to nothing is left out."""
    scaled = {token: round(weight / WEIGHT_RANGE * LEVELS) for token, weight in weights}
    return {token: impact for token, impact in scaled.items() if impact > 0}


def read_texts(path: str | Path) -> Iterator[tuple[str, str]]:
    """Id and text from a collection's passages (.jsonl[.gz]) or queries (.tsv)."""
    if Path(path).suffix == ".tsv":
        yield from read_queries(path).items()
    else:
        for _, record in read_jsonl(path):
            yield record["id"], record["contents"]
