"""Statistics agree with values worked out by hand, and with scipy and statsmodels."""

import math
import tracemalloc

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rankk.evaluation.statistics import PERMUTATIONS, compare, gain_interval, holm, mean_interval, randomization

OURS, THEIRS = np.array([0.3, 0.6, 0.9]), np.array([0.2, 0.4, 0.6])


def sample(queries: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two systems that agree in about half of the queries."""
    draw = np.random.default_rng(seed)
    ours = draw.random(queries)
    return ours, np.where(draw.random(queries) < 0.5, ours, draw.random(queries))


def test_a_paired_t_test_of_three_differences():
    # differences .1 .2 .3: mean .2, standard deviation .1, t = .2 / (.1 / sqrt 3) = 3.4641 with 2 degrees of freedom;
    # the two-sided p of Student's t with 2 degrees is 1 - t / sqrt(2 + t²)
    t = 2 * math.sqrt(3)
    assert compare(OURS, THEIRS)["p_t"] == pytest.approx(1 - t / math.sqrt(2 + t * t))


def test_a_randomization_test_goes_through_all_eight_signs():
    # only +++ and --- are as extreme as what was seen: 2 of 8
    assert compare(OURS, THEIRS)["p_randomization"] == pytest.approx(0.25)


@pytest.mark.parametrize("queries", [5, 12, 43, 300])
def test_tests_and_intervals_agree_with_scipy(queries):
    ours, theirs = sample(queries)
    found = compare(ours, theirs)
    assert found["p_t"] == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)
    expected = stats.permutation_test(
        (ours, theirs),
        lambda a, b, axis: (a - b).mean(axis=axis),
        permutation_type="samples",
        n_resamples=PERMUTATIONS,
        vectorized=True,
        rng=1,
    ).pvalue
    assert found["p_randomization"] == pytest.approx(expected, abs=0.02)
    for low, high, values, statistic in (
        ("difference_low", "difference_high", (ours - theirs,), np.mean),
        ("gain_low", "gain_high", (ours, theirs), lambda a, b, axis: a.mean(axis=axis) / b.mean(axis=axis) - 1),
    ):
        options = {"n_resamples": 2000, "method": "percentile", "paired": len(values) > 1, "rng": 0}
        interval = stats.bootstrap(values, statistic, **options).confidence_interval
        assert (found[low], found[high]) == pytest.approx((interval.low, interval.high))


def test_difference_gain_effect_and_wins():
    found = compare(OURS, np.array([0.4, 0.4, 0.4]))
    assert found["difference"] == pytest.approx(0.2)
    assert found["difference_low"] < 0.2 < found["difference_high"]
    assert found["gain"] == pytest.approx(0.5)
    assert found["effect_size"] == pytest.approx(0.2 / 0.3)
    assert (found["wins"], found["losses"], found["queries"]) == (2, 1, 3)


def test_equal_systems_differ_in_nothing():
    found = compare(OURS, OURS)
    assert (found["p_t"], found["p_randomization"], found["gain"], found["effect_size"]) == (1.0, 1.0, 0.0, 0.0)


@pytest.mark.parametrize("gain", [0.25, 0.1, -0.3])
def test_a_constant_gain_has_no_t_test_and_no_effect_size_but_a_randomization_test(gain):
    found = compare(OURS + gain, OURS)
    assert math.isnan(found["p_t"])
    assert math.isnan(found["effect_size"])
    assert found["p_randomization"] == 0.25


def test_a_single_query_shows_nothing():
    found = compare(np.array([0.9]), np.array([0.1]))
    assert math.isnan(found["p_t"])
    assert found["p_randomization"] == 1.0


@pytest.mark.parametrize("nonzero", [0, 1, 2])
def test_a_baseline_that_finds_almost_nothing_has_no_relative_gain(nonzero):
    ours, sparse = sample(50)[0], np.zeros(50)
    sparse[:nonzero] = 0.5
    assert all(map(math.isnan, gain_interval(ours, sparse)))
    found = compare(ours, sparse)
    assert math.isnan(found["gain"])
    assert found["difference"] == pytest.approx(ours.mean() - sparse.mean())


def test_queries_without_a_difference_do_not_change_the_randomization_test():
    padded = np.concatenate([OURS - THEIRS, np.zeros(100)])
    assert randomization(padded) == 0.25


@pytest.mark.parametrize("signs", [3 * (1, 1, -1), (1, 1, 1, -1), (1, -1)])
def test_gains_and_losses_that_cancel_out_are_as_likely_as_any_however_their_sum_is_rounded(signs):
    sizes = {9: [0.1, 0.2, 0.3] * 3, 4: [0.1, 0.1, 0.1, 0.3], 2: [0.7, 0.7]}[len(signs)]
    assert randomization(np.array(signs) * np.array(sizes)) == 1.0


def test_comparing_20000_queries_takes_less_than_100_mb():
    ours, theirs = sample(20_000)
    tracemalloc.start()
    compare(ours, theirs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


def test_holm_multiplies_by_the_number_of_hypotheses_left():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    values = (np.random.default_rng(0).random(30) ** 3).tolist()
    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1])


def test_an_undefined_p_is_no_hypothesis_of_holms_family():
    corrected = holm([0.01, math.nan, 0.04])
    assert corrected[::2] == pytest.approx([0.02, 0.04])
    assert math.isnan(corrected[1])


def test_an_interval_holds_the_mean_and_is_a_point_where_nothing_varies():
    low, high = mean_interval(OURS)
    assert 0.3 <= low < OURS.mean() < high <= 0.9
    assert mean_interval(np.full(4, 0.5)) == (0.5, 0.5)
    assert mean_interval(OURS) == (low, high)  # the seed is fixed
