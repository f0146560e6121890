"""Real time: set-points from the plan and from what is measured now, and when a plan no longer fits.

The ``now`` view has the measured present in its first step: load, generation, plugged or not, and the states of the stores. The
plan gives powers for expectations; reality differs by some hundred watts all the time and by a whole car now and then. The small
differences are met here without planning: a battery that was to take the surplus or cover the load takes and covers what is
really there; in an ordered step it keeps the planned net load. The large ones make :func:`needs_replan` true for the home.
Comfort and the contracted power come before the plan: the car is shed first, then battery charging, then water heating.
"""

from typing import NamedTuple

import numpy as np

from agents.strategies.home_model import Linear, States, house, tank
from agents.strategies.home_view import HomePlan, HomeView
from data.arrays import F64, Bool

QUIET_KW = 0.05
"""A planned net load this near to zero means: the battery is to balance the home."""


class SetPoints(NamedTuple):
    """Power for each device until the next call, (n,) [kW]; NaN leaves a device to its own control."""

    ev_kw: F64
    battery_kw: F64
    heater_kw: F64
    heat_pump_kw: F64


class Tolerance(NamedTuple):
    """Differences from the expected state that a plan may stand.

    Attributes:
        ev_kwh: energy in the car.
        battery_share: stored energy, share of the capacity.
        heater_k: water temperature.
        house_k: indoor temperature.
    """

    ev_kwh: float = 1.0
    battery_share: float = 0.1
    heater_k: float = 3.0
    house_k: float = 0.5


DEFAULT_TOLERANCE = Tolerance()


def set_points(now: HomeView, plan: HomePlan, step: int, ordered: Bool | None = None) -> SetPoints:
    """Set-points of the present step.

    Args:
        now: view whose step 0 is the present, measured.
        plan: the plan in force.
        step: position of the present in the plan.
        ordered: homes with an activation in force (n,): their battery keeps the planned net load.

    Returns:
        set-points; NaN for all devices of homes on manual control.
    """
    heat_pump_kw = _guarded(
        now.house_c, house(now), plan.heat_pump_kw[:, step], now.hp_kw, now.house_low_c[:, 0], now.house_high_c[:, 0]
    )
    heater_kw = _guarded(
        now.heater_c, tank(now), plan.heater_kw[:, step], now.heater_kw, now.heater_low_c, now.heater_high_c
    )
    ev_kw = _ev_kw(now, plan.ev_kw[:, step])
    others_kw = now.load_kw[:, 0] - now.pv_kw[:, 0] + heat_pump_kw + heater_kw + ev_kw
    keep = np.zeros(now.n, np.bool_) if ordered is None else ordered
    battery_kw = _battery_kw(now, plan.battery_kw[:, step], plan.net_kw[:, step], others_kw, keep)
    shed = _shed(others_kw + battery_kw - now.contracted_kw, (ev_kw, np.maximum(battery_kw, 0.0), heater_kw))
    powers = ev_kw - shed[0], battery_kw - shed[1], heater_kw - shed[2], heat_pump_kw
    return SetPoints(*(np.where(now.automatic, power, np.nan) for power in powers))


def heat_ahead(now: HomeView, heater_kw: F64, heat_pump_kw: F64) -> tuple[F64, F64]:
    """What becomes of planned heating when it is carried out from what is measured now: a store that is full takes no more, one that is cold takes first.

    Args:
        now: view whose step 0 is the present, measured.
        heater_kw: planned for the water heaters, (n, m).
        heat_pump_kw: planned for the heat pumps, (n, m).

    Returns:
        both as ``set_points`` will have them if nothing unforeseen comes.
    """
    found = []
    for content, model, planned, rated, low, high in (
        (now.heater_c, tank(now), heater_kw, now.heater_kw, now.heater_low_c[:, None], now.heater_high_c[:, None]),
        (now.house_c, house(now), heat_pump_kw, now.hp_kw, now.house_low_c, now.house_high_c),
    ):
        low, high = (np.broadcast_to(bound, planned.shape) for bound in (low, high))
        power = np.empty_like(planned)
        for step in range(planned.shape[1]):
            power[:, step] = _guarded(content, model, planned[:, step], rated, low[:, step], high[:, step], step)
            content = model.keep * content + model.drift[:, step] + model.gain[:, step] * power[:, step]
        found.append(power)
    return found[0], found[1]


def _guarded(content: F64, model: Linear, planned_kw: F64, rated_kw: F64, low: F64, high: F64, step: int = 0) -> F64:
    """The planned power, raised to keep the lower and reduced to keep the upper bound at the end of the step; within the rating."""
    keep, drift, gain = model
    free = keep * content + drift[:, step]
    needed = np.maximum((low - free) / gain[:, step], 0.0)
    allowed = np.maximum((high - free) / gain[:, step], 0.0)
    return np.minimum(np.minimum(np.maximum(planned_kw, needed), allowed), rated_kw)


def _ev_kw(now: HomeView, planned_kw: F64) -> F64:
    room_kw = np.maximum(now.ev_target_share * now.ev_kwh_capacity - now.ev_kwh, 0.0) / (now.ev_eta_charge * now.hours)
    return np.where(now.ev_plugged[:, 0], np.minimum(np.minimum(planned_kw, room_kw), now.ev_kw), 0.0)


def _battery_kw(now: HomeView, planned_kw: F64, net_kw: F64, others_kw: F64, ordered: Bool) -> F64:
    """The planned power, or what balances the home where balancing was the plan, or what keeps an ordered net load; within energy."""
    balancing = np.abs(net_kw) <= QUIET_KW
    surplus = np.maximum(-others_kw, 0.0)
    deficit = np.minimum(-others_kw, 0.0)
    free = np.where(
        planned_kw > 0.0, np.minimum(planned_kw, surplus), planned_kw
    )  # charging from surplus, not from the grid
    follow = np.where(balancing, np.where(planned_kw < 0.0, deficit, surplus), np.where(net_kw < 0.0, free, planned_kw))
    wanted = np.where(ordered, net_kw - others_kw, follow)
    highest = np.maximum(now.battery_max_kwh - now.battery_soc_kwh, 0.0) / (now.battery_eta_charge * now.hours)
    lowest = np.maximum(now.battery_soc_kwh - now.battery_min_kwh, 0.0) * now.battery_eta_discharge / now.hours
    return np.minimum(np.maximum(wanted, -np.minimum(lowest, now.battery_kw)), np.minimum(highest, now.battery_kw))


def _shed(excess_kw: F64, loads_kw: tuple[F64, ...]) -> list[F64]:
    """What is taken from each load, in their order, to bring the excess to zero."""
    left, taken = np.maximum(excess_kw, 0.0), []
    for load_kw in loads_kw:
        part = np.minimum(left, load_kw)
        taken.append(part)
        left = left - part
    return taken


def needs_replan(
    now: HomeView, made: HomeView, expected: States, step: int, tolerance: Tolerance = DEFAULT_TOLERANCE
) -> Bool:
    """Homes whose present is not what their plan was made for.

    Args:
        now: view whose step 0 is the present, measured.
        made: the view the plan was made on.
        expected: ``simulate(made, plan)``.
        step: position of the present in the plan.
        tolerance: differences to be borne.

    Returns:
        mask (n,); the car counts when it is plugged now or was expected to be, and always when that differs.
    """
    car = (made.ev_kw > 0) & (now.ev_plugged[:, 0] != made.ev_plugged[:, step])
    at_home = (made.ev_kw > 0) & now.ev_plugged[:, 0]
    car |= at_home & (np.abs(now.ev_kwh - expected.ev_kwh[:, step]) > tolerance.ev_kwh)
    allowed_kwh = tolerance.battery_share * made.battery_kwh
    battery = (made.battery_kw > 0) & (np.abs(now.battery_soc_kwh - expected.battery_kwh[:, step]) > allowed_kwh)
    heater = (made.heater_kw > 0) & (np.abs(now.heater_c - expected.heater_c[:, step]) > tolerance.heater_k)
    warmth = (made.hp_kw > 0) & (np.abs(now.house_c - expected.house_c[:, step]) > tolerance.house_k)
    return np.asarray((car | battery | heater | warmth) & now.automatic)


def splice(old: HomePlan, new: HomePlan, rows: Bool, step: int) -> HomePlan:
    """The old plan with, for some homes, the steps from the present on replaced by a plan made now.

    Args:
        old: the plan in force (n, m).
        new: plan on the view of now (n, m'), m' >= m - step; what lies beyond the old horizon is dropped.
        rows: homes that take the new plan (n,).
        step: position of the present in the old plan.
    """
    left = old.net_kw.shape[1] - step
    columns = [column.copy() for column in old]
    for column, fresh in zip(columns, new, strict=True):
        column[rows, step:] = fresh[rows, :left]
    return HomePlan(*columns)
