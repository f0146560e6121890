"""What homes can give in a window, at what price, and the new schedule once it is ordered (SUC05.1 steps 1, 5 and 8).

**Construction of the offer.** A home asks itself: what would I do if every kWh moved out of the window earned me ``most_eur_per_kwh``? The
cheapest schedule under that virtual price is complete - it holds to comfort, departures, stored energies and contract, before, in and
after the window - so the difference of its net load to the plan is not a sum of separate possibilities but *one* profile that the
home can run: cars charged before or after, tank and building coasting as long as comfort allows, the battery spread evenly over the
window (its energy lasts to the end of it). An order for any part of it, step by step, is met by starting from the mixture of plan
and extreme schedule that meets every step, and giving back what is not ordered; no later move leads beyond the ordered net load.

**Own generation** is given up last, and only what would be fed in even then (down alone: the net load rises to zero at most, so that
nobody buys what it could have used).

**Price.** What the extreme schedule costs more than the plan - price differences, losses, wear - per kWh moved, plus the home's reservation
price, in which it weighs the discomfort within its own comfort limits. Generation given up costs what it would have earned; it is
not offered for less than the stores, which an order uses first.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from agents.strategies.home_model import cost_eur
from agents.strategies.home_plan import Band, contract_band, plan_within
from agents.strategies.home_view import HomePlan, HomeView, put_plan, take, take_plan
from data.arrays import F64, Bool

MOST_EUR_PER_KWH = 1.0
"""Virtual price of the extreme schedules: no home moves a kWh that costs it more. Well above household tariffs, below
scarcity prices, so that cars, batteries and coasting count and absurd preheating does not."""

LEAST_KW = 1e-6
"""Smaller differences of two schedules are rounding, not flexibility."""


class Potential(NamedTuple):
    """Flexibility of each home in the w steps of a window.

    Attributes:
        up_kw: reduction of the net load, jointly deliverable over the window, (n, w).
        down_kw: increase of the net load by its stores, jointly deliverable; not together with ``up_kw``, (n, w).
        curtail_kw: further increase by own generation given up, (n, w).
        up_eur_per_kwh: least price of each, (n,).
        down_eur_per_kwh: (n,).
        curtail_eur_per_kwh: (n,).
    """

    up_kw: F64
    down_kw: F64
    curtail_kw: F64
    up_eur_per_kwh: F64
    down_eur_per_kwh: F64
    curtail_eur_per_kwh: F64


class Redispatch(NamedTuple):
    """Answer to an order.

    Attributes:
        plan: the new schedule, rebound included; its net load counts only the generation that is kept.
        reduction_kw: reduction reached in the ordered steps (n, m); elsewhere zero.
        curtailed_kw: own generation given up, (n, m).
    """

    plan: HomePlan
    reduction_kw: F64
    curtailed_kw: F64


def potential(
    view: HomeView,
    plan: HomePlan,
    from_step: int,
    to_step: int,
    most_eur_per_kwh: float = MOST_EUR_PER_KWH,
    directions: Collection[str] = ("up", "down"),
) -> Potential:
    """What each home can give in the steps [from_step, to_step) of the horizon, relative to its plan.

    Args:
        view: what the homes know.
        plan: their plan on that view.
        from_step: first step of the window, position in the horizon.
        to_step: first step after it.
        most_eur_per_kwh: greatest marginal cost of the flexibility offered.
        directions: those that are asked for.

    Returns:
        profiles and prices; zero for homes on manual control or without consent, and in directions not asked for.

    Raises:
        ValueError: the window is empty or not inside the horizon.
    """
    if not 0 <= from_step < to_step <= view.m:
        msg = f"window [{from_step}, {to_step}) is not inside the horizon of {view.m} steps, or empty"
        raise ValueError(msg)
    window = np.zeros((view.n, view.m), np.bool_)
    window[:, from_step:to_step] = True
    steps = slice(from_step, to_step)
    nothing, free = np.zeros((view.n, to_step - from_step)), view.reservation_eur_per_kwh
    sides = {"up": (nothing, free), "down": (nothing, free)}
    curtail_kw, curtail_price = nothing, free
    for direction, sign in (("up", 1.0), ("down", -1.0)):
        if direction not in directions:
            continue
        extreme = _extreme(view, plan, np.where(window, sign, 0.0), most_eur_per_kwh)
        moved_kw = _offered(view, sign * (plan.net_kw - extreme.net_kw))[:, steps]
        sides[direction] = moved_kw, _price(view, plan, extreme, moved_kw)
        if direction == "down":
            curtail_kw = _offered(view, _surplus_kw(view, np.maximum(extreme.net_kw, plan.net_kw)))[:, steps]
            worth = _worth(view, curtail_kw, steps) + view.reservation_eur_per_kwh
            curtail_price = np.maximum(worth, sides["down"][1])
    (up_kw, up_price), (down_kw, down_price) = sides["up"], sides["down"]
    return Potential(up_kw, down_kw, curtail_kw, up_price, down_price, curtail_price)


def redispatch(view: HomeView, plan: HomePlan, reduction_kw: F64, window: Bool | None = None) -> Redispatch:
    """The cheapest schedule whose net load is the plan's less the ordered reduction, as far as comfort and contract allow.

    Args:
        view: what the homes know now.
        plan: their plan on that view.
        reduction_kw: ordered reduction (n, m) [kW]; negative for an ordered increase, zero where nothing is ordered.
        window: steps that the order is about, (n, m), zeros included; those of the offer lead to the schedule that was offered. None:
            where something is ordered.

    Returns:
        the new schedule and what it reaches; homes without an order, on manual control or without consent keep their plan.
    """
    active = (reduction_kw != 0.0).any(axis=1) & view.automatic & view.consent
    rows = np.flatnonzero(active)
    reached, curtailed = np.zeros_like(reduction_kw), np.zeros_like(reduction_kw)
    if not len(rows):
        return Redispatch(plan, reached, curtailed)
    part, old, ordered = take(view, rows), take_plan(plan, rows), reduction_kw[rows]
    extreme = _extreme(part, old, _direction(ordered, None if window is None else window[rows]), MOST_EUR_PER_KWH)
    given_up = _beyond_stores(part, old, extreme, ordered)
    new = _by_stores(_without(part, given_up), _raised(old, given_up), _raised(extreme, given_up), ordered + given_up)
    more = _missing(part, old, new, ordered, given_up)
    new, given_up = _raised(new, more), given_up + more
    reached[rows] = np.where(ordered != 0.0, old.net_kw - new.net_kw, 0.0)
    curtailed[rows] = given_up
    return Redispatch(put_plan(plan, rows, new), reached, curtailed)


def _by_stores(view: HomeView, plan: HomePlan, extreme: HomePlan, ordered_kw: F64) -> HomePlan:
    """The cheapest schedule of the stores that carries out an order."""
    mixture = _blend(plan, extreme, ordered_kw)
    new = plan_within(view, _ordered_band(view, plan, ordered_kw), initial=mixture)
    return _cheaper(view, new, mixture, ordered_kw, plan)


# --- own generation --------------------------------------------------------------------------------------------------


def _surplus_kw(view: HomeView, net_kw: F64) -> F64:
    """Own generation that is fed in at a net load and may be given up, (n, m)."""
    fed_in = np.minimum(np.maximum(-net_kw, 0.0), view.pv_kw)
    return np.where(view.curtailable[:, None], fed_in, 0.0)


def _worth(view: HomeView, curtail_kw: F64, steps: slice) -> F64:
    """What a kWh fed in would have earned, the mean over what could be given up, (n,); 0 where nothing can."""
    sell = np.minimum(view.sell_eur_per_kwh, view.buy_eur_per_kwh)[:, steps]
    total = np.cumsum(curtail_kw, axis=1)[:, -1]
    value = np.cumsum(curtail_kw * sell, axis=1)[:, -1]
    return np.divide(value, total, out=np.zeros_like(value), where=total > 0.0)


def _beyond_stores(view: HomeView, plan: HomePlan, extreme: HomePlan, ordered_kw: F64) -> F64:
    """Own generation to give up, (n, m): the part of an ordered increase that is more than the stores' extreme schedule gives."""
    moved_kw = np.maximum(extreme.net_kw - plan.net_kw, 0.0)
    by_stores = np.minimum(np.maximum(-ordered_kw, 0.0), moved_kw)
    wanted = np.maximum(-ordered_kw - by_stores, 0.0)
    return np.where(wanted > LEAST_KW, np.minimum(wanted, _surplus_kw(view, plan.net_kw + by_stores)), 0.0)


def _missing(view: HomeView, plan: HomePlan, new: HomePlan, ordered_kw: F64, given_up_kw: F64) -> F64:
    """What of an ordered increase the stores have left undone after all, as far as own generation is left to give up, (n, m)."""
    short = np.where(ordered_kw < 0.0, plan.net_kw - ordered_kw - new.net_kw, 0.0)
    left = np.minimum(_surplus_kw(view, new.net_kw), np.maximum(view.pv_kw - given_up_kw, 0.0))
    return np.where(short > LEAST_KW, np.minimum(short, left), 0.0)


def _without(view: HomeView, given_up_kw: F64) -> HomeView:
    return view._replace(pv_kw=view.pv_kw - given_up_kw)


def _raised(plan: HomePlan, by_kw: F64) -> HomePlan:
    return plan._replace(net_kw=plan.net_kw + by_kw)


# --- stores ----------------------------------------------------------------------------------------------------------


def _direction(ordered_kw: F64, window: Bool | None) -> F64:
    """+1 where less is asked for, -1 where more is; steps of the window without order go with the rest of the home's order."""
    own = np.sign(ordered_kw)
    return own if window is None else np.where(window & (own == 0.0), np.sign(own.sum(axis=1, keepdims=True)), own)


def _cheaper(view: HomeView, new: HomePlan, mixture: HomePlan, ordered_kw: F64, plan: HomePlan) -> HomePlan:
    """The mixture itself where it is just what was ordered and costs less: planning cannot tell prices of one level apart."""
    asked = ordered_kw != 0.0
    off = np.abs(plan.net_kw - mixture.net_kw - ordered_kw)
    exact = (np.where(asked, off, 0.0) <= LEAST_KW).all(axis=1)
    rows = np.flatnonzero(exact & (cost_eur(view, mixture) < cost_eur(view, new)))
    return put_plan(new, rows, take_plan(mixture, rows)) if len(rows) else new


def _blend(plan: HomePlan, extreme: HomePlan, ordered_kw: F64) -> HomePlan:
    """The mixture of plan and extreme schedule that just meets the order in every step: feasible, and no dearer than its share.

    All limits are convex, so a mixture keeps them, and its cost is at most the mixture of the costs.
    """
    moved_kw = (plan.net_kw - extreme.net_kw) * np.sign(ordered_kw)
    needed = np.where(moved_kw > LEAST_KW, np.abs(ordered_kw) / np.where(moved_kw > LEAST_KW, moved_kw, 1.0), 1.0)
    share = np.minimum(np.where(ordered_kw != 0.0, needed, 0.0).max(axis=1), 1.0)[:, None]
    return HomePlan(*(old + share * (new - old) for old, new in zip(plan, extreme, strict=True)))


def _ordered_band(view: HomeView, plan: HomePlan, ordered_kw: F64) -> Band:
    """The ordered net load in ordered steps; the contract elsewhere, and above everything."""
    free = contract_band(view)
    target_kw = np.minimum(plan.net_kw - ordered_kw, free.high_kw)
    asked = ordered_kw != 0.0
    return Band(np.where(asked, target_kw, free.low_kw), np.where(asked, target_kw, free.high_kw))


def _extreme(view: HomeView, plan: HomePlan, direction: F64, most_eur_per_kwh: float) -> HomePlan:
    """Cheapest schedule if a kWh less in steps of direction +1, or more in those of -1, earned the virtual price; from the plan on."""
    priced = _rewarded(view, direction * most_eur_per_kwh)
    return plan_within(priced, contract_band(view), initial=plan, battery_kw=_even_battery_kw(view, direction != 0.0))


def _rewarded(view: HomeView, eur_per_kwh: F64) -> HomeView:
    """The view in which each kWh less earns so much more, (n, m)."""
    return view._replace(
        buy_eur_per_kwh=view.buy_eur_per_kwh + eur_per_kwh,
        sell_eur_per_kwh=np.minimum(view.sell_eur_per_kwh, view.buy_eur_per_kwh) + eur_per_kwh,
    )


def _even_battery_kw(view: HomeView, window: Bool) -> F64:
    """Battery power that lasts over the steps of the window at best, (n, m): full when it opens, empty when it closes, or the reverse."""
    hours = np.maximum(window.sum(axis=1), 1) * view.hours
    usable_kwh = view.battery_max_kwh - view.battery_min_kwh
    even_kw = np.minimum(view.battery_kw, usable_kwh * view.battery_eta_discharge / hours)
    return np.where(window, even_kw[:, None], view.battery_kw[:, None])


def _offered(view: HomeView, moved_kw: F64) -> F64:
    """The part of a difference that is offered: in the asked direction, of homes that may and want to."""
    willing = (view.automatic & view.consent)[:, None]
    return np.where(willing & (moved_kw > LEAST_KW), moved_kw, 0.0)


def _price(view: HomeView, plan: HomePlan, extreme: HomePlan, moved_kw: F64) -> F64:
    """Extra cost per kWh moved plus the reservation price, (n,); the reservation price where nothing moves."""
    moved_kwh = np.cumsum(moved_kw, axis=1)[:, -1] * view.hours
    extra = np.maximum(cost_eur(view, extreme) - cost_eur(view, plan), 0.0)
    per_kwh = np.where(moved_kwh > 0.0, extra / np.where(moved_kwh > 0.0, moved_kwh, 1.0), 0.0)
    return per_kwh + view.reservation_eur_per_kwh
