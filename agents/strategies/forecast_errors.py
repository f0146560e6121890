"""How good a forecast is, by horizon: errors against what came, and a backtest against the two simple rules.

A backtest goes back to past origins and forecasts again, each time with what had been seen by then.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from agents.strategies import forecasting
from data.arrays import F64


@dataclass(frozen=True, eq=False)
class HorizonError:
    """Errors by horizon over origins and series, each of shape (H,): root mean square, mean absolute, mean (bias) [kW]."""

    rmse_kw: F64
    mae_kw: F64
    bias_kw: F64


def error_by_horizon(forecast_kw: ArrayLike, actual_kw: ArrayLike) -> HorizonError:
    """Errors of forecasts against what came, averaged over all axes but the last; gaps are left out.

    Args:
        forecast_kw: shape (..., H).
        actual_kw: the same shape, NaN where nothing was metered.
    """
    error = np.asarray(forecast_kw, np.float64) - np.asarray(actual_kw, np.float64)
    flat = error.reshape(-1, error.shape[-1])
    seen = np.isfinite(flat)
    count = np.maximum(seen.sum(axis=0), 1)
    known = np.where(seen, flat, 0.0)
    return HorizonError(
        rmse_kw=np.asarray(np.sqrt((known**2).sum(axis=0) / count)),
        mae_kw=np.asarray(np.abs(known).sum(axis=0) / count),
        bias_kw=np.asarray(known.sum(axis=0) / count),
    )


@dataclass(frozen=True, eq=False)
class Backtest:
    """Errors by horizon of the model and of the two baselines over the same origins."""

    model: HorizonError
    persistence: HorizonError
    last_week: HorizonError


def backtest(
    history_kw: ArrayLike,
    table: ArrayLike,
    *,
    origins: ArrayLike,
    horizon: int = 144,
    shape: forecasting.Shape | None = None,
) -> Backtest:
    """Forecast again from past origins, each with what had been seen by then, and compare with what came.

    The features hold the measured weather here, so errors of weather forecasts are not in the result.

    Args:
        history_kw: shape (n, T).
        table: features, shape (T, p).
        origins: positions of the first forecast interval of each origin; each needs two weeks before it.
        horizon: intervals ahead.
        shape: the grid.
    """
    grid = shape or forecasting.Shape()
    load, x = np.atleast_2d(np.asarray(history_kw, np.float64)), np.asarray(table, np.float64)
    runs = [_from_origin(load, x, int(k), horizon, grid) for k in np.asarray(origins)]
    made, before, week, actual = (np.stack(column) for column in zip(*runs, strict=True))
    return Backtest(*(error_by_horizon(forecast, actual) for forecast in (made, before, week)))


def _from_origin(load: F64, x: F64, origin: int, horizon: int, grid: forecasting.Shape) -> tuple[F64, F64, F64, F64]:
    past, known = load[:, :origin], x[:origin]
    steps = min(horizon, load.shape[1] - origin)
    model = forecasting.fit(past, known, horizon=horizon, shape=grid)
    made = forecasting.predict(model, past, known, x[origin : origin + steps])
    columns = (
        made,
        forecasting.persistence(past, steps, grid.per_day),
        forecasting.same_hour_last_week(past, steps, grid.per_day),
        load[:, origin : origin + steps],
    )
    first, second, third, fourth = (_padded(c, horizon) for c in columns)
    return first, second, third, fourth


def _padded(values: F64, horizon: int) -> F64:
    return np.pad(values, ((0, 0), (0, horizon - values.shape[1])), constant_values=np.nan)
