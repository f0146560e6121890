"""Figures of pools in balancing services, without the units they compete with: what was held, due and delivered, how exactly, for how much, and what came back afterwards.

Delivery is what was metered at the assets against the baseline declared before each interval. Beside it stands what devices were asked and gave tick by
tick, which physics alone knows, and the difference to the twin: what was given and taken back later is rebound.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from data.arrays import F64, I64, Bool
from experiments.kpis.facts import Facts, ratio, summed
from experiments.kpis.grid import Figure
from experiments.results.frame import Frame

TOO_DEAR = "above the price cap"
"""How the reason begins for which an auction refuses a dear offer (``markets.balancing.auction``)."""
FLEXIBLE = ("battery", "ev", "heat_pump", "water_heater")


def of_pools(facts: Facts, frame: Frame) -> Bool:
    """Rows of a table whose seller is a pool or joins pools, and no conventional unit."""
    units = [one["name"] for one in (facts.scenario.get("balancing") or {}).get("units") or ()]
    return ~np.isin(frame.names("seller"), units)


def _bought_kw_h(frame: Frame) -> F64:
    """Capacity bought by each offer, power times time."""
    hours = (frame.ints("to_ms") - frame.ints("t_ms")) / 3_600_000.0
    return np.asarray(frame.floats("accepted_kw") * hours)


def held_kw_h(facts: Facts) -> float | None:
    """Capacity bought of pools, power times time."""
    frame = facts.all("reserve_auctions")
    return None if frame is None else float(_bought_kw_h(frame)[of_pools(facts, frame)].sum())


def pool_share_percent(facts: Facts) -> float | None:
    """Part of all capacity bought that pools sold [%]."""
    frame = facts.all("reserve_auctions")
    if frame is None:
        return None
    bought = _bought_kw_h(frame)
    part = ratio(float(bought[of_pools(facts, frame)].sum()), float(bought.sum()))
    return None if part is None else 100.0 * part


def bought_percent(facts: Facts) -> float | None:
    """Capacity bought of what the operator needed, over all blocks for which anybody offered [%]."""
    frame = facts.all("reserve_auctions")
    if frame is None:
        return None
    block = frame.grouped("product", "t_ms")
    need = np.zeros(int(block.max()) + 1)
    np.maximum.at(need, block, frame.floats("need_kw"))
    part = ratio(float(frame.floats("accepted_kw").sum()), float(need.sum()))
    return None if part is None else 100.0 * part


class Shortage(NamedTuple):
    """Balancing capacity needed and bought, and why less was bought, power times time."""

    needed_kw_h: float
    bought_kw_h: float
    missing_kw_h: float
    not_offered_kw_h: float
    too_dear_kw_h: float
    unfit_kw_h: float


def shortage(frame: Frame) -> Shortage:
    """What of the needs of auctions was not bought, over all blocks for which anybody offered: not offered, above the price cap, or in quantities that are not bought."""
    block, hours = frame.grouped("product", "t_ms"), (frame.ints("to_ms") - frame.ints("t_ms")) / 3_600_000.0
    offered, accepted = frame.floats("offered_kw"), frame.floats("accepted_kw")
    dear = np.char.startswith(frame.names("reason").astype(str), TOO_DEAR) * (offered - accepted)
    need, length = np.zeros(int(block.max(initial=-1)) + 1), np.zeros(int(block.max(initial=-1)) + 1)
    np.maximum.at(need, block, frame.floats("need_kw"))
    np.maximum.at(length, block, hours)
    all_offered, bought, all_dear = (np.bincount(block, values, len(need)) for values in (offered, accepted, dear))
    missing = np.maximum(need - bought, 0.0)
    absent = np.minimum(missing, np.maximum(need - all_offered, 0.0))
    priced = np.minimum(missing - absent, all_dear)
    parts = (need, bought, missing, absent, priced, missing - absent - priced)
    return Shortage(*(float((part * length).sum()) for part in parts))


def rows_of(frame: Frame, service: str) -> Bool:
    """Rows of a service: fcr, afrr, mfrr, or all for an empty name."""
    return np.char.startswith(frame.names("product"), service)


def delivered_kw(frame: Frame) -> F64:
    """What was delivered of what was due, in its direction and no more, (rows,)."""
    due, found = frame.floats("due_kw"), frame.floats("delivered_kw")
    return np.where(due >= 0.0, np.clip(found, 0.0, due), -np.clip(found, due, 0.0))


def _energy(what: str, service: str = "") -> Figure:
    def figure(facts: Facts) -> float | None:
        frame = facts.days("reserve_deliveries")
        if frame is None:
            return None
        values = {
            "due": np.abs(frame.floats("due_kw")),
            "delivered": delivered_kw(frame),
            "missing": frame.floats("missing_kw"),
        }[what]
        return float(values[rows_of(frame, service) & of_pools(facts, frame)].sum()) * facts.hours

    return figure


def accuracy_percent(facts: Facts, service: str = "") -> float | None:
    """How near the measured change was to what was due: 100 % less the mean deviation over the power held [%].

    Assets serve several products at once, so a deviation is shared by the power held.
    """
    frame = facts.days("reserve_deliveries")
    if frame is None:
        return None
    mine = rows_of(frame, service) & (frame.floats("held_kw") > 0.0) & of_pools(facts, frame)
    off = np.abs(frame.floats("delivered_kw") - frame.floats("due_kw"))[mine]
    part = ratio(float(off.sum()), float(frame.floats("held_kw")[mine].sum()))
    return None if part is None else 100.0 * (1.0 - part)


def given_percent(facts: Facts) -> float | None:
    """What devices gave of what they were asked, tick by tick [%]."""
    frame = facts.days("reserve_responses")
    part = None if frame is None else ratio(frame.floats("missed_kwh").sum(), frame.floats("moved_kwh").sum())
    return None if part is None else 100.0 * (1.0 - part)


def _money(column: str) -> Figure:
    def figure(facts: Facts) -> float | None:
        frame = facts.all("reserve_deliveries")
        return None if frame is None else float(frame.floats(column)[of_pools(facts, frame)].sum())

    return figure


def result_eur(facts: Facts) -> float | None:
    """What the operator is left with of balancing energy: imbalances received less changes and energy paid, of all sellers (Reg. (EU) 2017/2195, article 44)."""
    stated, paid = facts.all("reserve_imbalances"), facts.all("reserve_deliveries")
    if stated is None or paid is None:
        return None
    spent = paid.floats("energy_eur").sum() + paid.floats("value_eur").sum()
    return float(stated.floats("paid_eur").sum() - spent)


def given_net_kwh(facts: Facts) -> float | None:
    """Net energy that devices gave, up above 0."""
    frame = facts.all("reserve_responses")
    return None if frame is None else float(frame.floats("given_kwh").sum())


def left_kwh(facts: Facts) -> float | None:
    """Energy that the flexible devices took less than in the twin, over the whole run: what has not come back by its end."""
    if facts.twin is None or facts.all("reserve_responses") is None:
        return None
    taken = []
    for one in (facts, facts.twin):
        frame = one.all("devices")
        if frame is None:
            return None
        mine = np.isin(frame.names("kind"), FLEXIBLE)
        taken.append(float(frame.floats("power_kw")[mine].sum()) * facts.hours)
    return taken[1] - taken[0]


def beside_kwh(facts: Facts) -> float | None:
    """What all flexible devices together did otherwise than in the twin beside what they gave, interval by interval: rebound, and what is kept ready."""
    given = facts.all("reserve_responses")
    if facts.twin is None or given is None:
        return None
    change: dict[int, float] = {}
    for one, sign in ((facts.twin, 1.0), (facts, -1.0)):
        frame = one.all("devices")
        if frame is None:
            return None
        mine = frame.where(np.isin(frame.names("kind"), FLEXIBLE))
        _add(change, mine.ints("t_ms"), sign * facts.hours * mine.floats("power_kw"))
    _add(change, given.ints("t_ms"), -given.floats("given_kwh"))
    return float(sum(abs(kwh) for kwh in change.values()))


def _add(sums: dict[int, float], t_ms: I64, kwh: F64) -> None:
    """Add energies by instant."""
    times, place = np.unique(t_ms, return_inverse=True)
    for at, value in zip(times.tolist(), summed(place, kwh).tolist(), strict=True):
        sums[at] = sums.get(at, 0.0) + value


def frequency_std_mhz(facts: Facts) -> float | None:
    """Standard deviation of the frequency over the delivery days [mHz]."""
    frame = facts.days("frequency")
    if frame is None:
        return None
    mean = frame.floats("mean_mhz")
    return float(np.sqrt((frame.floats("std_mhz") ** 2 + mean**2).mean() - mean.mean() ** 2))


def balanced_percent(facts: Facts) -> float | None:
    """Share of the area's imbalance that the reserves called take away, were they delivered as called [%]."""
    frame = facts.days("area_signals")
    if frame is None:
        return None
    imbalance = frame.floats("imbalance_kw")
    left = imbalance + frame.floats("afrr_kw") + frame.floats("mfrr_kw")
    part = ratio(float(np.abs(left).sum()), float(np.abs(imbalance).sum()))
    return None if part is None else 100.0 * (1.0 - part)


FIGURES: Mapping[str, Figure] = {
    "reserve_held_kw_h": held_kw_h,
    "reserve_bought_percent": bought_percent,
    "reserve_pool_share_percent": pool_share_percent,
    "reserve_due_kwh": _energy("due"),
    "reserve_delivered_kwh": _energy("delivered"),
    "reserve_missing_kwh": _energy("missing"),
    "reserve_accuracy_percent": accuracy_percent,
    "reserve_given_percent": given_percent,
    "reserve_given_net_kwh": given_net_kwh,
    "reserve_left_kwh": left_kwh,
    "reserve_beside_kwh": beside_kwh,
    "reserve_capacity_eur": _money("capacity_eur"),
    "reserve_energy_eur": _money("energy_eur"),
    "reserve_penalty_eur": _money("penalty_eur"),
    "reserve_result_eur": result_eur,
    "reserve_balanced_percent": balanced_percent,
    "frequency_std_mhz": frequency_std_mhz,
}
