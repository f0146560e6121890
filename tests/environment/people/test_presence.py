import numpy as np
import pytest

from environment.chance import name_hashes
from environment.people import presence
from environment.people.quarters import quarters_for


def test_bells_are_periodic_and_peak_where_they_say():
    curve = presence.bells([{"at": 24.5, "width": 1.0, "rate": 2.0}], "rate")
    assert curve.argmax() in (1, 2)
    assert curve.max() == pytest.approx(2.0, rel=0.02)
    assert curve[95] == pytest.approx(curve[4], rel=1e-9)  # the same distance before and after half past midnight


def test_probabilities_are_probabilities():
    for table in presence.rates():
        assert table.shape == (2, 3, 3, 96)
        assert table.min() >= 0.0
        assert table.max() < 1.0
    assert (presence.rates().sleep + presence.rates().leave).max() < 1.0


def test_homes_follow_the_expected_distribution(chance, calendar, year):
    owners = name_hashes([f"h{i}" for i in range(60)])
    quarters = quarters_for(calendar, year, 2)
    size, level = np.full(60, 1), np.full(60, 1)
    bins = presence.own_hour_bin(quarters.local.hour, np.zeros(60))
    states = presence.states(chance.stream("p"), owners, size, level, bins, quarters)
    active = states[:, quarters.warm_up :] == presence.ACTIVE
    expected = presence.expected_active()[:, 1, 1, :]
    local = calendar.local_columns(year.starts_ms)
    for kind, days in ((0, local.workday), (1, ~local.workday)):
        quarter = np.floor(local.hour * 4).astype(int)
        got = np.array([active[:, days & (quarter == q)].mean() for q in range(96)])
        np.testing.assert_allclose(got, expected[kind], atol=0.035)


def test_days_look_like_days():
    active = presence.expected_active()
    assert (active[:, :, :, 12] < 0.15).all()  # three in the night
    assert (active[:, :, :, 80] > 0.4).all()  # eight in the evening
    assert (active[0, 0, 0, 32:80] < active[0, 0, 2, 32:80]).all()  # who is mostly at home is active more
    assert (active[0, 0, 1, 40:64] < active[0, 2, 1, 40:64]).all()  # so are larger households


def test_a_shift_moves_evenings_fully_and_mornings_a_third():
    hours = np.array([7.5, 20.0])
    assert presence.own_hour_bin(hours, np.array([0.0])).tolist() == [[30, 80]]
    assert presence.own_hour_bin(hours, np.array([1.5])).tolist() == [[28, 74]]


def test_a_shifted_day_keeps_its_order():
    hours = np.arange(96) / 4.0
    for shift in (-2.0, 1.0, 3.0):
        own = presence.own_hour_bin(hours, np.array([shift]))[0]
        assert ((np.diff(own) % 96) <= 3).all()


def test_a_step_makes_one_transition(chance, calendar, month):
    owners = name_hashes(["a", "b", "c"])
    quarters = quarters_for(calendar, month)
    bins = presence.own_hour_bin(quarters.local.hour, np.zeros(3))
    states = presence.states(chance.stream("p"), owners, np.zeros(3, int), np.zeros(3, int), bins, quarters)
    pairs = set(zip(states[:, :-1].ravel().tolist(), states[:, 1:].ravel().tolist(), strict=True))
    assert (presence.ASLEEP, presence.AWAY) not in pairs
    assert (presence.AWAY, presence.ASLEEP) not in pairs
    assert len(pairs) == 7
