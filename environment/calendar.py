"""The calendar: where milliseconds of the world meet dates, time zones and daylight saving. Nowhere else do they meet."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from data.arrays import F64, I64, Bool
from environment.units import MS_PER_DAY, MS_PER_S


@dataclass(frozen=True)
class Calendar:
    """Instants of a run. Instant 0 is ``begins`` (an aware datetime); earlier instants (history) are negative.

    Attributes:
        begins: the start of the world; kept in UTC, since differences within a zone would count wall-clock hours.
        zone: the local time zone.
        holidays: local dates that count as Sundays.
    """

    begins: datetime
    zone: ZoneInfo
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        """Keep the start in UTC; one without a zone would be read in that of the machine."""
        if self.begins.tzinfo is None:
            text = f"the start of the world {self.begins} has no time zone"
            raise ValueError(text)
        object.__setattr__(self, "begins", self.begins.astimezone(UTC))

    def at(self, local: datetime) -> int:
        """The instant [ms] of a local wall-clock time; of a time that happens twice, the first."""
        aware = local if local.tzinfo else local.replace(tzinfo=self.zone)
        return round((aware - self.begins) / timedelta(milliseconds=1))

    def on(self, day: date, clock: time | str = "00:00") -> int:
        """The instant [ms] of a wall-clock time ("18:40") on a local day."""
        wall = time.fromisoformat(clock) if isinstance(clock, str) else clock
        return self.at(datetime.combine(day, wall))

    def local(self, time_ms: int) -> datetime:
        """The local wall-clock time of an instant."""
        return (self.begins + timedelta(milliseconds=int(time_ms))).astimezone(self.zone)

    def text(self, time_ms: int) -> str:
        """An instant as people write it, to the second: ``2016-01-19 18:40:00``."""
        return self.local(time_ms).strftime("%Y-%m-%d %H:%M:%S")

    def day_start(self, time_ms: int, days: int = 0) -> int:
        """The local midnight [ms] of the day of an instant, ``days`` later."""
        return self.on(self.local(time_ms).date() + timedelta(days=days))

    def local_columns(self, times_ms: I64) -> "LocalTime":
        """Local calendar columns of an array of instants."""
        offset_ms = np.fromiter((self._offset_ms(int(t)) for t in times_ms), np.int64, len(times_ms))
        local_ms = times_ms + self._begins_unix_ms + offset_ms
        days = np.floor_divide(local_ms, MS_PER_DAY)
        holiday_days = np.array(sorted((day - date(1970, 1, 1)).days for day in self.holidays), np.int64)
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        years = months // 12
        return LocalTime(
            day=days,
            hour=(local_ms - days * MS_PER_DAY) / (3600.0 * MS_PER_S),
            weekday=(days + 3) % 7,
            month=months % 12 + 1,
            day_of_year=days - (years * 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + 1,
            holiday=np.isin(days, holiday_days),
        )

    @cached_property
    def _begins_unix_ms(self) -> int:
        return round(self.begins.timestamp() * MS_PER_S)

    def _offset_ms(self, time_ms: int) -> int:
        offset = self.local(time_ms).utcoffset()
        return 0 if offset is None else round(offset / timedelta(milliseconds=1))


@dataclass(frozen=True)
class LocalTime:
    """Local calendar columns, shape (n,): day number since 1970-01-01, hour of day [h], weekday (Monday 0), month, holiday."""

    day: I64
    hour: F64
    weekday: I64
    month: I64
    day_of_year: I64
    holiday: Bool

    @property
    def workday(self) -> Bool:
        """Monday to Friday, holidays excepted."""
        return (self.weekday < 5) & ~self.holiday


@dataclass(frozen=True)
class Timeline:
    """The regular grid of physics steps: step k covers [start_ms + k step_ms, start_ms + (k+1) step_ms).

    Attributes:
        start_ms: start of step 0 (negative when there is history).
        step_ms: length of a step.
        n: number of steps.
    """

    start_ms: int
    step_ms: int
    n: int

    @property
    def hours(self) -> float:
        """Length of a step [h]."""
        return self.step_ms / 3_600_000

    @property
    def end_ms(self) -> int:
        """End of the last step."""
        return self.start_ms + self.n * self.step_ms

    @cached_property
    def starts_ms(self) -> I64:
        """Start of every step, shape (n,)."""
        return self.start_ms + self.step_ms * np.arange(self.n, dtype=np.int64)

    def index(self, time_ms: int) -> int:
        """The step that contains the instant; may lie outside [0, n)."""
        return (time_ms - self.start_ms) // self.step_ms

    def steps(self, from_ms: int, to_ms: int) -> slice:
        """The steps that lie in [from_ms, to_ms), both on the grid; ``ValueError`` before the first step."""
        if min(from_ms, to_ms) < self.start_ms:
            text = f"[{from_ms}, {to_ms}) ms begins before the first step, {self.start_ms} ms"
            raise ValueError(text)
        return slice(self.index(from_ms), self.index(to_ms))
