"""Figures of forecasts: their error by horizon, against persistence and the same hour last week.

The truth of a forecast is what came without activation: the twin's value where there is a twin, since the DSO's forecast of a
congestion is what it acts upon to make it untrue.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from data.arrays import F64, I64, Bool
from experiments.kpis.facts import MS_PER_H, Facts, paired, summed, unpaired
from experiments.kpis.grid import Figure
from experiments.kpis.parties import party_kinds

WEEK_MS: Final = 7 * 24 * MS_PER_H
SMALL_SHARE: Final = 0.05
"""Actuals below this share of the subject's peak are left out of MAPE, which has no meaning near zero."""

BINS: Final = {"0_12h": (0.0, 12.0), "12_24h": (12.0, 24.0), "24_48h": (24.0, 48.0)}


@dataclass(frozen=True)
class Errors:
    """Forecasts of a kind of party, row by row: actual, forecast and references [kW] (NaN unknown), horizon [h], subject."""

    actual: F64
    forecast: F64
    persistence: F64
    last_week: F64
    horizon_h: F64
    subject: I64

    def of(self, method: str, rows: Bool | None = None) -> tuple[F64, F64, I64]:
        """Actual, value of the method (forecast, persistence, last_week) and subject, where both are known."""
        value: F64 = getattr(self, method)
        known = ~np.isnan(value) & ~np.isnan(self.actual)
        known &= True if rows is None else rows
        return self.actual[known], value[known], self.subject[known]

    def horizon(self, low_h: float, high_h: float) -> Bool:
        """Rows with a horizon in [low, high)."""
        return np.asarray((self.horizon_h >= low_h) & (self.horizon_h < high_h))


def rmse_kw(actual: F64, value: F64, subject: I64) -> float | None:
    """Root mean square error [kW]."""
    return float(np.sqrt(np.mean((value - actual) ** 2))) if len(actual) else None


def mape_percent(actual: F64, value: F64, subject: I64) -> float | None:
    """Mean absolute percentage error [%], of actuals of at least 5 % of their subject's peak."""
    if not len(actual):
        return None
    peak = np.zeros(int(subject.max()) + 1)
    np.maximum.at(peak, subject, np.abs(actual))
    rows = (np.abs(actual) >= SMALL_SHARE * peak[subject]) & (actual != 0)
    return float(100.0 * np.mean(np.abs(value[rows] - actual[rows]) / np.abs(actual[rows]))) if rows.any() else None


def forecast_errors(facts: Facts, kind: str) -> Errors | None:
    """Forecasts for the delivery days made by parties of a kind, with what came; None without."""
    key = f"forecast_errors/{kind}"
    if key not in facts.memo:
        facts.memo[key] = _forecast_errors(facts, kind)
    found: Errors | None = facts.memo[key]
    return found


def _forecast_errors(facts: Facts, kind: str) -> Errors | None:
    frame = facts.days("forecasts")
    if frame is None:
        return None
    kinds = party_kinds(facts)
    frame = frame.where(np.array([kinds.get(party, "others") == kind for party in frame.names("party").tolist()], bool))
    if not len(frame):
        return None
    codes, subjects = frame.codes("subject")
    t_ms, made_ms = frame.ints("t_ms"), frame.ints("made_ms")
    seen, came = Series(subjects, seen_values(facts)), Series(subjects, came_values(facts))
    last_ms = (made_ms // facts.step_ms - 1) * facts.step_ms
    return Errors(
        actual=came.at(codes, t_ms), forecast=frame.floats("value_kw"), persistence=seen.at(codes, last_ms),
        last_week=seen.at(codes, t_ms - WEEK_MS), horizon_h=frame.floats("horizon_h"), subject=codes,
    )  # fmt: skip


Values = list[tuple[list[str], I64, I64, F64]]
"""Sources of truth, the best first: labels, codes, instants [ms], values [kW]."""


class Series:
    """Values of subjects by instant, from several sources."""

    def __init__(self, subjects: list[str], sources: Values) -> None:
        self._rank = {subject: number for number, subject in enumerate(subjects)}
        self._sources = [self._index(*source) for source in sources]

    def _index(self, labels: list[str], codes: I64, t_ms: I64, values: F64) -> tuple[I64, F64]:
        subject = np.array([self._rank.get(label, -1) for label in labels], np.int64)[codes]
        keep = subject >= 0
        key = paired(subject[keep], t_ms[keep])
        order = np.argsort(key, kind="stable")
        return key[order], values[keep][order]

    def at(self, subject: I64, t_ms: I64) -> F64:
        """The value of each subject at each instant; NaN where no source has it."""
        found = np.full(len(subject), np.nan)
        wanted = paired(subject, t_ms)
        for keys, values in self._sources:
            if len(keys):
                place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
                hit = (keys[place] == wanted) & np.isnan(found)
                found[hit] = values[place[hit]]
        return found


def seen_values(facts: Facts) -> Values:
    """What parties could have seen: table actuals (history included), then grid and meters of the run."""
    own = facts.all("actuals")
    first: Values = [] if own is None else [(*_turned(own.codes("subject")), own.ints("t_ms"), own.floats("value_kw"))]
    return first + _physics_values(facts)


def came_values(facts: Facts) -> Values:
    """What came without activation: grid and meters of the twin, else what was seen."""
    return (_physics_values(facts.twin) if facts.twin else []) + seen_values(facts)


def _turned(column: tuple[I64, list[str]]) -> tuple[list[str], I64]:
    return column[1], column[0]


def _physics_values(facts: Facts) -> Values:
    """Branches by name, meters by name, homes by owner, portfolios by provider."""
    found: Values = []
    if (branches := facts.all("grid_branches")) is not None:
        found.append((*_turned(branches.codes("branch")), branches.ints("t_ms"), branches.floats("p_kw")))
    if (meters := facts.all("meters")) is not None:
        codes, labels = meters.codes("meter")
        t_ms, kw = meters.ints("t_ms"), (meters.floats("import_kwh") - meters.floats("export_kwh")) / facts.market_hours
        found.append((labels, codes, t_ms, kw))
        if (homes := facts.all("homes")) is not None:
            owner = dict(zip(homes.names("meter").tolist(), homes.names("owner").tolist(), strict=True))
            fsp = dict(zip(homes.names("meter").tolist(), homes.names("fsp").tolist(), strict=True))
            found.append(([owner.get(label, "") for label in labels], codes, t_ms, kw))
            found.append(_summed([fsp.get(label, "") for label in labels], codes, t_ms, kw))
    return found


def _summed(groups: list[str], codes: I64, t_ms: I64, kw: F64) -> tuple[list[str], I64, I64, F64]:
    """Values summed over the members of each group, by instant."""
    labels, member = np.unique(np.array(groups, str), return_inverse=True)
    keys, place = np.unique(paired(member[codes].astype(np.int64), t_ms), return_inverse=True)
    return labels.tolist(), *unpaired(keys), summed(place, kw)


def _figure(
    kind: str, method: str, measure: Callable[[F64, F64, I64], float | None], horizon: str | None = None
) -> Figure:
    def figure(facts: Facts) -> float | None:
        errors = forecast_errors(facts, kind)
        if errors is None:
            return None
        rows = errors.horizon(*BINS[horizon]) if horizon else None
        return measure(*errors.of(method, rows))

    return figure


def _figures() -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for name, measure in (("mape_percent", mape_percent), ("rmse_kw", rmse_kw)):
        for prefix, kind in (("forecast", "dso"), ("fsp_forecast", "fsps")):
            for infix, method in (("", "forecast"), ("_persistence", "persistence"), ("_last_week", "last_week")):
                found[f"{prefix}{infix}_{name}"] = _figure(kind, method, measure)
        for horizon in BINS:
            found[f"forecast_{horizon}_{name}"] = _figure("dso", "forecast", measure, horizon)
    return found


FIGURES: dict[str, Figure] = _figures()
