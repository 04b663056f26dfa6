"""Reading the texts that are indexed or encoded: passages, their segments, or queries."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rankk.io.files import read_jsonl
from rankk.io.trec import read_queries
from rankk.retrievers.base import Segments
from rankk.retrievers.segments import segmented


def read_texts(path: str | Path, segments: Segments | None = None) -> Iterator[tuple[str, str]]:
    """Id and text of passages (.jsonl), of their segments, or of queries (.tsv)."""
    if Path(path).suffix == ".tsv":
        yield from read_queries(path).items()
        return
    passages = ((record["id"], record["contents"]) for _, record in read_jsonl(path))
    yield from segmented(passages, segments.characters, segments.stride) if segments else passages


@contextmanager
def segment_file(passages: str | Path, segments: Segments | None, folder: str | Path) -> Iterator[Path]:
    """A file of the texts to be indexed: the passages themselves, or a temporary one of their segments in `folder`."""
    if segments is None:
        yield Path(passages)
        return
    with tempfile.TemporaryDirectory(prefix=".segments.", dir=folder) as scratch:
        target = Path(scratch, "segments.jsonl")
        with target.open("w", encoding="utf-8") as file:
            for identifier, text in read_texts(passages, segments):
                file.write(json.dumps({"id": identifier, "contents": text}, ensure_ascii=False) + "\n")
        yield target
