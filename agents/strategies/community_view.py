"""What the energy management of a community knows: its members' homes, what they pay and are paid, and what the grid asks of it.

A member is a row of :class:`HomeView`, and so is an asset of its own meter that several members share (its owners divide what it
earns, ``markets.community``). In every settlement period a member's supply is what its retailer delivers, its surplus what its retailer
takes, bought and sold what it exchanges with other members over the public grid, for which a grid tariff is paid by the buyer:

    net load = supply + bought - surplus - sold,    sum of bought = sum of sold.

Nobody sells more than it generates in that period (own generation and what its battery delivers), so that no coefficient of allocation is
negative.

Source: SUC02.1 (centralised operation, business models), SUC01.1.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from agents.strategies.home_view import HomeView, take
from data.arrays import F64, I64

Objective = Literal["total-cost", "self-consumption", "member-profit", "emissions"]
"""What the business model of a community asks of its schedule."""

OBJECTIVES: tuple[Objective, ...] = ("total-cost", "self-consumption", "member-profit", "emissions")

LESSER = 1e-3
"""Weight of money where something else is the objective: it decides among schedules that are equal in that."""

SHORT_EUR_PER_KWH = 5.0
"""Price of a kWh beyond a limit of the grid: above any tariff, below what power beyond the contract and missing comfort are taken at."""


class Community(NamedTuple):
    """Members and what sharing costs.

    Attributes:
        names: of the members, (n,); ties break by name, never by place.
        view: their homes, tariffs and forecasts.
        share_eur_per_kwh: grid tariff of a kWh bought from another member, (n, m).
        emissions_kg_per_kwh: of a kWh from a retailer, (m,).
    """

    names: tuple[str, ...]
    view: HomeView
    share_eur_per_kwh: F64
    emissions_kg_per_kwh: F64

    @property
    def n(self) -> int:
        """Number of members."""
        return self.view.n

    @property
    def m(self) -> int:
        """Number of settlement periods."""
        return self.view.m


class Coefficients(NamedTuple):
    """What a kWh counts in the objective, (n, m) each: from the retailer, to it (negative: earned), bought inside, sold inside.

    ``wear`` (n,) is that of a kWh which a battery delivers; ``money`` what an EUR counts that the grid pays for flexibility.
    """

    supply: F64
    surplus: F64
    bought: F64
    sold: F64
    wear: F64
    money: float


class Need(NamedTuple):
    """What the grid asks of the whole community's net load, (m,) each [kW]: limits, and what it pays for less or more than a baseline.

    Attributes:
        low_kw: least net load; -inf: none.
        high_kw: greatest net load; inf: none.
        baseline_kw: net load that flexibility is counted from.
        up_kw: greatest reduction that is paid; in periods above 0 the net load stays at or below the baseline.
        up_eur_per_kwh: price of it.
        down_kw: greatest increase that is paid; in periods above 0 the net load stays at or above the baseline.
        down_eur_per_kwh: price of it.
        up_least_kw: reduction that must be given.
        down_least_kw: increase that must be given.
    """

    low_kw: F64
    high_kw: F64
    baseline_kw: F64
    up_kw: F64
    up_eur_per_kwh: F64
    down_kw: F64
    down_eur_per_kwh: F64
    up_least_kw: F64
    down_least_kw: F64


def community(
    names: tuple[str, ...],
    view: HomeView,
    share_eur_per_kwh: ArrayLike = 0.0,
    emissions_kg_per_kwh: ArrayLike = 0.0,
) -> Community:
    """Members by name, with arrays brought to their shapes.

    Raises:
        ValueError: everything that is wrong, each with the member and the way out.
    """
    n, m = view.n, view.m
    found = Community(
        tuple(names),
        view,
        np.array(np.broadcast_to(np.asarray(share_eur_per_kwh, np.float64), (n, m))),
        np.array(np.broadcast_to(np.asarray(emissions_kg_per_kwh, np.float64), (m,))),
    )
    wrong = problems(found)
    if wrong:
        raise ValueError("; ".join(wrong))
    return found


def problems(of: Community) -> list[str]:
    """Everything wrong with a community, one sentence each."""
    found: list[str] = []
    if len(of.names) != of.n:
        return [f"names: {len(of.names)} names for {of.n} homes; give one each"]
    twice = sorted({name for name in of.names if of.names.count(name) > 1}) if len(set(of.names)) < of.n else []
    found += [f"names: '{name}' is given twice; a member has a name of its own" for name in twice]
    view = of.view
    for row, step in _first_in_row(view.sell_eur_per_kwh > view.buy_eur_per_kwh + 1e-12):
        sell, buy = view.sell_eur_per_kwh[row, step], view.buy_eur_per_kwh[row, step]
        found.append(
            f"{of.names[row]}: in period {step} its retailer pays {sell:g} EUR/kWh and asks {buy:g}; selling must not beat buying"
        )
    found += [
        f"{of.names[row]}: the grid tariff of shared energy is negative in period {step}; write 0 or more"
        for row, step in _first_in_row(of.share_eur_per_kwh < 0.0)
    ]
    for name in ("buy_eur_per_kwh", "sell_eur_per_kwh", "load_kw", "pv_kw"):
        holes = ~np.isfinite(getattr(view, name))
        found += [
            f"{of.names[row]}: {name} is missing in period {step}; complete the profile or the tariff first"
            for row, step in _first_in_row(holes)
        ]
    return found + _discomfort(of)


def _discomfort(of: Community) -> list[str]:
    """Comfort that no schedule keeps, whatever it costs: bands without anything inside, cars wanted fuller than they can be."""
    view, found = of.view, []
    for row, step in _first_in_row((view.house_low_c > view.house_high_c) & (view.hp_kw > 0.0)[:, None]):
        low, high = view.house_low_c[row, step], view.house_high_c[row, step]
        found.append(
            f"{of.names[row]}: in period {step} its rooms may be no colder than {low:g} and no warmer than {high:g} degC; widen the band"
        )
    for row in np.flatnonzero((view.heater_low_c > view.heater_high_c) & (view.heater_kw > 0.0)).tolist():
        low, high = view.heater_low_c[row], view.heater_high_c[row]
        found.append(
            f"{of.names[row]}: its tank is to hold {low:g} degC, its limit is {high:g}; want less or raise the limit"
        )
    for row in np.flatnonzero((view.ev_end_kwh > view.ev_kwh_capacity + 1e-9) & (view.ev_kw > 0.0)).tolist():
        end, most = view.ev_end_kwh[row], view.ev_kwh_capacity[row]
        found.append(f"{of.names[row]}: its car is to hold {end:g} kWh at the end and takes {most:g}; want less")
    return found


def _first_in_row(wrong: np.ndarray[Any, np.dtype[np.bool_]]) -> list[tuple[int, int]]:
    return [(int(row), int(np.argmax(wrong[row]))) for row in np.flatnonzero(wrong.any(axis=1))]


def members(of: Community, rows: I64 | slice) -> Community:
    """The community of some of its members."""
    chosen = np.arange(of.n)[rows]
    names = tuple(of.names[row] for row in chosen)
    return Community(names, take(of.view, rows), of.share_eur_per_kwh[rows], of.emissions_kg_per_kwh)


def no_need(m: int) -> Need:
    """The grid asks nothing."""
    zero, free = np.zeros(m), np.full(m, np.inf)
    return Need(-free, free, zero, zero, zero, zero, zero, zero, zero)


def limited(m: int, low_kw: ArrayLike = -np.inf, high_kw: ArrayLike = np.inf) -> Need:
    """Limits of the community's net load."""
    low, high = (np.array(np.broadcast_to(np.asarray(kw, np.float64), (m,))) for kw in (low_kw, high_kw))
    return no_need(m)._replace(low_kw=low, high_kw=high)


def priced(
    baseline_kw: F64, *, up_eur_per_kwh: ArrayLike = 0.0, up_kw: ArrayLike = 0.0,
    down_eur_per_kwh: ArrayLike = 0.0, down_kw: ArrayLike = 0.0,
) -> Need:  # fmt: skip
    """Flexibility that is paid, counted from a baseline (m,), up to quantities (inf: whatever there is)."""
    m = len(baseline_kw)
    up, up_price, down, down_price = (
        np.array(np.broadcast_to(np.asarray(one, np.float64), (m,)))
        for one in (up_kw, up_eur_per_kwh, down_kw, down_eur_per_kwh)
    )
    return no_need(m)._replace(
        baseline_kw=np.asarray(baseline_kw, np.float64),
        up_kw=up, up_eur_per_kwh=up_price, down_kw=down, down_eur_per_kwh=down_price,
    )  # fmt: skip


def coefficients(
    of: Community,
    objective: Objective = "total-cost",
    chosen: tuple[str, ...] = (),
    internal_eur_per_kwh: F64 | None = None,
) -> Coefficients:
    """What each kWh counts.

    *total-cost*: what all members pay to retailers and grid, and wear. *self-consumption*: least energy from retailers (the losses of a
    store are no self-consumption, so that minimising surplus instead would reward them). *emissions*: of what retailers supply.
    *member-profit*: what the chosen members pay, at an internal price.

    Args:
        of: the community.
        objective: of its business model.
        chosen: members whose profit counts, for *member-profit*.
        internal_eur_per_kwh: internal price (m,) that *member-profit* counts with; none: half-way between least buying and greatest
            selling price.

    Raises:
        ValueError: *member-profit* without members, or with some that are none.
    """
    view = of.view
    money = Coefficients(
        view.buy_eur_per_kwh, -view.sell_eur_per_kwh, of.share_eur_per_kwh, np.zeros((of.n, of.m)),
        view.battery_wear_eur_per_kwh, 1.0,
    )  # fmt: skip
    if objective == "total-cost":
        return money
    if objective == "member-profit":
        return _for_chosen(of, money, chosen, internal_eur_per_kwh)
    lesser = _each(money, lambda part: LESSER * part)._replace(money=LESSER)
    counted = np.ones(of.m) if objective == "self-consumption" else of.emissions_kg_per_kwh
    return lesser._replace(supply=lesser.supply + counted)


def of_rows(count: Coefficients, rows: I64 | slice) -> Coefficients:
    """The coefficients of some members."""
    return _each(count, lambda part: part[rows])


def _each(count: Coefficients, change: Callable[[F64], F64]) -> Coefficients:
    supply, surplus, bought, sold, wear = (
        change(part) for part in (count.supply, count.surplus, count.bought, count.sold, count.wear)
    )
    return Coefficients(supply, surplus, bought, sold, wear, count.money)


def _for_chosen(of: Community, money: Coefficients, chosen: tuple[str, ...], price: F64 | None) -> Coefficients:
    unknown = sorted(set(chosen) - set(of.names))
    if unknown or not chosen:
        listed = ", ".join(unknown) or "nobody"
        msg = f"member-profit: chosen are {listed}; name members of the community ({', '.join(of.names[:5])} ...)"
        raise ValueError(msg)
    at = mid_price(of) if price is None else price
    weight = np.where(np.isin(of.names, chosen), 1.0, LESSER)[:, None]
    return Coefficients(
        weight * money.supply, weight * money.surplus, weight * (money.bought + at), weight * (money.sold - at),
        weight[:, 0] * money.wear, 1.0,
    )  # fmt: skip


def mid_price(of: Community) -> F64:
    """Half-way between the least buying and the greatest selling price of any member, (m,) [EUR/kWh]."""
    return np.asarray((of.view.buy_eur_per_kwh.min(axis=0) + of.view.sell_eur_per_kwh.max(axis=0)) / 2.0)
