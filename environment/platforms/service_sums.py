"""Sums of a service for households over a period, of which its figures are made (SUC13.1 scenario 13).

Of each household and step the cloud database keeps what its meter showed, what was planned and forecast, and what the first plan of a
day saves. What leaves are sums over all households that consent to statistics, and none that too few households have a value for.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from data.arrays import F64, I64
from environment.calendar import Timeline

FEWEST = 5
"""Households that a sum given to others must cover."""

NEAR_SHARE = 0.9
"""Part of the contracted power from which a quarter of an hour is near it (assumed [M]; the use case gives no number)."""

NOTHING = {"net_sum_kw": 0.0, "samples": 0.0, "planned_kw": np.nan, "forecast_load_kw": np.nan, "saved_eur": np.nan}
"""What is kept of each household and step, and its value where nothing is known."""

COUNTS = ("displays", "called_kwh", "delivered_kwh", "earned_eur")
"""What the aggregator tells of the whole portfolio, each time what came since it told before."""


class ServiceSums:
    """What is kept of households row by row and step by step, from the first step of the service on.

    Args:
        timeline: the steps.
        capacity: most households that it can hold.
    """

    def __init__(self, timeline: Timeline, capacity: int) -> None:
        self._timeline, self._capacity = timeline, capacity
        self._first = -1
        self._columns: dict[str, F64] = {}
        self._contracted_kw = np.full(capacity, np.nan)
        self._counts: dict[str, F64] = {}

    def _place(self, step: int) -> int:
        """Position of a step in the columns, which begin with the first step that anything is known of."""
        if self._first < 0:
            self._first = step
            width = self._timeline.n - step
            self._columns = {name: np.full((self._capacity, width), value) for name, value in NOTHING.items()}
            self._counts = {name: np.zeros(width) for name in COUNTS}
        return max(step - self._first, 0)

    def forget(self, row: int) -> None:
        """Nothing of a household is left."""
        self._contracted_kw[row] = np.nan
        for name, column in self._columns.items():
            column[row] = NOTHING[name]

    def forget_before(self, step: int) -> None:
        """Nothing of any household is left of the steps before one; counts of the whole portfolio stay."""
        for name, column in self._columns.items():
            column[:, : max(step - self._first, 0)] = NOTHING[name]

    def metered(self, rows: I64, net_kw: F64, sent_ms: int) -> None:
        """Samples of net load, (k,) [kW], of the step that they are taken in or at the end of."""
        step = self._timeline.index(sent_ms - 1)
        if 0 <= step < self._timeline.n and len(rows):
            at = self._place(step)
            self._columns["net_sum_kw"][rows, at] += net_kw
            self._columns["samples"][rows, at] += 1.0

    def planned(
        self, row: int, from_ms: int, step_s: float, net_kw: F64, contracted_kw: float, saved_eur: float
    ) -> None:
        """The plan of a household from an instant on, (periods,) [kW]; it replaces what an older plan said of these steps."""
        step = self._timeline.index(from_ms)
        self._write("planned_kw", row, step, step_s, net_kw)
        self._contracted_kw[row] = contracted_kw
        self._columns["saved_eur"][row, self._place(step)] = saved_eur

    def forecast(self, row: int, from_ms: int, step_s: float, load_kw: F64) -> None:
        """The forecast of a household's load, (periods,) [kW]; it replaces what an older one said of these steps."""
        self._write("forecast_load_kw", row, self._timeline.index(from_ms), step_s, load_kw)

    def _write(self, name: str, row: int, step: int, step_s: float, values: F64) -> None:
        at = self._place(step)
        steps = np.repeat(values, max(round(step_s * 1000.0) // self._timeline.step_ms, 1))
        column = self._columns[name][row, at : at + len(steps)]
        column[:] = steps[: len(column)]

    def counted(self, at_ms: int, told: dict[str, float]) -> None:
        """What came, of the whole portfolio, up to an instant: it belongs to the step that ends there."""
        at = self._place(max(self._timeline.index(at_ms - 1), 0))
        for name in COUNTS:
            self._counts[name][at] += told[name]

    def of(
        self, rows: I64, steps: slice, load_kw: F64, simple_kw: Mapping[str, F64] = MappingProxyType({})
    ) -> dict[str, float]:
        """Sums over some households and a period; one that fewer than ``FEWEST`` of them have a value for is left out.

        Args:
            rows: households that consent to statistics, (k,).
            steps: the period.
            load_kw: their own load as recorded, (k, steps); NaN where unknown.
            simple_kw: simple forecasts of it that theirs is to be compared with, by name, (k, steps) each; NaN where unknown.
        """
        if self._first < 0 or steps.stop <= self._first:
            return {}
        begin = max(steps.start, self._first)
        load_kw = load_kw[:, begin - steps.start :]
        part = slice(begin - self._first, steps.stop - self._first)
        kept = {name: column[rows, part] for name, column in self._columns.items()}
        samples = kept["samples"]
        net = np.divide(kept["net_sum_kw"], samples, out=np.full(samples.shape, np.nan), where=samples > 0.0)
        hours = self._timeline.hours
        limit = NEAR_SHARE * self._contracted_kw[rows, None]
        distance = np.abs(self._hourly(net, begin) - self._hourly(kept["planned_kw"], begin))
        missed = np.abs(load_kw - kept["forecast_load_kw"])
        judged = ~np.isnan(net) & ~np.isnan(limit)
        sums: dict[str, float] = {}
        _add(sums, {"import_kwh": np.maximum(net, 0.0) * hours})
        _add(sums, {"near_steps": np.where(judged, net > limit, np.nan), "judged_steps": np.where(judged, 1.0, np.nan)})
        _add(sums, {"plan_distance_kw": distance, "planned_hours": np.where(np.isnan(distance), np.nan, 1.0)})
        _add(
            sums, {"missed_kwh": missed * hours, "forecast_of_kwh": np.where(np.isnan(missed), np.nan, load_kw) * hours}
        )
        for name, kw in simple_kw.items():
            simply = np.where(np.isnan(missed), np.nan, np.abs(load_kw - kw[:, begin - steps.start :]))
            judged_kwh = np.where(np.isnan(simply), np.nan, load_kw) * hours
            _add(sums, {f"{name}_missed_kwh": simply * hours, f"{name}_of_kwh": judged_kwh})
        _add(sums, {"saved_eur": _first_of_each(kept["saved_eur"])})
        return sums | {name: float(column[part].sum()) for name, column in self._counts.items()}

    def _hourly(self, values: F64, begin: int) -> F64:
        """Means of full hours, as plans are told by the hour; NaN where a step of the hour is unknown."""
        width = max(3_600_000 // self._timeline.step_ms, 1)
        ahead = -begin % width
        whole = (values.shape[1] - ahead) // width * width
        return np.asarray(values[:, ahead : ahead + max(whole, 0)].reshape(len(values), -1, width).mean(axis=2))


def _first_of_each(values: F64) -> F64:
    """The first known value of each row, (k, 1); NaN where there is none."""
    known = ~np.isnan(values)
    return np.asarray(np.take_along_axis(values, known.argmax(axis=1)[:, None], axis=1))


def _add(sums: dict[str, float], columns: dict[str, F64]) -> None:
    """Add sums of columns that are known together, where enough households have a value of them."""
    known = ~np.isnan(np.asarray(next(iter(columns.values())), np.float64))
    if int(known.any(axis=1).sum()) >= FEWEST:
        sums |= {name: float(np.nansum(values)) for name, values in columns.items()}
