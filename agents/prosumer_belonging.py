"""What homes know of the community that they belong to, and what they tell it: columns of its messages, one row a member (SUC02.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.prosumer_book import HomeBook
from agents.prosumer_day import DayPlan
from agents.prosumer_hems import Hems
from agents.strategies.home_model import simulate
from agents.strategies.home_plan import plan as cheapest
from agents.strategies.home_sheets import CAPACITY, FORECAST
from agents.strategies.home_view import HomePlan, HomeView, take
from data.arrays import F64, I64, Bool
from environment.instruments import Readings
from environment.messages.base import Batch
from environment.messages.community import (
    CommunityRules,
    DerSchedule,
)

RATED = {"battery": "battery_kw", "ev": "ev_kw", "water-heater": "heater_kw", "heat-pump": "hp_kw"}


@dataclass(frozen=True)
class Belonging:
    """Homes that were asked to join one community.

    Attributes:
        community: its name, and the address of its manager.
        platform: address of its management platform.
        planner: address that schedules.
        market: address of its transactions microservice.
        billing: address of the billing system.
        dso: address of the operator.
        rows: the homes, ascending, (k,).
        hems: numbers of their HEMS addresses, (k,).
        consent: whether each lets its data be used, (k,).
        tariff: name of the tariff of each.
        assets: plants that members share.
        owned: share of each home of each plant, (k, assets).
        pv: whether each has a plant of its own, (k,).
        leaves_ms: when each leaves, (k,); 0: it stays.
        notice_ms: how long before it says so.
        asks: (days, k) where the people of a home ask for its indicators after a day.
        asks_after_ms: how long after a day they do.
        reads_after_ms: how long after a day the meters of the resources are read out.
        rights: who uses which right over its data when, (instant, row, right), in order of time.
    """

    community: str
    platform: str
    planner: str
    market: str
    billing: str
    dso: str
    rows: I64
    hems: I64
    consent: Bool
    tariff: tuple[str, ...]
    assets: tuple[str, ...]
    owned: F64
    pv: Bool
    leaves_ms: I64
    notice_ms: int
    asks: Bool
    asks_after_ms: int
    reads_after_ms: int
    rights: tuple[tuple[int, int, str], ...] = ()

    def places(self, hems: I64) -> I64:
        """Places of HEMS addresses in ``rows``."""
        order = np.argsort(self.hems)
        return np.asarray(order[np.searchsorted(self.hems, hems, sorter=order)], np.int64)


def approval(book: HomeBook, rows: I64, rules: Batch[CommunityRules], steps: slice) -> tuple[Bool, list[str]]:
    """Whether homes approve the rules of a community, and why not.

    What a kWh shared inside can bring is the difference between buying and selling price less the grid tariff, and half of it is a fair
    part. Who hands over control of its devices wants at least its own reservation price for that; who keeps control wants to gain at all.
    """
    buy = book.buy_eur_per_kwh[book.tariff[rows], steps].mean(axis=1)
    sell = book.sell_eur_per_kwh[book.tariff[rows], steps].mean(axis=1)
    gain = 0.5 * (buy - sell - rules["grid_tariff_eur_per_kwh"])
    central = np.array([mode == "centralised" for mode in rules["mode"]])
    wanted = np.where(central, book.reservation_eur_per_kwh[rows], 0.0)
    approved = (gain > 0.0) & (gain >= wanted)
    reasons = [
        "" if yes else f"a shared kWh brings {got:.3f} EUR, {least - got:.2g} less than it wants"
        for yes, got, least in zip(approved.tolist(), gain.tolist(), wanted.tolist(), strict=True)
    ]
    return approved, reasons


def registration(
    book: HomeBook, of: Belonging, rules: Batch[CommunityRules], steps: slice, automatic: Bool
) -> dict[str, NDArray[Any]]:
    """Columns of ``MemberRegistration`` of the homes that were asked."""
    place = of.places(rules.receiver)
    rows = of.rows[place]
    approved, reasons = approval(book, rows, rules, steps)
    fixed = dict(book._static, automatic=automatic)
    ders = [_ders(book, fixed, int(row), bool(of.pv[at])) for row, at in zip(rows, place, strict=True)]
    names = [book.names[row] for row in rows]
    same = ("community", "kind", "min_members", "objective", "price_rule", "grid_tariff_eur_per_kwh")
    own = {
        "member": names,
        "reason": reasons,
        "ders": [tuple(key for key, _ in one) for one in ders],
        "technologies": [tuple(kind for _, kind in one) for one in ders],
        "assets": [of.assets] * len(rows),
        "meter": [f"{name}/meter" for name in names],
        "tariff": [of.tariff[at] for at in place],
    }
    return (
        {name: rules[name] for name in same}
        | {name: _objects(values) for name, values in own.items()}
        | {
            "approved": approved,
            "consent": of.consent[place],
            "ownership_share": of.owned[place],
            "buy_eur_per_kwh": book.buy_eur_per_kwh[book.tariff[rows], steps].mean(axis=1),
            "sell_eur_per_kwh": book.sell_eur_per_kwh[book.tariff[rows], steps].mean(axis=1),
        }
        | {name: fixed[name][rows] for name in CAPACITY}
    )


def _ders(book: HomeBook, fixed: Mapping[str, NDArray[Any]], row: int, pv: bool) -> list[tuple[str, str]]:
    kinds = [kind for kind, rating in RATED.items() if fixed[rating][row] > 0.0] + (["pv"] if pv else [])
    return [(f"{book.names[row]}/{kind}", kind) for kind in kinds]


def forecast(hems: Hems, day: DayPlan, rows: I64) -> dict[str, NDArray[Any]]:
    """Columns of ``DerForecast`` of homes: what their plan of the next day was made on, and what it says."""
    n = len(rows)
    view = take(_view(day), rows)
    columns: dict[str, NDArray[Any]] = {name: np.asarray(getattr(view, name), np.float64) for name in FORECAST}
    for store, least, most in (
        ("battery_soc_kwh", view.battery_min_kwh, view.battery_max_kwh),
        ("ev_kwh", 0.0, view.ev_kwh_capacity),
    ):
        columns[store] = np.clip(
            columns[store], least, most
        )  # what a plan expects may lie beyond where reality has moved
    columns["battery_end_kwh"] = np.minimum(
        np.maximum(view.battery_end_kwh, view.battery_min_kwh), view.battery_max_kwh
    )
    columns["ev_end_kwh"] = np.maximum(view.ev_end_kwh, 0.0)
    columns |= {
        "member": _objects([hems.book.names[row] for row in rows]),
        "consent": np.ones(n, np.bool_),
        "from_ms": np.full(n, hems.timeline.starts_ms[day.first], np.int64),
        "step_s": np.full(n, hems.timeline.step_ms / 1000.0),
        "plan_kw": day.plan.net_kw[rows],
    }
    return columns


def adopt(hems: Hems, rows: I64, schedule: Batch[DerSchedule]) -> Bool:
    """Follow a schedule in place of the own plan of the next day; says which homes can: those that planned these steps and obey.

    The own forecasts stay, so that comfort, departures and the contract are kept in real time as under the own plan.
    """
    day = hems.next
    if day is None:
        return np.zeros(len(rows), np.bool_)
    fits = (schedule["from_ms"] == hems.timeline.starts_ms[day.first]) & hems.automatic[rows]
    fits &= schedule["net_kw"].shape[1] == day.m
    mine = rows[fits]
    if not len(mine):
        return np.asarray(fits)
    view = take(_view(day), mine)
    powers = {name: schedule[name][fits] for name in ("ev_kw", "battery_kw", "heater_kw", "heat_pump_kw")}
    plan = HomePlan(**powers, net_kw=_net(view, powers))
    day.splice(mine, 0, view, plan, simulate(view, plan).ev_kwh)
    return np.asarray(fits)


def plan_next_alone(hems: Hems, rows: I64) -> None:
    """Plan the next day of some homes at least cost again, in place of a schedule that was taken over."""
    day = hems.next
    if day is None or not len(rows):
        return
    view = take(_view(day), rows)
    plan = cheapest(view)
    day.splice(rows, 0, view, plan, simulate(view, plan).ev_kwh)


def view_of_next(hems: Hems) -> HomeView:
    """What all homes planned the next day on."""
    assert hems.next is not None
    return _view(hems.next)


def _view(day: DayPlan) -> HomeView:
    """What all homes planned the day on; homes in communities keep it."""
    first = day.views[0]
    columns: list[Any] = [np.concatenate([view[k] for view in day.views]) for k in range(2, len(first))]
    return HomeView(first.hours, first.start_step, *columns)


def _net(view: HomeView, powers: Mapping[str, F64]) -> F64:
    return np.asarray(view.load_kw - view.pv_kw + sum(powers.values()), np.float64)


class DerMeters:
    """The meters of the members' resources, as they read them out: energies of every step, (homes, steps) each."""

    def __init__(self, homes: int, steps: int) -> None:
        self.generation_kwh, self.storage_in_kwh, self.storage_out_kwh = np.zeros((3, homes, steps))

    def read(self, step: int, readings: Readings, hours: float) -> None:
        """Note the step that ended."""
        generation, battery = np.nan_to_num(readings["pv_mean_kw"]), np.nan_to_num(readings["battery_mean_kw"])
        self.generation_kwh[:, step] = np.maximum(generation, 0.0) * hours
        self.storage_in_kwh[:, step] = np.maximum(battery, 0.0) * hours
        self.storage_out_kwh[:, step] = np.maximum(-battery, 0.0) * hours

    def columns(self, rows: I64, steps: slice) -> dict[str, F64]:
        """The three registers of some homes in some steps."""
        names = ("generation_kwh", "storage_in_kwh", "storage_out_kwh")
        return {name: getattr(self, name)[rows, steps] for name in names}


def _objects(values: list[Any]) -> NDArray[Any]:
    column = np.empty(len(values), object)
    column[:] = values
    return column
