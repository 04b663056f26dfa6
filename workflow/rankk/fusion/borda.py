"""Borda counts."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rankk.fusion.base import Fusion, ranks
from rankk.io.runs import Hit


class Borda(Fusion):
    """Numbers of passages that a passage stands before; passages that a ranking lacks are tied behind those it has
    (Aslam and Montague 2001, "Models for Metasearch").
    """

    name: ClassVar[str] = "borda"

    def scores(self, ranking: Sequence[Hit], docids: Sequence[str], *, ties: bool) -> Iterator[tuple[str, float]]:
        """Passages of all rankings, less the rank."""
        for hit, rank in ranks(ranking, ties=ties):
            yield hit.docid, len(docids) - rank
        held = {hit.docid for hit in ranking}
        rest = len(docids) - len(held)
        yield from ((docid, (rest - 1) / 2) for docid in docids if docid not in held)
