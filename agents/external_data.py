"""Outside sources of data: a weather agency that answers who asks (SUC13.1 step 6.2)."""

import numpy as np

from environment.calendar import Calendar, Timeline
from environment.messages.base import Batch
from environment.messages.homes_data import DataQuery, ExternalData
from environment.party import Party, Seat, handles
from environment.refusals import refuse
from environment.weather.view import WeatherView


class WeatherAgency(Party):
    """Gives its latest forecast, to the end of the next day.

    Args:
        seat: place in the world.
        weather: what it publishes.
        calendar: local time.
        timeline: steps.
    """

    def __init__(self, seat: Seat, weather: WeatherView, calendar: Calendar, timeline: Timeline) -> None:
        super().__init__(seat)
        self._weather, self._calendar, self._timeline = weather, calendar, timeline

    @handles(DataQuery)
    def tell_weather(self, batch: Batch[DataQuery]) -> None:
        """The forecast as it stands; what is asked for beyond weather is refused on record."""
        for place in range(len(batch)):
            question = batch.take(np.array([place]))
            if str(question["what"][0]) != "weather":
                refuse(self, question, 0, str(question["what"][0]), "this source has weather alone")
                continue
            self.answer(question, self._forecast(int(question["since_ms"][0])))

    def _forecast(self, since_ms: int) -> ExternalData:
        view = self._weather
        step = max(self._timeline.index(self.now_ms), view.first)
        end = view.first + len(view.forecast.temp_c)
        ahead = view.ahead(step, end)
        none = np.zeros(1)
        first = self._timeline.index(max(since_ms, self._timeline.start_ms))
        seen = slice(first, max(view.known, first + 1))
        return ExternalData(
            kind="weather", from_ms=int(self._timeline.starts_ms[step]), step_s=self._timeline.step_ms / 1000.0,
            temp_c=np.asarray(ahead.temp_c, np.float64), ghi_wm2=np.asarray(ahead.ghi_wm2, np.float64), constraint_kw=none,
            price_eur_per_kwh=none, participation=(), observed_from_ms=int(self._timeline.starts_ms[first]),
            observed_temp_c=view.observed.temp_c[seen].copy(), observed_ghi_wm2=view.observed.ghi_wm2[seen].copy(),
        )  # fmt: skip
