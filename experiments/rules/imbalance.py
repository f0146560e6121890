"""The faces of the rules after balancing: what was delivered of reserves, what it earns, and whose imbalance the rest is."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from experiments.rules.clearing import tidy
from experiments.rules.face import Accounts, Face, Name, Outcome, Row
from experiments.scenario.fields import Part, given
from markets.balancing.reserve_delivery import Tolerance, delivery


class MeteredRow(Row):
    """An interval of a reserve."""

    interval: Name
    """Its name, unique."""
    held_kw: float = given(unit="kW", ge=0)
    """Held."""
    due_kw: float = given(unit="kW")
    """Mean change that was due, up above 0."""
    delivered_kw: float = given(unit="kW")
    """Baseline less metered."""


class AccurateRow(Row):
    """How an interval was delivered."""

    interval: str
    """Its name."""
    given_kw: float = given(unit="kW")
    """What counts: in the direction of what was due and no more."""
    missing_kw: float = given(unit="kW")
    """Shortfall beyond the tolerance."""
    accuracy: float | None = given(None, unit="share", source="nothing is held")
    """1 for exactly what was due, 0 for a deviation as large as the power held."""


class Accurate(Row):
    """How a reserve was delivered."""

    intervals: tuple[AccurateRow, ...]
    """Every interval, in the order given."""


class ReserveDelivery(Face):
    """Intervals of a reserve: what was held, due and measured."""

    about: ClassVar[str] = (
        "Accuracy of a reserve: 1 less the deviation from what was due over the power held; what falls short beyond the tolerance is missing."
    )
    tolerance_share: float = given(0.1, unit="share", source="judgement", ge=0, le=1)
    """Share of the power held by which delivery may fall short."""
    intervals: tuple[MeteredRow, ...] = given(min_length=1)
    """What was measured."""

    result: ClassVar[type[Part]] = Accurate
    accounted: ClassVar[str] = "kW"
    table: ClassVar[str] = "intervals"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"intervals": ("interval",)}
    example: ClassVar[Mapping[str, Any]] = {
        "intervals": [
            {"interval": name, "held_kw": 100.0, "due_kw": due, "delivered_kw": got}
            for name, due, got in (("exact", 50.0, 50.0), ("short", 50.0, 20.0), ("over", 50.0, 80.0), ("wrong way", -50.0, 10.0))
        ]
    }  # fmt: skip

    def columns(self) -> tuple[Any, Any, Any]:
        """Held, due and delivered power, (n,) each."""
        held, due, got = (
            np.array([getattr(row, name) for row in self.intervals]) for name in ("held_kw", "due_kw", "delivered_kw")
        )
        return held, due, got

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Compare."""
        held, due, got = self.columns()
        found = function(np.zeros_like(got), -got, due, held, self.tolerance_share)
        rows = tuple(
            AccurateRow(
                interval=row.interval, given_kw=tidy(found.given_kw[k]), missing_kw=tidy(found.missing_kw[k]),
                accuracy=None if np.isnan(found.accuracy[k]) else tidy(found.accuracy[k]),
            )
            for k, row in enumerate(self.intervals)
        )  # fmt: skip
        taken = np.abs(found.given_kw)
        return Outcome(Accurate(intervals=rows), Accounts.of(taken.tolist(), (np.abs(due) - taken).tolist()))


class PaidRow(Row):
    """What an interval earns."""

    interval: str
    """Its name."""
    capacity_eur: float = given(unit="EUR")
    """For capacity that was there."""
    energy_eur: float = given(unit="EUR")
    """For the change, beyond the value of the energy."""
    penalty_eur: float = given(unit="EUR")
    """For what was missing."""
    value_eur: float = given(unit="EUR")
    """Value of the energy, the balance responsible party's; below 0: bought."""
    net_eur: float = given(unit="EUR")
    """capacity + energy - penalty + value."""


class Paid(Row):
    """What a reserve earns."""

    intervals: tuple[PaidRow, ...]
    """Every interval, in the order given."""
    net_eur: float = given(unit="EUR")
    """Altogether."""


class ReservePay(ReserveDelivery):
    """Intervals of a reserve and its prices."""

    about: ClassVar[str] = (
        "Settlement of a reserve: capacity that was there, changes as measured and never more than was due, the value of the energy, less a penalty."
    )
    hours: float = given(0.25, unit="h", source="metering period of European smart meters", gt=0)
    """Length of an interval."""
    capacity_eur_per_kw_h: float = given(unit="EUR/kW/h", ge=0)
    """Price of capacity."""
    energy_eur_per_kwh: float = given(0.0, unit="EUR/kWh", source="containment reserve is paid none", ge=0)
    """Price of a change, beyond the value of the energy."""
    value_eur_per_kwh: float = given(0.0, unit="EUR/kWh", source="where energy itself is not settled")
    """Day-ahead value of the energy."""
    penalty: float = given(1.0, unit="multiple of the price of capacity", source="judgement", ge=0)
    """For capacity that was not there."""

    result: ClassVar[type[Part]] = Paid
    example: ClassVar[Mapping[str, Any]] = {
        "hours": 1.0, "capacity_eur_per_kw_h": 0.02, "energy_eur_per_kwh": 0.1, "value_eur_per_kwh": 0.05, "penalty": 2.0, **ReserveDelivery.example,
    }  # fmt: skip

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Settle."""
        held, due, got = self.columns()
        found = delivery(np.zeros_like(got), -got, due, held, self.tolerance_share)
        tolerance = Tolerance(self.tolerance_share, self.penalty)
        money = function(
            found, held, self.hours, self.capacity_eur_per_kw_h, self.energy_eur_per_kwh, tolerance, self.value_eur_per_kwh
        )  # fmt: skip
        names = ("capacity_eur", "energy_eur", "penalty_eur", "value_eur", "net_eur")
        rows = tuple(
            PaidRow(interval=row.interval, **{name: tidy(getattr(money, name)[k]) for name in names})
            for k, row in enumerate(self.intervals)
        )
        taken = np.abs(found.given_kw)
        result = Paid(intervals=rows, net_eur=tidy(float(money.net_eur.sum())))
        return Outcome(result, Accounts.of(taken.tolist(), (np.abs(due) - taken).tolist()))


class PositionRow(Row):
    """A balance responsible party in a period."""

    party: Name
    """Who, once a period."""
    period: Name = given("-", source="one period")
    """Which."""
    allocated_kwh: float = given(unit="kWh")
    """Metered, injection above 0."""
    position_kwh: float = given(unit="kWh")
    """Final position, injection above 0."""
    adjustment_kwh: float = given(0.0, unit="kWh", source="nothing was activated")
    """Activated behind it, upward above 0."""
    price_eur_per_kwh: float = given(unit="EUR/kWh")
    """Imbalance price of the period."""


class ImbalanceRow(Row):
    """An imbalance."""

    party: str
    """Whose."""
    period: str
    """When."""
    imbalance_kwh: float = given(unit="kWh")
    """allocated - position - adjustment; above 0: surplus."""
    paid_eur: float = given(unit="EUR")
    """Party to operator; below 0: the other way."""


class Imbalances(Row):
    """Imbalances and what they cost."""

    parties: tuple[ImbalanceRow, ...]
    """Every party and period, in the order given."""
    paid_eur: float = given(unit="EUR")
    """By all together."""


class Imbalance(Face):
    """Balance responsible parties with what was metered, planned and activated."""

    about: ClassVar[str] = (
        "Imbalance adjustment and settlement: allocated less position less activated energy, at one price a period; what was activated is nobody's imbalance."
    )
    parties: tuple[PositionRow, ...] = given(min_length=1)
    """Parties and periods."""

    result: ClassVar[type[Part]] = Imbalances
    accounted: ClassVar[str] = "kWh"
    table: ClassVar[str] = "parties"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"parties": ("party", "period")}
    example: ClassVar[Mapping[str, Any]] = {
        "parties": [
            {"party": "brp-1", "allocated_kwh": 90.0, "position_kwh": 100.0, "price_eur_per_kwh": 0.2},
            {
                "party": "brp-2",
                "allocated_kwh": 56.0,
                "position_kwh": 50.0,
                "adjustment_kwh": 6.0,
                "price_eur_per_kwh": 0.2,
            },
        ]
    }

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Settle."""
        names = ("allocated_kwh", "position_kwh", "adjustment_kwh", "price_eur_per_kwh")
        found = function(*(np.array([getattr(row, name) for row in self.parties]) for name in names))
        rows = tuple(
            ImbalanceRow(
                party=row.party, period=row.period, imbalance_kwh=tidy(found.imbalance_kwh[k]), paid_eur=tidy(found.paid_eur[k])
            )
            for k, row in enumerate(self.parties)
        )  # fmt: skip
        moved = [abs(row.allocated_kwh - row.position_kwh) for row in self.parties]
        taken = [min(abs(row.adjustment_kwh), kwh) for row, kwh in zip(self.parties, moved, strict=True)]
        result = Imbalances(parties=rows, paid_eur=tidy(float(found.paid_eur.sum())))
        return Outcome(result, Accounts.of(taken, [kwh - part for kwh, part in zip(moved, taken, strict=True)]))
