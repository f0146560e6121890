"""First-order thermal stores (a tank, a building): exact paths under a set-point and its guards.

    C dT/dt = q - H (T - T_ref) + g         C [kWh/K], H [kW/K], heat q [kW], other gains g [kW] (draws are negative)

With everything constant, T runs to its aim ``A(q) = T_rest + q / H``, ``T_rest = T_ref + g / H``, as

    T(t) = A + (T_0 - A) exp(-t / tau),     tau = C / H [h]
    t(T_0 -> T_1) = tau ln((T_0 - A) / (T_1 - A))

(textbook solution of the linear equation). A *band* [low, high] is guarded: below it
the device heats fully whatever the set-point, above it not at all, and at its edges it gives the heat that holds the edge if it can.
Because each leg is monotone, a step is at most three legs: guard until the band is met, set-point until the other
edge is met, hold that edge. A thermostat that modulates is a band without width. A relay with hysteresis has its own path.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, Bool

Hours = F64 | float
Level = F64 | float


class Store(NamedTuple):
    """A store during one step.

    Attributes:
        tau_h: time constant C / H [h], (n,).
        loss_kw_per_k: H [kW/K], positive, (n,).
        rest_c: temperature it would come to without heating, (n,) [degC].
        full_kw: greatest heat that can be given, (n,) [kW].
    """

    tau_h: F64
    loss_kw_per_k: F64
    rest_c: F64
    full_kw: F64


class Leg(NamedTuple):
    """A stretch at constant heat: ``repeats`` times ``hours`` from ``start_c`` towards ``aim_c``, each (n,)."""

    start_c: F64
    aim_c: F64
    hours: F64
    repeats: F64 | float = 1.0


class Path(NamedTuple):
    """What a band-guarded store did, each (n,): hours and heat of the three legs, and the last temperature.

    ``guard_kw`` is nothing or everything; ``bound_c`` is the edge that the second leg heads for and the third holds.
    """

    guard_h: F64
    guard_kw: F64
    set_h: F64
    hold_h: F64
    hold_kw: F64
    end_c: F64
    edge_c: F64
    bound_c: F64


class Cycling(NamedTuple):
    """What a relay-controlled store did, each (n,): hours with the relay on, last temperature, relay, and the legs."""

    on_h: F64
    end_c: F64
    relay: F64
    legs: tuple[Leg, ...]


def relax(start_c: F64, aim_c: F64, tau_h: F64, hours: Hours) -> F64:
    """Temperature [degC] after the hours on the way to an aim."""
    return np.asarray(aim_c + (start_c - aim_c) * np.exp(-hours / tau_h))


def crossing_h(start_c: F64, level_c: F64, aim_c: F64, tau_h: F64) -> F64:
    """Hours until the level is met on the way to the aim; 0 at the level, infinite if it lies behind or beyond the aim."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead = (start_c - level_c) / (level_c - aim_c)
        return np.where(ahead >= 0.0, tau_h * np.log1p(ahead), np.inf)


def walk(store: Store, start_c: F64, set_kw: F64, low_c: Level, high_c: Level, hours: Hours) -> Path:
    """Run at a set heat inside the guarded band [low, high].

    Args:
        store: the store with this step's surroundings.
        start_c: temperature at the start, (n,) [degC].
        set_kw: heat asked for, within [0, full], (n,) [kW].
        low_c: the band's lower edge, (n,) [degC].
        high_c: the band's upper edge, at least ``low_c``, (n,) [degC].
        hours: length, positive.

    Returns:
        The exact path.
    """
    tau, loss, rest, full = store
    edge = np.minimum(np.maximum(start_c, low_c), high_c)
    guard_kw = np.where(start_c < low_c, full, 0.0)
    guard_aim = rest + guard_kw / loss
    outside = edge != start_c
    guard_h = np.zeros_like(edge)
    if outside.any():
        guard_h = np.where(outside, np.minimum(crossing_h(start_c, edge, guard_aim, tau), hours), 0.0)
    left_h = hours - guard_h
    set_aim = rest + set_kw / loss
    bound = np.where(set_aim >= edge, high_c, low_c)
    set_h = np.minimum(crossing_h(edge, bound, set_aim, tau), left_h)
    hold_h = left_h - set_h
    hold_kw = np.minimum(np.maximum((bound - rest) * loss, 0.0), full)
    held, free = hold_h > 0.0, left_h > 0.0
    last_start = np.where(held, bound, np.where(free, edge, start_c))
    last_aim = np.where(held, rest + hold_kw / loss, np.where(free, set_aim, guard_aim))
    last_h = np.where(held, hold_h, np.where(free, set_h, guard_h))
    end_c = relax(last_start, last_aim, tau, last_h)
    return Path(guard_h, guard_kw, set_h, hold_h, hold_kw, end_c, edge, bound)


def mean(path: Path, hours: Hours, guard: F64, set_: F64, hold: F64) -> F64:
    """Mean over the path of a quantity that has these values in its legs; exactly the value where there is one leg only."""
    return guard * (path.guard_h / hours) + set_ * (path.set_h / hours) + hold * (path.hold_h / hours)


def legs(store: Store, start_c: F64, set_kw: F64, path: Path) -> tuple[Leg, ...]:
    """The three legs of a path, for bookkeeping."""
    rest, loss = store.rest_c, store.loss_kw_per_k
    return (
        Leg(start_c, rest + path.guard_kw / loss, path.guard_h),
        Leg(path.edge_c, rest + set_kw / loss, path.set_h),
        Leg(path.bound_c, rest + path.hold_kw / loss, path.hold_h),
    )


def degree_hours(tau_h: F64, path: tuple[Leg, ...], floor_c: F64) -> F64:
    """Integral of temperature over time along the legs, (n,) [degC h], none of which goes below the floor."""
    total = np.zeros_like(tau_h)
    for leg in path:
        short_h = _floor_h(leg, tau_h, floor_c)
        run_h = leg.hours - short_h
        moved = (leg.start_c - leg.aim_c) * -np.expm1(-run_h / tau_h) * tau_h
        total += leg.repeats * (leg.aim_c * run_h + moved + floor_c * short_h)
    return total


def missing_degree_hours(tau_h: F64, path: tuple[Leg, ...], floor_c: F64) -> F64:
    """What the legs would have gone for below the floor, (n,) [K h]; times H it is the heat that could not be drawn [kWh]."""
    return np.asarray(sum(leg.repeats * _floor_h(leg, tau_h, floor_c) * (floor_c - leg.aim_c) for leg in path))


def _floor_h(leg: Leg, tau_h: F64, floor_c: F64) -> F64:
    """Hours that a leg which falls below the floor spends on it."""
    met_h = crossing_h(leg.start_c, floor_c, leg.aim_c, tau_h)
    return np.where(leg.aim_c < floor_c, np.maximum(leg.hours - met_h, 0.0), 0.0)


def holdable_kw(store: Store, start_c: F64, low_c: Level, high_c: Level, hours: Hours) -> tuple[F64, F64]:
    """Lowest and highest heat [kW] that, given constantly over the hours, keeps a store that is in its band in it.

    The path is monotone, so the band need hold at its end only: T(hours) = low, T(hours) = high, solved for the heat.
    """
    tau, loss, rest, full = store
    gone = -np.expm1(-hours / tau)
    low_kw = (start_c - rest + (low_c - start_c) / gone) * loss
    high_kw = (start_c - rest + (high_c - start_c) / gone) * loss
    return np.minimum(np.maximum(low_kw, 0.0), full), np.minimum(np.maximum(high_kw, 0.0), full)


def cycle(store: Store, start_c: F64, relay: F64, on_c: F64, off_c: F64, hours: Hours) -> Cycling:
    """Run a relay that closes at ``on_c`` or below and opens at ``off_c`` or above, for any number of switchings.

    After the first switching the path is periodic, so whole periods are counted and not walked.

    Args:
        store: the store with this step's surroundings; closed, the relay gives ``full_kw``.
        start_c: temperature at the start, (n,) [degC].
        relay: 1 closed, 0 open, (n,).
        on_c: closes here, (n,) [degC].
        off_c: opens here, above ``on_c``, (n,) [degC].
        hours: length, positive.
    """
    tau, loss, rest, full = store
    closed = np.where(start_c >= off_c, False, (start_c <= on_c) | (relay > 0.5))
    hot = rest + full / loss
    here, aim = np.where(closed, off_c, on_c), np.where(closed, hot, rest)
    first_h = np.minimum(crossing_h(start_c, here, aim, tau), hours)
    left_h = hours - first_h
    if not left_h.any():  # nothing switches, which is usual in a short time
        on_h = np.where(closed, first_h, 0.0)
        end_c = relax(start_c, aim, tau, first_h)
        return Cycling(on_h, end_c, np.where(closed, 1.0, 0.0), (Leg(start_c, aim, first_h),))
    there, other_aim = np.where(closed, on_c, off_c), np.where(closed, rest, hot)
    rise_h, fall_h = crossing_h(on_c, off_c, hot, tau), crossing_h(off_c, on_c, rest, tau)
    same_h, other_h = np.where(closed, rise_h, fall_h), np.where(closed, fall_h, rise_h)
    cycles = np.floor(left_h / (same_h + other_h))
    with np.errstate(invalid="ignore"):
        tail_h = np.where(cycles > 0.0, left_h - cycles * (same_h + other_h), left_h)
    tail_h = np.maximum(tail_h, 0.0)
    back_h = np.minimum(tail_h, other_h)
    again_h = tail_h - back_h
    switched, returned = left_h > 0.0, again_h > 0.0
    whole_h = np.where(cycles > 0.0, rise_h, 0.0)
    on_h = cycles * whole_h + np.where(closed, first_h + again_h, back_h)
    last_start = np.where(returned, there, np.where(switched, here, start_c))
    last_aim = np.where(switched & ~returned, other_aim, aim)
    last_h = np.where(returned, again_h, np.where(switched, back_h, first_h))
    end_c = relax(last_start, last_aim, tau, last_h)
    path = (
        Leg(start_c, aim, first_h),
        Leg(on_c, hot, whole_h, cycles),
        Leg(off_c, rest, np.where(cycles > 0.0, fall_h, 0.0), cycles),
        Leg(here, other_aim, back_h),
        Leg(there, aim, again_h),
    )
    return Cycling(on_h, end_c, _relay(closed, switched, returned), path)


def _relay(closed: Bool, switched: Bool, returned: Bool) -> F64:
    """Position after the path: as at its start if it never switched or came back."""
    return np.where(closed ^ (switched & ~returned), 1.0, 0.0)
