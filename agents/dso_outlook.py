"""The DSO's look ahead: from meters and weather to flows, violations and needs (SUC06.1 rules 1 to 10).

Load is forecast per local area (feeder and transformer level) by the named method and shared among the buses of the area as they
have shared it before; the power flow of the operator's own network model turns it into loadings and voltages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse

from agents.dso_grid import GridModel
from agents.dso_headroom import (
    LEAST_EFFECT,
    MOST_CONFIRMED,
    Headroom,
    Reach,
    branch_headroom,
    branch_kept,
    bus_headroom,
)
from agents.dso_horizon import Outlook
from agents.dso_need import Need, Violation
from agents.strategies import forecasting
from data.arrays import F64, I64, Bool
from environment.calendar import Calendar, Timeline
from environment.grid.areas import areas_of
from environment.grid.diagnosis import diagnose
from environment.grid.flow import Flow
from environment.grid.limits import Violations
from environment.grid.switching import SwitchedGrid
from environment.instruments import MeterStore, Switching
from environment.weather.view import WeatherView

AT_ONCE = 96
"""Steps of the past whose power flow is solved at once: bounds the memory."""


class LookAhead:
    """The forecast module of the DERMS.

    Args:
        model: the operator's grid model.
        meters: certified meters.
        weather: measured and forecast weather.
        calendar: local time.
        method: regression, persistence or same-hour-last-week.
        margin_share: added to forecast consumption, or to forecast injection where that is nearer to a limit.
    """

    def __init__(
        self,
        model: GridModel,
        meters: MeterStore,
        weather: WeatherView,
        calendar: Calendar,
        method: str,
        margin_share: float,
    ) -> None:
        self.model = model
        self._meters = meters
        self._weather = weather
        self._calendar = calendar
        self._method = method
        self._margin = margin_share
        self.areas = areas_of(model.network)
        self.area_names = tuple(area.name for area in self.areas.areas)
        self._bus_area = np.array(self.areas.of_bus, np.int64)
        self._buses = self.areas.buses
        self._used = np.zeros(model.network.n_bus, bool)
        self._used[model.meter_bus] = True
        self._mean = self._means()
        together = sparse.csc_matrix(self._used[:, None].astype(np.float64))
        self._moves = sparse.hstack(
            [self._mean, together], "csc"
        )  # of each area, and of all connection points together

    def _means(self) -> sparse.csc_matrix:
        """Weights that make means over the connection points of each area, shape (buses, areas)."""
        buses = np.flatnonzero(self._used & (self._bus_area >= 0))
        area = self._bus_area[buses]
        weights = 1.0 / np.bincount(area, minlength=len(self.area_names))[area]
        return sparse.csc_matrix((weights, (buses, area)), (len(self._used), len(self.area_names)))

    @property
    def timeline(self) -> Timeline:
        """Steps of meters and forecasts."""
        return self._meters.timeline

    def look(self, now_ms: int, end_ms: int, declared: Mapping[str, tuple[int, F64]] | None = None) -> Outlook:
        """Forecast from the step that begins at ``now_ms`` to ``end_ms``.

        Args:
            now_ms: the present.
            end_ms: end of the forecast.
            declared: meter -> (start of the first step [ms], net load [kW]) of those whose schedule is known; they are not forecast.
        """
        first, end = self._meters.known, self.timeline.index(end_ms)
        rows, known_kw = self._declared(declared or {}, first, end)
        metered = self._meters.kw[:, :first]
        if len(rows):
            metered = metered.copy()
            metered[rows] = 0.0
        history = self.model.to_buses(metered)
        by_area = self._areas_kw(history)
        forecast = self._forecast(by_area, first, end)
        p = self._share(history, by_area, forecast, first, end)
        np.add.at(p, self.model.meter_bus[rows], known_kw)
        grid = self.model.switching.over(self.model.network, self.timeline.starts_ms[first:end])
        expected = grid.solve(p.T, p.T * self.model.kvar_per_kw)
        p, flow, violations = self._with_margin(grid, p.T)
        return Outlook(now_ms, first, p, p * self.model.kvar_per_kw, flow, grid, violations, expected)

    def _declared(self, declared: Mapping[str, tuple[int, F64]], first: int, end: int) -> tuple[I64, F64]:
        """Meters with a declared schedule and their net load in steps [first, end): outside the schedule as a day before, (meters, T)."""
        rows = self._meters.rows(list(declared))
        per_day = round(24.0 / self.timeline.hours)
        kw = (
            forecasting.persistence(self._meters.kw[rows, :first], end - first, per_day)
            if len(rows)
            else np.zeros((0, end - first))
        )
        for row, (from_ms, net_kw) in enumerate(declared.values()):
            begin = self.timeline.index(from_ms) - first
            inside = slice(max(begin, 0), min(begin + len(net_kw), end - first))
            kw[row, inside] = net_kw[inside.start - begin : inside.stop - begin]
        return rows, kw

    def _with_margin(self, grid: SwitchedGrid, p_kw: F64) -> tuple[F64, Flow, Violations]:
        """The forecast with its margin, the flow and what it violates: in each step more consumption, or more injection where that is worse."""
        p = np.where(p_kw > 0.0, p_kw * (1.0 + self._margin), p_kw)
        flow, violations = self._solved(grid, p)
        injecting = np.where(p_kw < 0.0, p_kw * (1.0 + self._margin), p_kw)
        worse = self._solved(grid, injecting)[1].severity_kw > violations.severity_kw
        if worse.any():
            p = np.where(worse[:, None], injecting, p)
            flow, violations = self._solved(grid, p)
        return p, flow, violations

    def _solved(self, grid: SwitchedGrid, p_kw: F64) -> tuple[Flow, Violations]:
        flow = grid.solve(p_kw, p_kw * self.model.kvar_per_kw)
        violations = grid.violations(flow, self.model.limits)
        flow.lighten()
        return flow, violations

    def switch(self, wanted: Switching) -> None:
        """Reckon with a measure of the operator's own."""
        taps, close, opened, from_ms, to_ms = wanted
        self.model = replace(self.model, switching=self.model.switching.changed(from_ms, to_ms, taps, close, opened))

    def past_flow_kw(self, steps: int, branches: Sequence[int]) -> tuple[int, F64]:
        """First step of the last ones metered, and the power through some branches in these, (T, branches); NaN without solution."""
        first, known = max(self._meters.known - steps, 0), self._meters.known
        grid = self.model.switching.over(self.model.network, self.timeline.starts_ms[first:known])
        found = np.full((known - first, len(branches)), np.nan)
        for begin in range(first, known, AT_ONCE):
            rows = slice(begin, min(begin + AT_ONCE, known))
            p = self.model.to_buses(self._meters.kw[:, rows]).T
            flow = grid.solve(p, p * self.model.kvar_per_kw, begin - first)
            found[begin - first : rows.stop - first] = flow.p_from_kw_of(branches)
        return first, found

    def _areas_kw(self, buses_kw: F64) -> F64:
        table = np.zeros((len(self.area_names), buses_kw.shape[1]))
        live = self._bus_area >= 0
        np.add.at(table, self._bus_area[live], buses_kw[live])
        return table

    def _forecast(self, by_area: F64, first: int, end: int) -> F64:
        """Net load of every area in steps [first, end), shape (areas, T)."""
        per_day = round(24.0 / self.timeline.hours)
        methods: dict[str, Callable[[F64, int], F64]] = {
            "persistence": lambda history, steps: forecasting.persistence(history, steps, per_day),
            "same-hour-last-week": lambda history, steps: forecasting.same_hour_last_week(history, steps, per_day),
        }
        if self._method in methods or first < 2 * per_day:
            return methods.get(self._method, methods["persistence"])(by_area, end - first)
        active = np.flatnonzero(np.abs(by_area).max(axis=1) > 1e-6)
        result = np.zeros((len(by_area), end - first))
        if len(active):
            result[active] = self._regression(by_area[active], first, end)
        return result

    def _regression(self, history: F64, first: int, end: int) -> F64:
        local = self._calendar.local_columns(self.timeline.starts_ms[:end])
        past, ahead = self._weather.past(), self._weather.ahead(first, end)
        temp = np.concatenate([past.temp_c[:first], ahead.temp_c])
        sun = np.concatenate([past.ghi_wm2[:first], ahead.ghi_wm2])
        table = forecasting.features(local, temp, sun, round(24.0 / self.timeline.hours))
        model = forecasting.fit(history, table[:first], horizon=end - first)
        return forecasting.predict(model, history, table[:first], table[first:])

    def _share(self, history: F64, by_area: F64, forecast: F64, first: int, end: int) -> F64:
        """Area forecasts shared among buses: the bus's own mean for the time of day, and its part of the area's difference to that."""
        per_day = round(24.0 / self.timeline.hours)
        days = max(first // per_day, 1)
        recent = history[:, max(first - days * per_day, 0) : first]
        profile = recent.reshape(len(history), -1, per_day).mean(axis=1) if recent.shape[1] >= per_day else recent
        place = (np.arange(first, end) - first) % profile.shape[1]
        buses = profile[:, place]
        size = np.abs(buses)
        area = np.where(self._bus_area >= 0, self._bus_area, 0)
        mean, total = self._areas_kw(buses), self._areas_kw(size)
        weight = np.divide(size, total[area], out=np.zeros_like(size), where=total[area] > 1e-9)
        return buses + np.where((self._bus_area >= 0)[:, None], weight * (forecast - mean)[area], 0.0)

    @staticmethod
    def diagnosis(outlook: Outlook) -> str:
        """Why the power flow of a look ahead has no solution: in how many intervals, and what is the matter in the first."""
        unsolved = np.flatnonzero(~outlook.flow.converged)
        step = int(unsolved[0])
        found = diagnose(outlook.grid.at(step), outlook.p_kw[step], outlook.q_kvar[step])
        return f"{len(unsolved)} of {len(outlook.p_kw)} intervals foreseen have no power flow; {found.text}"

    # --- needs ---------------------------------------------------------------------------------------------------------

    def needs(self, outlook: Outlook, from_ms: int, steps: int, granularity_kw: float) -> list[Need]:
        """What has to be relieved in a window, one entry an element: overloaded branches, and the worst bus of each area."""
        window = slice(
            self.timeline.index(from_ms) - outlook.first, self.timeline.index(from_ms) - outlook.first + steps
        )
        found = self._overloads(outlook, window) + self._voltages(outlook, window)
        rounded = [replace(one, need_kw=_rounded(one.need_kw, granularity_kw)) for one in found]
        return sorted(rounded, key=lambda need: need.constraint)

    def _overloads(self, outlook: Outlook, window: slice) -> list[Need]:
        kw = outlook.violations.overload_kw[window]
        limit = self.model.limits.percent(self.model.network)
        result = []
        for branch in np.flatnonzero(kw.max(axis=0) > 0.0):
            worst = window.start + int(np.argmax(kw[:, branch]))
            effect, toward = self._branch_effect(outlook, worst, int(branch))
            at_worst = outlook.flow.rows(slice(worst, worst + 1))
            consumes = float(at_worst.p_from_kw_of([int(branch)])[0, 0]) * toward >= 0.0
            room = branch_headroom(
                outlook.forecasts_within(window), self.model.limits, np.array([toward]), np.array([branch])
            )
            result.append(
                Need(
                    self.model.network.branches.names[branch], "overload", "up" if consumes else "down", kw[:, branch],
                    float(limit[branch]), self._named(effect), room.of(0),
                )
            )  # fmt: skip
        return result

    def _voltages(self, outlook: Outlook, window: slice) -> list[Need]:
        deviation = outlook.violations.voltage_pu[window]
        kw = outlook.violations.voltage_kw[window]
        result = []
        low, high = self.model.limits.voltage_pu
        for area in np.unique(self._bus_area[(deviation != 0).any(axis=0)]):
            buses = self._buses[area]
            bus = int(buses[np.argmax(np.abs(deviation[:, buses]).max(axis=0))])
            worst = int(np.argmax(np.abs(deviation[:, bus])))
            above = bool(deviation[worst, bus] > 0)
            effect, own = self._bus_effect(outlook, window.start + worst, bus)
            room = bus_headroom(outlook.forecasts_within(window), self.model.limits, np.array([own]), np.array([bus]))
            violation: Violation = "overvoltage" if above else "undervoltage"
            need = np.where((deviation[:, bus] > 0) == above, kw[:, bus], 0.0)
            result.append(
                Need(
                    self.model.network.bus_names[bus], violation, "down" if above else "up", need, high if above else low,
                    self._named(effect), room.of(0),
                )
            )  # fmt: skip
        return result

    # --- headrooms -----------------------------------------------------------------------------------------------------

    def told(
        self, outlook: Outlook, needs: Sequence[Need], from_ms: int, largest_kw: float
    ) -> tuple[list[Need], list[Need]]:
        """What the market is told: the needs, and the elements whose limit the activations of a session could reach.

        The latter are branches, and the tightest bus of each area. Where few branches are told of, the power flow confirms their headrooms.

        Args:
            outlook: the forecast.
            needs: what the session is about, in one direction.
            from_ms: start of its window.
            largest_kw: the largest part of a bid that must be taken as a whole.
        """
        need_kw = np.array([need.need_kw for need in needs]).T
        first = self.timeline.index(from_ms) - outlook.first
        window = slice(first, first + len(need_kw))
        step = first + int(np.argmax(need_kw.max(axis=1)))
        relief = np.array([[need.sensitivity.get(name, 0.0) for name in self.area_names] for need in needs])
        known = {need.constraint for need in needs}
        reach = Reach(window, needs[0].direction, need_kw, relief, largest_kw)
        guards = [one for one in self._near(outlook, step, reach) if one.constraint not in known]
        branches = [one for one in (*needs, *guards) if one.violation == "overload"]
        if len(branches) > MOST_CONFIRMED:
            return list(needs), guards
        toward = self._branch_effects(outlook, step)[1]
        found = {one.constraint: self._confirmed(outlook, one, reach, toward) for one in branches}
        return [found.get(one.constraint, one) for one in needs], [found.get(one.constraint, one) for one in guards]

    def _confirmed(self, outlook: Outlook, element: Need, reach: Reach, toward: F64) -> Need:
        """The branch with a headroom at which the power flow of the forecasts keeps its limit."""
        effect = np.array([element.sensitivity.get(name, 0.0) for name in self.area_names])
        branch = self.model.network.branch_index(element.constraint)
        kept = branch_kept(branch, element.limit, float(toward[branch]))
        sign = -1.0 if reach.direction == "up" else 1.0

        def keeps(areas_kw: F64, up: bool) -> Bool:
            change = sign * (self._mean @ areas_kw.T).T
            flows = [
                outlook.grid.solve(
                    one.p_kw[reach.window] + change, one.q_kvar[reach.window], reach.window.start, stubborn=False
                )
                for one in outlook.forecasts
            ]
            return np.asarray(kept(flows[0], up) & kept(flows[1], up))

        return replace(element, headroom=reach.confirmed(element.headroom, effect, keeps))

    def _near(self, outlook: Outlook, step: int, reach: Reach) -> list[Need]:
        model = self.model
        effect, toward = self._branch_effects(outlook, step)
        room = branch_headroom(outlook.forecasts_within(reach.window), model.limits, toward)
        percent = model.limits.percent(model.network)
        near = np.flatnonzero(reach.left_kw(room, effect) < 0.0).tolist()
        names = model.network.branches.names
        found = [self._guard(names[k], "overload", float(percent[k]), effect[k], room.of(k), reach) for k in near]
        return found + self._near_buses(outlook, step, reach)

    def _near_buses(self, outlook: Outlook, step: int, reach: Reach) -> list[Need]:
        model, up, found = self.model, reach.direction == "up", []
        effect, own = self._bus_effects(outlook, step)
        room = bus_headroom(outlook.forecasts_within(reach.window), model.limits, own)
        left = reach.left_kw(room, effect)
        limit = model.limits.voltage_pu[1 if up else 0]
        threat: Violation = "overvoltage" if up else "undervoltage"
        for buses in self._buses:
            bus = int(buses[np.argmin(left[buses])]) if len(buses) else -1
            if bus >= 0 and left[bus] < 0.0:
                name = model.network.bus_names[bus]
                found.append(self._guard(name, threat, limit, effect[bus], room.of(bus), reach))
        return found

    def _guard(
        self, name: str, threat: Violation, limit: float, effect: sparse.csr_matrix, room: Headroom, reach: Reach
    ) -> Need:
        acting = zip(effect.indices.tolist(), effect.data.tolist(), strict=True)
        sensitivity = {self.area_names[area]: kw for area, kw in acting}
        return Need(name, threat, reach.direction, np.zeros(len(reach.need_kw)), limit, sensitivity, room)

    # --- effects of areas ----------------------------------------------------------------------------------------------

    def _branch_effects(self, outlook: Outlook, step: int) -> tuple[sparse.csr_matrix, F64]:
        """What a kW less net load in each area takes off the flow of each branch, (branches, areas), counted toward the load.

        The second is that direction: 1 where the from side faces the substation, else -1, shape (branches,).
        """
        change = outlook.effects(step, self._moves).p_from_kw_per_kw
        toward = np.where(change[:, -1].toarray()[:, 0] < 0.0, -1.0, 1.0)
        return sparse.diags(toward) @ change[:, :-1], toward

    def _branch_effect(self, outlook: Outlook, step: int, branch: int) -> tuple[F64, float]:
        """The same of one branch, (areas,)."""
        change = outlook.effects(step, self._moves).of_branch(branch)
        toward = -1.0 if change[-1] < 0.0 else 1.0
        return change[:-1] * toward, toward

    def _bus_effects(self, outlook: Outlook, step: int) -> tuple[sparse.csr_matrix, F64]:
        """Effect of a kW less net load in each area in kW at each bus itself, (buses, areas); the pu that such a kW is, (buses,)."""
        own = np.maximum(-outlook.own_v_pu_per_kw(step), 0.0)
        effect = -outlook.effects(step, self._moves).v_pu_per_kw[:, :-1]
        effect.data = _in_own_kw(effect.data, np.repeat(own, np.diff(effect.indptr)))
        return effect, own

    def _bus_effect(self, outlook: Outlook, step: int, bus: int) -> tuple[F64, float]:
        """The same of one bus, (areas,)."""
        own = max(-float(outlook.own_v_pu_per_kw(step)[bus]), 0.0)
        effect = -outlook.effects(step, self._moves).of_bus(bus)[:-1]
        return _in_own_kw(effect, np.full(len(effect), own)), own

    def _named(self, effect: F64) -> dict[str, float]:
        """Effect by area; areas with (almost) none are left out."""
        return {name: float(kw) for name, kw in zip(self.area_names, effect, strict=True) if abs(kw) > LEAST_EFFECT}


def _in_own_kw(pu: F64, pu_per_kw: F64) -> F64:
    """Changes of voltages in kW at the buses themselves; 0 where nothing moves them."""
    return np.divide(pu, pu_per_kw, out=np.zeros_like(pu), where=pu_per_kw > 0.0)


def _rounded(need_kw: F64, granularity_kw: float) -> F64:
    return np.ceil(np.maximum(need_kw, 0.0) / granularity_kw - 1e-9) * granularity_kw
