"""With a perfect ranker every strategy keeps its promise, for any list and parameters."""

import asyncio
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from rankk.io.trec import Hit
from rankk.reranking.consensus import Consensus
from rankk.reranking.fusion import fuse
from rankk.reranking.strategies.heap import Setwise
from rankk.reranking.strategies.parallel import Groups, Pointwise, Tournament
from rankk.reranking.strategies.topdown import TopDown
from rankk.reranking.strategies.windows import Single, Sliding

LISTS = st.lists(st.integers(0, 9), max_size=70)
WINDOWS = st.integers(2, 24)


class Oracle:
    """Knows every grade; counts what it is asked and how deep calls depend on each other."""

    def __init__(self, grades):
        self.grades = grades
        self.calls = 0
        self.windows = []

    async def rank(self, window, *, chain=0, sample=0):
        self.calls += 1
        self.windows.append(list(window))
        assert len(set(window)) == len(window) >= 2
        await asyncio.sleep(0)
        values = sorted({self.grades[docid] for docid in window}, reverse=True)
        return [[docid for docid in window if self.grades[docid] == value] for value in values]

    async def score(self, docid):
        self.calls += 1
        return self.grades[docid] / 10


def play(strategy, grades, oracle=None):
    docids = [f"d{i}" for i in range(len(grades))]
    oracle = oracle or Oracle(dict(zip(docids, grades, strict=True)))
    order = asyncio.run(strategy.rerank(docids, oracle))
    assert sorted(order) == sorted(docids)
    n = len(grades)
    if strategy.exact:
        assert oracle.calls == strategy.calls(n)
    else:
        assert oracle.calls <= strategy.calls(n)
    assert all(len(window) <= strategy.window for window in oracle.windows)
    return [oracle.grades[docid] for docid in order], oracle


def ideal(grades, k):
    return sorted(grades, reverse=True)[:k]


@given(LISTS, WINDOWS, st.data())
def test_sliding_brings_up_the_best_and_reads_every_passage(grades, window, data):
    stride = data.draw(st.integers(1, window))
    order, oracle = play(Sliding(window, stride), grades)
    k = len(grades) if len(grades) <= window else window - stride
    assert order[:k] == ideal(grades, k)
    if len(grades) > 1:
        assert {docid for asked in oracle.windows for docid in asked} == set(oracle.grades)


@given(LISTS, WINDOWS)
def test_single_orders_its_window_and_leaves_the_rest(grades, window):
    order, _ = play(Single(window), grades)
    assert order == sorted(grades[:window], reverse=True) + grades[window:]


@given(LISTS, st.integers(3, 24), st.data())
def test_topdown_finds_the_ideal_top_k(grades, window, data):
    k = data.draw(st.integers(1, window - 1))
    order, _ = play(TopDown(window, k), grades)
    assert order[:k] == ideal(grades, k)


@given(LISTS, WINDOWS, st.integers(1, 20))
def test_setwise_finds_the_ideal_top_k(grades, window, k):
    order, _ = play(Setwise(window, k), grades)
    assert order[:k] == ideal(grades, k)


@given(LISTS, WINDOWS, st.integers(1, 3), st.data())
def test_tournament_finds_the_ideal_top_k(grades, window, rounds, data):
    grades = [grade + i / 100 for i, grade in enumerate(grades)]  # ties could share out points
    k = data.draw(st.integers(1, window // 2))
    order, _ = play(Tournament(window, k, rounds, seed=0), grades)
    assert order[:k] == ideal(grades, k)


@given(LISTS, WINDOWS, st.integers(1, 3))
def test_groups_are_ideal_where_one_window_holds_the_list(grades, window, rounds):
    order, _ = play(Groups(window, rounds, seed=0), grades)
    if len(grades) <= window:
        assert order == ideal(grades, len(grades))


@given(LISTS)
def test_pointwise_orders_by_score_and_keeps_ties(grades):
    docids = [f"d{i}" for i in range(len(grades))]
    oracle = Oracle(dict(zip(docids, grades, strict=True)))
    order = asyncio.run(Pointwise().rerank(docids, oracle))
    assert order == sorted(docids, key=lambda docid: -oracle.grades[docid])
    assert oracle.calls == Pointwise().calls(len(grades))


@given(st.integers(0, 300), WINDOWS, st.data())
def test_sliding_windows_overlap_clip_and_reach_the_front(n, window, data):
    stride = data.draw(st.integers(1, window))
    spans = Sliding(window, stride).spans(n)
    assert all(0 <= start < end <= n and end - start <= window for start, end in spans)
    if n > 1:
        assert spans[0][1] == n
        assert spans[-1][0] == 0
        assert all(upper >= start for (start, _), (_, upper) in pairwise(spans))


def test_depth_100_window_20_stride_10_is_the_nine_windows_of_the_paper():
    assert Sliding(20, 10).spans(100) == [(end - 20, end) for end in range(100, 10, -10)]


@given(
    st.integers(2, 40).flatmap(lambda n: st.permutations(range(n))),
    st.integers(2, 5),
    st.booleans(),
    st.sampled_from(["rrf", "borda"]),
)
def test_a_consensus_of_perfect_rankers_is_perfect(grades, samples, shuffle, method):
    docids = [f"d{i}" for i in range(len(grades))]
    oracle = Oracle(dict(zip(docids, grades, strict=True)))
    consensus = Consensus(oracle, samples, shuffle=shuffle, method=method, seed=0)
    order = [docid for group in asyncio.run(consensus.rank(docids)) for docid in group]
    assert order == sorted(docids, key=lambda docid: -oracle.grades[docid])
    assert oracle.calls == samples


@given(
    st.lists(st.floats(-5, 5, width=16), min_size=1, max_size=30),
    st.integers(0, 99),
    st.sampled_from(["rrf", "weighted"]),
)
def test_fusion_at_the_ends_of_its_weight_is_one_of_its_parts(scores, seed, method):
    first = [Hit(f"d{i}", score) for i, score in enumerate(sorted(scores, reverse=True))]
    reranked = [hit.docid for hit in first]
    Random(seed).shuffle(reranked)
    assert fuse(first, reranked, method, 1.0) == reranked
    if len(set(scores)) == len(scores):
        assert fuse(first, reranked, method, 0.0) == [hit.docid for hit in first]
