import numpy as np

from environment.calendar import Timeline
from environment.people.quarters import PER_DAY, quarters_for


def test_the_number_of_a_quarter_hour_is_its_place_since_1970(calendar):
    quarters = quarters_for(calendar, Timeline(0, 900_000, 4))
    assert quarters.first_ms == 0
    assert quarters.number[0] == round(calendar.begins.timestamp()) // 900
    assert quarters.local.hour.tolist() == [12.0, 12.25, 12.5, 12.75]


def test_warm_up_comes_before(calendar):
    quarters = quarters_for(calendar, Timeline(0, 900_000, 4), warm_up_days=2)
    assert quarters.warm_up == 2 * PER_DAY
    assert quarters.first_ms == -2 * 86_400_000
    assert len(quarters.number) == 2 * PER_DAY + 4


def test_crooked_steps_are_enclosed_and_averaged(calendar):
    timeline = Timeline(100_000, 1_000_000, 3)
    quarters = quarters_for(calendar, timeline)
    assert quarters.first_ms == 0
    assert len(quarters.number) == 4
    means = quarters.on_timeline(np.array([0.0, 9.0, 0.0, 0.0]), timeline)
    np.testing.assert_allclose(means, [9.0 * 200 / 1000, 9.0 * 700 / 1000, 0.0], atol=1e-9)


def test_values_of_steps_reach_quarters_and_their_ends(calendar):
    timeline = Timeline(0, 1_800_000, 2)
    quarters = quarters_for(calendar, timeline, warm_up_days=1)
    got = quarters.from_timeline(np.array([5.0, 6.0]), timeline)
    assert got[: PER_DAY + 4].tolist() == [5.0] * (PER_DAY + 2) + [6.0] * 2
