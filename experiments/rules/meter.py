"""The faces of the baseline rules that read a meter: readings and an event as records in, the power without activation out."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator, model_validator

from data.arrays import F64
from experiments.rules.clearing import tidy
from experiments.rules.face import Accounts, Face, Name, Outcome, Row
from experiments.scenario.fields import Part, given, refuse
from markets.baselines.occasion import Occasion
from markets.baselines.x_of_y import chosen_days, whole_days


def _on_grid(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):(00|15|30|45)|24:00", text):
        refuse(f"'{text}' is no quarter of an hour; write for example 18:15")
    return text


def _date(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        refuse(f"'{text}' is not a date; write for example 2016-01-19")
    return text


Clock = Annotated[str, AfterValidator(_on_grid)]
Day = Annotated[str, AfterValidator(_date)]
QUARTERS = 96


def quarter(clock: str) -> int:
    """Number of the quarter of an hour that begins at a clock time."""
    return int(clock[:2]) * 4 + int(clock[3:]) // 15


def clock_of(interval: int) -> str:
    """Clock time at which a quarter of an hour begins."""
    return f"{interval // 4:02d}:{interval % 4 * 15:02d}"


class Event(Row):
    """An activation."""

    notice: Clock
    """When it was announced: nothing metered later counts."""
    starts: Clock
    """When it began."""
    ends: Clock
    """When it ended."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.notice <= self.starts < self.ends:
            refuse(f"an event is announced, begins, ends: not {self.notice}, {self.starts}, {self.ends}")
        return self

    def occasion(self, metered_kw: F64, days_kw: F64) -> Occasion:
        """What a rule looks at."""
        return Occasion(metered_kw, days_kw, quarter(self.starts), quarter(self.ends), quarter(self.notice))


class DayEvent(Event):
    """An activation on a day."""

    day: Day
    """Its day."""


class DayReading(Row):
    """A quarter of an hour of a day's meter readings."""

    day: Day
    """Its day."""
    time: Clock
    """When it begins."""
    power_kw: float = given(unit="kW")
    """Mean net load; negative: generation."""


class Reading(Row):
    """A quarter of an hour of the day's meter readings."""

    time: Clock
    """When it begins."""
    power_kw: float = given(unit="kW")
    """Mean net load; negative: generation."""


class Excluded(Row):
    """A day that does not count."""

    day: Day
    """The day."""
    reason: Name
    """Why: another event, a holiday."""


class BaselineInterval(Row):
    """A quarter of an hour of the event."""

    time: str
    """When it begins."""
    baseline_kw: float = given(unit="kW")
    """Net load without activation."""


class UsedReading(Row):
    """What became of a reading."""

    time: str
    """When it begins."""
    power_kw: float = given(unit="kW")
    """As metered."""
    used: bool
    """Whether the baseline rests on it."""
    reason: str
    """Why not; empty if it does."""


class UsedDay(Row):
    """What became of a day."""

    day: str
    """The day."""
    mean_kw: float | None = given(unit="kW")
    """Mean net load in the hours of the event; none if a reading is missing."""
    used: bool
    """Whether the baseline rests on it."""
    reason: str
    """Why not; empty if it does."""


class OfReadings(Row):
    """A baseline and the readings that it rests on."""

    baseline: tuple[BaselineInterval, ...]
    """The quarters of an hour of the event."""
    readings: tuple[UsedReading, ...]
    """Every reading, in the order given."""


class OfDays(Row):
    """A baseline and the days that it rests on."""

    baseline: tuple[BaselineInterval, ...]
    """The quarters of an hour of the event."""
    days: tuple[UsedDay, ...]
    """Every day before the event, the oldest first."""


def _intervals(event: Event, found: F64) -> tuple[BaselineInterval, ...]:
    first = quarter(event.starts)
    return tuple(BaselineInterval(time=clock_of(first + k), baseline_kw=tidy(value)) for k, value in enumerate(found))


def _accounts(used: Iterable[bool]) -> Accounts:
    ones = list(used)
    return Accounts.of([float(one) for one in ones], [float(not one) for one in ones])


class MeterBefore(Face):
    """The readings of a day, and an event in it."""

    event: Event
    """The activation."""
    readings: tuple[Reading, ...] = given(min_length=1)
    """Readings of the day, in any order."""

    result: ClassVar[type[Part]] = OfReadings
    accounted: ClassVar[str] = "readings"
    table: ClassVar[str] = "readings"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"readings": ("time",)}
    after: ClassVar[bool] = False
    example: ClassVar[Mapping[str, Any]] = {
        "event": {"notice": "17:45", "starts": "18:00", "ends": "18:30"},
        "readings": [
            {"time": "17:15", "power_kw": 39.0},
            {"time": "17:30", "power_kw": 42.0},
            {"time": "17:45", "power_kw": 55.0},
            {"time": "18:00", "power_kw": 20.0},
            {"time": "18:15", "power_kw": 19.0},
            {"time": "18:30", "power_kw": 48.0},
        ],
    }

    def problems(self) -> Iterator[str]:
        """The readings that the rule rests on must be there."""
        known = {quarter(row.time) for row in self.readings}
        if quarter(self.event.notice) - 1 not in known:
            yield f"readings: there is none of the quarter of an hour before the notice ({self.event.notice})"
        if self.after and quarter(self.event.ends) not in known:
            yield f"readings: there is none of the quarter of an hour after the event ({self.event.ends})"

    def run(self, function: Callable[..., Any]) -> Outcome:
        """The baseline of the event."""
        metered = np.full(QUARTERS + 1, np.nan)  # the event may end at midnight; what follows is the next day
        metered[[quarter(row.time) for row in self.readings]] = [row.power_kw for row in self.readings]
        found = function(self.event.occasion(metered, np.zeros((0, QUARTERS + 1))))
        rows = tuple(
            UsedReading(
                time=row.time, power_kw=row.power_kw, used=not (why := self._why_not(quarter(row.time))), reason=why
            )
            for row in self.readings
        )
        result = OfReadings(baseline=_intervals(self.event, found), readings=rows)
        return Outcome(result, _accounts(row.used for row in rows))

    def _why_not(self, interval: int) -> str:
        notice, ends = quarter(self.event.notice), quarter(self.event.ends)
        if interval == notice - 1 or (self.after and interval == ends):
            return ""
        if interval < notice:
            return "not the last before the notice"
        if interval < quarter(self.event.starts):
            return "after the notice"
        return "in the event" if interval < ends else "after the event"


class MeterBeforeMeterAfter(MeterBefore):
    """The readings of a day, and an event in it."""

    after: ClassVar[bool] = True


class XOfY(Face):
    """Readings of earlier days, and of the event's day until its notice."""

    event: DayEvent
    """The activation."""
    x: int = given(10, unit="days", source="CAISO and AEMO: 10 of 10", ge=1)
    """Number of days averaged."""
    y: int = given(10, unit="days", source="CAISO and AEMO: 10 of 10", ge=1)
    """Number of eligible days looked at."""
    pick: Literal["high", "middle", "low"] = given("high", source="NYISO, PJM")
    """Which of the Y, by their mean in the hours of the event."""
    adjustment: Literal["none", "additive", "multiplicative"] = given("none", source="the plain average")
    """To what was metered before the notice: the mean difference added, or the ratio of means as a factor."""
    adjustment_h: float = given(
        3.0, unit="h", source="three to four hours in American programmes", gt=0, le=24, multiple_of=0.25
    )
    """How long before the notice it looks."""
    floor: float = given(0.8, unit="factor", source="NYISO: factor within 0.8 and 1.2", ge=0, le=1)
    """Smallest factor."""
    cap: float = given(1.2, unit="factor", source="NYISO: factor within 0.8 and 1.2", ge=1)
    """Largest factor."""
    excluded: tuple[Excluded, ...] = given((), source="none")
    """Earlier events and holidays."""
    readings: tuple[DayReading, ...] = given(min_length=1)
    """Readings of all days, in any order."""

    result: ClassVar[type[Part]] = OfDays
    accounted: ClassVar[str] = "days"
    table: ClassVar[str] = "readings"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"readings": ("day", "time"), "excluded": ("day",)}
    example: ClassVar[Mapping[str, Any]] = {
        "event": {"day": "2016-01-19", "notice": "17:30", "starts": "18:00", "ends": "18:30"},
        "x": 2,
        "y": 3,
        "adjustment": "multiplicative",
        "adjustment_h": 0.5,
        "excluded": [{"day": "2016-01-14", "reason": "another event"}],
        "readings": [
            {"day": day, "time": time, "power_kw": kw}
            for day, powers in (
                ("2016-01-13", (80.0, 82.0, 100.0, 104.0)), ("2016-01-14", (81.0, 80.0, 60.0, 61.0)),
                ("2016-01-15", (84.0, 86.0, 110.0, 112.0)), ("2016-01-17", (50.0, 52.0, 70.0, 70.0)),
                ("2016-01-18", (78.0, 80.0, 96.0, 98.0)), ("2016-01-19", (90.0, 94.0)),
            )
            for time, kw in zip(("17:00", "17:15", "18:00", "18:15"), powers, strict=False)
        ],
    }  # fmt: skip

    def problems(self) -> Iterator[str]:
        """The days must be enough, and metered where the rule looks."""
        if self.x > self.y:
            yield f"x: {self.x} of {self.y} days cannot be; x must be at most y"
            return
        days, table = self._table()
        reasons = self._not_eligible(days, table)
        eligible = sum(not reason for reason in reasons)
        if eligible < self.x:
            left_out = "; ".join(f"{day}: {reason}" for day, reason in zip(days, reasons, strict=True) if reason)
            yield f"readings: {eligible} eligible days before {self.event.day}, {self.x} are needed" + (
                left_out and f" ({left_out})"
            )
        elif self.adjustment != "none" and not self._adjustable():
            yield f"readings: none of {self.event.day} in the {self.adjustment_h:g} h before the notice ({self.event.notice}) to adjust to"

    def run(self, function: Callable[..., Any]) -> Outcome:
        """The baseline of the event."""
        days, table = self._table()
        reasons = self._not_eligible(days, table)
        eligible = np.array([not reason for reason in reasons], bool)
        occasion = self.event.occasion(self._row(self.event.day), table[eligible])
        found = function(
            occasion, x=self.x, y=self.y, pick=self.pick, adjustment=self.adjustment,
            adjustment_intervals=round(self.adjustment_h * 4), floor=self.floor, cap=self.cap,
        )  # fmt: skip
        chosen = set(chosen_days(table, occasion.event, eligible, self.x, self.y, self.pick).tolist())
        recent = set(np.flatnonzero(eligible)[-self.y :].tolist())
        rows = tuple(self._day(day, table[k], k, chosen, recent, reasons[k]) for k, day in enumerate(days))
        result = OfDays(baseline=_intervals(self.event, found), days=rows)
        return Outcome(result, _accounts(row.used for row in rows))

    def _day(self, day: str, kw: F64, k: int, chosen: set[int], recent: set[int], reason: str) -> UsedDay:
        mean = float(kw[quarter(self.event.starts) : quarter(self.event.ends)].mean())
        late = f"before the last {self.y}" if k not in recent else f"not among the {self.x} chosen ({self.pick})"
        return UsedDay(
            day=day,
            mean_kw=tidy(mean) if np.isfinite(mean) else None,
            used=k in chosen,
            reason="" if k in chosen else reason or late,
        )

    def _row(self, day: str) -> F64:
        kw = np.full(QUARTERS, np.nan)
        for row in self.readings:
            if row.day == day and quarter(row.time) < QUARTERS:
                kw[quarter(row.time)] = row.power_kw
        return kw

    def _table(self) -> tuple[list[str], F64]:
        """Days before the event's, the oldest first, and their readings, shape (days, 96)."""
        days = sorted({row.day for row in self.readings if row.day < self.event.day})
        return days, np.array([self._row(day) for day in days]).reshape(len(days), QUARTERS)

    def _not_eligible(self, days: Sequence[str], table: F64) -> list[str]:
        """Why each day does not count; empty if it does."""
        excluded = {row.day: row.reason for row in self.excluded}
        hours = np.arange(QUARTERS)
        whole = whole_days(table, (hours >= quarter(self.event.starts)) & (hours < quarter(self.event.ends)))
        weekend = date.fromisoformat(self.event.day).weekday() >= 5
        other = "a working day" if weekend else "a day of the weekend"
        return [
            excluded.get(day)
            or (other if (date.fromisoformat(day).weekday() >= 5) != weekend else "")
            or ("" if whole[k] else "a reading in the hours of the event is missing")
            for k, day in enumerate(days)
        ]

    def _adjustable(self) -> bool:
        notice = quarter(self.event.notice)
        window = slice(max(notice - round(self.adjustment_h * 4), 0), notice)
        return bool(np.isfinite(self._row(self.event.day)[window]).any())
