import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from environment.calendar import Timeline
from environment.weather.resample import means_of_instants, means_of_means

steps = st.sampled_from([60_000, 300_000, 450_000, 900_000, 1_800_000, 2_700_000])
series = st.lists(st.floats(-1e3, 1e3), min_size=21, max_size=21).map(np.array)


@given(series, steps, st.integers(0, 1_000_000))
def test_a_line_keeps_its_integral_whatever_the_steps(values, step_ms, start):
    n = (18_000_000 - start) // step_ms
    timeline = Timeline(start, step_ms, n)
    fine = Timeline(start, step_ms // 3, 3 * n)
    coarse = means_of_instants(values, 0, 900_000, timeline)
    np.testing.assert_allclose(coarse, means_of_instants(values, 0, 900_000, fine).reshape(n, 3).mean(1), atol=1e-7)


@given(series, steps)
def test_a_line_of_instants_equals_a_fine_trapezoid(values, step_ms):
    timeline = Timeline(0, step_ms, 18_000_000 // step_ms)
    times = (np.arange(timeline.n * 60) + 0.5) * step_ms / 60
    fine = np.interp(times, np.arange(21) * 900_000, values).reshape(timeline.n, 60).mean(1)
    np.testing.assert_allclose(means_of_instants(values, 0, 900_000, timeline), fine, atol=1.0)


@given(series, steps)
def test_a_staircase_keeps_its_integral(values, step_ms):
    timeline = Timeline(0, step_ms, 21 * 900_000 // step_ms)
    covered = timeline.n * step_ms
    whole, rest = divmod(covered, 900_000)
    integral = values[:whole].sum() * 900_000 + (values[whole] * rest if rest else 0.0)
    got = means_of_means(values, 0, 900_000, timeline).sum() * step_ms
    assert got == pytest.approx(integral, abs=1e-2)


def test_aligned_steps_are_the_mean_of_their_two_ends():
    got = means_of_instants(np.array([0.0, 2.0, 8.0, 0.0]), 0, 900_000, Timeline(900_000, 900_000, 2))
    assert got.tolist() == [5.0, 4.0]


def test_aligned_means_are_copied_not_shared():
    values = np.arange(4.0)
    got = means_of_means(values, 0, 900_000, Timeline(0, 900_000, 4))
    got[0] = 9.0
    assert values[0] == 0.0


def test_rows_do_not_influence_each_other():
    values = np.random.default_rng(1).normal(size=(7, 50))
    timeline = Timeline(100_000, 333_000, 100)
    together = means_of_means(values, 0, 900_000, timeline)
    assert all(
        (means_of_means(row, 0, 900_000, timeline) == out).all() for row, out in zip(values, together, strict=True)
    )


@pytest.mark.parametrize("means", [means_of_instants, means_of_means])
@pytest.mark.parametrize("start", [-450_000, 900_001])
def test_a_timeline_beyond_the_series_is_refused(means, start):
    with pytest.raises(ValueError, match="beyond the series"):
        means(np.arange(5.0), 0, 900_000, Timeline(start, 450_000, 8))


@pytest.mark.parametrize("means", [means_of_instants, means_of_means])
def test_aligned_steps_beyond_the_series_are_refused_too(means):
    with pytest.raises(ValueError, match="beyond the series"):
        means(np.arange(5.0), 0, 900_000, Timeline(900_000, 900_000, 5))
    with pytest.raises(ValueError, match="beyond the series"):
        means(np.arange(5.0), 0, 900_000, Timeline(-900_000, 900_000, 2))


def test_steps_inside_one_interval_have_exactly_its_value():
    values = np.array([0.1, 0.7, 0.2])
    assert means_of_means(values, 0, 900_000, Timeline(300_000, 300_000, 6)).tolist() == [0.1, 0.1, 0.7, 0.7, 0.7, 0.2]
