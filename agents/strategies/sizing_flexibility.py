r"""How much flexibility a sized community could offer, from the sizing's own results (SUC01.1: after the sizing).

*Up* is by how much the net load of all meters together could be lower, *down* by how much higher, for some hours from each step on, on top
of the planned operation: within the power of each battery and control, within their contents over these hours (what a battery does not
charge is worth less than what it gives), by curtailment of what is generated (down), and within the power of each meter. Each device holds
its part for all the hours, so that a promise is on the safe side where several could take turns. What was given is made up for later; that is
not part of the promise.

Over the years plants lose capacity and are bought again at the end of their life; their schedules and potentials go with it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from agents.strategies.sizing import Solution
from agents.strategies.sizing_community import Community, Place, powers_kw
from agents.strategies.sizing_problem import Days
from data.arrays import F64, I64

_HALVINGS = 48
_WITHIN_KWH = 1e-9


class Held(NamedTuple):
    """A device that holds a content while it does more or less than planned; all of the representative days, shape (T,).

    Attributes:
        plan_kw: what it gives (positive) or takes.
        content_kwh: planned content at the end of each step.
        low_kwh, high_kwh: bounds of the content.
        least_kw, most_kw: bounds of what it gives.
        keep: share of a content that is left after a step.
        filling_kwh: what the content gains in a step by a power given.
    """

    plan_kw: F64
    content_kwh: F64
    low_kwh: F64
    high_kwh: F64
    least_kw: F64
    most_kw: F64
    keep: float
    filling_kwh: Callable[[F64, I64], F64]


def potentials_kw(community: Community, solution: Solution, hold_h: float) -> tuple[F64, F64]:
    """Upward and downward potential of each plant as it is new, each shape (plants, T).

    Args:
        community: the community.
        solution: its sizes and operation.
        hold_h: for how long it is to be held.
    """
    days = community.days
    held = _steps(hold_h, days)
    up, down = np.zeros(solution.plant_kw.shape), np.zeros(solution.plant_kw.shape)
    fed = _fed_share(community, solution)
    for number, place in enumerate(community.places):
        technology = community.technologies[place.technology]
        capacity = place.existing + solution.units[number] * technology.unit
        if capacity <= 0.0:
            continue
        if technology.kind == "pv":
            down[number] = _least(solution.plant_kw[number] * fed[place.site], held, days)
        else:
            device = _device(community, place, capacity, solution.plant_kw[number], solution.content_kwh[number])
            up[number] = _holdable(device, 1.0, device.most_kw - device.plan_kw, held, days)
            down[number] = _holdable(device, -1.0, device.plan_kw - device.least_kw, held, days)
    return up, down


def _fed_share(community: Community, solution: Solution) -> F64:
    """Share of the generation at each site that is not curtailed, shape (n, T)."""
    made = np.zeros(community.load_kw.shape)
    for place, power in zip(community.places, solution.plant_kw, strict=True):
        if community.technologies[place.technology].kind == "pv":
            made[place.site] += power
    return np.asarray(1.0 - np.minimum(solution.curtailed_kw / np.where(made > 0.0, made, 1.0), 1.0))


def _device(community: Community, place: Place, capacity: float, plan_kw: F64, content_kwh: F64) -> Held:
    hours, kind, store = community.days.hours, community.technologies[place.technology].battery, place.store
    if kind is not None:
        most = np.full(len(plan_kw), kind.kw_per_kwh * capacity)

        def filled(power: F64, _: I64) -> F64:
            given, taken = np.maximum(power, 0.0), np.maximum(-power, 0.0)
            return np.asarray((taken * kind.charge_efficiency - given / kind.discharge_efficiency) * hours)

        room = np.full(len(plan_kw), kind.usable_share * capacity)
        return Held(plan_kw, content_kwh, np.zeros(len(plan_kw)), room, -most, most, 1.0, filled)
    if store is None:
        msg = f"{place.name}: neither a battery nor a control"
        raise ValueError(msg)
    return Held(
        plan_kw, content_kwh, store.low_kwh * capacity, store.high_kwh * capacity, -store.more_kw * capacity, store.less_kw * capacity,
        store.keep, lambda power, steps: np.asarray(-power * store.gain[steps] * hours),
    )  # fmt: skip


def _holdable(device: Held, sign: float, head_room_kw: F64, held: int, days: Days) -> F64:
    """The most that can be given on top of the plan (taken, with sign -1) for some steps from each on, shape (T,); found by halving."""
    most = np.maximum(_least(head_room_kw, held, days), 0.0)

    def fits(extra_kw: F64) -> F64:
        off, good = np.zeros(days.n), np.ones(days.n, bool)
        for number in range(held):
            ahead = _ahead(days, number)
            plan = device.plan_kw[ahead]
            more = device.filling_kwh(plan + sign * extra_kw, ahead) - device.filling_kwh(plan, ahead)
            off = device.keep * off + more
            content = device.content_kwh[ahead] + off
            # Only the side that the content is driven to counts; the plan itself is within its bounds.
            edge = content - device.low_kwh[ahead] if sign > 0.0 else device.high_kwh[ahead] - content
            good &= edge >= -_WITHIN_KWH
        return good

    low, high = np.zeros(days.n), most
    whole = fits(most)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        good = fits(middle)
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    return np.where(whole, most, low)


def _steps(hold_h: float, days: Days) -> int:
    return max(1, round(hold_h / days.hours))


def _least(values: F64, held: int, days: Days) -> F64:
    """The least of each step and those that follow, along the last axis."""
    parts: list[F64] = [values[..., _ahead(days, number)] for number in range(held)]
    return np.asarray(np.minimum.reduce(parts))


def _ahead(days: Days, number: int) -> I64:
    order = np.arange(days.n).reshape(-1, days.steps)
    return np.roll(order, -number, axis=1).ravel()


def capacity_left(community: Community, year: int) -> F64:
    """Share of each plant's capacity in a year of the horizon (0 is the first), shape (plants,)."""
    kinds = [community.technologies[place.technology] for place in community.places]
    return np.array([(1.0 - kind.fade) ** (year % kind.lifetime_years) for kind in kinds])


def long_term_kw(community: Community, solution: Solution, hold_h: float, years: int) -> tuple[F64, F64]:
    """Upward and downward potential of the community in each year and step, each shape (years, T)."""
    days = community.days
    held = _steps(hold_h, days)
    limit = powers_kw(community)[:, None]
    rooms = [_least(room, held, days) for room in (limit + solution.net_kw, limit - solution.net_kw)]
    found = []
    for each, room in zip(potentials_kw(community, solution, hold_h), rooms, strict=True):
        by_year = []
        for year in range(years):
            by_site = np.zeros(community.load_kw.shape)
            np.add.at(
                by_site, [place.site for place in community.places], capacity_left(community, year)[:, None] * each
            )
            by_year.append(np.clip(by_site, 0.0, np.maximum(room, 0.0)).sum(axis=0))
        found.append(np.array(by_year))
    return found[0], found[1]
