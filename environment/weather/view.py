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
        forecast: the latest forecast, from step ``first`` on.
        first: its first step, -1 before there is any.
        made_ms: when it was made.
    """

    observed: Weather
    known: int = 0
    forecast: Weather = field(default_factory=lambda: Weather(*(np.zeros(0) for _ in Weather._fields)))
    first: int = -1
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

    def issue(self, made_ms: int, first: int, forecast: Weather) -> None:
        """Publish a forecast that begins at step ``first``."""
        self.made_ms, self.first, self.forecast = made_ms, first, forecast

    def ahead(self, step: int, end: int) -> Weather:
        """The latest forecast for steps [step, end).

        Raises:
            ValueError: it does not reach that far.
        """
        if step < self.first or end > self.first + len(self.forecast.temp_c):
            text = f"the forecast covers steps {self.first} to {self.first + len(self.forecast.temp_c)}, not {step} to {end}"
            raise ValueError(text)
        return Weather(*(column[step - self.first : end - self.first] for column in self.forecast))

    def past(self) -> Weather:
        """What was measured so far."""
        return Weather(*(column[: self.known] for column in self.observed))
