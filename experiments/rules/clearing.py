"""The face of the clearing rules: order book, needs, how areas act on constraints, and headrooms, as records."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import model_validator

from experiments.rules.face import Accounts, Face, Name, Outcome, Row
from experiments.scenario.fields import Part, given, refuse
from markets.bids import Bid as MarketBid
from markets.bids import BidColumns, NeedColumns, Sensitivities

Direction = Literal["up", "down"]


class BidRow(Row):
    """A bid for one interval (SUC06.1 Info-4)."""

    bid: Name
    """Its id, unique."""
    fsp: Name = given("-", source="not needed to clear")
    """Who offers."""
    area: Name
    """Where, as in ``sensitivities``."""
    direction: Direction
    """up: less net load; down: more net load."""
    t_ms: int = given(0, unit="ms", source="a market of one interval", ge=0)
    """Start of the interval."""
    quantity_kw: float = given(unit="kW", gt=0)
    """Offered power, mean over the interval."""
    price_eur_per_kwh: float = given(unit="EUR/kWh", ge=0)
    """Price asked."""
    received_ms: int = given(0, unit="ms", source="all at once; then the id decides", ge=0)
    """When the market received it: of equal bids the earlier wins."""
    min_acceptance_kw: float = given(0.0, unit="kW", source="any part may be taken", ge=0)
    """Smallest part that may be taken."""
    divisible: bool = given(True, source="a part may be taken")
    """false: all or nothing (a block)."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.min_acceptance_kw > self.quantity_kw:
            refuse(f"min_acceptance_kw {self.min_acceptance_kw:g} is above quantity_kw {self.quantity_kw:g}")
        return self


class NeedRow(Row):
    """A quantity at a constraint: relief needed there, or headroom left there."""

    constraint: Name
    """Branch or bus, as in ``sensitivities``."""
    direction: Direction
    """up: net load behind the constraint must (or can) fall; down: rise."""
    t_ms: int = given(0, unit="ms", source="a market of one interval", ge=0)
    """Start of the interval."""
    quantity_kw: float = given(unit="kW", ge=0)
    """Amount at the constraint, not at the resource."""


class SensitivityRow(Row):
    """How an area acts on a constraint."""

    constraint: Name
    """Branch or bus."""
    area: Name
    """Area of bids."""
    kw_per_kw: float = given(unit="kW per kW")
    """Relief at the constraint of one kW less net load in the area; 1 behind a radial branch, 0 elsewhere; negative: it gets worse."""


class ClearedBid(Row):
    """What became of a bid."""

    bid: str
    """Its id."""
    fsp: str
    """Who offered."""
    area: str
    """Where."""
    direction: Direction
    """As offered."""
    t_ms: int = given(unit="ms")
    """Start of the interval."""
    offered_kw: float = given(unit="kW")
    """As offered."""
    accepted_kw: float = given(unit="kW")
    """What was taken."""
    rejected_kw: float = given(unit="kW")
    """offered - accepted."""
    cost_eur: float = given(unit="EUR")
    """What was taken, at the bid's own price."""
    reason: str
    """Why not, or not all; empty if all was taken."""


class ClearedNeed(Row):
    """What became of a need."""

    constraint: str
    """Branch or bus."""
    direction: Direction
    """As needed."""
    t_ms: int = given(unit="ms")
    """Start of the interval."""
    needed_kw: float = given(unit="kW")
    """As needed."""
    cleared_kw: float = given(unit="kW")
    """Relief reached, at most the need."""
    unmet_kw: float = given(unit="kW")
    """needed - cleared."""
    shadow_eur_per_kwh: float = given(unit="EUR/kWh")
    """What one more kWh of this need would cost."""


class Cleared(Row):
    """The outcome of a clearing."""

    bids: tuple[ClearedBid, ...]
    """Every bid, in the order given."""
    needs: tuple[ClearedNeed, ...]
    """Every need, in the order given."""
    cost_eur: float = given(unit="EUR")
    """What the accepted bids cost at their own prices."""


def bid_columns(rows: Sequence[BidRow]) -> BidColumns:
    """Bids as columns."""
    return BidColumns.of(MarketBid(**row.model_dump(include=set(MarketBid.__struct_fields__))) for row in rows)


def need_columns(rows: Sequence[NeedRow]) -> NeedColumns:
    """Needs or headrooms as columns."""
    return NeedColumns.of((row.constraint, row.direction, row.t_ms, row.quantity_kw) for row in rows)


def sensitivities(rows: Sequence[SensitivityRow], constraints: Sequence[str], areas: Sequence[str]) -> Sensitivities:
    """The table of all pairs: 0 for a pair that is not named, 1 throughout where none is."""
    names = sorted({*constraints, *(row.constraint for row in rows)}), sorted({*areas, *(row.area for row in rows)})
    table = np.full((len(names[0]), len(names[1])), 0.0 if rows else 1.0)
    for row in rows:
        table[names[0].index(row.constraint), names[1].index(row.area)] = row.kw_per_kw
    return Sensitivities(tuple(names[0]), tuple(names[1]), table)


def tidy(value: float) -> float:
    """A figure without the noise of binary fractions."""
    return round(float(value), 9) + 0.0


class Clearing(Face):
    """An order book and the needs it is cleared against."""

    hours: float = given(0.25, unit="h", source="metering period of European smart meters", gt=0)
    """Length of an interval."""
    unmet_eur_per_kwh: float = given(3.0, unit="EUR/kWh", source="price cap of the shipped products", gt=0)
    """What the buyer would rather pay than see a need unmet; dearer bids (per kW of relief) are not bought."""
    bids: tuple[BidRow, ...]
    """The order book, in any order."""
    needs: tuple[NeedRow, ...] = given(min_length=1)
    """Relief needed."""
    sensitivities: tuple[SensitivityRow, ...] = given(
        (), source="none named: every area relieves every constraint one to one"
    )
    """How areas act on constraints; a pair that is not named does not act."""
    headrooms: tuple[NeedRow, ...] = given((), source="none named: no other limit")
    """Change that other constraints can bear (the merit order does not look at it)."""

    result: ClassVar[type[Part]] = Cleared
    accounted: ClassVar[str] = "kW"
    table: ClassVar[str] = "bids"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "bids": ("bid",),
        "needs": ("constraint", "direction", "t_ms"),
        "headrooms": ("constraint", "direction", "t_ms"),
        "sensitivities": ("constraint", "area"),
    }
    refers: ClassVar[Mapping[tuple[str, str], tuple[str, str]]] = {
        ("bids", "area"): ("sensitivities", "area"),
        ("needs", "constraint"): ("sensitivities", "constraint"),
        ("headrooms", "constraint"): ("sensitivities", "constraint"),
    }
    example: ClassVar[Mapping[str, Any]] = {
        "hours": 0.25,
        "unmet_eur_per_kwh": 3.0,
        "bids": [
            {"bid": "b1", "fsp": "fsp-sol", "area": "near", "direction": "up", "quantity_kw": 5.0, "price_eur_per_kwh": 0.27},
            {"bid": "b2", "fsp": "fsp-luna", "area": "far", "direction": "up", "quantity_kw": 10.0, "price_eur_per_kwh": 0.14},
            {"bid": "b3", "fsp": "fsp-luna", "area": "near", "direction": "up", "quantity_kw": 4.0, "price_eur_per_kwh": 0.45, "divisible": False},
        ],
        "needs": [{"constraint": "transformer", "direction": "up", "quantity_kw": 5.5}],
        "sensitivities": [
            {"constraint": "transformer", "area": "near", "kw_per_kw": 0.9},
            {"constraint": "transformer", "area": "far", "kw_per_kw": 0.4},
            {"constraint": "line", "area": "far", "kw_per_kw": 1.0},
        ],
        "headrooms": [{"constraint": "line", "direction": "up", "quantity_kw": 8.0}],
    }  # fmt: skip

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Clear the book."""
        bids, needs, headrooms = bid_columns(self.bids), need_columns(self.needs), need_columns(self.headrooms)
        constraints = [row.constraint for row in (*self.needs, *self.headrooms)]
        network = sensitivities(self.sensitivities, constraints, [row.area for row in self.bids])
        found = function(
            bids, needs, network, hours=self.hours, unmet_eur_per_kwh=self.unmet_eur_per_kwh, headrooms=headrooms
        )
        taken = [tidy(value) for value in found.accepted_kw]
        left = [tidy(value) for value in found.rejected_kw]
        result = Cleared(
            bids=tuple(
                ClearedBid(
                    bid=row.bid, fsp=row.fsp, area=row.area, direction=row.direction, t_ms=row.t_ms,
                    offered_kw=row.quantity_kw, accepted_kw=taken[k], rejected_kw=left[k],
                    cost_eur=tidy(found.bid_cost_eur[k]), reason=str(found.reason[k]),
                )
                for k, row in enumerate(self.bids)
            ),
            needs=tuple(
                ClearedNeed(
                    constraint=row.constraint, direction=row.direction, t_ms=row.t_ms, needed_kw=row.quantity_kw,
                    cleared_kw=tidy(found.cleared_kw[k]), unmet_kw=tidy(found.unmet_kw[k]),
                    shadow_eur_per_kwh=round(float(found.shadow_eur_per_kwh[k]), 6),
                )
                for k, row in enumerate(self.needs)
            ),
            cost_eur=tidy(found.cost_eur),
        )  # fmt: skip
        return Outcome(result, Accounts.of(taken, left))
