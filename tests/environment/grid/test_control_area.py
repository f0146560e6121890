"""Frequency and imbalance have the statistics that they should, and are functions of the instant alone."""

import numpy as np
import pytest

from environment.chance import Chance
from environment.grid.control_area import frequency_hz, imbalance_kw

DAY = 21_600


@pytest.fixture(scope="module")
def mhz():
    """Three days of each of three seeds, in ticks of four seconds, (seeds, ticks)."""
    return 1000.0 * np.array([frequency_hz(Chance(seed), 0, 3 * DAY, 4.0) for seed in (1, 2, 3)])


def test_the_frequency_is_spread_like_that_of_continental_europe(mhz):
    """Standard deviation of some 20 mHz, no bias, heavier tails than a normal distribution, hardly ever beyond 150 mHz."""
    assert 15.0 < mhz.std() < 25.0
    assert abs(mhz.mean()) < 1.0
    assert ((mhz - mhz.mean()) ** 4).mean() / mhz.var() ** 2 > 3.5
    assert (np.abs(mhz) > 150.0).mean() < 1e-4
    assert 0.3 < (np.abs(mhz) <= 10.0).mean() < 0.7


def test_a_deviation_is_forgotten_within_minutes(mhz):
    after = [np.mean([np.corrcoef(one[:-lag], one[lag:])[0, 1] for one in mhz]) for lag in (15, 75, 450)]
    assert after[0] > 0.8
    assert 0.1 < after[1] < 0.6
    assert abs(after[2]) < 0.25


def test_deviations_peak_just_after_the_full_hour(mhz):
    by_tick = np.abs(mhz).reshape(-1, 900).mean(axis=0)
    assert by_tick[:100].mean() > 1.5 * by_tick[700:].mean()


def test_the_imbalance_has_its_size_and_lasts_for_some_quarters():
    kw = np.array([imbalance_kw(Chance(seed), 0, 5 * 1440, 60.0, 80.0) for seed in (1, 2, 3)])
    assert kw.std() == pytest.approx(80.0, rel=0.15)
    assert abs(kw.mean()) < 20.0
    quarter, hours = (np.mean([np.corrcoef(one[:-lag], one[lag:])[0, 1] for one in kw]) for lag in (15, 360))
    assert 0.5 < quarter < 0.8
    assert abs(hours) < 0.25
    assert (imbalance_kw(Chance(1), 0, 100, 60.0, 160.0) == 2.0 * imbalance_kw(Chance(1), 0, 100, 60.0, 80.0)).all()


def test_signals_are_functions_of_the_instant():
    """Whoever begins later sees the same; another seed does not."""
    whole, later = frequency_hz(Chance(5), 0, 2000, 4.0), frequency_hz(Chance(5), 4_000 * 900, 1100, 4.0)
    np.testing.assert_allclose(whole[900:], later, atol=1e-12)
    assert not np.allclose(whole, frequency_hz(Chance(6), 0, 2000, 4.0))
    slow, part = imbalance_kw(Chance(5), 0, 500, 60.0, 1.0), imbalance_kw(Chance(5), 60_000 * 100, 400, 60.0, 1.0)
    np.testing.assert_allclose(slow[100:], part, atol=1e-12)
