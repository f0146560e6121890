"""Homes in pools and their energy management: it reports assets, keeps their limits, and adds what the pool asks to its own control (SUC05.2).

Row i is home i. A home lives by its own plan; what the VPP sends is a constraint, not a command. For the time it holds, the assets add a
droop on the frequency or an offset to whatever they would do otherwise (``environment.devices.reserve``), and a battery keeps the energy
ready that its reserves need: its home plans with what is left. Whoever has taken its consent back, or switched to manual, gives nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from agents.payments import pay_many
from agents.pool_assets import (
    BATTERY,
    EV,
    MARGIN_KW,
    WATER_HEATER,
    Assets,
    Limits,
    carried_out,
    limits,
    planned_kw,
    restoring_kw,
    slack_kwh,
)
from agents.prosumer_hems import Hems
from agents.prosumer_life import OVERRIDE_STEPS, live_step
from data.arrays import F64, I64, Bool
from environment.instruments import Controls, Readings
from environment.messages.balancing import (
    KINDS,
    ActivationConstraint,
    AssetConstraints,
    AssetDataRequest,
    AssetMonitoring,
    MemberShare,
)
from environment.messages.base import Batch, Record
from environment.messages.settlement import RetailBill
from environment.party import Party, Process, Seat, handles
from environment.refusals import refuse

LOOK_MS = 5_000
"""Energy management processes constraints at every full five seconds."""
MARKET = 1
"""Priority of what brings a battery back to what it must keep ready (environment.devices.set_points.Priority)."""
AHEAD_STEPS = 4
"""In operation an hour of plans is reported."""
LIMITS_AFTER_MS = 5_000
"""Limits follow the report of the asset after so long."""


@dataclass(frozen=True)
class PoolMembership:
    """Who the homes are, and whose pool they are in.

    Attributes:
        home: numbers of the homes' addresses, ascending, (homes,).
        ems: numbers of the addresses of their energy management, (homes,).
        vpp: number of the VPP of each home's pool, -1 for none, (homes,).
        retailer: name of the retailer.
    """

    home: I64
    ems: I64
    vpp: I64
    retailer: str


class PoolHomes(Party):
    """A population of homes in pools; its strategy is the HEMS (``agents.prosumer_hems``).

    Args:
        seat: place in the world.
        hems: energy management, with all that the homes have seen so far.
        readings: what the devices show.
        controls: the devices' set-points.
        assets: what the homes bring into their pools.
        membership: who they are.
        overrides: (homes, steps) where people take over by hand.
        withdrawals: instant [ms] -> homes that take their consent back then, (homes,).
    """

    looks: ClassVar = {ActivationConstraint: LOOK_MS}
    filed: ClassVar[tuple[type[Record], ...]] = (MemberShare,)

    def __init__(
        self, seat: Seat, hems: Hems, readings: Readings, controls: Controls, assets: Assets, membership: PoolMembership,
        overrides: Bool, withdrawals: Mapping[int, Bool],
    ) -> None:  # fmt: skip
        super().__init__(seat)
        self._hems, self._readings, self._controls = hems, readings, controls
        self._assets, self._to = assets, membership
        self._overrides, self._withdrawals = overrides, withdrawals
        self._own = self._kept_of = hems.book
        n = len(assets.names)
        self._droop_kw, self._offset_kw = np.zeros(n), np.zeros(n)
        self._keep_up_kwh, self._keep_down_kwh = np.zeros(n), np.zeros(n)
        self._until_ms = np.zeros(n, np.int64)
        self._by_hand = np.zeros(hems.book.n, np.int64)
        self._seen: tuple[tuple[int, int, bool], F64, Limits] | None = None
        self._kept = np.zeros((3, len(assets.of(BATTERY))))
        self._talks: dict[str, tuple[I64, int]] = {}
        self._row = {name: row for row, name in enumerate(assets.names.tolist())}

    def processes(self) -> Iterable[Process]:
        """The homes' day."""
        yield self.live()
        yield self.withdraw_consents()

    def live(self) -> Process:
        """At every step: look at the meters, follow the plan, keep what is reserved, report."""
        hems, timeline = self._hems, self._hems.timeline
        for step in range(timeline.index(self.now_ms), timeline.n):
            yield self.until(int(timeline.starts_ms[step]))
            self._expire(step)
            taken = live_step(hems, self._readings, self._controls, self._overrides, step)
            if len(taken):
                self._by_hand[taken] = step + OVERRIDE_STEPS
                self._release(np.flatnonzero(self._hand() & np.isin(self._assets.home, taken)))
            self._restore(step)
            for talk, (rows, until_ms) in list(self._talks.items()):
                if self.now_ms <= until_ms:
                    self._report(rows, step, AHEAD_STEPS, talk, ahead=False)

    def withdraw_consents(self) -> Process:
        """Consent taken back: from that second on the devices are the home's own."""
        for at_ms in sorted(self._withdrawals):
            yield self.until(at_ms)
            self._own = replace(self._own, consent=self._own.consent & ~self._withdrawals[at_ms])
            self._release(np.flatnonzero(self._withdrawals[at_ms][self._assets.home]))

    # --- steps 1.1 and 1.5 ---------------------------------------------------------------------------------------------

    @handles(AssetDataRequest)
    def begin_reports(self, batch: Batch[AssetDataRequest]) -> None:
        """Tell what is planned up to the horizon asked for, and from then on every interval what is."""
        homes = np.searchsorted(self._to.ems, batch.receiver)
        mine = self._to.vpp[homes] == batch.sender  # nobody hears of assets but the pool they are in
        for row in np.flatnonzero(~mine).tolist():
            refuse(self, batch, row, self.directory.names[batch.receiver[row]], "assets report to the pool they are in")
        rows = np.flatnonzero(np.isin(self._assets.home, homes[mine]))
        if not len(rows):
            return
        timeline = self._hems.timeline
        step, end = timeline.index(self.now_ms), timeline.index(int(batch["horizon_ms"].max()))
        self._report(rows, step, end - step, batch.conversation, ahead=True)
        known, until_ms = self._talks.get(batch.conversation, (rows, 0))  # requests reach the homes one by one
        self._talks[batch.conversation] = np.union1d(known, rows), max(until_ms, int(batch["until_ms"].max()))

    def _report(self, rows: I64, step: int, steps: int, talk: str, *, ahead: bool) -> None:
        """Monitoring data and plans of some assets, and a little later their limits."""
        timeline = self._hems.timeline
        end = min(step + steps, timeline.n)
        planned, found = self._outlook(step, end, ahead=ahead)
        n = len(rows)
        common = {
            "asset": self._assets.names[rows],
            "from_ms": np.full(n, timeline.starts_ms[step]),
            "step_s": np.full(n, timeline.step_ms / 1000.0),
        }
        columns = common | {
            "kind": np.array(KINDS, object)[self._assets.kind[rows]],
            "power_kw": self._mean_kw()[rows],
            "available": self._available()[rows],
            "planned_kw": planned[rows],
        }
        sender, receiver = self._ems(rows), self._to.vpp[self._assets.home[rows]]
        self.send_batch(AssetMonitoring, columns, sender, receiver, talk)
        self.start(self._tell_limits(rows, found, common, talk))

    def _outlook(self, step: int, end: int, *, ahead: bool) -> tuple[F64, Limits]:
        """What is planned of all assets, and how far they can be moved; the same for all who ask in a step."""
        asked = step, end, ahead
        if self._seen is None or self._seen[0] != asked:
            planned = planned_kw(self._assets, self._hems, step, end)
            if not ahead:  # what the batteries hold a day later nobody knows
                planned = carried_out(self._assets, self._hems, planned, self._readings, step, self._by_hand)
            weather, hours = self._hems.weather, self._hems.timeline.hours
            temp_c = float(weather.observed.temp_c[max(step - 1, 0)])
            found = limits(self._assets, self._own, planned, self._readings, step, hours, temp_c, ahead)
            self._seen = asked, planned, found
        return self._seen[1], self._seen[2]

    def _tell_limits(self, rows: I64, found: Limits, common: dict[str, Any], talk: str) -> Process:
        yield self.sleep(LIMITS_AFTER_MS / 1000.0)
        able = self._available().astype(np.float64)
        columns = common | {
            "low_kw": found.low_kw[rows], "high_kw": found.high_kw[rows],
            "up_kw": (found.up_kw * able[:, None])[rows], "down_kw": (found.down_kw * able[:, None])[rows],
            "up_kwh": found.up_kwh[rows], "down_kwh": found.down_kwh[rows], "fast": self._assets.kind[rows] == BATTERY,
        }  # fmt: skip
        self.send_batch(AssetConstraints, columns, self._ems(rows), self._to.vpp[self._assets.home[rows]], talk)

    def _ems(self, rows: I64) -> I64:
        return self._to.ems[self._assets.home[rows]]

    def _mean_kw(self) -> F64:
        """Mean net load of every asset in the step that ended, (assets,)."""
        found = np.zeros(len(self._assets.names))
        for kind, rows, homes in self._assets.each():
            found[rows] = np.nan_to_num(self._readings[f"{KINDS[kind]}_mean_kw"][homes])
        return found

    def _available(self) -> Bool:
        """Assets whose homes consent and are in automatic mode, and which nobody runs by hand, (assets,)."""
        return np.asarray((self._own.consent & self._hems.automatic)[self._assets.home] & ~self._hand())

    def _hand(self) -> Bool:
        """Cars and tanks that people have switched on themselves and that are still to run, (assets,)."""
        step = self._hems.timeline.index(self.now_ms)
        return np.asarray(np.isin(self._assets.kind, (EV, WATER_HEATER)) & (self._by_hand[self._assets.home] > step))

    # --- step 1.11 -----------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Take in what the pools need of assets."""
        touched = [self._add(batch) for batch in self.stored_rows(ActivationConstraint)]
        self._set(np.unique(np.concatenate(touched)) if touched else np.zeros(0, np.int64))

    def _add(self, batch: Batch[ActivationConstraint]) -> I64:
        """Add constraints to the own control, within the limits of the devices; of homes that do not consent nothing. Gives the assets."""
        known = np.array([self._row.get(name, -1) for name in batch["asset"].tolist()], np.int64)
        owner = self._assets.home[known]
        able = (known >= 0) & (self._to.ems[owner] == batch.receiver) & (self._to.vpp[owner] == batch.sender)
        able &= self._available()[known]
        for row in np.flatnonzero(~able).tolist():
            reason = "not an asset of this pool, or its home does not let it be used now"
            refuse(self, batch, row, str(batch["asset"][row]), reason)
        rows = known[able]
        rated = self._assets.rated_kw[rows]
        span = rated * np.where(self._assets.kind[rows] == BATTERY, 2.0, 1.0)
        self._droop_kw[rows] = np.minimum(batch["droop_kw"][able], rated)
        self._offset_kw[rows] = np.clip(batch["offset_kw"][able], -span, span)
        self._keep_up_kwh[rows], self._keep_down_kwh[rows] = (
            batch[f"reserve_{side}_kwh"][able] for side in ("up", "down")
        )
        self._until_ms[rows] = batch["until_ms"][able]
        return np.asarray(rows)

    def _expire(self, step: int) -> None:
        """End what holds no longer, and what a car can do without no longer."""
        over = (self._until_ms <= self.now_ms) & ((self._droop_kw > 0.0) | (self._offset_kw != 0.0))
        over |= ~self._available() & ((self._droop_kw > 0.0) | (self._offset_kw != 0.0))
        cars = self._assets.of(EV)
        slack = slack_kwh(self._own, self._assets.home[cars], self._readings, step, self._hems.timeline.hours)
        over[cars] |= (self._offset_kw[cars] > 0.0) & (slack <= 0.0)
        self._release(np.flatnonzero(over))

    def _release(self, rows: I64) -> None:
        for column in (self._droop_kw, self._offset_kw, self._keep_up_kwh, self._keep_down_kwh):
            column[rows] = 0.0
        self._set(rows)

    def _set(self, rows: I64) -> None:
        """Let the devices of some assets do what is asked of them now, and the homes plan with what is left."""
        for kind in np.unique(self._assets.kind[rows]).tolist():
            mine = rows[self._assets.kind[rows] == kind]
            self._controls.reserve(KINDS[kind], self._assets.home[mine], self._droop_kw[mine], self._offset_kw[mine])

        batteries = self._assets.of(BATTERY)
        asked = np.array([column[batteries] for column in (self._droop_kw, self._keep_up_kwh, self._keep_down_kwh)])
        if self._own is not self._kept_of or not np.array_equal(asked, self._kept):
            self._kept, self._kept_of = asked, self._own
            self._keep_ready(batteries)

    def _keep_ready(self, rows: I64) -> None:
        """Homes plan with what of their batteries is not reserved."""
        homes = self._assets.home[rows]
        battery = {name: column.copy() for name, column in self._own.battery.items()}
        low = battery["min_kwh"][homes] + self._keep_up_kwh[rows] / battery["eta_discharge"][homes]
        high = battery["max_kwh"][homes] - self._keep_down_kwh[rows] * battery["eta_charge"][homes]
        battery["min_kwh"][homes] = np.minimum(low, (low + high) / 2.0)
        battery["max_kwh"][homes] = np.maximum(high, battery["min_kwh"][homes])
        battery["kw"][homes] = np.maximum(battery["kw"][homes] - self._droop_kw[rows], 0.0)
        self._hems.book = replace(self._own, battery=battery)

    def _restore(self, step: int) -> None:
        """Bring batteries back that hold less, or more, than their reserves need."""
        rows = self._assets.of(BATTERY)
        rows = rows[(self._keep_up_kwh[rows] + self._keep_down_kwh[rows] > 0.0) & (self._available()[rows])]
        if not len(rows):
            return
        homes = self._assets.home[rows]
        kw = restoring_kw(self._hems.book, homes, self._readings["battery_kwh"][homes])
        moved = np.abs(kw) > MARGIN_KW
        if moved.any():
            self._controls.order("battery", f"kept ready/{step}", MARKET, homes[moved], step, kw[moved, None])

    @handles(RetailBill)
    def pay_bill(self, batch: Batch[RetailBill]) -> None:
        """Pay the retailer."""
        names = np.array([self.directory.names[number] for number in batch.receiver.tolist()], object)
        owed = batch["energy_eur"] + batch["network_eur"] + batch["taxes_eur"]
        retailer = np.array([self._to.retailer] * len(names), object)
        pay_many(self, names, retailer, np.rint(owed * 100.0) / 100.0, "retail bill", batch.ids)
