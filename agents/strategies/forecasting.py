r"""Net-load forecasts from seen data only: ridge regression on calendar and weather, corrected by what was seen last.

Two stages, both for all series at once:

1. *Regression*: :math:`y = X\beta` with time encoding (harmonics of the day by day type, harmonics of the year for the
   month), temperature, heating and cooling degrees with the inertia of buildings, and irradiance; standardised
   columns and a ridge penalty. Gaps (NaN) in a series drop out of its own normal equations.
2. *Residual*: what the regression missed is forecast from the same quarter-hour of the last day (or last but one,
where the
   last is not yet seen) and of the last week, and from the mean of the last hour, each with a coefficient fitted per
   series; the last fades with the horizon as the history says it does.

Inputs are those SUC06.1 lists: historical metering data, historical weather, time encoding (hour of day, day of week,
month of year), upcoming weather. Compared against persistence (last day's value) and the same hour of the last week.

Source of the form: multiple linear regression benchmark of load forecasting, Hong, Pinson, Fan: "Global energy
forecasting competition 2012", Int. J. Forecasting 30 (2014) 357-363, doi 10.1016/j.ijforecast.2013.07.001.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64
from environment.calendar import LocalTime

DAY_HARMONICS = 8
HEATING_BASE_C = 15.0  # heating limit temperature of VDI 3807
COOLING_BASE_C = 22.0
BUILDING_H = 24.0  # time constant of the smoothed temperature


@dataclass(frozen=True)
class Shape:
    """Regular grid of a forecast: intervals a day, and how many of the last are averaged as the present."""

    per_day: int = 96
    recent: int = 4


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted forecast for n series.

    Attributes:
        shape: the grid.
        centre: mean of each feature in the history, shape (p,).
        scale: standard deviation of each feature, 1 where it never varied, shape (p,).
        beta: coefficients on standardised features with the intercept first, shape (n, p + 1).
        lag: coefficients of the residual a whole number of days back and a week back, shape (days, n, 2).
        fade: coefficient of the recent mean residual by horizon, shape (n, H).
    """

    shape: Shape
    centre: F64
    scale: F64
    beta: F64
    lag: F64
    fade: F64


def features(local: LocalTime, temperature_c: ArrayLike, irradiance_wm2: ArrayLike, per_day: int = 96) -> F64:
    """Regression features of each interval, shape (T, p).

    The smoothed temperature starts at the first value given: hand over some days before the first interval that
    matters.

    Args:
        local: local calendar of the intervals' starts.
        temperature_c: outdoor temperature, measured or forecast, shape (T,).
        irradiance_wm2: global horizontal irradiance, shape (T,).
        per_day: intervals a day.
    """
    temperature, irradiance = np.asarray(temperature_c, np.float64), np.asarray(irradiance_wm2, np.float64)
    return np.column_stack([calendar_features(local), _weather(local, temperature, irradiance, per_day)])


def calendar_features(local: LocalTime) -> F64:
    """Time encoding: harmonics of the day for each day type, the day type itself, harmonics of the year; shape (T, p)."""
    day_types = [local.workday, (local.weekday == 5) & ~local.holiday, (local.weekday == 6) | local.holiday]
    waves = _harmonics(local.hour / 24.0, DAY_HARMONICS)
    by_type = [np.column_stack([kind, kind[:, None] * waves]) for kind in day_types]
    year = _harmonics(local.day_of_year / 365.25, 1)
    return np.column_stack([*by_type, local.weekday == 0, local.weekday == 4, year]).astype(np.float64)


def _weather(local: LocalTime, temperature_c: F64, irradiance_wm2: F64, per_day: int) -> F64:
    smooth = smoothed(temperature_c, per_day * BUILDING_H / 24.0)
    heating = np.maximum(HEATING_BASE_C - smooth, 0.0)
    cooling = np.maximum(temperature_c - COOLING_BASE_C, 0.0)
    fast = np.maximum(HEATING_BASE_C - temperature_c, 0.0)
    by_hour = heating[:, None] * _harmonics(local.hour / 24.0, 2)
    squared = irradiance_wm2**2 / 1000.0
    return np.column_stack([temperature_c, heating, fast, cooling, by_hour, irradiance_wm2, squared])


def _harmonics(phase: F64, count: int) -> F64:
    angle = 2.0 * np.pi * phase[:, None] * np.arange(1, count + 1)
    return np.column_stack([np.sin(angle), np.cos(angle)])


def smoothed(values: F64, constant: float) -> F64:
    """Exponential mean of a series along its first axis, with a time constant in intervals; starts at the first value."""
    keep = float(np.exp(-1.0 / constant))
    result = np.empty_like(np.asarray(values, np.float64))
    state = np.asarray(values, np.float64)[0]
    for row, value in enumerate(np.asarray(values, np.float64)):
        state = keep * state + (1.0 - keep) * value
        result[row] = state
    return result


def fit(
    history_kw: ArrayLike, table: ArrayLike, *, horizon: int = 144, ridge: float = 3.0, shape: Shape | None = None
) -> Model:
    """Fit all series.

    Args:
        history_kw: net load, NaN where nothing was metered, shape (n, T).
        table: features of the same intervals, shape (T, p).
        horizon: longest forecast in intervals.
        ridge: penalty on standardised coefficients, in intervals of evidence.
        shape: the grid.

    Raises:
        ValueError: lengths differ, there are less than two days of history, or a feature is missing.
    """
    grid = shape or Shape()
    load, x = np.atleast_2d(np.asarray(history_kw, np.float64)), np.asarray(table, np.float64)
    _check(load, x, grid)
    centre, spread = x.mean(axis=0), x.std(axis=0)
    scale = np.where(spread > 1e-9, spread, 1.0)
    design = np.column_stack([np.ones(len(x)), (x - centre) / scale])
    beta = _ridge(design, load, ridge)
    residual = load - beta @ design.T
    lag = _lags(residual, grid, horizon)
    fade = _fade(residual, lag, grid, horizon)
    return Model(grid, centre, scale, beta, lag, fade)


def predict(model: Model, history_kw: ArrayLike, table: ArrayLike, upcoming: ArrayLike) -> F64:
    """Forecast the intervals after the history, shape (n, H).

    Args:
        model: fitted on this history or an earlier one.
        history_kw: what was seen up to now, shape (n, T); what of the last week is missing is taken as the regression
        has it.
        table: features of the history, shape (T, p).
        upcoming: features of the forecast intervals, made with *forecast* weather, shape (H, p).

    Raises:
        ValueError: H is longer than the model was fitted for.
    """
    load, ahead = np.atleast_2d(np.asarray(history_kw, np.float64)), np.asarray(upcoming, np.float64)
    steps = len(ahead)
    if steps > model.fade.shape[1]:
        msg = f"forecast of {steps} intervals, but the model was fitted for {model.fade.shape[1]}"
        raise ValueError(msg)
    residual = np.nan_to_num(load - _regress(model, np.asarray(table, np.float64)))
    recent = residual[:, -model.shape.recent :].mean(axis=1, keepdims=True)
    return np.asarray(_regress(model, ahead) + _carry(residual, model, steps) + model.fade[:, :steps] * recent)


def _regress(model: Model, table: F64) -> F64:
    standard = (table - model.centre) / model.scale
    return np.asarray(model.beta[:, :1] + model.beta[:, 1:] @ standard.T)


def _carry(residual: F64, model: Model, steps: int) -> F64:
    """Part of the residual that repeats from whole days and a week ago, shape (n, steps)."""
    total = residual.shape[1]
    result = np.zeros((len(residual), steps))
    for day, start in enumerate(range(0, steps, model.shape.per_day), start=1):
        ahead = np.arange(start, min(start + model.shape.per_day, steps))
        back = _seen(residual, total + ahead - day * model.shape.per_day)
        week = _seen(residual, total + ahead - 7 * model.shape.per_day)
        result[:, ahead] = model.lag[day - 1][:, :1] * back + model.lag[day - 1][:, 1:] * week
    return result


def _seen(residual: F64, positions: I64) -> F64:
    """Residual at positions, 0 where they lie before the history."""
    return np.where(positions >= 0, residual[:, np.maximum(positions, 0)], 0.0)


def _ridge(design: F64, load: F64, ridge: float) -> F64:
    """Coefficients of each series, shape (n, p). Series without gaps share one factorisation."""
    seen = np.isfinite(load)
    penalty = ridge * np.eye(design.shape[1])
    penalty[0, 0] = 1e-9  # the mean is not shrunk
    gram, moment = design.T @ design, np.where(seen, load, 0.0) @ design
    beta = np.linalg.solve(gram + penalty, moment.T).T
    for row in np.flatnonzero(~seen.all(axis=1)):
        missing = design[~seen[row]]
        beta[row] = np.linalg.solve(gram - missing.T @ missing + penalty, moment[row])
    return np.asarray(beta)


def _lags(residual: F64, grid: Shape, horizon: int) -> F64:
    """Coefficients of the residual whole days and a week back, for each day of the horizon, shape (days, n, 2)."""
    days = -(-horizon // grid.per_day)
    week = 7 * grid.per_day
    result = np.zeros((days, len(residual), 2))
    total = residual.shape[1]
    if total <= week:
        return result
    now, weekly = residual[:, week:], residual[:, : total - week]
    for day in range(1, days + 1):
        back = residual[:, week - day * grid.per_day : total - day * grid.per_day]
        result[day - 1] = _two_coefficients(now, back, weekly)
    return result


def _two_coefficients(now: F64, first: F64, second: F64) -> F64:
    """Least squares of ``now`` on two columns for each series, shrunken, shape (n, 2)."""
    seen = np.isfinite(now) & np.isfinite(first) & np.isfinite(second)
    y, a, b = (np.where(seen, column, 0.0) for column in (now, first, second))
    shrink = 0.05 * (y * y).sum(axis=1) + 1e-12
    aa, bb, ab = (a * a).sum(axis=1) + shrink, (b * b).sum(axis=1) + shrink, (a * b).sum(axis=1)
    ya, yb = (y * a).sum(axis=1), (y * b).sum(axis=1)
    determinant = aa * bb - ab * ab
    return np.column_stack([(ya * bb - yb * ab) / determinant, (yb * aa - ya * ab) / determinant])


def _fade(residual: F64, lag: F64, grid: Shape, horizon: int) -> F64:
    """Coefficient of the mean of the last intervals by horizon, shape (n, horizon), within [0, 1].

    It explains what the lags left: the regression on the mean of the last hour is done on the lags' own error, at knots that
    thin out with the horizon, straight lines between them.
    """
    filled = np.nan_to_num(residual)
    total = filled.shape[1]
    running = np.cumsum(np.pad(filled, ((0, 0), (1, 0))), axis=1)
    recent = (running[:, grid.recent :] - running[:, : -grid.recent]) / grid.recent  # the first ends at column recent
    power = (recent * recent).mean(axis=1) + 1e-12
    knots = _knots(min(horizon, total - grid.recent - grid.per_day))
    values = np.zeros((len(filled), len(knots)))
    for place, step in enumerate(knots):
        target = np.arange(grid.recent + step, total)
        left = filled[:, target] - _explained(filled, lag[step // grid.per_day], target, step, grid)
        shared = (left * recent[:, : len(target)]).mean(axis=1)
        values[:, place] = np.clip(shared / power, 0.0, 1.0)
    return _between(values, knots, horizon)


def _knots(steps: int) -> list[int]:
    """Horizons at which the fading is fitted: every one at first, then each a third further than the last."""
    found = [0]
    while found[-1] < steps - 1:
        found.append(min(max(found[-1] + 1, round(found[-1] * 4 / 3)), steps - 1))
    return found


def _between(values: F64, knots: list[int], horizon: int) -> F64:
    """Straight lines between knots, shape (n, horizon); after the last knot its value."""
    steps = np.minimum(np.arange(horizon), knots[-1])
    right = np.minimum(np.searchsorted(knots, steps), len(knots) - 1)
    left = np.maximum(right - 1, 0)
    place = np.asarray(knots)
    width = np.maximum(place[right] - place[left], 1)
    part = (steps - place[left]) / width
    return np.asarray(values[:, left] * (1.0 - part) + values[:, right] * part)


def _explained(residual: F64, lag: F64, target: I64, step: int, grid: Shape) -> F64:
    day = step // grid.per_day + 1
    back, week = _seen(residual, target - day * grid.per_day), _seen(residual, target - 7 * grid.per_day)
    return np.asarray(lag[:, :1] * back + lag[:, 1:] * week)


def persistence(history_kw: ArrayLike, steps: int, per_day: int = 96) -> F64:
    """The last seen day repeated, shape (n, steps)."""
    load = np.atleast_2d(np.asarray(history_kw, np.float64))
    return np.asarray(load[:, -per_day:][:, np.arange(steps) % per_day])


def same_hour_last_week(history_kw: ArrayLike, steps: int, per_day: int = 96) -> F64:
    """The value one week before (two where one is not yet seen), shape (n, steps)."""
    load = np.atleast_2d(np.asarray(history_kw, np.float64))
    week = 7 * per_day
    return np.asarray(load[:, -week:][:, np.arange(steps) % week])


def _check(load: F64, x: F64, grid: Shape) -> None:
    checks = [
        (x.ndim == 2, f"features have shape {x.shape}, not (T, p)"),
        (load.shape[1] == len(x), f"history has {load.shape[1]} intervals, features {len(x)}"),
        (load.shape[1] >= 2 * grid.per_day, f"history has {load.shape[1]} intervals, two days are the least"),
        (bool(np.isfinite(x).all()), "a feature is missing"),
        (bool(np.isfinite(load).any(axis=1).all()), "a series has no reading at all"),
    ]
    wrong = [text for holds, text in checks if not holds]
    if wrong:
        msg = "forecast: " + "; ".join(wrong)
        raise ValueError(msg)
