r"""How much flexibility a sized community could offer, from the sizing's own results (SUC01.1: after the sizing).

*Up* is by how much the net load of all meters together could be lower, *down* by how much higher, for some hours from each step on, on top
of the planned operation: within the power of each battery and control, within their contents over these hours, by curtailment of what
is generated (down), and within the contracted power of each meter. What was given is made up for later; that is not part of the promise.

Over the years plants lose capacity and are bought again at the end of their life; their schedules and potentials go with it.
"""

import numpy as np

from agents.strategies.sizing import Solution
from agents.strategies.sizing_community import Community
from agents.strategies.sizing_problem import F64, I64, Days


def potential_kw(
    community: Community, solution: Solution, hold_h: float, capacity_left: F64 | None = None
) -> tuple[F64, F64]:
    """Upward and downward potential of each step, each shape (T,).

    Args:
        community: the community.
        solution: its sizes and operation.
        hold_h: for how long it is to be held.
        capacity_left: of each plant, as a share, shape (plants,); None for new ones.
    """
    days = community.days
    held = max(1, round(hold_h / days.hours))
    up, down = np.zeros(community.load_kw.shape), np.zeros(community.load_kw.shape)
    left = np.ones(len(community.places)) if capacity_left is None else capacity_left
    for number, place in enumerate(community.places):
        technology = community.technologies[place.technology]
        capacity = place.existing + solution.units[number] * technology.unit
        if capacity <= 0.0:
            continue
        power, content = solution.plant_kw[number], solution.content_kwh[number]
        if technology.battery is not None:
            kind = technology.battery
            most = kind.kw_per_kwh * capacity
            room = kind.usable_share * capacity - content
            more = _held(most - power, content * kind.discharge_efficiency, held, days)
            less = _held(most + power, room / kind.charge_efficiency, held, days)
        elif place.store is not None:
            one = place.store
            more = _held(one.less_kw * capacity - power, (content - one.low_kwh * capacity) / one.gain, held, days)
            less = _held(one.more_kw * capacity + power, (one.high_kwh * capacity - content) / one.gain, held, days)
        else:
            more, less = np.zeros(days.n), _least(power, held, days)
        up[place.site] += left[number] * more
        down[place.site] += left[number] * less
    down = np.minimum(down, _room(community, solution, held))
    up = np.minimum(
        up, _least(np.maximum(community.contracted_kw[:, None], solution.fed_kw) + solution.net_kw, held, days)
    )
    return np.maximum(up, 0.0).sum(axis=0), np.maximum(down, 0.0).sum(axis=0)


def _room(community: Community, solution: Solution, held: int) -> F64:
    limit = np.maximum(community.contracted_kw[:, None], solution.taken_kw)
    return _least(np.asarray(limit - solution.net_kw), held, community.days)


def _held(power_kw: F64, energy_kwh: F64, held: int, days: Days) -> F64:
    """The power that can be held: within the head room of each step, and within the content after each step."""
    found = np.full(days.n, np.inf)
    for number in range(held):
        ahead = _ahead(days, number)
        found = np.minimum(found, np.minimum(power_kw[ahead], energy_kwh[ahead] / ((number + 1) * days.hours)))
    return np.asarray(np.maximum(found, 0.0))


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
    """Upward and downward potential of each year and step, each shape (years, T)."""
    found = [potential_kw(community, solution, hold_h, capacity_left(community, year)) for year in range(years)]
    return np.array([up for up, _ in found]), np.array([down for _, down in found])
