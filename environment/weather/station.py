"""The weather service: publishes what was measured at the end of every step, and a forecast every twelve hours."""

from dataclasses import dataclass

from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.weather.forecast import forecast
from environment.weather.records import Weather
from environment.weather.view import WeatherView

ISSUE_HOURS = (0.0, 12.0)
"""Local hours at which forecasts are published: the main runs of the large weather services."""

REACH_H = 60.0
"""How far a published forecast reaches."""


@dataclass(frozen=True)
class WeatherStation:
    """Writes a view from the true weather; the view alone is what parties hold."""

    weather: Weather
    calendar: Calendar
    timeline: Timeline
    chance: Chance

    def publish(self, view: WeatherView, now_ms: int) -> None:
        """Publish the step that ends at ``now_ms``, and a forecast if it is time for one (or there is none yet)."""
        step = self.timeline.index(now_ms)
        if step > 0:
            view.record(step - 1, self.weather)
        local = self.calendar.local(now_ms)
        due = local.minute == 0 and float(local.hour) in ISSUE_HOURS
        if step < self.timeline.n and (due or view.first < 0):
            view.issue(now_ms, step, self._forecast(now_ms, step))

    def _forecast(self, now_ms: int, step: int) -> Weather:
        """The next ``REACH_H`` hours, as far as the timeline goes."""
        timeline = self.timeline
        n = min(round(REACH_H / timeline.hours), timeline.n - step)
        ahead = Weather(*(column[step : step + n] for column in self.weather))
        return forecast(ahead, Timeline(now_ms, timeline.step_ms, n), now_ms, self.chance)
