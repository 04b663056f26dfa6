"""Passages cut into overlapping segments, for encoders that read a few hundred tokens (MaxP, Dai & Callan 2019)."""

from collections.abc import Iterable, Iterator, Sequence

from rankk.io.runs import Hit

SEPARATOR = "#"
"""Between a passage's id and a segment's number."""


def segmented(texts: Iterable[tuple[str, str]], characters: int, stride: int) -> Iterator[tuple[str, str]]:
    """Ids (docid#number) and texts of the segments of passages."""
    for docid, text in texts:
        for number, segment in enumerate(segments(text, characters, stride)):
            yield f"{docid}{SEPARATOR}{number}", segment


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
