"""Forecasts of generation from what was metered: exact where the ratio to the irradiance holds, nothing where nothing is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.strategies.generation_forecast import by_irradiance, persistence

PER_DAY = 24
SHAPE = np.maximum(np.sin(np.pi * (np.arange(PER_DAY) - 6) / 12), 0.0)


def days(*scales):
    return np.concatenate([scale * 800.0 * SHAPE for scale in scales])


@given(
    scales=st.lists(st.floats(0.1, 1.2), min_size=1, max_size=5),
    ahead=st.floats(0.0, 1.2),
    ratio=st.lists(st.floats(0.0, 5.0), min_size=PER_DAY, max_size=PER_DAY),
    lead=st.integers(0, PER_DAY),
)
def test_a_plant_that_follows_the_sun_is_forecast_exactly(scales, ahead, ratio, lead):
    """Its ratio to the irradiance may differ by time of day (a plant that looks east); the forecast may begin at any time."""
    past, day = days(*scales), ahead * 800.0 * SHAPE
    by_hour = np.tile(ratio, len(scales))
    place = lead + np.arange(PER_DAY)
    sun = day[place % PER_DAY]
    found = by_irradiance((past * by_hour)[None], past, sun, place, PER_DAY)
    np.testing.assert_allclose(found[0], sun * np.array(ratio)[place % PER_DAY], atol=1e-9)


def test_plants_are_forecast_one_by_one():
    past = days(0.4, 1.0)
    both = np.array([2.0 * past, 0.5 * past])
    together = by_irradiance(both, past, past[:PER_DAY], np.arange(PER_DAY), PER_DAY)
    alone = [by_irradiance(one[None], past, past[:PER_DAY], np.arange(PER_DAY), PER_DAY)[0] for one in both]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("steps", [0, PER_DAY - 1])
def test_without_a_day_of_history_nothing_is_promised(steps):
    generated = np.ones((2, steps))
    assert not by_irradiance(generated, np.ones(steps), np.ones(5), np.arange(5), PER_DAY).any()
    assert not persistence(generated, np.arange(5), PER_DAY).any()


def test_persistence_repeats_the_last_day():
    generated = np.arange(3.0 * PER_DAY)[None]
    found = persistence(generated, np.arange(10, 10 + PER_DAY), PER_DAY)
    np.testing.assert_array_equal(found[0], 2 * PER_DAY + (np.arange(10, 10 + PER_DAY) % PER_DAY))
