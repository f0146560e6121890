"""The flexible devices of a home as stores with a supply in segments, ready for ``home_store``; time-major, (m, k) for k owners.

Supply, from cheap to dear, seen by a device to which the other devices leave the net load r: what lies below the ordered band (paid
for at any price), own surplus (selling price), grid up to the band's upper edge (buying price), beyond it (only if nothing else keeps
comfort). A battery meets the same segments downwards: what it takes out is worth their price, less losses and wear.

Outside the band, where any price is paid, a device prefers what it does already: to it all ordered steps are alike, to the others, which
may be at their limits in some of them, they are not.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.strategies.home_model import Linear, house, tank
from agents.strategies.home_store import LEVELS, Ranks, Segment, Store, rank_prices, solve
from agents.strategies.home_view import HomeView, take
from data.arrays import F64, Bool

ORDER = ("heat_pump_kw", "heater_kw", "ev_kw", "battery_kw")
"""Order of planning within a round: the less a device can wait, the earlier."""


SixRanks = tuple[int, int, Ranks, Ranks, int, int]
"""Levels of the segments: below the band what is done already and what is not, surplus, grid, beyond the band likewise."""


class Device(NamedTuple):
    """One kind of device of the homes that have it.

    Attributes:
        rows: the homes, positions in the block (k,).
        store: its content.
        up_kw: greatest consumption (m, k).
        down_kw: greatest injection (m, k), or None for a device that only consumes.
        gain: content per consumed kW over a step (m, k).
        drain: content per injected kW over a step (m, k).
        take_ranks: levels at which consumption below the band, from surplus, from the grid, beyond the band begins.
        give_ranks: levels at which injection in the same segments stops.
        limit_kw: net load this device must not lead beyond (k,); inf for devices whose own guards would heat anyway.
    """

    rows: NDArray[np.intp]
    store: Store
    up_kw: F64
    down_kw: F64 | None
    gain: F64
    drain: F64
    take_ranks: SixRanks
    give_ranks: SixRanks | None
    limit_kw: F64


def devices(view: HomeView) -> dict[str, Device]:
    """The devices of the homes that leave them to their HEMS, in the order of planning; kinds nobody has are left out."""
    build: dict[str, tuple[F64, Callable[[HomeView, NDArray[np.intp]], Device]]] = {
        "heat_pump_kw": (view.hp_kw, _heat_pump),
        "heater_kw": (view.heater_kw, _heater),
        "ev_kw": (view.ev_kw, _ev),
        "battery_kw": (view.battery_kw, _battery),
    }
    owners = {name: np.flatnonzero((rating > 0) & view.automatic) for name, (rating, _) in build.items()}
    return {name: build[name][1](take(view, rows), rows) for name, rows in owners.items() if len(rows)}


def derated(device: Device, limit_kw: F64) -> Device:
    """A device that may not use more than a limit (m, n), in both directions."""
    limits = limit_kw[:, device.rows]
    down_kw = None if device.down_kw is None else np.minimum(device.down_kw, limits)
    return device._replace(up_kw=np.minimum(device.up_kw, limits), down_kw=down_kw)


class Answer(NamedTuple):
    """The power of a device (m, k) [kW] and what it was computed from, so that homes whose question has not changed keep it.

    Attributes:
        power_kw: mean power in each step.
        most_kw: greatest consumption admitted.
        widths: content of each supply segment (m, k).
    """

    power_kw: F64
    most_kw: F64
    widths: tuple[F64, ...]


def respond(
    device: Device, now_kw: F64, others_kw: F64, low_kw: F64, high_kw: F64, last: Answer | None = None
) -> Answer:
    """Cheapest power of the device in each step.

    Args:
        device: the device.
        now_kw: its power so far (m, k).
        others_kw: net load of everything else (m, k).
        low_kw: lower edge of the wanted band of the net load (m, k).
        high_kw: upper edge (m, k).
        last: the answer to an earlier question about the same device; only homes with another question are solved again.
    """
    edges = (low_kw, np.minimum(np.maximum(0.0, low_kw), high_kw), high_kw)
    most_kw = np.minimum(device.up_kw, np.maximum(device.limit_kw - others_kw, 0.0))
    nothing = np.zeros_like(others_kw)
    widths = _widths(others_kw, now_kw, nothing, most_kw, edges, device.gain)
    if device.down_kw is not None:
        widths += _widths(others_kw, now_kw, -device.down_kw, nothing, edges, device.drain)
    new = Answer(np.empty_like(others_kw), most_kw, widths)
    if last is None:
        return new._replace(power_kw=_solve(device, new))
    same = _unchanged(last, new)
    power_kw, changed = last.power_kw.copy(), np.flatnonzero(~same)
    if len(changed):
        power_kw[:, changed] = _solve(_of(device, changed), _of_answer(new, changed))
    return new._replace(power_kw=power_kw)


def _widths(
    others_kw: F64, now_kw: F64, from_kw: F64, to_kw: F64, edges: tuple[F64, F64, F64], gain: F64
) -> tuple[F64, ...]:
    """Content that the part of the own power range [from, to] in each region of the net load amounts to; the outer two parted at ``now``."""
    low, middle, high = (np.minimum(np.maximum(edge - others_kw, from_kw), to_kw) for edge in edges)
    under, over = np.minimum(np.maximum(now_kw, from_kw), low), np.maximum(np.minimum(now_kw, to_kw), high)
    cuts = from_kw, under, low, middle, high, over, to_kw
    return tuple((upper - lower) * gain for lower, upper in pairwise(cuts))


def _unchanged(last: Answer, new: Answer) -> Bool:
    same = np.ones(new.most_kw.shape[1], np.bool_)
    for before, now in zip(last.widths, new.widths, strict=True):
        same &= (before == now).all(axis=0)
    return same


def _of(device: Device, columns: NDArray[np.intp]) -> Device:
    """The device of some of its homes."""
    return Device(*(_pick(part, columns) for part in device))


def _of_answer(answer: Answer, columns: NDArray[np.intp]) -> Answer:
    return Answer(*(_pick(part, columns) for part in answer))


def _pick(part: Any, columns: NDArray[np.intp]) -> Any:
    """The columns of an array, or of each array of a tuple; what is not an array stays."""
    if isinstance(part, Store):
        return Store(*(_pick(inner, columns) for inner in part))
    if isinstance(part, tuple):
        return tuple(_pick(inner, columns) for inner in part)
    return np.ascontiguousarray(part[..., columns]) if isinstance(part, np.ndarray) else part


def _solve(device: Device, question: Answer) -> F64:
    ranks = device.take_ranks + (device.give_ranks or ())
    segments = [Segment(width, rank) for width, rank in zip(question.widths, ranks, strict=True) if width.any()]
    base = np.zeros_like(question.most_kw)
    for given in question.widths[6:]:
        base = base - given
    change = solve(device.store, base, segments)
    return _power(device, change, question.most_kw)


def _power(device: Device, change: F64, most_kw: F64) -> F64:
    consumed = np.minimum(np.maximum(change, 0.0) / device.gain, most_kw)
    if device.down_kw is None:
        return consumed
    return consumed - np.minimum(np.maximum(-change, 0.0) / device.drain, device.down_kw)


def _steps(column: F64) -> F64:
    return np.ascontiguousarray(column.T)


def _prices(view: HomeView) -> tuple[F64, F64, F64]:
    """Selling and buying price with the tie cost of delay, and the surplus that decides which of them matters, (m, k)."""
    delay = view.early_eur_per_kwh_h * (np.arange(view.m) * view.hours)[:, None]
    buy = _steps(view.buy_eur_per_kwh)
    return np.minimum(_steps(view.sell_eur_per_kwh), buy) + delay, buy + delay, _steps(view.pv_kw - view.load_kw)


def _take_ranks(sell: Ranks, buy: Ranks) -> SixRanks:
    return 1, 2, sell, buy, LEVELS - 2, LEVELS - 1


def _give_ranks(sell: Ranks, buy: Ranks) -> SixRanks:
    return 0, 1, sell, buy, LEVELS - 2, LEVELS - 1


def _thermal(
    view: HomeView, rows: NDArray[np.intp], model: Linear, rated_kw: F64, start: F64, low: F64, high: F64
) -> Device:
    """A heated store; ``low`` and ``high`` (m, k) bound the temperature at the end of each step."""
    sell, buy, surplus = _prices(view)
    gain = _steps(model.gain)
    worth = np.multiply.accumulate(np.broadcast_to(model.keep, gain.shape), axis=0) * view.hours / gain
    ranks = rank_prices([np.where(surplus > 0, sell, buy) * worth, buy * worth, np.zeros((1, view.n))])
    store = Store(start, model.keep, _steps(model.drift), np.minimum(low, high), high, -np.inf, ranks[2][0], late=True)
    up_kw = np.repeat(rated_kw[None, :], view.m, axis=0)
    no_limit = np.full(view.n, np.inf)
    return Device(rows, store, up_kw, None, gain, gain, _take_ranks(ranks[0], ranks[1]), None, no_limit)


def _heat_pump(view: HomeView, rows: NDArray[np.intp]) -> Device:
    low, high = (
        _at_step_ends(_steps(view.house_low_c), np.maximum),
        _at_step_ends(_steps(view.house_high_c), np.minimum),
    )
    low[-1] = np.maximum(low[-1], view.house_end_c)
    return _thermal(view, rows, house(view), view.hp_kw, view.house_c, low, high)


def _heater(view: HomeView, rows: NDArray[np.intp]) -> Device:
    low = np.repeat(view.heater_low_c[None, :], view.m, axis=0)
    low[-1] = np.maximum(low[-1], view.heater_end_c)
    high = np.repeat(view.heater_high_c[None, :], view.m, axis=0)
    return _thermal(view, rows, tank(view), view.heater_kw, view.heater_c, low, high)


def _at_step_ends(bound: F64, tighter: np.ufunc) -> F64:
    """A bound that holds during steps, at their ends: there the bounds of both neighbours hold."""
    return np.concatenate([tighter(bound[:-1], bound[1:]), bound[-1:]])


def _ev(view: HomeView, rows: NDArray[np.intp]) -> Device:
    plugged = np.ascontiguousarray(view.ev_plugged.T)
    wanted = view.ev_target_share * view.ev_kwh_capacity
    leaves = np.concatenate([plugged[:-1] & ~plugged[1:], np.zeros((1, view.n), np.bool_)])
    low = np.where(leaves, wanted, 0.0)
    low[-1] = np.maximum(low[-1], np.minimum(view.ev_end_kwh, wanted))
    sell, buy, surplus = _prices(view)
    gain = np.repeat((view.ev_eta_charge * view.hours)[None, :], view.m, axis=0)
    ranks = rank_prices([np.where(surplus > 0, sell, buy), buy, np.zeros((1, view.n))])
    high = np.repeat(wanted[None, :], view.m, axis=0)
    store = Store(view.ev_kwh, np.ones(view.n), -_steps(view.ev_drive_kwh), low, high, 0.0, ranks[2][0], late=False)
    up_kw = np.where(plugged, view.ev_kw, 0.0)
    return Device(rows, store, up_kw, None, gain, gain, _take_ranks(ranks[0], ranks[1]), None, view.contracted_kw)


def _battery(view: HomeView, rows: NDArray[np.intp]) -> Device:
    sell, buy, surplus = _prices(view)
    gain = np.repeat((view.battery_eta_charge * view.hours)[None, :], view.m, axis=0)
    drain = np.repeat((view.hours / view.battery_eta_discharge)[None, :], view.m, axis=0)
    near = np.where(surplus > 0, sell, buy)
    give = [(price - view.battery_wear_eur_per_kwh) * view.battery_eta_discharge for price in (near, buy, sell)]
    take_ = [price / view.battery_eta_charge for price in (near, buy)]
    ranks = rank_prices([*take_, *give, np.zeros((1, view.n))])
    low = np.repeat(view.battery_min_kwh[None, :], view.m, axis=0)
    low[-1] = np.maximum(low[-1], np.minimum(view.battery_end_kwh, view.battery_max_kwh))
    high = np.repeat(view.battery_max_kwh[None, :], view.m, axis=0)
    store = Store(view.battery_soc_kwh, np.ones(view.n), np.zeros_like(gain), low, high, 0.0, ranks[5][0], late=False)
    rated_kw = np.repeat(view.battery_kw[None, :], view.m, axis=0)
    takes, gives = _take_ranks(ranks[0], ranks[1]), _give_ranks(ranks[4], ranks[3])
    return Device(rows, store, rated_kw, rated_kw, gain, drain, takes, gives, view.contracted_kw)
