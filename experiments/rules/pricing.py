"""The faces of the pricing rules: cleared bids as records in, what each is paid out."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import model_validator

from experiments.rules.clearing import (
    BidRow,
    NeedRow,
    SensitivityRow,
    bid_columns,
    need_columns,
    sensitivities,
    tidy,
)
from experiments.rules.face import Accounts, Face, Outcome, Row
from experiments.scenario.fields import Part, given, refuse
from markets.clearing.outcome import Clearing


class AcceptedBid(BidRow):
    """A bid with what a clearing took of it."""

    accepted_kw: float = given(unit="kW", ge=0)
    """What was taken; 0: nothing."""

    @model_validator(mode="after")
    def _check_taken(self) -> Self:
        if self.accepted_kw > self.quantity_kw:
            refuse(f"accepted_kw {self.accepted_kw:g} is above quantity_kw {self.quantity_kw:g}")
        return self


class WeighedNeed(NeedRow):
    """A need with its shadow price."""

    shadow_eur_per_kwh: float = given(0.0, unit="EUR/kWh", source="needs of one interval weigh the same", ge=0)
    """What one more kWh of this need would cost: the weight of the constraint."""


class PaidBid(Row):
    """What a bid is paid."""

    bid: str
    """Its id."""
    accepted_kw: float = given(unit="kW")
    """What was taken."""
    rejected_kw: float = given(unit="kW")
    """offered - accepted."""
    asked_eur_per_kwh: float = given(unit="EUR/kWh")
    """Price asked."""
    paid_eur_per_kwh: float = given(unit="EUR/kWh")
    """Price paid; 0 where nothing was taken."""
    cost_eur: float = given(unit="EUR")
    """What was taken, at the price paid."""


class Priced(Row):
    """What bids are paid."""

    bids: tuple[PaidBid, ...]
    """Every bid, in the order given."""
    cost_eur: float = given(unit="EUR")
    """All of it."""


class PayAsBid(Face):
    """Cleared bids."""

    hours: float = given(0.25, unit="h", source="metering period of European smart meters", gt=0)
    """Length of an interval."""
    bids: tuple[AcceptedBid, ...]
    """The bids with what was taken of each."""

    result: ClassVar[type[Part]] = Priced
    accounted: ClassVar[str] = "kW"
    table: ClassVar[str] = "bids"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {"bids": ("bid",)}
    example: ClassVar[Mapping[str, Any]] = {
        "bids": [
            {"bid": "b1", "area": "near", "direction": "up", "quantity_kw": 5.0, "accepted_kw": 5.0, "price_eur_per_kwh": 0.27},
            {"bid": "b2", "area": "far", "direction": "up", "quantity_kw": 10.0, "accepted_kw": 2.5, "price_eur_per_kwh": 0.14},
            {"bid": "b3", "area": "near", "direction": "up", "quantity_kw": 4.0, "accepted_kw": 0.0, "price_eur_per_kwh": 0.45},
        ],
    }  # fmt: skip

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Price the bids."""
        return self._paid(function, (), ())

    def _paid(
        self, function: Callable[..., Any], needs: tuple[WeighedNeed, ...], acting: tuple[SensitivityRow, ...]
    ) -> Outcome:
        network = sensitivities(acting, [row.constraint for row in needs], [row.area for row in self.bids])
        taken = np.array([row.accepted_kw for row in self.bids], np.float64)
        cleared = Clearing(
            bid_columns(self.bids), taken, np.full(len(taken), ""), need_columns(needs), np.zeros(len(needs)),
            np.array([row.shadow_eur_per_kwh for row in needs], np.float64), self.hours,
        )  # fmt: skip
        paid = function(cleared, network)
        cost = taken * paid * self.hours
        rows = tuple(
            PaidBid(
                bid=row.bid, accepted_kw=row.accepted_kw, rejected_kw=tidy(row.quantity_kw - row.accepted_kw),
                asked_eur_per_kwh=row.price_eur_per_kwh, paid_eur_per_kwh=tidy(paid[k]), cost_eur=tidy(cost[k]),
            )
            for k, row in enumerate(self.bids)
        )  # fmt: skip
        accounts = Accounts.of([row.accepted_kw for row in rows], [row.rejected_kw for row in rows])
        return Outcome(Priced(bids=rows, cost_eur=tidy(cost.sum())), accounts)


class Uniform(PayAsBid):
    """Cleared bids, the needs they relieve, and how areas act on constraints."""

    needs: tuple[WeighedNeed, ...] = given(min_length=1)
    """The needs that the bids were cleared against."""
    sensitivities: tuple[SensitivityRow, ...] = given(
        (), source="none named: every area relieves every constraint one to one"
    )
    """How areas act on constraints; a pair that is not named does not act."""

    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "bids": ("bid",),
        "needs": ("constraint", "direction", "t_ms"),
        "sensitivities": ("constraint", "area"),
    }
    refers: ClassVar[Mapping[tuple[str, str], tuple[str, str]]] = {
        ("bids", "area"): ("sensitivities", "area"),
        ("needs", "constraint"): ("sensitivities", "constraint"),
    }
    example: ClassVar[Mapping[str, Any]] = {
        **PayAsBid.example,
        "needs": [{"constraint": "transformer", "direction": "up", "quantity_kw": 5.5}],
        "sensitivities": [
            {"constraint": "transformer", "area": "near", "kw_per_kw": 0.9},
            {"constraint": "transformer", "area": "far", "kw_per_kw": 0.4},
        ],
    }

    def problems(self) -> Any:
        """A bid that was taken, where nothing is needed, has no common price."""
        needed = {(row.direction, row.t_ms) for row in self.needs if row.quantity_kw > 0}
        for place, row in enumerate(self.bids):
            if row.accepted_kw > 0 and (row.direction, row.t_ms) not in needed:
                yield f"bids[{place}]: no need of direction '{row.direction}' at t_ms {row.t_ms}, but {row.accepted_kw:g} kW were accepted"

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Price the bids."""
        return self._paid(function, self.needs, self.sensitivities)
