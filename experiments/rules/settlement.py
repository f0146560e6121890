"""The faces of the settlement rules: ordered and delivered power as records in, amounts out."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from pydantic import model_validator

from experiments.rules.clearing import tidy
from experiments.rules.face import Accounts, Face, Name, Outcome, Row
from experiments.scenario.fields import Part, given, refuse


class DeliveryRow(Row):
    """One interval of an activation."""

    interval: Name
    """Its name, unique: a time, a number."""
    ordered_kw: float = given(unit="kW", ge=0)
    """What the buyer called."""
    delivered_kw: float = given(unit="kW")
    """Baseline minus metered in the ordered direction; negative: the meter moved the other way."""
    price_eur_per_kwh: float = given(unit="EUR/kWh", ge=0)
    """Price of the accepted bid."""


class SettledInterval(Row):
    """What an interval is worth."""

    interval: str
    """Its name."""
    ordered_kw: float = given(unit="kW")
    """As called."""
    credited_kw: float = given(unit="kW")
    """Delivered power that counts: at least 0, at most the order."""
    missing_kw: float = given(unit="kW")
    """ordered - credited."""
    pay_share: float = given(unit="share of the ordered value")
    """Share of the ordered value that is paid."""
    remuneration_eur: float = given(unit="EUR")
    """Earned, availability included."""
    availability_eur: float = given(unit="EUR")
    """Part of it for power held ready."""
    penalty_eur: float = given(unit="EUR")
    """Lost."""
    net_eur: float = given(unit="EUR")
    """remuneration - penalty."""


class Settled(Row):
    """What the intervals are worth together."""

    intervals: tuple[SettledInterval, ...]
    """Every interval, in the order given."""
    ordered_kwh: float = given(unit="kWh")
    """Energy called."""
    delivered_kwh: float = given(unit="kWh")
    """Energy that counts."""
    remuneration_eur: float = given(unit="EUR")
    """Earned."""
    penalty_eur: float = given(unit="EUR")
    """Lost."""
    net_eur: float = given(unit="EUR")
    """remuneration - penalty."""


class PriceLessPenalty(Face):
    """Intervals of an activation and the terms of its settlement."""

    hours: float = given(0.25, unit="h", source="metering period of European smart meters", gt=0)
    """Length of an interval."""
    penalty_eur_per_kwh: float = given(0.0, unit="EUR/kWh", source="none in the product", ge=0)
    """Price of missing energy."""
    intervals: tuple[DeliveryRow, ...] = given(min_length=1)
    """What was called and delivered."""

    result: ClassVar[type[Part]] = Settled
    accounted: ClassVar[str] = "kWh"
    table: ClassVar[str] = "intervals"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"intervals": ("interval",)}
    example: ClassVar[Mapping[str, Any]] = {
        "hours": 0.25,
        "penalty_eur_per_kwh": 0.1,
        "intervals": [
            {"interval": "18:00", "ordered_kw": 40.0, "delivered_kw": 42.0, "price_eur_per_kwh": 0.3},
            {"interval": "18:15", "ordered_kw": 40.0, "delivered_kw": 34.0, "price_eur_per_kwh": 0.3},
            {"interval": "18:30", "ordered_kw": 40.0, "delivered_kw": 12.0, "price_eur_per_kwh": 0.3},
        ],
    }

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Settle the intervals."""
        terms = self.model_dump(exclude={"intervals"})
        columns = zip(
            *((row.ordered_kw, row.delivered_kw, row.price_eur_per_kwh) for row in self.intervals), strict=True
        )
        found = function(*map(list, columns), **terms, **self._held())
        rows = tuple(
            SettledInterval(
                interval=row.interval,
                ordered_kw=row.ordered_kw,
                credited_kw=tidy(found.credited_kw[k]),
                missing_kw=tidy(row.ordered_kw - found.credited_kw[k]),
                pay_share=tidy(found.pay_share[k]),
                remuneration_eur=tidy(found.remuneration_eur[k]),
                availability_eur=tidy(found.availability_eur[k]),
                penalty_eur=tidy(found.penalty_eur[k]),
                net_eur=tidy(found.net_eur[k]),
            )
            for k, row in enumerate(self.intervals)
        )
        result = Settled(
            intervals=rows,
            ordered_kwh=tidy(found.ordered_kwh),
            delivered_kwh=tidy(found.delivered_kwh),
            remuneration_eur=tidy(found.remuneration_eur.sum()),
            penalty_eur=tidy(found.penalty_eur.sum()),
            net_eur=tidy(found.net_eur.sum()),
        )
        credited = [row.credited_kw * self.hours for row in rows]
        missing = [row.missing_kw * self.hours for row in rows]
        return Outcome(result, Accounts.of(credited, missing))

    def _held(self) -> Mapping[str, Any]:
        """Columns of an availability, where the rule pays one."""
        return {}


class LinearWithGrace(PriceLessPenalty):
    """Intervals of an activation and the terms of its settlement."""

    grace_share: float = given(
        0.95, unit="share of the order", source="Flexible Power: full pay from 95 % delivered", gt=0, le=1
    )
    """Delivered share from which all is paid, and nothing counts as missing."""
    grace_slope: float = given(3.0, source="Flexible Power: three points of pay lost per point missing", ge=0)
    """Pay lost per share missing below the grace."""


class HeldRow(DeliveryRow):
    """One interval of a contract, called or not."""

    contracted_kw: float = given(unit="kW", ge=0)
    """Power held ready."""
    availability_eur_per_kw_h: float = given(unit="EUR/kW/h", ge=0)
    """Price of a kW held ready for an hour."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ordered_kw > self.contracted_kw:
            refuse(f"ordered_kw {self.ordered_kw:g} is above contracted_kw {self.contracted_kw:g}")
        return self


class AvailabilityAndActivation(LinearWithGrace):
    """Intervals of a contract, called or not, and the terms of its settlement."""

    intervals: tuple[HeldRow, ...] = given(min_length=1)
    """What was held ready, called and delivered; ``ordered_kw`` 0 where nothing was called."""

    example: ClassVar[Mapping[str, Any]] = {
        "hours": 0.5,
        "intervals": [
            {"interval": "17:30", "contracted_kw": 50.0, "availability_eur_per_kw_h": 0.02, "ordered_kw": 0.0, "delivered_kw": 0.0, "price_eur_per_kwh": 0.3},
            {"interval": "18:00", "contracted_kw": 50.0, "availability_eur_per_kw_h": 0.02, "ordered_kw": 40.0, "delivered_kw": 40.0, "price_eur_per_kwh": 0.3},
            {"interval": "18:30", "contracted_kw": 50.0, "availability_eur_per_kw_h": 0.02, "ordered_kw": 40.0, "delivered_kw": 34.0, "price_eur_per_kwh": 0.3},
        ],
    }  # fmt: skip

    def _held(self) -> Mapping[str, Any]:
        return {
            "contracted_kw": [row.contracted_kw for row in self.intervals],
            "availability_eur_per_kw_h": [row.availability_eur_per_kw_h for row in self.intervals],
        }


class SlidingScale(PriceLessPenalty):
    """Intervals of an activation and the terms of its settlement."""

    floor_share: float = given(
        0.5, unit="share of the order", source="SSEN TRANSITION: a scale from 50 to 100 % delivered", ge=0, lt=1
    )
    """Delivered share below which nothing is paid."""
    floor_pay_share: float = given(
        0.5, unit="share of the ordered value", source="each delivered kWh is paid its price", ge=0, le=1
    )
    """What the floor pays."""
