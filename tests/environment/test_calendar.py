"""Where milliseconds meet dates: days of 23 and 25 hours, local columns, the grid of steps."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from environment.calendar import Calendar, Timeline
from environment.units import MS_PER_DAY, MS_PER_H

ROME = ZoneInfo("Europe/Rome")
NOON = datetime(2016, 3, 26, 12, tzinfo=ROME)  # the clock goes forward in the following night
AUTUMN = datetime(2016, 10, 29, 12, tzinfo=ROME)  # and back in this one


@pytest.fixture(params=["zone", "utc"])
def spring(request):
    """The same world, begun by a datetime in the local zone or in UTC."""
    return Calendar(NOON if request.param == "zone" else NOON.astimezone(UTC), ROME)


@pytest.fixture(params=["zone", "utc"])
def autumn(request):
    return Calendar(AUTUMN if request.param == "zone" else AUTUMN.astimezone(UTC), ROME)


# --- daylight saving ---------------------------------------------------------------------------------------------------


def test_the_day_of_the_change_has_23_hours(spring):
    assert spring.on(date(2016, 3, 28)) - spring.on(date(2016, 3, 27)) == 23 * MS_PER_H
    assert spring.text(spring.on(date(2016, 3, 27)) + 2 * MS_PER_H) == "2016-03-27 03:00:00"
    assert spring.on(date(2016, 3, 27), "12:00") == 23 * MS_PER_H


def test_the_day_of_the_change_has_25_hours(autumn):
    midnight = autumn.on(date(2016, 10, 30))
    assert autumn.on(date(2016, 10, 31)) - midnight == 25 * MS_PER_H
    clock = [autumn.text(midnight + hour * MS_PER_H)[11:16] for hour in range(5)]
    assert clock == ["00:00", "01:00", "02:00", "02:00", "03:00"]
    assert autumn.on(date(2016, 10, 30), "02:30") == midnight + 5 * MS_PER_H // 2  # the first of the two


def test_day_starts_step_over_the_change(spring):
    starts = [spring.day_start(0, days) for days in range(4)]
    assert np.diff(starts).tolist() == [24 * MS_PER_H, 23 * MS_PER_H, 24 * MS_PER_H]
    assert starts[0] == -12 * MS_PER_H


@given(st.integers(-500 * 24 * 60, 500 * 24 * 60))
def test_an_instant_survives_the_way_over_utc(minutes):
    calendar = Calendar(NOON, ROME)
    instant = minutes * 60_000
    assert calendar.at(calendar.local(instant).astimezone(UTC)) == instant


@given(st.integers(-500 * 24 * 60, 500 * 24 * 60))
def test_the_local_clock_moves_as_the_zone_says(minutes):
    instant = minutes * 60_000
    true = (NOON.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(ROME)
    assert Calendar(NOON, ROME).local(instant).replace(tzinfo=None) == true.replace(tzinfo=None)


# --- local columns -------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-800 * 96, 800 * 96), min_size=1, max_size=30))
def test_local_columns_are_those_of_the_datetimes(quarters):
    calendar = Calendar(NOON, ROME, frozenset({date(2016, 12, 26)}))
    times_ms = np.array(quarters, np.int64) * 900_000
    columns = calendar.local_columns(times_ms)
    for row, time_ms in enumerate(times_ms):
        local = calendar.local(int(time_ms))
        assert columns.day[row] == (local.date() - date(1970, 1, 1)).days
        assert columns.hour[row] == pytest.approx(local.hour + local.minute / 60)
        assert columns.weekday[row] == local.weekday()
        assert columns.month[row] == local.month
        assert columns.day_of_year[row] == local.timetuple().tm_yday
        assert columns.holiday[row] == (local.date() == date(2016, 12, 26))
        assert columns.workday[row] == (local.weekday() < 5 and local.date() != date(2016, 12, 26))


def test_local_columns_of_the_long_day_count_two_o_clock_twice(autumn):
    midnight = autumn.on(date(2016, 10, 30))
    hours = autumn.local_columns(midnight + MS_PER_H * np.arange(26)).hour
    assert hours.tolist() == [0, 1, 2, 2, *range(3, 24), 0]


def test_local_columns_of_nothing_are_empty():
    assert Calendar(NOON, ROME).local_columns(np.array([], np.int64)).hour.shape == (0,)


def test_a_world_that_begins_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        Calendar(datetime(2016, 3, 26, 12), ROME)  # noqa: DTZ001


# --- the grid of steps -----------------------------------------------------------------------------------------------------


@given(
    start=st.integers(-60, 60), step=st.integers(1, 3600), n=st.integers(1, 200), instant=st.integers(-200_000, 200_000)
)
def test_the_index_is_the_step_that_contains_the_instant(start, step, n, instant):
    line = Timeline(start * 1000, step, n)
    index = line.index(instant)
    assert line.start_ms + index * step <= instant < line.start_ms + (index + 1) * step
    assert len(line.starts_ms) == n
    assert line.index(int(line.starts_ms[-1])) == n - 1
    assert line.index(line.end_ms) == n


def test_history_is_negative_and_counted_from_its_own_start():
    line = Timeline(-28 * MS_PER_DAY, 900_000, 30 * 96)
    assert line.index(-1) == 28 * 96 - 1
    assert line.index(0) == 28 * 96
    assert line.starts_ms[0] == -28 * MS_PER_DAY
    assert line.end_ms == 2 * MS_PER_DAY
    assert line.hours == 0.25
    assert line.steps(-MS_PER_DAY, 0) == slice(27 * 96, 28 * 96)


def test_a_period_before_the_first_step_is_refused_and_does_not_count_from_the_end():
    line = Timeline(0, 900_000, 96)
    with pytest.raises(ValueError, match="before the first step"):
        line.steps(-900_000, 900_000)
