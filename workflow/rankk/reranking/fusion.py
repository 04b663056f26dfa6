"""Fusion of a reranked order with the first stage's."""

from collections.abc import Sequence
from typing import Literal

from rankk.io.trec import Hit

RRF_K = 60


def fuse(
    first_stage: Sequence[Hit], reranked: Sequence[str], method: Literal["rrf", "weighted"], weight: float
) -> list[str]:
    """One order of the same passages; `weight` (0 … 1) is that of the reranked order.

    rrf: weighted reciprocal ranks (Cormack et al. 2009). weighted: first-stage scores scaled to 0 … 1 and, for the
    reranked order, 1 for its first down to 0 for its last. Equal sums keep the reranked order.
    """
    before = {hit.docid: rank for rank, hit in enumerate(first_stage, 1)}
    after = {docid: rank for rank, docid in enumerate(reranked, 1)}
    if method == "rrf":
        sums = {d: (1 - weight) / (RRF_K + before[d]) + weight / (RRF_K + after[d]) for d in reranked}
    else:
        scores = {hit.docid: hit.score for hit in first_stage}
        low, spread = (
            min(scores.values(), default=0.0),
            max(scores.values(), default=0.0) - min(scores.values(), default=0.0),
        )
        last = max(1, len(reranked) - 1)
        sums = {
            d: (1 - weight) * ((scores[d] - low) / spread if spread else 0.0)
            + weight * (len(reranked) - after[d]) / last
            for d in reranked
        }
    return sorted(reranked, key=lambda docid: -sums[docid])
