"""Every strategy keeps all passages, the number of its calls, and its promise, for any list and settings."""

import asyncio
import math
from collections import Counter
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rankk.fusion.base import FUSIONS
from rankk.reranking.consensus import Consensus
from rankk.reranking.strategies.acurank import AcuRank
from rankk.reranking.strategies.adaptive import Adaptive
from rankk.reranking.strategies.base import STRATEGIES, Strategy
from rankk.reranking.strategies.blitz import Blitz
from rankk.reranking.strategies.dualend import DualEnd
from rankk.reranking.strategies.groups import Groups
from rankk.reranking.strategies.insertion import SetwiseInsertion
from rankk.reranking.strategies.jointrank import JointRank
from rankk.reranking.strategies.passes import Passes
from rankk.reranking.strategies.pointwise import Pointwise
from rankk.reranking.strategies.ratings import Rating, above, priors, updated
from rankk.reranking.strategies.setwise import Setwise
from rankk.reranking.strategies.single import Single
from rankk.reranking.strategies.sliding import Sliding
from rankk.reranking.strategies.topdown import TopDown
from rankk.reranking.strategies.tournament import Tournament
from rankk.reranking.strategies.tssetrank import TSSetRank

LISTS = st.lists(st.integers(0, 9), max_size=130)
WINDOWS = st.integers(2, 24)
NAMES = STRATEGIES.names()


class Oracle:
    """Knows every grade; counts calls, and the longest chain of calls of which each began after the one before."""

    def __init__(self, grades, limit=math.inf):
        self.grades = grades
        self.limit = limit
        self.calls = 0
        self.windows = []
        self.chain = 0

    async def rank(self, window, *, chain=0, sample=0):
        assert len(set(window)) == len(window) >= 2
        await self._call(window)
        values = sorted({self.grades[docid] for docid in window}, reverse=True)
        return [[docid for docid in window if self.grades[docid] == value] for value in values]

    async def score(self, docid):
        await self._call([docid])
        return self.grades[docid] / 1000

    async def grade(self, window, *, sample=0):
        return None

    def prior(self, docid):
        return -float(docid[1:])

    def room(self):
        return self.limit - self.calls

    async def _call(self, window):
        """Calls that wait at the same time are answered together: each such step makes the chain longer by one."""
        self.calls += 1
        self.windows.append(list(window))
        before = self.chain
        for _ in range(20):  # until every call that does not depend on this one has been made
            await asyncio.sleep(0)
        self.chain = max(self.chain, before + 1)


def play(strategy: Strategy, grades):
    """Grades in the strategy's order, and the oracle that it asked."""
    docids = [f"d{i}" for i in range(len(grades))]
    oracle = Oracle(dict(zip(docids, grades, strict=True)))
    order = asyncio.run(strategy.rerank(docids, oracle))
    n = len(grades)
    assert sorted(order) == sorted(docids)
    assert oracle.calls == strategy.calls(n) if strategy.exact else oracle.calls <= strategy.calls(n)
    assert oracle.chain <= strategy.longest_chain(n) <= strategy.calls(n)
    assert all(len(window) <= strategy.passages_per_call for window in oracle.windows)
    return [oracle.grades[docid] for docid in order], oracle


def keeps_promise(strategy: Strategy, grades) -> None:
    promise = strategy.promise(len(grades))
    assert 0 <= promise.best <= len(grades)
    if not promise.tied:
        grades = [grade + i / 1000 for i, grade in enumerate(grades)]
    best = play(strategy, grades)[0][: promise.best]
    assert (best if promise.ordered else sorted(best, reverse=True)) == sorted(grades, reverse=True)[: promise.best]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 19, 20, 21, 100, 101, 250])
def test_every_strategy_keeps_ids_calls_and_promise_with_its_default_settings(name, n):
    strategy = STRATEGIES.make({"type": name})
    for grades in (list(range(n)), list(range(n))[::-1], [(i * 37) % 101 for i in range(n)], [i % 4 for i in range(n)]):
        keeps_promise(strategy, grades)
        if n < 2 and strategy.kind == "listwise":
            assert play(strategy, grades)[1].calls == strategy.calls(n) == strategy.longest_chain(n) == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_describes_itself_and_its_settings(name):
    strategy = STRATEGIES.get(name)
    assert strategy.__doc__
    assert strategy.kind in ("listwise", "pointwise")
    assert all(field.description for field in strategy.model_fields.values())
    made = strategy()
    assert STRATEGIES.make(made.deciding()) == made


@pytest.mark.parametrize("name", NAMES)
def test_no_strategy_takes_settings_that_are_no_numbers_or_without_end(name):
    for field in STRATEGIES.get(name).model_fields:
        for value in (10**19, -1, 0.5, float("inf"), float("nan"), "x", True):
            with pytest.raises(ValidationError):
                STRATEGIES.make({"type": name, field: value})


@given(LISTS, WINDOWS, st.data())
def test_sliding_brings_up_the_best_and_reads_every_passage(grades, window, data):
    strategy = Sliding(window=window, stride=data.draw(st.integers(1, window)))
    keeps_promise(strategy, grades)
    if len(grades) > 1:
        _, oracle = play(strategy, grades)
        assert {docid for asked in oracle.windows for docid in asked} == set(oracle.grades)


@given(LISTS, WINDOWS)
def test_single_orders_its_window_and_leaves_the_rest(grades, window):
    order, _ = play(Single(window=window), grades)
    assert order == sorted(grades[:window], reverse=True) + grades[window:]
    keeps_promise(Single(window=window), grades)


@given(LISTS, st.integers(3, 24), st.data())
def test_topdown_finds_the_best_top_k_where_its_budget_holds_the_candidates(grades, window, data):
    top_k = data.draw(st.integers(1, window - 1))
    keeps_promise(TopDown(window=window, top_k=top_k, budget=200), grades)
    keeps_promise(TopDown(window=window, top_k=top_k, budget=data.draw(st.none() | st.integers(top_k, 80))), grades)


@given(LISTS, st.integers(3, 24), st.integers(1, 20))
def test_setwise_finds_the_best_top_k(grades, window, top_k):
    keeps_promise(Setwise(window=window, top_k=top_k), grades)


STAGES = st.lists(
    st.integers(2, 24).flatmap(lambda size: st.tuples(st.just(size), st.integers(1, size - 1)).map(list)),
    min_size=1,
    max_size=5,
)


@given(LISTS, st.integers(1, 3), STAGES | st.none())
def test_a_tournament_brings_up_those_that_no_group_can_leave_out(grades, rounds, stages):
    keeps_promise(Tournament(rounds=rounds) if stages is None else Tournament(rounds=rounds, stages=stages), grades)


@given(LISTS, WINDOWS, st.integers(1, 5), st.integers(1, 40), st.data())
def test_passes_bring_up_the_best_top_k_where_they_reach_so_far(grades, window, passes, top_k, data):
    stride = data.draw(st.integers(1, window))
    keeps_promise(Passes(window=window, stride=stride, passes=passes, top_k=top_k), grades)


def test_a_pass_that_changes_nothing_at_the_top_is_the_last():
    assert play(Passes(), list(range(100))[::-1])[1].calls == 9
    assert play(Passes(), list(range(100)))[1].calls == 18
    assert play(Passes(passes=1), list(range(100)))[1].calls == 9
    assert play(Passes(top_k=30), list(range(100)))[0][:30] == list(range(99, 69, -1))


@given(LISTS, WINDOWS, st.integers(1, 20))
def test_blitz_asks_no_pair_that_is_known_and_finds_the_best_top_k(grades, window, top_k):
    grades = [grade + i / 1000 for i, grade in enumerate(grades)]
    keeps_promise(Blitz(window=window, top_k=top_k), grades)
    order, oracle = play(Blitz(window=window, top_k=top_k, matches=10_000), grades)
    assert order[:top_k] == sorted(grades, reverse=True)[:top_k]
    known = set()
    for asked in oracle.windows:
        pairs = set(combinations(sorted(asked), 2))
        assert pairs - known
        known |= pairs


def test_blitz_finds_the_fastest_3_of_25_horses_in_7_races_of_5():
    assert play(Blitz(window=5, top_k=3), [(i * 7) % 25 for i in range(25)])[1].calls == 7
    assert all(play(Blitz(), [(i * k) % 101 for i in range(100)])[1].calls <= 7 for k in range(1, 101))


class Contrary(Oracle):
    """Answers in the order of the ids where the first is even, else the other way round: full of contradictions."""

    async def rank(self, window, *, chain=0, sample=0):
        self.calls += 1
        ordered = sorted(window, key=lambda docid: int(docid[1:]))
        return [[docid] for docid in (ordered if int(window[0][1:]) % 2 else ordered[::-1])]


@pytest.mark.parametrize("name", [name for name in NAMES if STRATEGIES.get(name).kind == "listwise"])
def test_answers_that_contradict_each_other_end_and_lose_no_passage(name):
    docids = [f"d{i}" for i in range(60)]
    ranker, strategy = Contrary({}), STRATEGIES.make({"type": name})
    assert sorted(asyncio.run(strategy.rerank(docids, ranker))) == sorted(docids)
    assert ranker.calls <= strategy.calls(60)


@given(LISTS, WINDOWS, st.integers(1, 3))
def test_groups_are_ideal_where_one_window_holds_the_list(grades, window, rounds):
    keeps_promise(Groups(window=window, rounds=rounds), grades)


@given(LISTS)
def test_pointwise_orders_by_score_and_keeps_ties(grades):
    docids = [f"d{i}" for i in range(len(grades))]
    oracle = Oracle(dict(zip(docids, grades, strict=True)))
    order = asyncio.run(Pointwise().rerank(docids, oracle))
    assert order == sorted(docids, key=lambda docid: -oracle.grades[docid])
    keeps_promise(Pointwise(), grades)


@given(st.integers(0, 300), WINDOWS, st.data())
def test_sliding_windows_overlap_clip_and_reach_the_front(n, window, data):
    spans = Sliding(window=window, stride=data.draw(st.integers(1, window))).spans(n)
    assert all(0 <= start < end <= n and end - start <= window for start, end in spans)
    if n > 1:
        assert spans[0][1] == n
        assert spans[-1][0] == 0
        assert all(upper >= start for (start, _), (_, upper) in pairwise(spans))


def test_depth_100_window_20_stride_10_is_the_nine_windows_of_the_paper():
    assert Sliding(window=20, stride=10).spans(100) == [(end - 20, end) for end in range(100, 10, -10)]


def test_a_tournament_of_100_has_the_stages_of_the_paper():
    _, oracle = play(Tournament(rounds=1), [(i * 37) % 101 for i in range(100)])
    assert [len(window) for window in oracle.windows] == [20] * 5 + [10] * 5 + [20, 10, 5]
    assert Tournament(rounds=10).calls(100) == 130
    assert Tournament(rounds=10).longest_chain(100) == 5


def test_a_tournament_gives_one_point_a_stage_and_deals_out_its_groups():
    grades = list(range(100))[::-1]
    order, oracle = play(Tournament(rounds=1), grades)
    first = oracle.windows[:5]
    assert [sorted(int(docid[1:]) for docid in window) for window in first] == [
        list(range(i, 100, 5)) for i in range(5)
    ]
    assert list(first) != [[f"d{i}" for i in range(j, 100, 5)] for j in range(5)], "not shuffled"
    assert sorted(order[:2]) == [98, 99]
    assert sorted(order[:5]) == [95, 96, 97, 98, 99]
    assert sorted(order[:10]) == list(range(90, 100))


def test_topdown_at_100_asks_seven_times_at_most_and_six_where_nothing_beats_the_pivot():
    _, oracle = play(TopDown(), list(range(100))[::-1])
    assert oracle.calls == 6  # the top window and five partitions: 20, then 19 and the pivot
    assert [len(window) for window in oracle.windows] == [20, 20, 20, 20, 20, 5]
    assert TopDown().calls(100) == 7
    assert TopDown().longest_chain(100) == 3


def test_topdown_keeps_as_many_candidates_as_its_budget():
    grades = list(range(100))
    order, oracle = play(TopDown(window=20, top_k=10, budget=20), grades)
    assert len(oracle.windows[-1]) == 20
    assert order[:20] != sorted(grades, reverse=True)[:20]  # better ones were beyond the budget
    assert play(TopDown(window=20, top_k=10, budget=100), grades)[0][:10] == sorted(grades, reverse=True)[:10]


@given(
    st.integers(2, 40).flatmap(lambda n: st.permutations(range(n))),
    st.integers(2, 5),
    st.booleans(),
    st.sampled_from(FUSIONS.names()),
)
def test_a_consensus_of_perfect_rankers_is_perfect(grades, samples, shuffle, fusion):
    docids = [f"d{i}" for i in range(len(grades))]
    oracle = Oracle(dict(zip(docids, grades, strict=True)))
    consensus = Consensus(oracle, samples, shuffle=shuffle, merge=FUSIONS.make({"type": fusion}), seed=0)
    order = [docid for group in asyncio.run(consensus.rank(docids)) for docid in group]
    assert order == sorted(docids, key=lambda docid: -oracle.grades[docid])
    assert oracle.calls == samples


@given(LISTS, st.integers(3, 24), st.integers(1, 20))
def test_setwise_insertion_finds_the_best_top_k(grades, window, top_k):
    keeps_promise(SetwiseInsertion(window=window, top_k=top_k), grades)


def test_setwise_insertion_discards_groups_that_hold_nothing_better_with_one_call_each():
    ordered = list(range(100))[::-1]
    assert play(SetwiseInsertion(), ordered)[1].windows[-5:] == [
        [f"d{i}" for i in (9, *range(start, min(start + 19, 100)))] for start in range(10, 100, 19)
    ]
    assert play(SetwiseInsertion(), ordered)[1].calls < play(Setwise(), ordered)[1].calls


@given(LISTS, st.integers(2, 130))
def test_dualend_orders_its_pool_and_leaves_the_rest(grades, pool):
    keeps_promise(DualEnd(pool=pool), grades)
    order, _ = play(DualEnd(pool=pool), grades)
    assert order == sorted(grades[:pool], reverse=True) + grades[pool:]


def test_dualend_ranks_100_passages_in_the_50_calls_of_the_paper_each_smaller_by_two():
    _, oracle = play(DualEnd(), [(i * 37) % 101 for i in range(100)])
    assert [len(window) for window in oracle.windows] == list(range(100, 0, -2))


@given(LISTS, WINDOWS, st.integers(1, 3))
def test_jointrank_is_ideal_where_one_window_holds_the_list_and_its_blocks_hold_each_passage(grades, window, rounds):
    keeps_promise(JointRank(window=window, rounds=rounds), grades)
    _, oracle = play(JointRank(window=window, rounds=rounds), grades)
    times = Counter(docid for asked in oracle.windows for docid in asked)
    assert all(count <= rounds for count in times.values())
    if len(grades) % window == 0:
        assert len(set(times.values())) <= 1


def test_pagerank_of_two_blocks_is_the_known_one():
    # Two chains that share b: a > b > c and d > b, as networkx.pagerank computes it (3.6.1).
    ranks = JointRank().merged([["a", "b", "c"], ["d", "b"]])
    assert {docid: round(rank, 6) for docid, rank in ranks.items()} == {
        "a": 0.335018,
        "b": 0.2351,
        "c": 0.164982,
        "d": 0.2649,
    }


@given(LISTS, WINDOWS, st.integers(1, 3), st.integers(0, 5))
def test_thompson_sampling_reads_every_passage_and_keeps_its_calls(grades, window, rounds, draws):
    strategy = TSSetRank(window=window, rounds=rounds, draws=draws)
    keeps_promise(strategy, grades)
    if len(grades) > window and len(grades) % window != 1:
        assert len({docid for asked in play(strategy, grades)[1].windows for docid in asked}) == len(grades)


def test_thompson_sampling_draws_windows_ever_better():
    _, oracle = play(TSSetRank(draws=20), [(i * 37) % 101 for i in range(100)])
    means = [sum(oracle.grades[docid] for docid in window) / len(window) for window in oracle.windows]
    assert sum(means[-10:]) / 10 > 70 > 55 > sum(means[:10]) / 10


@given(LISTS, WINDOWS, st.integers(1, 20), st.integers(1, 40))
def test_acurank_ends_and_keeps_its_limit_of_calls(grades, window, top_k, matches):
    keeps_promise(AcuRank(window=window, top_k=top_k, matches=matches), grades)


def test_acurank_asks_again_about_uncertain_passages_alone():
    order, oracle = play(AcuRank(), [(i * 37) % 101 for i in range(100)])
    assert set(order[:10]) == set(range(91, 101))
    assert [len(window) for window in oracle.windows[:5]] == [20] * 5
    read = Counter(docid for window in oracle.windows[5:] for docid in window)
    assert max(read, key=lambda docid: read[docid]) in {f"d{i}" for i in range(100) if (i * 37) % 101 > 80}
    assert len(read) < 100


@pytest.mark.parametrize("name", [name for name in NAMES if STRATEGIES.get(name).anytime])
def test_a_strategy_that_can_end_at_any_time_does_so_once_the_room_is_used_up(name):
    docids = [f"d{i}" for i in range(100)]
    grades = {docid: (i * 37) % 101 for i, docid in enumerate(docids)}

    def calls(limit):
        oracle = Oracle(grades, limit)
        assert sorted(asyncio.run(STRATEGIES.make({"type": name}).rerank(docids, oracle))) == sorted(docids)
        return oracle.calls

    least, most = calls(0), calls(math.inf)
    assert least < most
    assert all(calls(limit) <= max(least, limit) for limit in range(least, most + 1))


def test_a_window_of_several_samples_takes_as_many_calls_of_the_room():
    oracle = Oracle({"d1": 1, "d2": 2}, limit=10)
    consensus = Consensus(oracle, 3, shuffle=True, merge=FUSIONS.make({"type": "rrf"}), seed=0)
    asyncio.run(consensus.rank(["d1", "d2"]))
    assert consensus.room() == 7 / 3
    assert consensus.prior("d2") == -2.0


def test_adaptive_calls_are_about_the_most_uncertain_passages():
    order, oracle = play(Adaptive(matches=6), [(i * 37) % 101 for i in range(100)])
    assert [len(window) for window in oracle.windows] == [20] * 11
    assert set(order[:10]) == set(range(91, 101))
    asked = [{oracle.grades[docid] for docid in window} for window in oracle.windows]
    assert asked[5] != asked[6]
    assert max(min(values) for values in asked[5:]) > max(min(values) for values in asked[:5])


def test_ratings_are_those_of_trueskill():
    # trueskill 0.4.5: rate([[Rating(25, 8.333)], [Rating(30, 5)], [Rating(20, 3)], [Rating(28, 8)]], range(4))
    ratings = updated([Rating(25, 8.333), Rating(30, 5), Rating(20, 3), Rating(28, 8)])
    known = [(33.527183, 6.031643), (29.235710, 4.164347), (20.542683, 2.795063), (18.240380, 5.595119)]
    assert [(rating.mean, rating.deviation) for rating in ratings] == [pytest.approx(pair, abs=1e-5) for pair in known]
    first, *_, last = updated([Rating(25, 25 / 3)] * 20)
    assert (first.mean, last.mean) == pytest.approx((41.913868, 8.086132), abs=1e-4)
    assert (first.deviation, last.deviation) == pytest.approx((5.137278, 5.137278), abs=1e-4)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.integers(1, 60))
def test_as_many_ratings_are_expected_above_the_threshold_as_are_sought(scores, expected):
    shares = above(priors(scores), expected)
    assert sum(shares) == pytest.approx(min(expected, len(scores)), abs=1e-6)


def test_priors_follow_the_first_stage_whatever_its_scale():
    assert priors([3.0, 2.0, 1.0]) == priors([-1.0, -2.0, -3.0]) == pytest.approx(priors([0.03, 0.02, 0.01]))
    assert [rating.mean for rating in priors([7.0, 7.0])] == [25.0, 25.0]
