"""The common optimum of a community as one linear programme: members with their devices, what they exchange, what the grid asks.

A member is a balance of net load with its devices as stores (``home_devices``), import and export. Members of equal coefficients form a
class: inside, what they buy and sell together is what counts; who of them it was is decided afterwards (``community_trades``).

Rows and columns of a member, of shape (n, m):

    import + beyond - export = load - pv + curtailed + consumption of devices - injection
    export + curtailed - injection <= pv                                         (only where a retailer undercuts the others)
    content = keep content_before + drift + gain consumption - drain injection + missing

**One optimum.** A kWh of device consumption or injection carries a tie cost below ``TIE_EUR_PER_KWH``, drawn by member's name, device and
step, and one of delay: of schedules at equal cost one is cheapest, whatever the order of members or the basis of the start.

Missing comfort and power beyond the contract are bought at prices that no tariff reaches, limits of the grid are passed at one below
these, so that there always is a solution that says what could not be kept.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from agents.strategies import home_devices
from agents.strategies.community_view import SHORT_EUR_PER_KWH, Coefficients, Community, Need, members, no_need, of_rows
from agents.strategies.home_devices import Device
from agents.strategies.home_lp import BEYOND_EUR_PER_KWH, MISSING_EUR_PER_KWH
from agents.strategies.home_model import own_controls
from agents.strategies.home_store import reach
from agents.strategies.home_view import EARLY_EUR_PER_KWH_H, HomePlan, HomeView, take
from data.arrays import F64, I64, Bool
from environment.chance import Stream, name_hashes
from markets.programme import Found, Programme, Solver

TIE_EUR_PER_KWH = 5e-6
"""Greatest tie cost of a kWh: a home's day of 30 kWh pays at most 0.00015 EUR for having one optimum."""


class Members(NamedTuple):
    """Columns and rows of members in a programme; of devices, by name, those of their owners."""

    imported: I64
    exported: I64
    beyond: I64
    curtailed: I64
    devices: dict[str, Device]
    taken: dict[str, I64]
    given: dict[str, I64]
    missing: dict[str, I64]


class Answer(NamedTuple):
    """What members do, (n, m) [kW]: import and export of which the net load is the difference, and what could not be kept, (n,) [kWh]."""

    imported_kw: F64
    exported_kw: F64
    curtailed_kw: F64
    plan: HomePlan
    beyond_kwh: F64
    missing_kwh: F64


def undercut(of: Community, count: Coefficients) -> bool:
    """Whether somebody's retailer is cheaper than what others would pay inside: then import and export at once would pay."""
    worth = (count.supply - count.bought).max(axis=0)
    return bool((count.supply + count.sold < worth - 1e-12).any())


def add_members(programme: Programme, of: Community, count: Coefficients, *, guarded: bool) -> Members:
    """Add the members: all that concerns one of them alone.

    Args:
        programme: to be grown.
        of: the members.
        count: what a kWh counts.
        guarded: with the rows that keep exports within generation.
    """
    view, shape, h = of.view, (of.n, of.m), of.view.hours
    devices, fixed = home_devices.devices(view), _fixed_kw(of)
    contract, most_out = _limits(view)
    imported = programme.columns(shape, 0.0, contract, count.supply * h)
    exported = programme.columns(shape, 0.0, most_out, count.surplus * h)
    beyond = programme.columns(shape, 0.0, np.inf, (count.supply + BEYOND_EUR_PER_KWH) * h)
    most = np.where(view.curtailable[:, None], view.pv_kw, 0.0)
    tie = ties(of.names, of.m, h)
    curtailed = programme.columns(shape, 0.0, most, tie["pv"] * h)
    balance = programme.rows(shape, fixed, fixed)
    for columns, sign in ((imported, 1.0), (beyond, 1.0), (exported, -1.0), (curtailed, -1.0)):
        programme.put(balance, columns, sign)
    found = Members(imported, exported, beyond, curtailed, devices, {}, {}, {})
    for name, device in devices.items():
        _add_device(programme, found, name, balance, tie[name][device.rows] * h, count.wear[device.rows] * h, h)
    if guarded:
        within = programme.rows(shape, -np.inf, view.pv_kw)
        programme.put(within, exported, 1.0)
        programme.put(within, curtailed, 1.0)
        for name, columns in found.given.items():
            programme.put(within[devices[name].rows], columns, -1.0)
    return found


def _limits(view: HomeView) -> tuple[F64, F64]:
    """Greatest import, (n, 1), and export, (n, m) [kW]: the contract, and all generation and the battery."""
    battery = np.where(view.automatic, view.battery_kw, 0.0)[:, None]
    return np.maximum(view.contracted_kw, 0.0)[:, None], view.pv_kw + battery


def _fixed_kw(of: Community) -> F64:
    """Net load without what the programme decides: load less generation, and devices under their own control."""
    view = of.view
    fixed = view.load_kw - view.pv_kw
    manual = np.flatnonzero(~view.automatic)
    if len(manual):
        fixed[manual] = own_controls(take(view, manual)).net_kw
    return fixed


def _add_device(
    programme: Programme, into: Members, name: str, balance: I64, tie: F64, wear: F64, hours: float
) -> None:
    device = into.devices[name]
    store, shape = device.store, (len(device.rows), device.up_kw.shape[0])
    most = reach(store, device.up_kw * device.gain)
    low = np.where(store.low > -np.inf, np.minimum(store.low, most), store.low)
    taken = into.taken[name] = programme.columns(shape, 0.0, device.up_kw.T, tie)
    content = programme.columns(shape, low.T, np.maximum(store.high, most).T)
    missing = into.missing[name] = programme.columns(shape, 0.0, np.inf, MISSING_EUR_PER_KWH * hours / device.gain.T)
    right = store.drift.T.copy()
    right[:, 0] += store.keep * store.start
    rows = programme.rows(shape, right, right)
    programme.put(balance[device.rows], taken, -1.0)
    programme.put(rows, content, 1.0)
    programme.put(rows[:, 1:], content[:, :-1], -store.keep[:, None])
    programme.put(rows, taken, -device.gain.T)
    programme.put(rows, missing, -1.0)
    if device.down_kw is not None:
        given = into.given[name] = programme.columns(shape, 0.0, device.down_kw.T, wear[:, None] + tie)
        programme.put(balance[device.rows], given, 1.0)
        programme.put(rows, given, device.drain.T)


@lru_cache(maxsize=8)
def ties(names: tuple[str, ...], m: int, hours: float) -> dict[str, F64]:
    """Tie cost by device, (n, m) [EUR/kWh]: a draw by name, device and step, and delay."""
    owners, steps = name_hashes(names)[:, None], np.arange(m)[None, :]
    delay = EARLY_EUR_PER_KWH_H * steps * hours
    kinds = ("pv", *home_devices.ORDER)
    return {kind: delay + TIE_EUR_PER_KWH * Stream(0, f"tie.{kind}").uniform(owners, steps) for kind in kinds}


def answer_of(of: Community, columns: Members, found: F64) -> Answer:
    """What the members do in a solution."""
    view = of.view
    powers = {name: np.zeros((of.n, of.m)) for name in home_devices.ORDER}
    beyond, missing = found[columns.beyond].sum(axis=1) * view.hours, np.zeros(of.n)
    for name, device in columns.devices.items():
        powers[name][device.rows] = found[columns.taken[name]]
        if name in columns.given:
            powers[name][device.rows] -= found[columns.given[name]]
        missing[device.rows] += (found[columns.missing[name]] / device.gain.T).sum(axis=1) * view.hours
    manual = np.flatnonzero(~view.automatic)
    if len(manual):
        own = own_controls(take(view, manual))
        for name in home_devices.ORDER:
            powers[name][manual] = getattr(own, name)
    curtailed = found[columns.curtailed]
    imported = found[columns.imported] + found[columns.beyond]
    exported = found[columns.exported]
    plan = HomePlan(
        powers["ev_kw"], powers["battery_kw"], powers["heater_kw"], powers["heat_pump_kw"], imported - exported
    )
    return Answer(imported, exported, curtailed, plan, beyond, missing)


def put_sides(
    solver: Solver, own: Members, view: HomeView, importing: Bool | np.bool_, exporting: Bool | np.bool_
) -> None:
    """Who may import and who may export when."""
    contract, most = _limits(view)
    solver.column_bounds(own.imported, 0.0, np.where(importing, contract, 0.0))
    solver.column_bounds(own.exported, 0.0, np.where(exporting, most, 0.0))


def mixture(answers: list[Answer], weights: F64) -> Answer:
    """Answers of the same members, mixed; weights sum to 1."""
    used = np.flatnonzero(weights > 0.0)
    return _by_part([answers[k] for k in used], lambda parts: np.tensordot(weights[used], np.stack(parts), axes=1))


def stacked(answers: list[Answer]) -> Answer:
    """Answers of members one after the other."""
    return _by_part(answers, np.concatenate)


def _by_part(answers: list[Answer], joined: Callable[[list[F64]], F64]) -> Answer:
    def part(name: str) -> F64:
        return joined([getattr(one, name) for one in answers])

    plan = HomePlan(*(joined([getattr(one.plan, name) for one in answers]) for name in HomePlan._fields))
    return Answer(
        part("imported_kw"), part("exported_kw"), part("curtailed_kw"), plan, part("beyond_kwh"), part("missing_kwh")
    )


def apart(of: Community, count: Coefficients, together: int = 20) -> Answer:
    """Every member's own optimum with its retailer; some are solved in one programme, which changes nothing but the time.

    Raises:
        RuntimeError: the solver found none.
    """
    answers = []
    for first in range(0, of.n, together):
        rows = slice(first, first + together)
        programme, some = Programme(), members(of, rows)
        own = add_members(programme, some, of_rows(count, rows), guarded=False)
        answers.append(answer_of(some, own, Solver(programme).solve().columns))
    return stacked(answers)


class Sold(NamedTuple):
    """Flexibility sold, and what the net load is beyond limits, (m,) each [kW]."""

    up_kw: F64
    down_kw: F64
    over_kw: F64
    under_kw: F64


class Common(NamedTuple):
    """The optimum of all: what members do, prices of a kWh inside and of less net load (m,), flexibility sold, cost."""

    answer: Answer
    inside: F64
    net: F64
    sold: Sold
    cost: float


class Monolith:
    """The programme of the whole community, built once; each need is other bounds and costs.

    Args:
        of: the community.
        count: what a kWh counts.
    """

    def __init__(self, of: Community, count: Coefficients) -> None:
        self._of, self._count = of, count
        programme = Programme()
        self._members = add_members(programme, of, count, guarded=undercut(of, count))
        self._inside = _add_trade(programme, of, count, self._members)
        self._grid = add_grid(programme, of.m, of.view.hours)
        for columns, sign in (("imported", 1.0), ("beyond", 1.0), ("exported", -1.0)):
            programme.put(self._grid.balance, getattr(self._members, columns), sign)
        self._solver = Solver(programme)

    def solve(self, need: Need | None = None) -> Common:
        """The optimum under a need.

        Raises:
            RuntimeError: the solver found none.
        """
        self._grid.ask(self._solver, need or no_need(self._of.m), self._of.view.hours, self._count.money)
        return self._read(self._solver.solve())

    def fix_sides(self, net_kw: F64) -> None:
        """Let members only import where their net load is above 0, only export elsewhere."""
        put_sides(self._solver, self._members, self._of.view, net_kw > 0.0, net_kw <= 0.0)

    def free_sides(self) -> None:
        """Let members import and export."""
        put_sides(self._solver, self._members, self._of.view, np.True_, np.True_)

    def _read(self, found: Found) -> Common:
        x, hours, grid = found.columns, self._of.view.hours, self._grid
        return Common(
            answer_of(self._of, self._members, x), found.rows[self._inside] / hours, -found.rows[grid.balance] / hours,
            grid.read(x), found.cost,
        )  # fmt: skip


def classes(count: Coefficients) -> tuple[I64, F64, F64]:
    """Members of equal coefficients: class of each (n,), and what a kWh bought and sold inside changes, (classes, m)."""
    table = np.concatenate([count.supply, count.surplus, count.bought, count.sold], axis=1)
    _, first, which = np.unique(table, axis=0, return_index=True, return_inverse=True)
    buys = (count.bought - count.supply)[first]
    sells = (count.sold - count.surplus)[first]
    return which.reshape(-1), buys, sells


def _add_trade(programme: Programme, of: Community, count: Coefficients, members: Members) -> I64:
    """Bought and sold inside by class; returns the rows in which they are equal."""
    which, buys, sells = classes(count)
    hours, shape = of.view.hours, buys.shape
    inside = programme.rows((of.m,), 0.0, 0.0)
    for columns, cost, sign in ((members.imported, buys, 1.0), (members.exported, sells, -1.0)):
        traded = programme.columns(shape, 0.0, np.inf, cost * hours)
        within = programme.rows(shape, 0.0, np.inf)
        programme.put(within[which], columns, 1.0)
        programme.put(within, traded, -1.0)
        programme.put(np.broadcast_to(inside, shape), traded, -sign)
    return inside


class Grid(NamedTuple):
    """Columns and rows of the community's net load and of what the grid asks, (m,) each."""

    net: I64
    balance: I64
    up: I64
    down: I64
    over: I64
    under: I64
    most: I64
    least: I64

    def ask(self, solver: Solver, need: Need, hours: float, money: float) -> None:
        """Put a need into a solver."""
        up, down = need.up_kw > 0.0, need.down_kw > 0.0
        solver.column_bounds(self.up, need.up_least_kw, need.up_kw)
        solver.column_bounds(self.down, need.down_least_kw, need.down_kw)
        solver.costs(self.up, -need.up_eur_per_kwh * hours * money)
        solver.costs(self.down, -need.down_eur_per_kwh * hours * money)
        solver.column_bounds(self.over, 0.0, np.where(np.isfinite(need.high_kw) | up, np.inf, 0.0))
        solver.column_bounds(self.under, 0.0, np.where(np.isfinite(need.low_kw) | down, np.inf, 0.0))
        solver.row_bounds(self.most, -np.inf, np.where(up, need.baseline_kw, np.inf))
        solver.row_bounds(self.least, np.where(down, need.baseline_kw, -np.inf), np.inf)
        solver.column_bounds(self.net, need.low_kw, need.high_kw)

    def read(self, found: F64) -> Sold:
        """What is sold and passed in a solution."""
        return Sold(found[self.up], found[self.down], found[self.over], found[self.under])


def add_grid(programme: Programme, m_steps: int, hours: float) -> Grid:
    """The community's net load: balance of what is put in = net + over - under; net + up <= baseline, net - down >= baseline."""
    m, penalty = (m_steps,), SHORT_EUR_PER_KWH * hours
    net = programme.columns(m, -np.inf, np.inf)
    up, down = programme.columns(m, 0.0, 0.0), programme.columns(m, 0.0, 0.0)
    over, under = programme.columns(m, 0.0, 0.0, penalty), programme.columns(m, 0.0, 0.0, penalty)
    balance = programme.rows(m, 0.0, 0.0)
    most, least = programme.rows(m, -np.inf, np.inf), programme.rows(m, -np.inf, np.inf)
    for columns, sign in ((net, -1.0), (over, -1.0), (under, 1.0)):
        programme.put(balance, columns, sign)
    for rows, part, sign in ((most, up, 1.0), (least, down, -1.0)):
        programme.put(rows, net, 1.0)
        programme.put(rows, part, sign)
    return Grid(net, balance, up, down, over, under, most, least)
