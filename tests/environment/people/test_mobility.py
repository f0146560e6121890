"""Trips: laws of chance and time, and the figures of ElaadNL's private charging."""

import numpy as np
import pytest

from environment.calendar import Timeline
from environment.chance import Chance
from environment.people.mobility import mobility, trips_for

H = 3_600_000


@pytest.fixture(scope="module")
def many():
    return [f"car-{i:04d}" for i in range(400)]


@pytest.fixture(scope="module")
def trips(chance, calendar, month, many):
    return trips_for(chance, many, calendar, month)


@pytest.fixture(scope="module")
def moves(chance, calendar, month, many):
    return mobility(chance, many, calendar, month)


def real_trips(trips, row):
    real = trips.kwh[row] > 0.0
    return trips.leave_ms[row][real], trips.arrive_ms[row][real], trips.kwh[row][real]


# Laws


def test_trips_are_in_order_and_do_not_overlap(trips):
    for row in range(len(trips.kwh)):
        leave, arrive, _ = real_trips(trips, row)
        assert (arrive > leave).all()
        assert (leave[1:] >= arrive[:-1] + 0.7 * H).all()
        assert (arrive - leave).max() < 22 * H  # trips of several days are left out


def test_road_energy_is_spread_over_the_steps_of_its_trip(trips, moves, month):
    assert ((moves.driven_kw > 0.0) == moves.away).all()
    for row in (0, 17, 399):
        leave, arrive, kwh = real_trips(trips, row)
        inside = (leave >= month.start_ms + H) & (arrive <= month.end_ms - H)
        partly = (arrive > month.start_ms) & (leave < month.end_ms)
        total = moves.driven_kw[row].sum() * month.hours
        assert kwh[inside].sum() - 1e-9 <= total <= kwh[partly].sum() + 1e-9
        first = int(np.flatnonzero(inside)[0])
        steps = month.steps(leave[first] // 900_000 * 900_000, -(-arrive[first] // 900_000) * 900_000)
        assert moves.driven_kw[row, steps].sum() * month.hours == pytest.approx(kwh[first], rel=1e-9)


def test_the_next_departure_is_known_and_is_one(moves, month):
    at = moves.departure_step
    steps = np.arange(month.n)
    assert (at >= steps).all()
    assert (at[moves.away] == np.broadcast_to(steps, at.shape)[moves.away]).all()
    row, step = np.nonzero(~moves.away & (at < month.n))
    assert moves.away[row, at[row, step]].all()
    assert not moves.away[row, at[row, step] - 1].any()
    assert (np.diff(at, axis=1) >= 0).all()


def test_departures_after_the_end_are_known_too(chance, calendar, month, many, moves):
    cut = Timeline(month.start_ms, 900_000, month.n - 96)
    before = mobility(chance, many, calendar, cut)
    last = before.departure_step[:, -1]
    longer = moves.departure_step[:, cut.n - 1]
    known = longer < month.n
    assert (last[known] == longer[known]).all()
    assert (before.departure_step[:, -1] >= cut.n - 1).all()


def test_a_vector_equals_a_loop_and_a_permutation_permutes(chance, calendar, month, many, moves):
    order = np.random.default_rng(2).permutation(len(many))
    permuted = mobility(chance, [many[i] for i in order], calendar, month)
    for a, b in zip(permuted, moves, strict=True):
        assert (a == b[order]).all()
    alone = mobility(chance, [many[5]], calendar, month)
    for a, b in zip(alone, moves, strict=True):
        assert (a[0] == b[5]).all()


def test_own_shift_and_battery_act_on_own_row_only(chance, calendar, month, many, moves):
    shift = np.zeros(len(many))
    shift[3] = 2.0
    capacity = np.full(len(many), np.inf)
    capacity[4] = 5.0
    changed = mobility(chance, many, calendar, month, shift, capacity)
    same = np.flatnonzero(~np.isin(np.arange(len(many)), [3, 4]))
    for a, b in zip(changed, moves, strict=True):
        assert (a[same] == b[same]).all()
    assert (changed.away[3] != moves.away[3]).any()
    assert trips_for(chance, many, calendar, month, 0.0, capacity).kwh[4].max() <= 4.5
    assert (changed.away[4] == moves.away[4]).all()


def test_the_same_day_is_the_same_whatever_the_timeline(chance, calendar, month, many, moves):
    week = Timeline(0, 900_000, 2 * 96)
    part = mobility(chance, many, calendar, week)
    offset = 28 * 96
    assert (part.away == moves.away[:, offset : offset + week.n]).all()
    np.testing.assert_allclose(part.driven_kw, moves.driven_kw[:, offset : offset + week.n], atol=1e-9)


def test_seeds_differ(calendar, month, many, moves):
    other = mobility(Chance(8), many, calendar, month)
    assert 0.1 < (other.away != moves.away).mean() < 0.9


@pytest.mark.parametrize("step_ms", [300_000, 1_800_000, 3_600_000])
def test_other_steps_drive_the_same_energy(chance, calendar, month, many, moves, step_ms):
    other = Timeline(month.start_ms, step_ms, month.n * 900_000 // step_ms)
    got = mobility(chance, many, calendar, other)
    want = (moves.driven_kw * 0.25).sum(axis=1)
    np.testing.assert_allclose((got.driven_kw * other.hours).sum(axis=1), want, rtol=0.05, atol=1.0)


# Figures


def test_arrivals_stays_and_energies_agree_with_elaadnl(trips, calendar):
    arrivals, stays = [], []
    for row in range(len(trips.kwh)):
        leave, arrive, _ = real_trips(trips, row)
        arrivals.append(calendar.local_columns(arrive).hour)
        stays.append((leave[1:] - arrive[:-1]) / H)
    hour, stay = np.concatenate(arrivals), np.concatenate(stays)
    assert 0.35 < np.mean((hour >= 17) & (hour < 20)) < 0.45  # hours 17, 18, 19: 40.6 % measured
    assert 10.0 < np.median(stay) < 12.5  # 11.0 h measured


def test_a_session_by_state_of_charge_takes_the_measured_energy(trips):
    """Plugging in becomes likelier the emptier the battery is; private sessions of ElaadNL have a median of 19.4 kWh."""
    draw = np.random.default_rng(5)
    capacity, sessions = 60.0, []
    for row in range(len(trips.kwh)):
        leave, arrive, kwh = real_trips(trips, row)
        missing = 0.0
        for k in range(len(kwh) - 1):
            missing = min(missing + kwh[k], capacity)
            stay = (leave[k + 1] - arrive[k]) / H
            if stay > 3.0 and draw.random() < 2.0 * missing / capacity:
                charged = min(missing, 7.4 * stay)
                sessions.append(charged)
                missing -= charged
    assert 14.0 < np.median(sessions) < 22.0


def test_a_year_s_distance_and_days_without_a_trip(trips, calendar, month):
    days = (month.end_ms - month.start_ms) / 86_400_000 + 6  # trips are drawn around the timeline too
    km = trips.kwh.sum(axis=1).mean() / 0.185 * 365 / days
    assert 9_000 < km < 16_000
    main = trips.kwh[:, 0::2] > 0.0
    assert 0.80 < main.mean() < 0.92


def test_weekends_leave_later_and_less(chance, calendar, month, many, moves):
    local = calendar.local_columns(month.starts_ms)
    morning = (local.hour >= 6) & (local.hour < 9)
    assert moves.away[:, morning & local.workday].mean() > 2.0 * moves.away[:, morning & ~local.workday].mean()
    assert not moves.away[:, (local.hour >= 3) & (local.hour < 4)].any()


def test_vehicles_have_habits(trips):
    km = np.log(np.where(trips.kwh[:, 0::2] > 0.0, trips.kwh[:, 0::2], np.nan))
    between, total = np.nanstd(np.nanmean(km, axis=1)), np.nanstd(km)
    assert 0.4 < between / total < 0.8
    assert len(np.unique(np.round(np.nanmean(km, axis=1), 6))) == len(km)
