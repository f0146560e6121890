"""The cost-optimal schedule of every home of a population: own prices, contracted power, comfort, departures.

The devices of a home meet only in its net load. Each in turn is planned exactly (``home_store``) against what the others leave: a
kWh costs the selling price while it comes out of own surplus, the buying price up to the contracted power, and beyond that nothing
is taken unless comfort cannot be kept otherwise. Round after round (Gauss-Seidel: heat pump, water heater, car, battery) the cost can
only fall; a few rounds come within about one per cent of the linear programme (``home_lp``). Homes on manual
control are foreseen as their devices' own controls will act.

An order to change the net load is a :class:`Band` narrower than the contract: between its edges prices rule, outside it any price
that can still be met without breaking comfort is paid to come back.
"""

from typing import NamedTuple

import numpy as np

from agents.strategies import home_devices
from agents.strategies.home_devices import Answer, Device, respond
from agents.strategies.home_model import own_controls, with_net
from agents.strategies.home_view import HomePlan, HomeView, put_plan, take, take_plan
from data.arrays import F64, Bool

SWEEPS = 2
BLOCK = 512
"""Homes planned at once: bounds the memory to about 100 MB and keeps the working set near the caches."""


class Band(NamedTuple):
    """Wanted range of the net load in each step (n, m) [kW]; ``-inf`` and the contracted power where nothing is ordered."""

    low_kw: F64
    high_kw: F64


def contract_band(view: HomeView) -> Band:
    """The band without orders: anything up to the contracted power."""
    high_kw = np.repeat(view.contracted_kw[:, None], view.m, axis=1)
    return Band(np.full((view.n, view.m), -np.inf), high_kw)


def plan(view: HomeView, sweeps: int = SWEEPS) -> HomePlan:
    """The cheapest schedule of each home that keeps comfort, departures and contract.

    Args:
        view: what the homes know.
        sweeps: rounds over the devices.

    Returns:
        mean power per device and step; row i depends on row i of the view alone, bit for bit.
    """
    return plan_within(view, contract_band(view), None, sweeps)


def plan_within(
    view: HomeView, band: Band, initial: HomePlan | None = None, sweeps: int = SWEEPS, battery_kw: F64 | None = None
) -> HomePlan:
    """As :func:`plan`, with the net load kept inside a band as far as comfort allows.

    Args:
        view: what the homes know.
        band: wanted range of the net load.
        initial: schedule to start from; none: everything at rest.
        sweeps: rounds over the devices.
        battery_kw: limit of the battery's power in each step (n, m); none: its rating.
    """
    limit_kw = np.repeat(view.battery_kw[:, None], view.m, axis=1) if battery_kw is None else battery_kw
    blocks = [slice(k, k + BLOCK) for k in range(0, view.n, BLOCK)]
    parts = [
        _plan_block(take(view, rows), _of_rows(band, rows), limit_kw[rows], _start(view, initial, rows), sweeps)
        for rows in blocks
    ]
    if not parts:
        return HomePlan(*(np.empty((0, view.m)) for _ in HomePlan._fields))
    return HomePlan(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _of_rows(band: Band, rows: slice) -> Band:
    return Band(band.low_kw[rows], band.high_kw[rows])


def _start(view: HomeView, initial: HomePlan | None, rows: slice) -> dict[str, F64]:
    """Powers to start from, time-major."""
    if initial is None:
        shape = view.m, len(view.contracted_kw[rows])
        return {name: np.zeros(shape) for name in home_devices.ORDER}
    return {name: getattr(initial, name)[rows].T.copy() for name in home_devices.ORDER}


def _plan_block(view: HomeView, band: Band, battery_kw: F64, powers: dict[str, F64], sweeps: int) -> HomePlan:
    limits = Band(np.ascontiguousarray(band.low_kw.T), np.ascontiguousarray(band.high_kw.T))
    devices = home_devices.devices(view)
    if "battery_kw" in devices:
        devices["battery_kw"] = home_devices.derated(devices["battery_kw"], np.ascontiguousarray(battery_kw.T))
    _sweep(view, devices, limits, powers, sweeps)
    planned = with_net(view, **{name: np.ascontiguousarray(power.T) for name, power in powers.items()})
    manual = np.flatnonzero(~view.automatic)
    return put_plan(planned, manual, own_controls(take(view, manual))) if len(manual) else planned


def _sweep(view: HomeView, devices: dict[str, Device], band: Band, powers: dict[str, F64], sweeps: int) -> None:
    """Plan the devices in turn, in place, time-major."""
    inflexible = np.ascontiguousarray((view.load_kw - view.pv_kw).T)
    answers: dict[str, Answer] = {}
    for _ in range(sweeps):
        for name, device in devices.items():
            others = inflexible
            for other in home_devices.ORDER:
                others = others + powers[other] if other != name else others
            low_kw, high_kw = band.low_kw[:, device.rows], band.high_kw[:, device.rows]
            now_kw = powers[name][:, device.rows]
            answers[name] = respond(device, now_kw, others[:, device.rows], low_kw, high_kw, answers.get(name))
            powers[name][:, device.rows] = answers[name].power_kw


def replan(view: HomeView, old: HomePlan, rows: Bool, band: Band | None = None, sweeps: int = SWEEPS) -> HomePlan:
    """The old plan with the rows of some homes solved again; the others keep theirs.

    Args:
        view: the present view of all homes, same horizon as the old plan.
        old: the plan so far.
        rows: mask (n,) of the homes to solve.
        band: band of the net load to keep, if any is ordered.
        sweeps: rounds over the devices.
    """
    where = np.flatnonzero(rows)
    if not len(where):
        return old
    limits = contract_band(view) if band is None else band
    part = plan_within(
        take(view, where), Band(limits.low_kw[where], limits.high_kw[where]), take_plan(old, where), sweeps
    )
    return put_plan(old, where, part)
