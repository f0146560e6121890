from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from environment.calendar import Calendar
from experiments.scenario.fields import DayTime, Delay, Moment, Part, Share, read_clock

ROME = ZoneInfo("Europe/Rome")
DAY = date(2016, 1, 19)
CALENDAR = Calendar(datetime(2016, 1, 18, 12, tzinfo=ROME).astimezone(UTC), ROME)
SHARE = TypeAdapter(Share)
clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))


@given(st.floats(0, 1))
def test_a_share_is_read_from_a_number_and_from_percent(share):
    assert SHARE.validate_python(share) == share
    assert SHARE.validate_python(str(share)) == share
    assert SHARE.validate_python(f"{100 * share!r}%") == pytest.approx(share)


@given(st.one_of(st.floats(max_value=-1e-9), st.floats(min_value=1.0000001), st.just(float("nan"))))
def test_what_lies_outside_is_no_share(number):
    with pytest.raises(ValidationError):
        SHARE.validate_python(number)


@pytest.mark.parametrize("text", ["24:00", "7", "7:5", "12:60", "", "-1:00", "18.40"])
def test_what_is_no_time_of_day_is_refused(text):
    with pytest.raises(ValueError, match="write for example 18:40"):
        read_clock(text)


@given(clocks, st.integers(0, 7))
def test_a_time_before_delivery_reads_its_own_text(clock, days):
    when = DayTime(days_before=days, clock=clock)
    assert DayTime.model_validate(str(when)) == when
    assert DayTime.model_validate(f"at {when}") == when


def test_a_time_before_delivery_is_an_instant_of_the_world():
    assert DayTime.model_validate("13:00 the day before").on(CALENDAR, DAY) == 3_600_000
    assert DayTime.model_validate("08:00 on the day").on(CALENDAR, DAY) == 20 * 3_600_000
    assert DayTime.model_validate("15:00") == DayTime.model_validate("15:00 the day before")


@given(clocks, clocks, st.integers(0, 7), st.integers(0, 7))
def test_order_of_times_before_delivery_is_the_order_of_instants(one, two, days_one, days_two):
    first, second = DayTime(days_before=days_one, clock=one), DayTime(days_before=days_two, clock=two)
    assert first.before(second) == (first.on(CALENDAR, DAY) < second.on(CALENDAR, DAY))


@given(st.one_of(st.integers(0, 400), st.dates(date(1980, 1, 1), date(2120, 12, 31))), clocks)
def test_a_moment_reads_its_own_text(day, clock):
    moment = Moment(day=day, clock=clock)
    assert Moment.model_validate(str(moment)) == moment


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("18:40", "2016-01-19 18:40"),
        ("day 0 18:40", "2016-01-18 18:40"),
        ("day 2 08:05", "2016-01-20 08:05"),
        ("2016-01-20 18:40", "2016-01-20 18:40"),
        ("2016-01-20T18:40:00", "2016-01-20 18:40"),
    ],
)
def test_the_three_ways_to_write_a_moment(text, local):
    moment = Moment.model_validate(text)
    assert moment.local(DAY).isoformat(" ", "minutes") == local
    assert CALENDAR.text(moment.at(CALENDAR, DAY)) == f"{local}:00"


def test_a_moment_on_the_day_the_clocks_change_is_a_wall_clock_time():
    """On 2016-03-27 in Rome the hour from 02:00 does not exist: 18:00 comes 17 hours after midnight."""
    spring = date(2016, 3, 27)
    calendar = Calendar(datetime(2016, 3, 27, tzinfo=ROME).astimezone(UTC), ROME)
    assert Moment.model_validate("18:00").at(calendar, spring) == 17 * 3_600_000


@pytest.mark.parametrize(
    ("value", "kind", "parameters"),
    [
        (1, "constant", (1.0,)),
        ({"constant": 2.5}, "constant", (2.5,)),
        ({"uniform": [1, 2]}, "uniform", (1.0, 2.0)),
        ({"lognormal": [1.5, 4]}, "lognormal", (1.5, 4.0)),
    ],
)
def test_a_delay_is_one_of_three_distributions(value, kind, parameters):
    delay = Delay.model_validate(value)
    assert (delay.kind, delay.parameters) == (kind, parameters)
    assert Delay.model_validate(delay.model_dump()) == delay


@pytest.mark.parametrize(
    "value", [0, {"constant": 1, "uniform": [1, 2]}, {"uniform": [0, 1]}, {"gauss": [1, 2]}, "soon"]
)
def test_what_is_no_delay_is_refused(value):
    with pytest.raises(ValidationError):
        Delay.model_validate(value)


def test_the_clock_of_a_moment_is_kept_to_the_minute():
    assert Moment.model_validate("day 3 07:09").clock == time(7, 9)


class Documented(Part):
    """A part with strings under its fields."""

    first: int = 1
    """What the first says,

    on two lines.
    """
    second: int
    third: float = Field(2.0, description="Said in the field.")
    """Not this one."""

    class Inner(Part):
        """A part inside."""

        fourth: int = 4
        """What the fourth says."""


def test_the_string_under_a_field_is_its_documentation():
    told = {name: field.description for name, field in Documented.model_fields.items()}
    assert told == {"first": "What the first says,\n\non two lines.", "second": None, "third": "Said in the field."}
    assert Documented.Inner.model_fields["fourth"].description == "What the fourth says."
    assert Documented.model_json_schema()["properties"]["first"]["description"] == told["first"]
