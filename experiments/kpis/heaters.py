"""Figures of retrofitted water heaters: how many are controlled, what that saves against their thermostats, and what was learned of them.

Savings are counted over the days on which a tank was under control all day in the run, against the same tank and days in the twin. What
is left in the tank at the end counts: energy used is electricity less the increase of stored heat. At equal comfort a control can save no
more than the tank lost to its room (DOMAIN.md 2.5), so that share is printed beside.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from data.arrays import F64, Bool, Names
from experiments.kpis.facts import Facts, ratio
from experiments.kpis.grid import Figure
from experiments.results.frame import Frame

ERASED = "erased"
"""In place of the services of a home that had its data erased."""
WHOLE_DAY_H = 22.0
"""Hours under command that make a controlled day; the first quarter of an hour of a day is still the thermostat's."""


@dataclass(frozen=True)
class Compared:
    """Controlled tank-days beside the same of the twin, each (days,); a pair is (run, twin).

    Attributes:
        owner: of the tank.
        services: which its home had; ``ERASED`` where that is no longer known.
        used_kwh: electricity less the increase of stored heat.
        twin_lost_kwh: standing losses in the twin.
        cold: cold draws.
        cost_eur: what the energy of the whole home cost.
        fed_in_kwh: own generation that the home fed in.
        above_kwh: energy of the home above the limit of peak shaving.
        peak_kw: largest net load of the home.
    """

    owner: Names
    services: Names
    used_kwh: tuple[F64, F64]
    twin_lost_kwh: F64
    cold: tuple[F64, F64]
    cost_eur: tuple[F64, F64]
    fed_in_kwh: tuple[F64, F64]
    above_kwh: tuple[F64, F64]
    peak_kw: tuple[F64, F64]

    def of(self, days: Bool) -> "Compared":
        """Some of the days."""
        pairs = (self.cold, self.cost_eur, self.fed_in_kwh, self.above_kwh, self.peak_kw)
        return Compared(
            self.owner[days], self.services[days], (self.used_kwh[0][days], self.used_kwh[1][days]),
            self.twin_lost_kwh[days], *((run[days], twin[days]) for run, twin in pairs),
        )  # fmt: skip

    def having(self, service: str, without: str = "") -> "Compared":
        """The days of homes that have a service, and not another."""
        parts = [set(one.split(" + ")) for one in self.services.tolist()]
        return self.of(np.array([service in one and without not in one for one in parts], bool))

    @property
    def saved_percent(self) -> float | None:
        """Electricity saved, of what the thermostats used [%]."""
        own, twin = (float(one.sum()) for one in self.used_kwh)
        return 100.0 * (1.0 - own / twin) if twin else None

    @property
    def bound_percent(self) -> float | None:
        """What the jackets lost under the thermostats, of what these used: at equal comfort nobody saves more [%]."""
        twin = float(self.used_kwh[1].sum())
        return 100.0 * float(self.twin_lost_kwh.sum()) / twin if twin else None


def saved(pair: tuple[F64, F64]) -> float:
    """Of the twin less of the run."""
    return float(pair[1].sum() - pair[0].sum())


def compared(facts: Facts) -> Compared | None:
    """The controlled days; None without control or twin."""
    if "heaters compared" not in facts.memo:
        facts.memo["heaters compared"] = _compared(facts)
    found: Compared | None = facts.memo["heaters compared"]
    return found


def _compared(facts: Facts) -> Compared | None:
    own, twin = facts.all("heater_days"), facts.twin.all("heater_days") if facts.twin else None
    plans = facts.all("heater_plans")
    if own is None or twin is None or plans is None:
        return None
    keys = [
        dict(zip(zip(_owners(one), one.ints("t_ms").tolist(), strict=True), range(len(one)), strict=True))
        for one in (own, twin)
    ]
    controlled = own.floats("controlled_h") >= WHOLE_DAY_H
    pairs = [(row, keys[1][key]) for key, row in keys[0].items() if controlled[row] and key in keys[1]]
    if not pairs:
        return None
    rows = tuple(np.array(one, np.int64) for one in zip(*pairs, strict=True))

    def both(name: str) -> tuple[F64, F64]:
        return own.floats(name)[rows[0]], twin.floats(name)[rows[1]]

    of = dict(zip(owners(facts, plans), plans.names("services").tolist(), strict=True))  # the last plan stays
    owner = own.names("owner")[rows[0]]
    kwh, stored = both("kwh"), both("stored_kwh")
    return Compared(
        owner, np.array([of.get(name, ERASED) for name in owner.tolist()]), (kwh[0] - stored[0], kwh[1] - stored[1]),
        both("lost_kwh")[1], *(both(name) for name in ("cold_draws", "cost_eur", "fed_in_kwh", "above_limit_kwh", "peak_kw")),
    )  # fmt: skip


def owners(facts: Facts, kept: Frame) -> list[str]:
    """The homes behind the customers of a table that the EMS keeps, one a row; empty for the erased."""
    customers = facts.all("heater_customers")
    homes = dict(zip(customers.names("pseudonym").tolist(), _owners(customers), strict=True)) if customers else {}
    return [homes.get(name, "") for name in kept.names("customer").tolist()]


def _owners(frame: Frame) -> list[str]:
    return [str(name) for name in frame.names("owner").tolist()]


def _of_compared(value: Callable[[Compared], float | None]) -> Figure:
    def figure(facts: Facts) -> float | None:
        found = compared(facts)
        return None if found is None else value(found)

    return figure


def _outcome(outcome: str) -> Figure:
    def figure(facts: Facts) -> float | None:
        frame = facts.all("retrofits")
        return None if frame is None else float((frame.names("outcome") == outcome).sum())

    return figure


def controlled_homes(facts: Facts) -> float | None:
    """Homes whose water heater was under control on some day."""
    frame = facts.all("heater_days")
    if frame is None or facts.all("retrofits") is None:
        return None
    return float(len(set(frame.names("owner")[frame.floats("controlled_h") > 0.0].tolist())))


def cold_percent(facts: Facts) -> float | None:
    """Share of the intervals with a draw in which the outlet ended below the comfort temperature [%]."""
    frame = facts.all("heater_days")
    part = None if frame is None else ratio(frame.floats("cold_draws").sum(), frame.floats("draws").sum())
    return None if part is None else 100.0 * part


def loss_error_percent(facts: Facts) -> float | None:
    """Median distance of the last learned loss from the true one on that day [%]."""
    models, truth, days = facts.all("heater_models"), facts.all("heaters"), facts.all("heater_days")
    if models is None or truth is None or days is None:
        return None
    true = dict(zip(_owners(truth), truth.floats("loss_kw_per_k").tolist(), strict=True))
    last = dict(zip(owners(facts, models), models.floats("loss_kw_per_k").tolist(), strict=True))
    factor = dict(
        zip(_owners(days), days.floats("loss_factor").tolist(), strict=True)
    )  # rows by day: the last one stays
    errors = [abs(value / (true[name] * factor[name]) - 1.0) for name, value in last.items() if name]
    return 100.0 * float(np.median(errors)) if errors else None


def need_error_percent(facts: Facts) -> float | None:
    """Median distance of the last learned need of a day from the mean of the last seven true days [%]."""
    models, days = facts.all("heater_models"), facts.all("heater_days")
    if models is None or days is None:
        return None
    last = dict(zip(owners(facts, models), models.floats("need_kwh_per_day").tolist(), strict=True))
    drawn: dict[str, list[float]] = {}
    for name, kwh in zip(_owners(days), days.floats("drawn_kwh").tolist(), strict=True):
        drawn.setdefault(name, []).append(kwh)
    errors = [abs(value / max(float(np.mean(drawn[name][-7:])), 1e-9) - 1.0) for name, value in last.items() if name]
    return 100.0 * float(np.median(errors)) if errors else None


def bills_eur(facts: Facts) -> float | None:
    """What all homes with a tank pay their retailer, less what it pays them [EUR]."""
    ledger, tanks = facts.all("ledger"), facts.all("heaters")
    if ledger is None or tanks is None:
        return None
    homes = np.isin(ledger.names("debtor"), tanks.names("owner"))
    paid = np.isin(ledger.names("creditor"), tanks.names("owner"))
    eur = ledger.floats("eur")
    return float(eur[homes].sum() - eur[paid].sum())


def bill_saving_eur(facts: Facts) -> float | None:
    """The twin's bills less the run's [EUR]."""
    own, twin = bills_eur(facts), bills_eur(facts.twin) if facts.twin else None
    return None if own is None or twin is None else twin - own


def household_peak_kw(facts: Facts) -> float | None:
    """Mean over homes of the largest net load of any interval [kW]."""
    meters, tanks = facts.all("meters"), facts.all("heaters")
    if meters is None or tanks is None:
        return None
    own = np.isin(meters.names("meter"), np.char.add(tanks.names("owner"), "/meter"))
    _, group = np.unique(meters.names("meter")[own], return_inverse=True)
    peak = np.zeros(int(group.max()) + 1)
    np.maximum.at(peak, group, meters.floats("import_kwh")[own] / facts.hours)
    return float(peak.mean())


FIGURES: Mapping[str, Figure] = {
    "retrofits_controllable": _outcome("controllable"),
    "retrofits_failed": _outcome("failed"),
    "retrofits_refused": _outcome("refused"),
    "retrofits_not_eligible": _outcome("not eligible"),
    "heaters_controlled": controlled_homes,
    "heater_days_controlled": _of_compared(lambda one: float(len(one.owner))),
    "heater_saved_kwh": _of_compared(lambda one: saved(one.used_kwh)),
    "heater_saved_percent": _of_compared(lambda one: one.saved_percent),
    "heater_efficiency_saved_percent": _of_compared(lambda one: one.of(one.services == "efficiency").saved_percent),
    "heater_bound_percent": _of_compared(lambda one: one.bound_percent),
    "heater_cost_saved_eur": _of_compared(lambda one: saved(one.cost_eur)),
    "heater_tariff_saved_eur": _of_compared(lambda one: saved(one.having("tariff", "self-consumption").cost_eur)),
    "heater_self_consumption_saved_eur": _of_compared(lambda one: saved(one.having("self-consumption").cost_eur)),
    "heater_own_use_kwh": _of_compared(lambda one: saved(one.having("self-consumption").fed_in_kwh)),
    "heater_above_limit_kwh": _of_compared(lambda one: float(one.having("peak-shaving").above_kwh[0].sum())),
    "heater_twin_above_limit_kwh": _of_compared(lambda one: float(one.having("peak-shaving").above_kwh[1].sum())),
    "heater_cold_draws": _of_compared(lambda one: float(one.cold[0].sum())),
    "heater_twin_cold_draws": _of_compared(lambda one: float(one.cold[1].sum())),
    "heater_cold_percent": cold_percent,
    "heater_loss_error_percent": loss_error_percent,
    "heater_need_error_percent": need_error_percent,
    "heater_bills_eur": bills_eur,
    "heater_bill_saving_eur": bill_saving_eur,
    "heater_household_peak_kw": household_peak_kw,
}
