"""The physical side of a world: devices, meters and the grid, advanced together (rank 0).

At the end of every step all devices are integrated to the instant, the meters are read and the devices' own displays refreshed. At the
SCADA period the powers of the instant are taken; the grid is solved for them when the control room looks. The flows of mean power per
step, which figures and tables use, feed nothing back and are solved in one batch at the end (law 12).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from data.arrays import F64, I64
from environment.calendar import Timeline
from environment.devices.fleet import Fleet
from environment.devices.reserve import Account
from environment.devices.set_points import Priority
from environment.grid.flow import Flow
from environment.grid.power_flow import PowerFlow
from environment.instruments import Controls, MeterStore, Readings, Request, ScadaView

FLEXIBLE = ("ev", "battery", "water_heater", "heat_pump")
"""Kinds that a home's energy management sets."""


@dataclass(frozen=True)
class Installed:
    """The fleet of one kind and whose it is.

    Attributes:
        fleet: the devices.
        owner: number of the home of every device, shape (devices,), each once; for plants the number among plants.
        meter: number of the meter behind which each device is, shape (devices,).
        kvar_per_kw: reactive power per active power.
    """

    fleet: Fleet
    owner: I64
    meter: I64
    kvar_per_kw: float = 0.0


@dataclass(frozen=True)
class Uncontrolled:
    """Net load behind every meter that nobody controls: appliances, shops, aggregated grids, plants by profile.

    Attributes:
        homes_kw: of the homes, whose meters are the first, shape (homes, steps).
        kvar_per_kw: their reactive power per active power.
        others_kw: behind the other meters, shape (others, steps).
        others_kvar: likewise.
    """

    homes_kw: F64
    kvar_per_kw: float
    others_kw: F64
    others_kvar: F64

    def kw(self, steps: int | slice) -> F64:
        """Behind every meter in a step or some, shape (meters,) or (meters, steps), a copy."""
        return np.concatenate([self.homes_kw[:, steps], self.others_kw[:, steps]])

    def kvar(self, steps: int | slice) -> F64:
        """Reactive power, likewise."""
        return np.concatenate([self.kvar_per_kw * self.homes_kw[:, steps], self.others_kvar[:, steps]])


@dataclass
class GridSide:
    """The grid as it is: its switching states over time, where meters are connected, and the control room's view.

    Attributes:
        bus: bus of every meter, shape (meters,).
        states: (from_ms, power flow in the switching state from then on), ascending.
        scada: the view that snapshots are written to.
        measure: flow of T instants, the instants (T,) [ms] -> values of the points of the view, with noise, (T, points).
    """

    bus: I64
    states: Sequence[tuple[int, PowerFlow]]
    scada: ScadaView | None = None
    measure: Callable[[Flow, I64], F64] | None = None

    def switch(self, from_ms: int, state: PowerFlow) -> None:
        """Bring the grid into a switching state from an instant on."""
        others = [one for one in self.states if one[0] != from_ms]
        self.states = sorted([*others, (from_ms, state)], key=lambda one: one[0])

    def at(self, t_ms: int) -> PowerFlow:
        """The power flow in the switching state of an instant."""
        return next(flow for start, flow in reversed(self.states) if start <= t_ms)


@dataclass
class Record:
    """What was lived, per step of the run: mean power and state of every device, shape (devices, steps) each.

    Of kinds with ``inner_values`` (a tank with layers) these are kept too, by name, and the set-point at the end of the step; of
    reserves what was asked and given (``environment.devices.reserve.Account``), by kind, (step, account).
    """

    power_kw: dict[str, F64] = field(default_factory=dict)
    state: dict[str, F64] = field(default_factory=dict)
    inner: dict[str, dict[str, F64]] = field(default_factory=dict)
    set_kw: dict[str, F64] = field(default_factory=dict)
    reserve: dict[str, list[tuple[int, Account]]] = field(default_factory=dict)


class Physics:
    """Devices behind meters on a grid.

    Args:
        timeline: the steps, history included; recording starts at instant 0.
        homes: number of homes.
        installed: fleets by kind.
        uncontrolled: the rest behind every meter.
        meters: the meters' store; homes come first.
        grid: where the meters are connected.
        snapshot_ms: period of SCADA snapshots.
        displays: what the devices show their homes: columns of ``Readings`` from (physics, step).
        publish: called at the end of every step (weather service).

    Attributes:
        watched: whether anybody looks at the control room's picture; no powers of an instant are worked out where nobody does.
        live: whether homes see powers and states of the instant at every snapshot too, as who controls within the step needs it.
        submeters: readings of dedicated measurement devices at the controllable devices of each home, where there are any.
    """

    def __init__(
        self,
        timeline: Timeline,
        homes: int,
        installed: Mapping[str, Installed],
        uncontrolled: Uncontrolled,
        meters: MeterStore,
        grid: GridSide,
        snapshot_ms: int,
        displays: Callable[["Physics", int], dict[str, F64]],
        publish: Callable[[int], None] = lambda now_ms: None,
    ) -> None:
        self.timeline = timeline
        self.homes = homes
        self.installed = dict(installed)
        self.uncontrolled = uncontrolled
        self.meters = meters
        self.grid = grid
        self.step_ms = timeline.step_ms
        self.snapshot_ms = snapshot_ms
        self.readings = Readings()
        self.controls = Controls()
        self.record = Record()
        self.first = timeline.index(0)
        self._displays = displays
        self.publish = publish
        self._flexible_kw = np.zeros(homes)
        self._generation_kw = np.zeros(homes)
        self.watched = True
        self.live = False
        self.submeters: MeterStore | None = None
        self._unsolved: list[tuple[int, PowerFlow, F64, F64]] = []
        self._rest_kw = self._rest_kvar = -1, np.empty(0)
        self._plant_kw = np.zeros(self.installed["mv_plant"].fleet.n if "mv_plant" in self.installed else 0)
        self._row_of = {kind: _places(one.owner, homes) for kind, one in self.installed.items()}
        for kind, one in self.installed.items():
            shape = (one.fleet.n, timeline.n - self.first)
            self.record.power_kw[kind] = np.full(shape, np.nan)
            self.record.state[kind] = np.full(shape, np.nan)
            if hasattr(one.fleet.kind, "inner_values"):
                self.record.inner[kind] = {}
                self.record.set_kw[kind] = np.full(shape, np.nan)

    # --- time ----------------------------------------------------------------------------------------------------------

    def close_step(self, now_ms: int) -> None:
        """Integrate to ``now_ms``, the end of a step; read the meters and refresh the displays."""
        step = self.timeline.index(now_ms) - 1
        hours = self.timeline.hours
        kw, flexible = self._uncontrolled_kw(step).copy(), np.zeros(self.homes)
        for kind, one in self.installed.items():
            one.fleet.advance(now_ms)
            power = one.fleet.step_energy(step) / hours
            kw[one.meter] += power
            account = one.fleet.reserve.account(step)
            if account is not None:
                self.record.reserve.setdefault(kind, []).append((step - self.first, account))
            if self.submeters is not None and kind in FLEXIBLE:
                flexible[one.owner] += power
            if step >= self.first:
                self.record.power_kw[kind][:, step - self.first] = power
                self.record.state[kind][:, step - self.first] = one.fleet.state_value
                if kind in self.record.inner:
                    found = one.fleet.kind.inner_values(one.fleet.ratings, one.fleet.state)  # type: ignore[attr-defined]
                    for name, column in found.items():
                        series = self.record.inner[kind].setdefault(name, np.full_like(self.record.state[kind], np.nan))
                        series[:, step - self.first] = column
                    self.record.set_kw[kind][:, step - self.first] = one.fleet.set_points.effective(step)
        self.meters.record(step, kw)
        if self.submeters is not None:
            self.submeters.record(step, flexible)
        self.publish(now_ms)
        self.show(now_ms)

    def show(self, now_ms: int) -> None:
        """Refresh what the devices show their homes."""
        step = min(self.timeline.index(now_ms), self.timeline.n - 1)
        self.readings.at_ms = now_ms
        self.readings.columns = self._displays(self, step)

    def snapshot(self, now_ms: int) -> None:
        """Take the powers of this instant for the control room's picture."""
        grid = self.grid
        if grid.scada is None or grid.measure is None or self.timeline.index(now_ms) >= self.timeline.n:
            return
        if not (self.watched or self.live):
            for one in self.installed.values():
                one.fleet.advance(
                    now_ms
                )  # in the same pieces as where somebody looks, so that nothing differs but what is done
            return
        kw, kvar = self.power_now(now_ms)
        if self.live:
            self._show_live(now_ms, kw)
        self.readings.columns["flexible_kw"] = self._flexible_kw
        self.readings.columns["generation_kw"] = self._generation_kw
        self.readings.columns["plant_kw"] = self._plant_kw
        self._unsolved.append((now_ms, grid.at(now_ms), self.at_buses(kw), self.at_buses(kvar)))

    def _show_live(self, now_ms: int, kw: F64) -> None:
        """Show homes the instant: what their meters and devices take now, and the states of their stores."""
        self.show(now_ms)
        columns = self.readings.columns
        columns["meter_kw"] = kw[: self.homes].copy()
        for kind in FLEXIBLE:
            columns[f"{kind}_now_kw"] = self.dense(kind, self.installed[kind].fleet.power_now_kw())

    def show_snapshots(self) -> None:
        """Solve the grid for the snapshots that wait and write them into the control room's view."""
        grid = self.grid
        if grid.scada is None or grid.measure is None:
            return
        waiting, self._unsolved = self._unsolved, []
        for solver, group in groupby(waiting, key=lambda one: one[1]):
            times, _, kw, kvar = zip(*group, strict=True)
            flow = solver.solve(np.array(kw), np.array(kvar))
            for at_ms, values in zip(times, grid.measure(flow, np.array(times, np.int64)), strict=True):
                grid.scada.record(at_ms, values)

    def power_now(self, now_ms: int) -> tuple[F64, F64]:
        """Net load and reactive net load behind every meter from this instant on, each (meters,)."""
        step = self.timeline.index(now_ms)
        kw, kvar = self._uncontrolled_kw(step).copy(), self._uncontrolled_kvar(step).copy()
        begun = int(self.timeline.starts_ms[step])
        # at a step's beginning new set-points follow; later in it they are rare
        until_ms = None if now_ms == begun else min(now_ms + self.snapshot_ms, begun + self.step_ms)
        flexible = np.zeros(self.homes)
        for kind, one in self.installed.items():
            one.fleet.advance(now_ms)
            power = one.fleet.power_now_kw(until_ms)
            kw[one.meter] += power
            if one.kvar_per_kw:
                kvar[one.meter] += one.kvar_per_kw * power
            if kind in FLEXIBLE:
                flexible[one.owner] += power
            elif kind == "pv":
                self._generation_kw = np.zeros(self.homes)
                self._generation_kw[one.owner] = power
            elif kind == "mv_plant":
                self._plant_kw = power
        self._flexible_kw = flexible
        return kw, kvar

    def _uncontrolled_kw(self, step: int) -> F64:
        """What nobody controls, (meters,); gathered once a step from series that lie home by home in memory."""
        if self._rest_kw[0] != step:
            self._rest_kw = step, self.uncontrolled.kw(step)
        return self._rest_kw[1]

    def _uncontrolled_kvar(self, step: int) -> F64:
        if self._rest_kvar[0] != step:
            self._rest_kvar = step, self.uncontrolled.kvar(step)
        return self._rest_kvar[1]

    def plants_now_kw(self) -> F64:
        """Net load of the plants as last looked at, shape (plants,)."""
        return self._plant_kw

    def at_buses(self, values: F64) -> F64:
        """Sums at the buses of values behind the meters: (meters,) -> (buses,)."""
        count = self.grid.states[0][1].network.n_bus
        return np.asarray(np.bincount(self.grid.bus, values, minlength=count), np.float64)

    # --- what parties set --------------------------------------------------------------------------------------------

    def carry_out(self, now_ms: int, controls: Controls | None = None) -> None:
        """Carry out, at this instant, the requests that parties have made."""
        controls = controls or self.controls
        requests, controls.pending = controls.pending, []
        for request in requests:
            self._carry_out(now_ms, request)

    def _carry_out(self, now_ms: int, request: Request) -> None:
        rows = self._row_of[request.kind][request.homes]
        there = rows >= 0
        rows, kw = rows[there], request.kw[there] if len(request.kw) else request.kw
        fleet = self.installed[request.kind].fleet
        if not len(rows):
            return
        match request.what:
            case "schedule":
                fleet.schedule(now_ms, rows, request.from_step, kw)
            case "order":
                fleet.order(now_ms, request.name, Priority(request.priority), rows, kw, request.from_step)
            case "revoke":
                fleet.revoke(now_ms, request.name, rows)
            case "mode":
                fleet.set_mode(now_ms, rows, kw > 0.5)
            case "reserve":
                fleet.reserves(now_ms, rows, kw[:, 0], kw[:, 1])

    def dense(self, kind: str, values: F64) -> F64:
        """Values of the devices of a kind as a column over homes, NaN where a home has none."""
        column = np.full(self.homes, np.nan)
        column[self.installed[kind].owner] = values
        return column

    # --- results -----------------------------------------------------------------------------------------------------

    def flows(self) -> list[tuple[int, Flow]]:
        """Power flows of the mean powers of the run's steps, batch by switching state: (first step, flow)."""
        kw, kvar = self._mean_power()
        starts = self.timeline.starts_ms[self.first : self.meters.known]
        edges = sorted({0, *(int(np.searchsorted(starts, at)) for at, _ in self.grid.states[1:])} - {len(starts)})
        result = []
        for begin, end in zip(edges, [*edges[1:], len(starts)], strict=True):
            solver = self.grid.at(int(starts[begin]))
            result.append((begin, solver.solve(self._bus_rows(kw[:, begin:end]), self._bus_rows(kvar[:, begin:end]))))
        return result

    def _mean_power(self) -> tuple[F64, F64]:
        run = slice(self.first, self.meters.known)
        kvar = self.uncontrolled.kvar(run)
        for kind, one in self.installed.items():
            kvar[one.meter] += one.kvar_per_kw * self.record.power_kw[kind][:, : kvar.shape[1]]
        return self.meters.kw[:, run], kvar

    def _bus_rows(self, values: F64) -> F64:
        return np.array([self.at_buses(column) for column in values.T])


def _places(owner: I64, homes: int) -> I64:
    """Row of each home in a fleet, -1 where it has none; plants are numbered by themselves."""
    places = np.full(max(homes, int(owner.max(initial=-1)) + 1), -1, np.int64)
    places[owner] = np.arange(len(owner))
    return places
