"""Passages cut into overlapping segments, for encoders that read a few hundred tokens (MaxP, Dai & Callan 2019)."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rankk.io.files import atomic_write, read_jsonl
from rankk.io.trec import Hit
from rankk.progress import bar

SEPARATOR = "#"
"""Between a passage's id and a segment's number."""


def split_passages(passages: str | Path, target: str | Path, characters: int, stride: int) -> None:
    """Write every passage's segments ({"id": docid#number, "contents"} lines) into `target`."""
    with atomic_write(target) as file, bar(what="segments", unit="passages") as progress:
        for _, record in read_jsonl(passages):
            for number, text in enumerate(segments(record["contents"], characters, stride)):
                identifier = f"{record['id']}{SEPARATOR}{number}"
                file.write(json.dumps({"id": identifier, "contents": text}, ensure_ascii=False) + "\n")
            progress.update()


def segments(text: str, characters: int, stride: int) -> Iterator[str]:
    """Pieces of at most `characters`, one every `stride` of them or less, that together hold every word.

    A piece ends at white space if its second half has any, else in the middle of a word.
    """
    start = 0
    while len(text) - start > characters:
        end = start + characters
        space = text.rfind(" ", start + characters // 2, end + 1)
        end = end if space == -1 else space
        yield text[start:end]
        following = text.rfind(" ", start + 1, start + stride + 1) + 1
        start = min(following if following > start else start + stride, end)
    yield text[start:]


def best_segments(ranked: Sequence[Hit]) -> list[Hit]:
    """Passages in the order of their best segments; `ranked`: segments, best first."""
    best: dict[str, float] = {}
    for segment, score in ranked:
        best.setdefault(segment.rpartition(SEPARATOR)[0], score)
    return [Hit(docid, score) for docid, score in best.items()]
