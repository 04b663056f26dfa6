"""Statistics agree with values worked out by hand."""

import math

import numpy as np
import pytest

from rankk.evaluation.statistics import compare, gain_interval, holm, mean_interval, relative_gain

OURS, THEIRS = np.array([0.3, 0.6, 0.9]), np.array([0.2, 0.4, 0.6])


def test_a_paired_t_test_of_three_differences():
    # differences .1 .2 .3: mean .2, standard deviation .1, t = .2 / (.1 / sqrt 3) = 3.4641 with 2 degrees of freedom;
    # the two-sided p of Student's t with 2 degrees is 1 - t / sqrt(2 + t²)
    t = 2 * math.sqrt(3)
    assert compare(OURS, THEIRS)["p_t"] == pytest.approx(1 - t / math.sqrt(2 + t * t))


def test_a_randomization_test_goes_through_all_eight_signs():
    # only +++ and --- are as extreme as what was seen: 2 of 8
    assert compare(OURS, THEIRS)["p_randomization"] == pytest.approx(0.25)


def test_difference_gain_effect_and_wins():
    found = compare(OURS, np.array([0.4, 0.4, 0.4]))
    assert found["difference"] == pytest.approx(0.2)
    assert found["gain"] == pytest.approx(0.5)
    assert found["effect_size"] == pytest.approx(0.2 / 0.3)
    assert (found["wins"], found["losses"], found["queries"]) == (2, 1, 3)


def test_equal_systems_differ_in_nothing():
    found = compare(OURS, OURS)
    assert (found["p_t"], found["p_randomization"], found["gain"], found["effect_size"]) == (1.0, 1.0, 0.0, 0.0)


def test_a_baseline_that_finds_nothing_has_no_relative_gain():
    nothing = np.zeros(3)
    assert math.isnan(relative_gain(OURS, nothing))
    assert all(map(math.isnan, gain_interval(OURS, nothing)))


def test_holm_multiplies_by_the_number_of_hypotheses_left():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_an_interval_holds_the_mean_and_is_a_point_where_nothing_varies():
    low, high = mean_interval(OURS)
    assert 0.3 <= low < OURS.mean() < high <= 0.9
    assert mean_interval(np.full(4, 0.5)) == (0.5, 0.5)
    assert mean_interval(OURS) == (low, high)  # the seed is fixed
