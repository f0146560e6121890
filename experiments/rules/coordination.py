"""The face of the coordination schemes: bids, networks and needs of several system operators as records; who activates what."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from experiments.rules.clearing import BidRow, Direction, SensitivityRow, bid_columns, sensitivities, tidy
from experiments.rules.face import Accounts, Face, Name, Outcome, Row
from experiments.scenario.fields import Part, given
from markets.coordination.common import shares_eur
from markets.coordination.situation import Activations, Situation, WantColumns

T_MS = "a market of one interval"


class AreaRow(Row):
    """An area in which bids can be."""

    area: Name
    """A DSO perimeter, or a node of the transmission network."""
    operator: Name
    """Whose network it is in."""


class ConstraintRow(Row):
    """Limits of a branch or bus in an interval."""

    constraint: Name
    """As in ``sensitivities``."""
    operator: Name
    """Whose it is."""
    t_ms: int = given(0, unit="ms", source=T_MS, ge=0)
    """Start of the interval."""
    low_kw: float = given(unit="kW")
    """Least relief: above 0 the operator needs it, below 0 that much more may flow."""
    high_kw: float = given(1e9, unit="kW", source="not limited in this direction")
    """Largest relief: below 0 it needs the other direction."""


class ImbalanceRow(Row):
    """What a control area is short of."""

    operator: Name
    """Whose."""
    t_ms: int = given(0, unit="ms", source=T_MS, ge=0)
    """Start of the interval."""
    short_kw: float = given(unit="kW")
    """That much more must be injected; below 0: less."""


class LightRow(Row):
    """Capability of an area in one direction; green where none is named."""

    area: Name
    """Whose."""
    direction: Direction
    """Of activations."""
    t_ms: int = given(0, unit="ms", source=T_MS, ge=0)
    """Start of the interval."""
    capability_kw: float = given(unit="kW", ge=0)
    """yellow: at most that; red: 0."""


class WantRow(Row):
    """What a commercial party would buy."""

    buyer: Name
    """Who."""
    direction: Direction
    """up: it is short."""
    t_ms: int = given(0, unit="ms", source=T_MS, ge=0)
    """Start of the interval."""
    quantity_kw: float = given(unit="kW", gt=0)
    """At most."""
    price_eur_per_kwh: float = given(unit="EUR/kWh", ge=0)
    """At most."""


class ActivatedBid(Row):
    """What became of a bid."""

    bid: str
    """Its id."""
    offered_kw: float = given(unit="kW")
    """As offered."""
    accepted_kw: float = given(unit="kW")
    """Activated."""
    buyers: tuple[str, ...]
    """By whom; 'joint': by all in one market."""


class LimitRow(Row):
    """What became of a constraint."""

    constraint: str
    """Which."""
    operator: str
    """Whose."""
    t_ms: int = given(unit="ms")
    """Start of the interval."""
    relief_kw: float = given(unit="kW")
    """By all activations."""
    unmet_kw: float = given(unit="kW")
    """Of its need."""
    violated_kw: float = given(unit="kW")
    """By how much activations break its limits."""


class BuyerRow(Row):
    """What a buyer's activations cost."""

    buyer: str
    """An operator, or 'joint'."""
    activated_kwh: float = given(unit="kWh")
    """In both directions."""
    cost_eur: float = given(unit="EUR")
    """At the bids' own prices."""


class BalanceRow(Row):
    """What the system is left short of."""

    t_ms: int = given(unit="ms")
    """Start of the interval."""
    left_kw: float = given(unit="kW")
    """Below 0: too much."""


class Coordinated(Row):
    """Who activates what under a scheme."""

    bids: tuple[ActivatedBid, ...]
    """Every bid, in the order given."""
    constraints: tuple[LimitRow, ...]
    """Every constraint and interval."""
    balance: tuple[BalanceRow, ...]
    """Every interval."""
    buyers: tuple[BuyerRow, ...]
    """Who buys."""
    cost_eur: float = given(unit="EUR")
    """What all activations cost at the bids' own prices."""
    served_kwh: float = given(unit="kWh")
    """What commercial parties get."""
    feasible: bool
    """Whether every limit is kept, every need met and the system balanced."""


class ShareRow(Row):
    """What an operator pays of a joint market."""

    operator: str
    """Who."""
    cost_eur: float = given(unit="EUR")
    """By the Shapley value, open needs at their price included."""


class CoordinatedTogether(Coordinated):
    """Who activates what in a joint market, and who pays."""

    shares: tuple[ShareRow, ...]
    """Every operator."""


class Scheme(Face):
    """Bids, networks and needs of several system operators."""

    operators: tuple[Name, ...] = given(min_length=1)
    """The first is the transmission system operator."""
    hours: float = given(0.25, unit="h", source="market time unit of balancing energy in Europe", gt=0)
    """Length of an interval."""
    unmet_eur_per_kwh: float = given(3.0, unit="EUR/kWh", source="price cap of the shipped products", gt=0)
    """What an operator would rather pay than see a need open."""
    areas: tuple[AreaRow, ...] = given(min_length=1)
    """Where bids can be."""
    constraints: tuple[ConstraintRow, ...] = given((), source="no network limits")
    """Branches and buses with their limits."""
    sensitivities: tuple[SensitivityRow, ...] = given((), source="no area acts on a constraint")
    """How areas act on constraints; a pair that is not named does not act."""
    imbalances: tuple[ImbalanceRow, ...] = given((), source="balanced")
    """What control areas are short of."""
    bids: tuple[BidRow, ...] = given(min_length=1)
    """Divisible offers, in any order."""

    result: ClassVar[type[Part]] = Coordinated
    accounted: ClassVar[str] = "kW"
    table: ClassVar[str] = "bids"
    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "areas": ("area",),
        "bids": ("bid",),
        "constraints": ("constraint", "t_ms"),
        "sensitivities": ("constraint", "area"),
        "imbalances": ("operator", "t_ms"),
    }
    refers: ClassVar[Mapping[tuple[str, str], tuple[str, str]]] = {
        ("bids", "area"): ("areas", "area"),
        ("sensitivities", "area"): ("areas", "area"),
        ("sensitivities", "constraint"): ("constraints", "constraint"),
    }
    example: ClassVar[Mapping[str, Any]] = {
        "operators": ["tso", "dso"],
        "hours": 1.0,
        "areas": [
            {"area": "north", "operator": "tso"},
            {"area": "substation", "operator": "dso"},
            {"area": "feeder-end", "operator": "dso"},
        ],
        "constraints": [
            {"constraint": "feeder", "operator": "dso", "low_kw": 40.0, "high_kw": 200.0},
            {"constraint": "transformer", "operator": "dso", "low_kw": -100.0, "high_kw": 150.0},
        ],
        "sensitivities": [
            {"constraint": "feeder", "area": "feeder-end", "kw_per_kw": 1.0},
            {"constraint": "transformer", "area": "feeder-end", "kw_per_kw": 1.0},
            {"constraint": "transformer", "area": "substation", "kw_per_kw": 1.0},
        ],
        "imbalances": [{"operator": "tso", "short_kw": 250.0}],
        "bids": [
            {"bid": "unit", "area": "north", "direction": "up", "quantity_kw": 400.0, "price_eur_per_kwh": 0.20},
            {"bid": "homes", "area": "substation", "direction": "up", "quantity_kw": 180.0, "price_eur_per_kwh": 0.10},
            {"bid": "cars", "area": "feeder-end", "direction": "up", "quantity_kw": 60.0, "price_eur_per_kwh": 0.15},
        ],
    }

    def problems(self) -> Iterator[str]:
        """Operators exist, limits are the right way round, and bids can be taken in part."""
        for table in ("areas", "constraints", "imbalances"):
            for place, row in enumerate(getattr(self, table)):
                if row.operator not in self.operators:
                    yield f"{table}[{place}].operator: '{row.operator}' is none of the operators {', '.join(self.operators)}"
        for place, row in enumerate(self.constraints):
            if row.low_kw > row.high_kw:
                yield f"constraints[{place}]: low_kw {row.low_kw:g} is above high_kw {row.high_kw:g}"
        for place, bid in enumerate(self.bids):
            if not bid.divisible or bid.min_acceptance_kw:
                yield f"bids[{place}]: schemes take divisible bids; write divisible: true and no min_acceptance_kw"

    def situation(self) -> Situation:
        """The records as columns."""
        timed = (self.constraints, self.imbalances, self.bids, self._lights(), self._wants())
        t_ms = np.unique([row.t_ms for rows in timed for row in rows])
        at = {int(t): k for k, t in enumerate(t_ms)}
        number = {name: k for k, name in enumerate(self.operators)}
        areas = {row.area: k for k, row in enumerate(self.areas)}
        whose = {row.constraint: number[row.operator] for row in self.constraints}
        place = {name: k for k, name in enumerate(whose)}
        low, high = np.full((len(whose), len(t_ms)), -np.inf), np.full((len(whose), len(t_ms)), np.inf)
        for row in self.constraints:
            low[place[row.constraint], at[row.t_ms]], high[place[row.constraint], at[row.t_ms]] = (
                row.low_kw,
                row.high_kw,
            )
        short = np.zeros((len(number), len(t_ms)))
        for one in self.imbalances:
            short[number[one.operator], at[one.t_ms]] = one.short_kw
        capability = np.full((2, len(areas), len(t_ms)), np.inf)
        for light in self._lights():
            capability[int(light.direction == "down"), areas[light.area], at[light.t_ms]] = light.capability_kw
        acts = sensitivities(self.sensitivities, list(whose), list(areas)) if self.sensitivities else None
        return Situation(
            operators=self.operators, areas=tuple(areas), constraints=tuple(whose), hours=self.hours, t_ms=t_ms,
            operator_of_area=np.array([number[row.operator] for row in self.areas], np.int64),
            operator_of_constraint=np.array(list(whose.values()), np.int64),
            relief=acts.between(list(whose), list(areas)) if acts else np.zeros((len(whose), len(areas))),
            low_kw=low, high_kw=high, imbalance_kw=short, capability_kw=capability, bids=bid_columns(self.bids),
            wants=_wants(self._wants(), at),
        )  # fmt: skip

    def _lights(self) -> tuple[LightRow, ...]:
        return ()

    def _wants(self) -> tuple[WantRow, ...]:
        return ()

    def parameters(self) -> dict[str, Any]:
        """Keyword arguments of the rule."""
        return {"unmet_eur_per_kwh": self.unmet_eur_per_kwh}

    def run(self, function: Callable[..., Any]) -> Outcome:
        """Coordinate."""
        found: Activations = function(self.situation(), **self.parameters())
        taken = [tidy(value) for value in found.accepted_kw]
        left = [row.quantity_kw - kw for row, kw in zip(self.bids, taken, strict=True)]
        return Outcome(self.result(**_told(found, self.bids, taken), **self._more(found)), Accounts.of(taken, left))

    def _more(self, found: Activations) -> dict[str, Any]:
        return {}


def _wants(rows: tuple[WantRow, ...], at: Mapping[int, int]) -> WantColumns:
    return WantColumns(
        np.array([row.buyer for row in rows], str), np.array([row.direction == "up" for row in rows], bool),
        np.array([at[row.t_ms] for row in rows], np.int64), np.array([row.quantity_kw for row in rows], np.float64),
        np.array([row.price_eur_per_kwh for row in rows], np.float64),
    )  # fmt: skip


def _told(found: Activations, bids: tuple[BidRow, ...], taken: list[float]) -> dict[str, Any]:
    case = found.situation
    relief, unmet, violated = found.relief_kw, found.unmet_kw, found.violated_kw
    return {
        "bids": tuple(
            ActivatedBid(
                bid=row.bid, offered_kw=row.quantity_kw, accepted_kw=taken[k],
                buyers=tuple(buyer for buyer, kw in found.taken_kw.items() if kw[k] > 0),
            )
            for k, row in enumerate(bids)
        ),
        "constraints": tuple(
            LimitRow(
                constraint=name, operator=case.operators[case.operator_of_constraint[k]], t_ms=int(case.t_ms[t]),
                relief_kw=tidy(relief[k, t]), unmet_kw=tidy(unmet[k, t]), violated_kw=tidy(violated[k, t]),
            )
            for k, name in enumerate(case.constraints)
            for t in range(len(case.t_ms))
        ),
        "balance": tuple(
            BalanceRow(t_ms=int(t_ms), left_kw=tidy(kw)) for t_ms, kw in zip(case.t_ms, found.imbalance_left_kw, strict=True)
        ),
        "buyers": tuple(
            BuyerRow(buyer=buyer, activated_kwh=tidy(kw.sum() * case.hours), cost_eur=tidy(found.cost_eur(buyer)))
            for buyer, kw in found.taken_kw.items()
        ),
        "cost_eur": tidy(found.cost_eur()),
        "served_kwh": tidy(found.served_kw.sum() * case.hours),
        "feasible": found.is_feasible,
    }  # fmt: skip


class LevelledScheme(Scheme):
    """Bids, networks and needs of several system operators, and what a local activation counts for."""

    counts: bool = given(True, source="an activation changes the system's balance wherever it is")
    """Whether what distribution system operators activate counts for the transmission system operator's balance; false: it buys as if they had
    done nothing, and their activations are left as imbalance."""

    def parameters(self) -> dict[str, Any]:
        """Keyword arguments of the rule."""
        return {**super().parameters(), "counts": self.counts}


class LitScheme(Scheme):
    """Bids, needs of several system operators, and traffic lights."""

    lights: tuple[LightRow, ...] = given((), source="every area is green")
    """Capabilities of areas."""

    unique: ClassVar[Mapping[str, tuple[str, ...]]] = {**Scheme.unique, "lights": ("area", "direction", "t_ms")}
    refers: ClassVar[Mapping[tuple[str, str], tuple[str, str]]] = {
        **Scheme.refers,
        ("lights", "area"): ("areas", "area"),
    }
    example: ClassVar[Mapping[str, Any]] = {
        **Scheme.example,
        "lights": [{"area": "substation", "direction": "up", "capability_kw": 90.0}],
    }

    def _lights(self) -> tuple[LightRow, ...]:
        return self.lights


class CommonScheme(Scheme):
    """Bids, networks and needs of several system operators that buy together."""

    result: ClassVar[type[Part]] = CoordinatedTogether

    def _more(self, found: Activations) -> dict[str, Any]:
        paid = shares_eur(found.situation, unmet_eur_per_kwh=self.unmet_eur_per_kwh)
        return {
            "shares": tuple(
                ShareRow(operator=name, cost_eur=tidy(eur)) for name, eur in zip(self.operators, paid, strict=True)
            )
        }


class IntegratedScheme(Scheme):
    """Bids, networks and needs of several system operators, and what commercial parties want."""

    wants: tuple[WantRow, ...] = given((), source="nobody else buys")
    """What commercial parties would buy."""

    example: ClassVar[Mapping[str, Any]] = {
        **Scheme.example,
        "wants": [{"buyer": "retailer", "direction": "up", "quantity_kw": 100.0, "price_eur_per_kwh": 0.25}],
    }

    def _wants(self) -> tuple[WantRow, ...]:
        return self.wants
