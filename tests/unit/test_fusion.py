"""Fusions: known sums, ties, and what a ranking lacks."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankk.fusion.base import FUSIONS, Fusion
from rankk.fusion.borda import Borda
from rankk.fusion.rrf import ReciprocalRank
from rankk.fusion.weighted import Weighted
from rankk.io.runs import Hit, ranked
from rankk.reranking.consensus import merge

ALL = [fusion() for fusion in FUSIONS.all().values()]


def order(hits: list[Hit]) -> list[str]:
    return [hit.docid for hit in hits]


def test_reciprocal_ranks_are_added_up() -> None:
    fused = ReciprocalRank().fuse([ranked(["a", "b", "c"]), ranked(["b", "d"])])
    assert order(fused) == ["b", "a", "d", "c"]
    assert [hit.score for hit in fused] == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62, 1 / 63])
    assert ReciprocalRank(k=0).fuse([ranked(["a", "b"])])[1].score == 0.5


def test_borda_counts_passages_behind_and_ties_those_that_a_ranking_lacks() -> None:
    assert dict(Borda().fuse([ranked(["a", "b", "c"]), ranked(["c", "b", "a"])])) == {"a": 2, "b": 2, "c": 2}
    # Four passages: the second ranking gives 3 and 2 points, and the remaining 0 + 1 are shared.
    assert dict(Borda().fuse([ranked(["a", "b", "c", "d"]), ranked(["d", "c"])])) == {
        "a": 3.5,
        "b": 2.5,
        "c": 3,
        "d": 3,
    }


def test_scores_are_scaled_and_weighted() -> None:
    first, second = [Hit("a", 30.0), Hit("b", 20.0), Hit("c", 10.0)], [Hit("c", 0.9), Hit("d", 0.1)]
    assert dict(Weighted(weights=[0.25, 0.75]).fuse([first, second])) == {"a": 0.25, "b": 0.125, "c": 0.75, "d": 0.0}
    assert dict(Weighted().fuse([[Hit("a", 5.0), Hit("b", 5.0)]])) == {"a": 0.0, "b": 0.0}


@pytest.mark.parametrize("fusion", ALL, ids=lambda fusion: fusion.name)
def test_equal_sums_keep_the_order_of_the_first_ranking(fusion: Fusion) -> None:
    assert order(fusion.fuse([ranked(["b", "a"]), ranked(["a", "b"])])) == ["b", "a"]
    assert order(fusion.fuse([ranked(["b"]), ranked(["a"])])) == ["b", "a"]
    assert fusion.fuse([]) == fusion.fuse([[], []]) == []


def test_tied_passages_share_their_mean_rank() -> None:
    tied = [Hit("a", 2.0), Hit("b", 1.0), Hit("c", 1.0), Hit("d", 0.0)]
    assert dict(Borda().fuse([tied], ties=True)) == {"a": 3, "b": 1.5, "c": 1.5, "d": 0}
    assert dict(Borda().fuse([tied])) == {"a": 3, "b": 2, "c": 1, "d": 0}
    assert ReciprocalRank().fuse([tied], ties=True)[1].score == pytest.approx(1 / 62.5)


def test_orders_of_a_window_merge_into_tie_groups_in_the_windows_order() -> None:
    window = ["a", "b", "c", "d"]
    assert merge(window, [[["d"], ["c"], ["b"], ["a"]], [["a"], ["b"], ["c"], ["d"]]], Borda()) == [window]
    assert merge(window, [[["b", "a"], ["d", "c"]]], ReciprocalRank()) == [["a", "b"], ["c", "d"]]


def test_weights_are_one_a_ranking() -> None:
    with pytest.raises(ValueError, match=re.escape("weights: [1.0] are 1 numbers for 2 rankings")):
        ReciprocalRank(weights=[1.0]).fuse([ranked(["a"]), ranked(["b"])])


@given(
    st.lists(st.floats(-5, 5, width=16), min_size=1, max_size=30),
    st.integers(0, 99),
    st.sampled_from(FUSIONS.names()),
)
def test_weights_of_one_and_nought_give_one_of_the_rankings(scores: list[float], seed: int, name: str) -> None:
    first = [Hit(f"d{i}", score) for i, score in enumerate(sorted(scores, reverse=True))]
    second = [hit.docid for hit in first]
    Random(seed).shuffle(second)
    fused = [FUSIONS.make({"type": name, "weights": w}).fuse([ranked(second), first]) for w in ([1.0, 0.0], [0.0, 1.0])]
    assert order(fused[0]) == second
    if len(set(scores)) == len(scores):
        assert order(fused[1]) == order(first)
