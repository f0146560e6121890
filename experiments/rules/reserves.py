"""The faces of the rules of balancing reserves: what is due of them, what is bought and called."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from experiments.rules.clearing import tidy
from experiments.rules.face import Accounts, Face, Name, Outcome, Row
from experiments.scenario.fields import Part, given
from markets.balancing.auction import Offer, Terms
from markets.balancing.responses import AFRR_FULL_S, FCR_DEAD_BAND_HZ, MFRR_FULL_S

SOGL = "Reg. (EU) 2017/1485, annex V"


class DueRow(Row):
    """What is due at an instant."""

    at: str
    """Its name."""
    due_kw: float = given(unit="kW")
    """Change that is due; up is above 0."""


class Due(Row):
    """What a reserve has to do."""

    rows: tuple[DueRow, ...]
    """Every instant, in the order given."""


class _Response(Face):
    """A reserve and what is asked of it."""

    result: ClassVar[type[Part]] = Due
    accounted: ClassVar[str] = "kW"
    table: ClassVar[str] = "rows"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"rows": ("at",)}

    @staticmethod
    def _due(names: list[str], due_kw: Any, most_kw: Any) -> Outcome:
        due = [tidy(float(kw)) for kw in due_kw]
        rows = tuple(DueRow(at=name, due_kw=kw) for name, kw in zip(names, due, strict=True))
        taken = [min(abs(kw), float(most)) for kw, most in zip(due, most_kw, strict=True)]
        return Outcome(Due(rows=rows), Accounts.of(taken, [float(m) - t for m, t in zip(most_kw, taken, strict=True)]))


class DeviationRow(Row):
    """The frequency at an instant."""

    at: Name
    """Its name, unique."""
    deviation_hz: float = given(unit="Hz")
    """Frequency less 50 Hz."""


class Droop(_Response):
    """Containment reserve and deviations of the frequency."""

    about: ClassVar[str] = (
        "Containment reserve (FCR) by droop: nothing within the dead band, else in proportion to the deviation, all of it at 200 mHz."
    )
    reserve_kw: float = given(unit="kW", ge=0)
    """Held in both directions."""
    dead_band_hz: float = given(FCR_DEAD_BAND_HZ, unit="Hz", source=SOGL, ge=0, le=0.01)
    """Up to this deviation nothing happens."""
    rows: tuple[DeviationRow, ...] = given(min_length=1)
    """What the devices measure."""

    example: ClassVar[Mapping[str, Any]] = {
        "reserve_kw": 1000.0,
        "rows": [{"at": str(mhz), "deviation_hz": mhz / 1000.0} for mhz in (-200, -100, -50, -250, 20, 10)],
    }

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Follow the frequency."""
        deviation = np.array([row.deviation_hz for row in self.rows])
        due = function(self.reserve_kw, deviation, dead_band_hz=self.dead_band_hz)
        return self._due([row.at for row in self.rows], due, [self.reserve_kw] * len(self.rows))


class SetPointRow(Row):
    """A set-point."""

    at: Name
    """Its step, unique."""
    wanted_kw: float = given(unit="kW")
    """Called in this step."""


class Followed(_Response):
    """An automatic reserve and the set-points that it gets, step by step."""

    about: ClassVar[str] = (
        "Automatic reserve (aFRR): the fastest way along its set-points that the full activation time admits, which is what is due of it."
    )
    reserve_kw: float = given(unit="kW", ge=0)
    """Held."""
    step_s: float = given(60.0, unit="s", source="cycle of the shipped scenario", gt=0)
    """Length of a step."""
    full_s: float = given(AFRR_FULL_S, unit="s", source="full activation time of the standard aFRR product", gt=0)
    """Full activation time."""
    start_kw: float = given(0.0, unit="kW", source="at rest")
    """Power before the first step."""
    rows: tuple[SetPointRow, ...] = given(min_length=1)
    """Set-points in their order."""

    example: ClassVar[Mapping[str, Any]] = {
        "reserve_kw": 100.0,
        "rows": [{"at": str(k), "wanted_kw": 100.0 if k < 6 else 0.0} for k in range(8)],
    }

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Follow the set-points."""
        wanted = np.array([row.wanted_kw for row in self.rows])
        due = function(wanted, self.reserve_kw, self.step_s, self.full_s, self.start_kw)
        return self._due([row.at for row in self.rows], due, np.maximum(np.abs(wanted), np.abs(due)))


class TimeRow(Row):
    """An instant."""

    at: Name
    """Its name, unique."""
    time_s: float = given(unit="s")
    """When."""


class Block(_Response):
    """A called block."""

    about: ClassVar[str] = (
        "Manual reserve (mFRR): a block with a ramp before it that is complete a full activation time after the call, and one of the same length after it."
    )
    quantity_kw: float = given(unit="kW", ge=0)
    """Of the block."""
    called_s: float = given(0.0, unit="s", source="at the beginning")
    """When the call was received."""
    start_s: float = given(MFRR_FULL_S, unit="s", source="a full activation time after the call")
    """When it is due in full; later if the call left less than the full activation time."""
    end_s: float = given(MFRR_FULL_S + 900.0, unit="s", source="a quarter of an hour later")
    """When it ends."""
    full_s: float = given(MFRR_FULL_S, unit="s", source="full activation time of the standard mFRR product", gt=0)
    """Full activation time."""
    rows: tuple[TimeRow, ...] = given(min_length=1)
    """Instants to look at."""

    example: ClassVar[Mapping[str, Any]] = {
        "quantity_kw": 50.0,
        "rows": [{"at": f"{t / 60:g} min", "time_s": float(t)} for t in (0, 375, 750, 1200, 1650, 2025, 2400)],
    }

    def problems(self) -> Iterator[str]:
        """It ends after it starts."""
        if self.end_s <= self.start_s:
            yield f"end_s: {self.end_s:g} is not after start_s, {self.start_s:g}"

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Ramp up, hold, ramp down."""
        times = np.array([row.time_s for row in self.rows])
        due = function(self.quantity_kw, times, self.called_s, self.start_s, self.end_s, self.full_s)
        return self._due([row.at for row in self.rows], due, [self.quantity_kw] * len(self.rows))


# --- what is bought and called ----------------------------------------------------------------------------------------------


class OfferRow(Row):
    """Capacity offered."""

    offer: Name
    """Its name, unique."""
    quantity_kw: float = given(unit="kW", gt=0)
    """Offered."""
    price_eur_per_kw_h: float = given(unit="EUR/kW/h", ge=0)
    """Asked for holding a kW for an hour."""
    received_ms: int = given(0, unit="ms", source="all at once; then the name decides", ge=0)
    """When it was received: of equal offers the earlier wins."""


class BoughtRow(Row):
    """What became of an offer."""

    offer: str
    """Its name."""
    quantity_kw: float = given(unit="kW")
    """As offered."""
    accepted_kw: float = given(unit="kW")
    """Bought."""
    price_eur_per_kw_h: float = given(unit="EUR/kW/h")
    """Paid."""
    reason: str
    """Why the rest was not bought."""


class Bought(Row):
    """Capacity bought."""

    offers: tuple[BoughtRow, ...]
    """Every offer, in merit order."""
    bought_kw: float = given(unit="kW")
    """Altogether."""


class Auction(Face):
    """Offers of one block of one product, and what is needed."""

    about: ClassVar[str] = (
        "Auction of balancing capacity: cheapest first in whole granules until the need is covered, paid the dearest accepted price or as bid; "
        "too small, odd or too dear offers are refused."
    )
    need_kw: float = given(unit="kW", ge=0)
    """Bought at most."""
    min_bid_kw: float = given(1000.0, unit="kW", source="1 MW in Continental Europe", gt=0)
    """Smallest offer."""
    granularity_kw: float = given(1000.0, unit="kW", source="1 MW in Continental Europe", gt=0)
    """Offers are whole multiples of it."""
    cap_eur_per_kw_h: float = given(0.05, unit="EUR/kW/h", source="judgement: a multiple of usual prices", gt=0)
    """Highest price that is bought at."""
    pays_as_cleared: bool = given(True, source="the FCR cooperation pays the marginal price")
    """One price for all."""
    offers: tuple[OfferRow, ...] = given(min_length=1)
    """Offers in any order."""

    result: ClassVar[type[Part]] = Bought
    accounted: ClassVar[str] = "kW"
    table: ClassVar[str] = "offers"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"offers": ("offer",)}
    example: ClassVar[Mapping[str, Any]] = {
        "need_kw": 3000.0,
        "offers": [
            {"offer": "pool", "quantity_kw": 2000.0, "price_eur_per_kw_h": 0.01},
            {"offer": "hydro", "quantity_kw": 2000.0, "price_eur_per_kw_h": 0.02},
            {"offer": "gas", "quantity_kw": 1000.0, "price_eur_per_kw_h": 0.03},
            {"offer": "small pool", "quantity_kw": 400.0, "price_eur_per_kw_h": 0.005},
        ],
    }

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Clear."""
        book = [
            Offer(one.offer, one.offer, "reserve", 0, one.quantity_kw, one.price_eur_per_kw_h, 0.0, one.received_ms)
            for one in self.offers
        ]
        terms = Terms(self.min_bid_kw, self.granularity_kw, self.cap_eur_per_kw_h, self.pays_as_cleared)
        found = function(book, self.need_kw, terms)
        rows = tuple(
            BoughtRow(
                offer=one.offer.offer, quantity_kw=one.offer.kw, accepted_kw=tidy(one.accepted_kw),
                price_eur_per_kw_h=tidy(one.price_eur_per_kw_h), reason=one.reason,
            )
            for one in found
        )  # fmt: skip
        accepted = [row.accepted_kw for row in rows]
        result = Bought(offers=rows, bought_kw=tidy(sum(accepted)))
        return Outcome(result, Accounts.of(accepted, [row.quantity_kw - row.accepted_kw for row in rows]))


class HeldRow(Row):
    """A reserve that is held."""

    reserve: Name
    """Its name, unique."""
    held_kw: float = given(unit="kW", ge=0)
    """Held."""
    price_eur_per_kwh: float = given(unit="EUR/kWh")
    """Asked for activated energy."""


class CalledRow(Row):
    """What is called of a reserve."""

    reserve: str
    """Its name."""
    called_kw: float = given(unit="kW")
    """Called."""
    price_eur_per_kwh: float = given(unit="EUR/kWh")
    """Paid: that of the dearest called."""


class Called(Row):
    """What is called."""

    reserves: tuple[CalledRow, ...]
    """Every reserve, in the order given."""
    unmet_kw: float = given(unit="kW")
    """What nobody is left for."""


class Merit(Face):
    """Reserves that are held, and a power that is called."""

    about: ClassVar[str] = (
        "Balancing energy by merit order: cheapest first until the called power is covered, everybody called paid the price of the dearest."
    )
    wanted_kw: float = given(unit="kW", ge=0)
    """Called in one direction."""
    reserves: tuple[HeldRow, ...] = given(min_length=1)
    """Who could be called; of equal prices the first."""

    result: ClassVar[type[Part]] = Called
    accounted: ClassVar[str] = "kW"
    table: ClassVar[str] = "reserves"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"reserves": ("reserve",)}
    example: ClassVar[Mapping[str, Any]] = {
        "wanted_kw": 80.0,
        "reserves": [
            {"reserve": "pool", "held_kw": 60.0, "price_eur_per_kwh": 0.14},
            {"reserve": "hydro", "held_kw": 50.0, "price_eur_per_kwh": 0.06},
            {"reserve": "gas", "held_kw": 60.0, "price_eur_per_kwh": 0.20},
        ],
    }

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Call."""
        held = [one.held_kw for one in self.reserves]
        found = function(held, [one.price_eur_per_kwh for one in self.reserves], self.wanted_kw)
        rows = tuple(
            CalledRow(reserve=one.reserve, called_kw=tidy(part.kw), price_eur_per_kwh=tidy(part.price_eur_per_kwh))
            for one, part in zip(self.reserves, found, strict=True)
        )
        called = [row.called_kw for row in rows]
        result = Called(reserves=rows, unmet_kw=tidy(max(self.wanted_kw - sum(called), 0.0)))
        return Outcome(result, Accounts.of(called, [kw - part for kw, part in zip(held, called, strict=True)]))
