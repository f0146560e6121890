"""The reference for home schedules: each home's problem as a linear programme, solved by HiGHS.

The population plan (``home_plan``) is measured against this. The matrix structure is built once per device mix (template); a home
brings coefficients, costs and bounds, and the basis of the home before it is the start. Same supply, same stores: what differs is
that all devices are optimised together. Missing comfort and power beyond the contract are bought at prices that no tariff
reaches, so that every home has a solution; :class:`Reference` tells how much of either was needed.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from agents.strategies import home_devices
from agents.strategies.home_devices import Device
from agents.strategies.home_model import cost_eur, own_controls, with_net
from agents.strategies.home_store import reach
from agents.strategies.home_view import HomePlan, HomeView, put_plan, take
from data.arrays import F64, I32, I64

BEYOND_EUR_PER_KWH = 10.0
"""Price of a kWh beyond the contracted power: above any tariff, below missing comfort."""
MISSING_EUR_PER_KWH = 50.0
"""Price of stored energy that appears from nowhere (electrical equivalent): comfort that cannot be kept."""


class Reference(NamedTuple):
    """The optimum of some homes: plan, energy beyond the contract (k,) [kWh], energy missing for comfort (k,) [kWh]."""

    plan: HomePlan
    beyond_kwh: F64
    missing_kwh: F64


class Template(NamedTuple):
    """Structure of the programme of one device mix over m steps.

    Columns come in blocks of m: import, export, beyond the contract; then for each device consumption, injection (if it can), content
    at the end of the step, content missing. Rows in blocks of m: power balance, then the content of each device.

    Attributes:
        blocks: first column of each block, by (device or "", name).
        n_columns: number of columns.
        n_rows: number of rows.
        starts: column starts of the compressed matrix.
        rows: row indices of the compressed matrix.
        order: position of each value of :func:`_values` in the compressed matrix.
    """

    blocks: dict[tuple[str, str], int]
    n_columns: int
    n_rows: int
    starts: I32
    rows: I32
    order: I64


def reference_cost(view: HomeView, rows: I64 | None = None) -> F64:
    """Least cost of some homes (all if none are named), energy and wear without penalties and tie cost; (k,) [EUR].

    Raises:
        RuntimeError: the solver did not find an optimum.
    """
    part = view if rows is None else take(view, rows)
    return cost_eur(part, reference(part).plan)


def reference(view: HomeView) -> Reference:
    """The optimum of each home; homes on manual control follow their devices' own controls.

    Raises:
        RuntimeError: the solver did not find an optimum.
    """
    powers = {name: np.zeros((view.n, view.m)) for name in home_devices.ORDER}
    beyond, missing = np.zeros(view.n), np.zeros(view.n)
    for mix, rows in _by_mix(view).items():
        solver = _Solver(_template(mix, view.m))
        for row in rows:
            home = take(view, slice(row, row + 1))
            solution = solver.solve(home, home_devices.devices(home))
            for name in mix:
                powers[name][row] = solution[name]
            beyond[row], missing[row] = solution["beyond"], solution["missing"]
    planned = with_net(view, **powers)
    manual = np.flatnonzero(~view.automatic)
    return Reference(put_plan(planned, manual, own_controls(take(view, manual))), beyond, missing)


def _by_mix(view: HomeView) -> dict[tuple[str, ...], list[int]]:
    ratings = dict(zip(home_devices.ORDER, (view.hp_kw, view.heater_kw, view.ev_kw, view.battery_kw), strict=True))
    mixes: dict[tuple[str, ...], list[int]] = {}
    for row in np.flatnonzero(view.automatic):
        mix = tuple(name for name, rating in ratings.items() if rating[row] > 0)
        mixes.setdefault(mix, []).append(int(row))
    return mixes


@lru_cache(maxsize=64)
def _template(mix: tuple[str, ...], m: int) -> Template:
    blocks = {("", name): k * m for k, name in enumerate(("import", "export", "beyond"))}
    for name in mix:
        for part in ("take", "give", "content", "missing") if name == "battery_kw" else ("take", "content", "missing"):
            blocks[name, part] = len(blocks) * m
    columns = np.concatenate([first + steps for (first, steps, _) in _entries(mix, m, blocks)])
    rows = np.concatenate([row for (_, _, row) in _entries(mix, m, blocks)])
    n_columns = len(blocks) * m
    order = np.lexsort((rows, columns))
    starts = np.searchsorted(columns[order], np.arange(n_columns + 1)).astype(np.int32)
    return Template(blocks, n_columns, (1 + len(mix)) * m, starts, rows[order].astype(np.int32), order)


def _entries(mix: tuple[str, ...], m: int, blocks: dict[tuple[str, str], int]) -> list[tuple[int, Any, Any]]:
    """(first column, steps, rows) of each group of matrix entries, in the order of :func:`_values`."""
    steps = np.arange(m)
    entries = [(blocks["", name], steps, steps) for name in ("import", "export", "beyond")]
    for k, name in enumerate(mix, start=1):
        own = k * m + steps
        entries += [(blocks[name, "take"], steps, steps), (blocks[name, "take"], steps, own)]
        if (name, "give") in blocks:
            entries += [(blocks[name, "give"], steps, steps), (blocks[name, "give"], steps, own)]
        entries += [(blocks[name, "content"], steps, own), (blocks[name, "content"], steps[:-1], own[1:])]
        entries += [(blocks[name, "missing"], steps, own)]
    return entries


def _values(devices: dict[str, Device], m: int) -> F64:
    """Matrix entries: balance import - export + beyond - consumption + injection; content - keep content - gain p = drift."""
    one = np.ones(m)
    parts = [one, -one, one]
    for device in devices.values():
        parts += [-one, -device.gain[:, 0]]
        if device.down_kw is not None:
            parts += [one, device.drain[:, 0]]
        parts += [one, np.repeat(-device.store.keep, m - 1), -one]
    return np.concatenate(parts)


class _Solver:
    """One HiGHS with a template; keeps the last basis as the next home's start."""

    def __init__(self, template: Template) -> None:
        import highspy

        self._template = template
        self._highspy = highspy
        self._highs = highspy.Highs()
        self._highs.silent()
        self._highs.setOptionValue("threads", 1)
        self._basis: Any = None

    def solve(self, home: HomeView, devices: dict[str, Device]) -> dict[str, Any]:
        """Powers by device (m,) and the energy bought at penalty prices, of one home."""
        self._pass(home, devices)
        if self._basis is not None:
            self._highs.setBasis(self._basis)
        status = self._highs.run()
        if (
            status != self._highspy.HighsStatus.kOk
            or self._highs.getModelStatus() != self._highspy.HighsModelStatus.kOptimal
        ):
            msg = f"home programme not solved: {status}, {self._highs.getModelStatus()}"
            raise RuntimeError(msg)
        self._basis = self._highs.getBasis()
        return self._read(np.asarray(self._highs.getSolution().col_value), devices, home)

    def _pass(self, home: HomeView, devices: dict[str, Device]) -> None:
        template, m = self._template, home.m
        cost, low, high = _columns(template, home, devices)
        right = np.concatenate([home.load_kw[0] - home.pv_kw[0], *(_right(device) for device in devices.values())])
        model = self._highspy.HighsLp()
        model.num_col_, model.num_row_ = template.n_columns, template.n_rows
        model.col_cost_, model.col_lower_, model.col_upper_ = cost, low, high
        model.row_lower_, model.row_upper_ = right, right
        model.a_matrix_.format_ = self._highspy.MatrixFormat.kColwise
        model.a_matrix_.start_, model.a_matrix_.index_ = template.starts, template.rows
        model.a_matrix_.value_ = _values(devices, m)[template.order]
        self._highs.passModel(model)

    def _read(self, columns: F64, devices: dict[str, Device], home: HomeView) -> dict[str, Any]:
        blocks, m = self._template.blocks, home.m
        block = {key: columns[first : first + m] for key, first in blocks.items()}
        read: dict[str, Any] = {name: block[name, "take"] - block.get((name, "give"), 0.0) for name in devices}
        read["beyond"] = float(block["", "beyond"].sum()) * home.hours
        lacks = [
            float((block[name, "missing"] / device.gain[:, 0]).sum()) * home.hours for name, device in devices.items()
        ]
        read["missing"] = sum(lacks)
        return read


def _right(device: Device) -> F64:
    """Drift of the content; the first step carries the present content."""
    right = device.store.drift[:, 0].copy()
    right[0] += device.store.keep[0] * device.store.start[0]
    return right


def _columns(template: Template, home: HomeView, devices: dict[str, Device]) -> tuple[F64, F64, F64]:
    """Cost, lower and upper bound of each column."""
    m, hours = home.m, home.hours
    delay = home.early_eur_per_kwh_h[0] * np.arange(m) * hours
    buy = home.buy_eur_per_kwh[0] + delay
    sell = np.minimum(home.sell_eur_per_kwh[0], home.buy_eur_per_kwh[0]) + delay
    cost, low = np.zeros(template.n_columns), np.zeros(template.n_columns)
    high = np.full(template.n_columns, np.inf)

    def put(key: tuple[str, str], price: Any, bottom: Any, top: Any) -> None:
        where = slice(template.blocks[key], template.blocks[key] + m)
        cost[where], low[where], high[where] = price, bottom, top

    put(("", "import"), buy * hours, 0.0, np.maximum(home.contracted_kw[0], 0.0))
    put(("", "export"), -sell * hours, 0.0, np.inf)
    put(("", "beyond"), (buy + BEYOND_EUR_PER_KWH) * hours, 0.0, np.inf)
    for name, device in devices.items():
        most = reach(device.store, device.up_kw * device.gain)
        bottom = np.minimum(device.store.low, most)[:, 0]
        put((name, "take"), 0.0, 0.0, device.up_kw[:, 0])
        if device.down_kw is not None:
            put((name, "give"), home.battery_wear_eur_per_kwh[0] * hours, 0.0, device.down_kw[:, 0])
        put((name, "content"), 0.0, bottom, np.maximum(device.store.high, most)[:, 0])
        put((name, "missing"), MISSING_EUR_PER_KWH * hours / device.gain[:, 0], 0.0, np.inf)
    return cost, low, high
