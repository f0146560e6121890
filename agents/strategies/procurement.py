"""The system operator's decisions on flexibility: how much is needed, when, and how much of it to call.

Ahead of time, a need is what a forecast flow exceeds its limit by (SUC06.1: desired value and time interval in the
future). In real time, the call is made from the measured loading and a short-term forecast (SUC06.2), on contracted
quantities only. Flows are in kW, positive towards consumption; a need *up* asks for less net load behind the
constraint, a need *down* (reverse flow above the limit) for more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, Bool
from environment.units import Direction

_ROUNDING_SLACK = 1e-9  # kW: an excess smaller than this is rounding, not a need


@dataclass(frozen=True)
class ServiceWindow:
    """A run of intervals in which one constraint needs relief in one direction.

    Attributes:
        constraint: position of the constraint.
        direction: of the flexibility needed.
        first: first interval.
        stop: the interval after the last.
        peak_kw: largest need.
        energy_kwh: need over the window.
    """

    constraint: int
    direction: Direction
    first: int
    stop: int
    peak_kw: float
    energy_kwh: float


@dataclass(frozen=True, eq=False)
class Needs:
    """Needs by constraint and interval, both shape (constraints, T), kW at the constraint, at least 0."""

    up_kw: F64
    down_kw: F64


def needs(
    forecast_kw: ArrayLike,
    limit_kw: ArrayLike,
    *,
    margin_share: float = 0.0,
    margin_kw: ArrayLike = 0.0,
    granularity_kw: float = 0.1,
) -> Needs:
    """Need = max(0, |forecast| (1 + margin) + margin_kw - limit), rounded up to the granularity.

    Args:
        forecast_kw: forecast flow at each constraint, shape (constraints, T).
        limit_kw: what each constraint bears in both directions, broadcast to (constraints, T).
        margin_share: safety margin as a share of the forecast.
        margin_kw: safety margin in kW, for example a quantile of the forecast's own error by horizon; broadcast.
        granularity_kw: needs are whole multiples of it (0: any quantity).

    Raises:
        ValueError: a limit is negative, a margin negative, or a forecast missing.
    """
    flow = np.asarray(forecast_kw, np.float64)
    limit, margin = np.broadcast_to(limit_kw, flow.shape), np.broadcast_to(margin_kw, flow.shape)
    if not np.isfinite(flow).all() or (limit < 0).any() or margin_share < 0 or (margin < 0).any():
        msg = "needs: forecasts must be finite, limits and margins at least 0"
        raise ValueError(msg)
    excess = np.abs(flow) * (1.0 + margin_share) + margin - limit
    if granularity_kw > 0.0:
        excess = np.ceil((excess - _ROUNDING_SLACK) / granularity_kw) * granularity_kw
    need = np.maximum(excess, 0.0)
    return Needs(np.where(flow > 0.0, need, 0.0), np.where(flow < 0.0, need, 0.0))


def headrooms(forecast_kw: ArrayLike, limit_kw: ArrayLike) -> Needs:
    """How far each flow may still move in each direction before it breaks a limit itself, both shape (constraints, T).

    Flexibility up lowers the flow: it may go from the forecast down to minus the limit; down likewise to plus the
    limit.
    """
    flow = np.asarray(forecast_kw, np.float64)
    limit = np.broadcast_to(limit_kw, flow.shape)
    return Needs(np.maximum(flow + limit, 0.0), np.maximum(limit - flow, 0.0))


def service_windows(found: Needs, hours: float, bridge: int = 0) -> list[ServiceWindow]:
    """Runs of intervals with a need, by constraint, direction and time.

    Args:
        found: needs by constraint and interval.
        hours: length of an interval.
        bridge: runs with at most so many intervals between them are one window.
    """
    directions: Sequence[tuple[Direction, F64]] = (("up", found.up_kw), ("down", found.down_kw))
    return [
        ServiceWindow(c, direction, first, stop, float(row[first:stop].max()), float(row[first:stop].sum() * hours))
        for direction, table in directions
        for c, row in enumerate(table)
        for first, stop in _runs(row > 0.0, bridge)
    ]


def _runs(flags: Bool, bridge: int) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    runs: list[tuple[int, int]] = []
    for first, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and first - runs[-1][1] <= bridge:
            runs[-1] = (runs[-1][0], stop)
        else:
            runs.append((first, stop))
    return runs


def flow_without_call(measured_kw: ArrayLike, active_relief_kw: ArrayLike) -> F64:
    """The flow that would be measured if nothing were called: what the active calls take off is added back.

    Relief lowers the amount of a flow, whichever way it runs (up on consumption, down on reverse flow, and branches that are
    counted from their far end), so the flow keeps its sign. Without this an operator would see its own success as the end of
    the need, and call and release in turns.
    """
    measured = np.asarray(measured_kw, np.float64)
    return np.asarray(np.copysign(np.abs(measured) + np.asarray(active_relief_kw, np.float64), measured))


def near_flow(free_flow_kw: ArrayLike, forecast_kw: ArrayLike, forecast_now_kw: ArrayLike, memory: float = 0.8) -> F64:
    """Flow over the next intervals: the forecast shifted by its present error, which fades by ``memory`` each interval.

    Args:
        free_flow_kw: measured flow without calls, shape (constraints,).
        forecast_kw: forecast for the next intervals, shape (constraints, T).
        forecast_now_kw: what had been forecast for the instant of the measurement, shape (constraints,).
        memory: share of the error left after one interval, in [0, 1].

    Raises:
        ValueError: memory lies outside [0, 1].
    """
    if not 0.0 <= memory <= 1.0:
        msg = f"near_flow: memory {memory} lies outside [0, 1]"
        raise ValueError(msg)
    table = np.asarray(forecast_kw, np.float64)
    error = np.asarray(free_flow_kw, np.float64) - np.asarray(forecast_now_kw, np.float64)
    return np.asarray(table + error[:, None] * memory ** np.arange(1, table.shape[1] + 1))


def call_kw(need_kw: ArrayLike, relief: ArrayLike, contracted_kw: ArrayLike, price: ArrayLike) -> F64:
    """How much of each contract to call in one interval, cheapest per kW of relief first, until every need is met.

    Contracts are divisible here (their minimum is the market's business); ties go to the earlier row, so sort rows by
    name. Each constraint is served in turn, the largest need first; what is called for one counts for the next.

    Args:
        need_kw: relief needed now, shape (constraints,).
        relief: kW at the constraint per kW called, shape (constraints, contracts).
        contracted_kw: what may be called, shape (contracts,).
        price: price of each contract [EUR/kWh], shape (contracts,).

    Returns:
        kW to call, shape (contracts,), within [0, contracted].
    """
    effect, available = np.asarray(relief, np.float64), np.asarray(contracted_kw, np.float64)
    wanted, asked = np.asarray(need_kw, np.float64), np.asarray(price, np.float64)
    called = np.zeros(len(available))
    for k in np.argsort(-wanted, kind="stable"):
        called += _serve(wanted[k] - float((effect[k] * called).sum()), effect[k], available - called, asked)
    return called


def _serve(missing_kw: float, effect: F64, left_kw: F64, price: F64) -> F64:
    """What more to call [kW] for one constraint, shape (contracts,)."""
    more = np.zeros(len(left_kw))
    useful = np.flatnonzero((effect > 0.0) & (left_kw > 0.0))
    order = useful[np.argsort(price[useful] / effect[useful], kind="stable")]
    gain = left_kw[order] * effect[order]
    before = np.cumsum(gain) - gain
    more[order] = np.clip((missing_kw - before) / effect[order], 0.0, left_kw[order])
    return more
