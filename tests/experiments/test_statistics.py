"""Intervals hold what they promise, and a break that is there is found."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from experiments.curves import judge
from experiments.statistics import difference, interval, seeds_needed, t_quantile


def test_an_interval_by_hand():
    """Student's t of three degrees at 95 % is 3.182446; sd of 1 to 4 is sqrt(5/3)."""
    found = interval(np.array([1.0, 2.0, np.nan, 3.0, 4.0]))
    half = 3.182446 * np.sqrt(5 / 3) / 2
    assert (found.n, found.mean) == (4, 2.5)
    assert (found.low, found.high) == pytest.approx((2.5 - half, 2.5 + half), rel=1e-6)


def test_an_interval_holds_the_truth_as_often_as_it_says():
    draws = np.random.default_rng(4).normal(3.0, 2.0, (2000, 5))
    held = [found.low <= 3.0 <= found.high for found in map(interval, draws)]
    assert 0.935 < np.mean(held) < 0.965


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=9), st.floats(0.5, 0.99))
def test_intervals_are_those_of_students_t(values, confidence):
    assume(np.std(values) > 1e-3)
    found, known = (
        interval(np.array(values), confidence),
        stats.ttest_1samp(values, 0.0).confidence_interval(confidence),
    )
    assert (found.low, found.high) == pytest.approx((known.low, known.high), rel=1e-9, abs=1e-9)


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=3, max_size=9))
def test_differences_are_those_of_a_paired_t_test(pairs):
    first, second = np.array(pairs).T
    assume(np.std(first - second) > 1e-3)
    found, known = difference(first, second), stats.ttest_rel(first, second).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((known.low, known.high), rel=1e-9, abs=1e-9)
    missing = np.append(first, np.nan), np.append(second, 1.0)
    assert difference(*missing) == found


def test_figures_without_scatter_and_pairs_without_a_value():
    """The same change at every seed is a change without doubt; a pair of which one is undefined is no pair."""
    sure = difference(np.array([3.0, 5.0]), np.array([1.0, 3.0]))
    assert (sure.mean, sure.half_width, sure.excludes_zero) == (2.0, 0.0, True)
    assert not difference(np.array([3.0, 5.0]), np.array([3.0, 5.0])).excludes_zero
    alone = difference(np.array([3.0, 5.0]), np.array([1.0, np.nan]))
    assert (alone.mean, alone.n, alone.excludes_zero) == (2.0, 1, False)
    assert seeds_needed(np.array([4.0, 4.0]), 0.1) == 2
    assert seeds_needed(np.array([4.0, np.nan]), 0.1) is None
    assert seeds_needed(np.array([4.0, 5.0]), 0.0) is None


def test_one_run_has_no_interval_and_none_has_no_mean():
    assert np.isnan(interval(np.array([2.0])).half_width)
    assert np.isnan(interval(np.array([np.nan])).mean)


def test_common_random_numbers_make_a_difference_sharper():
    chance = np.random.default_rng(1)
    seed = chance.normal(0, 10, 8)
    before, after = seed + chance.normal(0, 0.1, 8), seed + 1 + chance.normal(0, 0.1, 8)
    paired = difference(after, before)
    assert paired.excludes_zero
    assert abs(paired.mean - 1) < paired.half_width < 0.2 < interval(after).half_width


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=12), st.floats(0.5, 50))
def test_the_number_of_seeds_is_the_smallest_that_is_enough(values, half):
    sd = np.std(values, ddof=1)
    assume(sd > 1e-6)
    n = seeds_needed(np.array(values), half)
    assert t_quantile(0.95, n - 1) * sd / np.sqrt(n) <= half
    assert n == 2 or t_quantile(0.95, n - 2) * sd / np.sqrt(n - 1) > half


def curve(shape, k, x, chance, noise, seeds):
    b, c = {"none": (0, 0), "linear": (2, 0), "breaking": (1, 4), "saturating": (3, -3)}[shape]
    y = 1 + b * x + c * np.maximum(0, x - k)
    return y[:, None] + chance.normal(0, 0.5, seeds) + chance.normal(0, noise, (len(x), seeds))


@pytest.mark.parametrize(("noise", "levels", "seeds"), [(0.05, 6, 3), (0.05, 9, 3), (0.1, 11, 5)])
@pytest.mark.parametrize("shape", ["breaking", "saturating"])
def test_a_known_break_is_found_within_its_interval_in_95_of_100_curves(shape, noise, levels, seeds):
    chance, x = np.random.default_rng(7), np.linspace(0, 1, levels)
    found = []
    for k in chance.uniform(0.25, 0.75, 150):
        verdict = judge(x, curve(shape, k, x, chance, noise, seeds))
        found.append(verdict.fit.shape == shape and verdict.low <= k <= verdict.high)
        assert verdict.high - verdict.low < 0.5 or verdict.fit.shape in ("none", "linear")
    assert np.mean(found) >= 0.95


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.2, 0.4])
def test_of_a_known_break_nothing_false_is_said_in_95_of_100_curves_whatever_the_scatter(noise):
    """Its interval holds it, or its change of slope is among those that would not show. Noise is of what the figure changes over the factor."""
    chance, true, claimed, held, firm = np.random.default_rng(9), [], 0, 0, 0
    for levels, seeds, (b, c) in itertools.product((6, 9), (2, 4), ((1, 4), (3, -3), (0, 3))):
        x = np.linspace(0, 1, levels)
        for k in chance.uniform(0.25, 0.75, 20):
            y = b * x + c * np.maximum(0, x - k)
            scatter = noise * np.ptp(y) * chance.normal(0, 1, (levels, seeds))
            verdict = judge(x, y[:, None] + chance.normal(0, 0.5, seeds) + scatter)
            bent = verdict.fit.shape in ("breaking", "saturating")
            inside = verdict.low <= k <= verdict.high
            claimed, held, firm = claimed + bent, held + (bent and inside), firm + (not bent and verdict.told)
            true.append(inside if bent else abs(c) <= verdict.hidden)
    assert np.mean(true) >= 0.95
    assert held >= 0.9 * claimed
    assert firm <= 0.05 * len(true), "a line is said to have no break, and has one"
    assert claimed > 0.9 * len(true) or noise > 0.02


def test_a_line_without_scatter_is_told_and_one_with_much_of_it_is_not():
    chance, x = np.random.default_rng(2), np.linspace(0, 1, 6)
    sure, vague = (judge(x, 2 * x[:, None] + chance.normal(0, sd, (6, 3))) for sd in (0.002, 0.5))
    assert sure.told
    assert "break" not in sure.text("cars", "h") + sure.short
    assert 0.0 < sure.hidden < 0.1
    assert not vague.told
    assert "no break can be told: a change of slope by" in vague.text("cars", "h")
    assert "no break told" in vague.short


@pytest.mark.parametrize("shape", ["none", "linear"])
def test_a_break_that_is_not_there_is_seldom_found(shape):
    chance, x = np.random.default_rng(8), np.linspace(0, 1, 9)
    found = [judge(x, curve(shape, 0, x, chance, 0.1, 4)).fit.shape for _ in range(150)]
    assert np.mean([one == shape for one in found]) >= 0.94
    assert np.mean([one in ("breaking", "saturating") for one in found]) <= 0.05


def test_exact_curves_have_exact_verdicts():
    x = np.arange(1.0, 9.0)
    line = judge(x, np.outer(3.0 * x, np.ones(2)))
    assert (line.fit.shape, round(line.fit.b, 9)) == ("linear", 3.0)
    flat = judge(x, np.outer(np.minimum(x, 5.0), np.ones(2)))
    assert (flat.fit.shape, round(flat.fit.k, 9)) == ("saturating", 5.0)
    assert "level beyond" in flat.text("homes", "kWh")
    assert judge(x, np.full((8, 2), 4.0)).fit.shape == "none"
    assert judge(x[:3], np.ones((3, 2))) is None


def test_a_figure_that_is_nowhere_has_no_effect():
    """What is 0 at every level is no effect, and no number goes astray on the way."""
    verdict = judge(np.arange(6.0), np.zeros((6, 2)))
    assert (verdict.fit.shape, verdict.told, verdict.short) == ("none", True, "no effect")
    assert np.isfinite(verdict.fit.bic)
