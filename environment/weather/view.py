"""What parties see of the weather: measured up to now, and the latest forecast. An instrument (law 6)."""

from dataclasses import dataclass, field

import numpy as np

from environment.weather.records import Weather


@dataclass
class WeatherView:
    """Weather as published.

    Attributes:
        observed: measured means of the steps of the timeline, NaN from ``known`` on.
        known: number of steps measured so far.
        forecast: the latest forecast for all steps of the timeline; what lies before its making is what was measured.
        made_ms: when it was made.
    """

    observed: Weather
    known: int = 0
    forecast: Weather = field(default_factory=lambda: Weather(*(np.zeros(0) for _ in Weather._fields)))
    made_ms: int = 0

    @classmethod
    def empty(cls, steps: int) -> "WeatherView":
        """Nothing seen yet."""
        return cls(Weather(*(np.full(steps, np.nan) for _ in Weather._fields)))

    def record(self, step: int, weather: Weather) -> None:
        """Publish the measured means of a finished step."""
        for column, true in zip(self.observed, weather, strict=True):
            column[step] = true[step]
        self.known = step + 1

    def issue(self, made_ms: int, forecast: Weather) -> None:
        """Publish a forecast."""
        self.made_ms, self.forecast = made_ms, forecast

    def ahead(self, step: int, end: int) -> Weather:
        """The latest forecast for steps [step, end)."""
        return Weather(*(column[step:end] for column in self.forecast))

    def past(self) -> Weather:
        """What was measured so far."""
        return Weather(*(column[: self.known] for column in self.observed))
