"""What homes can give in a window, at what price, and the new schedule once it is ordered (SUC05.1 steps 1, 5 and 8).

**Construction of the offer.** A home asks itself: what would I do if every kWh moved out of the window earned me ``most_eur_per_kwh``? The
cheapest schedule under that virtual price is complete - it holds to comfort, departures, stored energies and contract, before, in and
after the window - so the difference of its net load to the plan is not a sum of separate possibilities but *one* profile that the
home can run: cars charged before or after, tank and building coasting as long as comfort allows, the battery spread evenly over the
window (its energy lasts to the end of it). An order for any part of it, step by step, is met by starting from the mixture of plan
and extreme schedule that meets every step, and giving back what is not ordered; no later move leads beyond the ordered net load.

**Price.** What the extreme schedule costs more than the plan - price differences, losses, wear - per kWh moved, plus the home's reservation
price, in which it weighs the discomfort within its own comfort limits.
"""

from typing import NamedTuple

import numpy as np

from agents.strategies.home_model import cost_eur
from agents.strategies.home_plan import Band, contract_band, plan_within
from agents.strategies.home_view import F64, Bool, HomePlan, HomeView, put_plan, take, take_plan

MOST_EUR_PER_KWH = 1.0
"""Virtual price of the extreme schedules: no home moves a kWh that costs it more. Well above household tariffs, below
scarcity prices, so that cars, batteries and coasting count and absurd preheating does not."""

LEAST_KW = 1e-6
"""Smaller differences of two schedules are rounding, not flexibility."""


class Potential(NamedTuple):
    """Flexibility of each home in the w steps of a window.

    Attributes:
        up_kw: reduction of the net load, jointly deliverable over the window, (n, w).
        down_kw: increase of the net load, jointly deliverable; not together with ``up_kw``, (n, w).
        price_eur_per_kwh: least price for the upward flexibility, (n, w).
        down_price_eur_per_kwh: least price for the downward flexibility, (n, w).
    """

    up_kw: F64
    down_kw: F64
    price_eur_per_kwh: F64
    down_price_eur_per_kwh: F64


class Redispatch(NamedTuple):
    """Answer to an order.

    Attributes:
        plan: the new schedule, rebound included.
        reduction_kw: reduction reached in the ordered steps (n, m); elsewhere zero.
    """

    plan: HomePlan
    reduction_kw: F64


def potential(
    view: HomeView, plan: HomePlan, from_step: int, to_step: int, most_eur_per_kwh: float = MOST_EUR_PER_KWH
) -> Potential:
    """What each home can give in the steps [from_step, to_step) of the horizon, relative to its plan.

    Args:
        view: what the homes know.
        plan: their plan on that view.
        from_step: first step of the window, position in the horizon.
        to_step: first step after it.
        most_eur_per_kwh: greatest marginal cost of the flexibility offered.

    Returns:
        profiles and prices; zero for homes on manual control or without consent.

    Raises:
        ValueError: the window is empty or not inside the horizon.
    """
    if not 0 <= from_step < to_step <= view.m:
        msg = f"window [{from_step}, {to_step}) is not inside the horizon of {view.m} steps, or empty"
        raise ValueError(msg)
    window = np.zeros((view.n, view.m), np.bool_)
    window[:, from_step:to_step] = True
    steps = slice(from_step, to_step)
    sides = []
    for sign in (1.0, -1.0):
        extreme = _extreme(view, plan, np.where(window, sign, 0.0), most_eur_per_kwh)
        moved_kw = _offered(view, sign * (plan.net_kw - extreme.net_kw))[:, steps]
        price = _price(view, plan, extreme, moved_kw)
        sides.append((moved_kw, np.repeat(price[:, None], to_step - from_step, axis=1)))
    (up_kw, price), (down_kw, down_price) = sides
    return Potential(up_kw, down_kw, price, down_price)


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
    if not len(rows):
        return Redispatch(plan, np.zeros_like(reduction_kw))
    part, old, ordered = take(view, rows), take_plan(plan, rows), reduction_kw[rows]
    extreme = _extreme(part, old, _direction(ordered, None if window is None else window[rows]), MOST_EUR_PER_KWH)
    mixture = _blend(old, extreme, ordered)
    new = plan_within(part, _ordered_band(part, old, ordered), initial=mixture)
    new = _cheaper(part, new, mixture, ordered, old)
    reached = np.zeros_like(reduction_kw)
    reached[rows] = np.where(ordered != 0.0, old.net_kw - new.net_kw, 0.0)
    return Redispatch(put_plan(plan, rows, new), reached)


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
