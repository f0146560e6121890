"""What system operators want of the same flexibility, and what a scheme makes of it.

Signs: ``up`` is more injection or less consumption. The relief of a constraint is what activations take off its flow, counted in the direction of its
limits; it must end between ``low_kw`` and ``high_kw``. A constraint that is overloaded by 100 kW has ``low_kw`` 100 (a need of its operator), one
with 50 kW of room has ``low_kw`` -50. An imbalance above 0 is a shortage: that much more has to be injected.

Sources: roles and schemes of Gerard, Rivero Puente, Six: "Coordination between transmission and distribution system operators in the electricity
sector: A conceptual framework", Utilities Policy 50 (2018) 40-48 (SmartNet); BUC09.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data.arrays import F64, I64, Bool, Names
from markets.bids import BidColumns, Columns

ZERO_KW = 1e-6
"""Below this a quantity is noise of the solver."""


@dataclass(frozen=True, eq=False)
class WantColumns(Columns):
    """What commercial parties would buy of the same bids, each of shape (w,).

    Attributes:
        buyer: who.
        up: True where it is short and buys flexibility up.
        interval: number of the interval.
        quantity_kw: at most.
        price_eur_per_kwh: at most.
    """

    buyer: Names
    up: Bool
    interval: I64
    quantity_kw: F64
    price_eur_per_kwh: F64

    @classmethod
    def none(cls) -> "WantColumns":
        """Nobody wants anything."""
        text, number = np.zeros(0, "U1"), np.zeros(0)
        return cls(text, np.zeros(0, bool), np.zeros(0, np.int64), number, number)


@dataclass(frozen=True, eq=False)
class Situation:
    """Bids, networks and needs of several system operators over T intervals.

    Attributes:
        operators: their names, shape (O,); the first is the transmission system operator.
        areas: where bids can be (a DSO perimeter, a transmission node), shape (A,).
        operator_of_area: number of the operator whose network an area is in, (A,).
        constraints: names, (C,).
        operator_of_constraint: number of the operator whose it is, (C,).
        relief: kW of relief at a constraint per kW up in an area, (C, A).
        low_kw: least relief, (C, T); above 0 it is a need.
        high_kw: largest relief, (C, T), not below ``low_kw``; below 0 it is a need.
        imbalance_kw: what each operator's control area is short of, (O, T); their sum is the transmission system operator's need.
        capability_kw: largest activation of all bids in an area that its traffic light admits, (2, A, T): up, down; infinite where green.
        bids: offers; ``area`` names one of the areas, ``t_ms`` one of the intervals; divisible.
        t_ms: starts of the intervals, (T,), rising.
        hours: length of an interval [h].
        wants: what commercial parties would buy.
    """

    operators: tuple[str, ...]
    areas: tuple[str, ...]
    operator_of_area: I64
    constraints: tuple[str, ...]
    operator_of_constraint: I64
    relief: F64
    low_kw: F64
    high_kw: F64
    imbalance_kw: F64
    capability_kw: F64
    bids: BidColumns
    t_ms: I64
    hours: float
    wants: WantColumns

    def __post_init__(self) -> None:
        wrong = [text for holds, text in self._checks() if not holds]
        if wrong:
            msg = "coordination: " + "; ".join(wrong)
            raise ValueError(msg)

    def _checks(self) -> Iterator[tuple[bool, str]]:
        count, areas, times = len(self.constraints), len(self.areas), len(self.t_ms)
        shapes = {
            "operator_of_area": (areas,), "operator_of_constraint": (count,), "relief": (count, areas), "low_kw": (count, times),
            "high_kw": (count, times), "imbalance_kw": (len(self.operators), times), "capability_kw": (2, areas, times),
        }  # fmt: skip
        for name, shape in shapes.items():
            yield getattr(self, name).shape == shape, f"{name} must have shape {shape}, not {getattr(self, name).shape}"
        yield bool(self.operators), "there is no operator"
        yield self.hours > 0, "hours must be above 0"
        yield len(set(self.bids.bid.tolist())) == len(self.bids), "bid ids must be unique"
        yield set(self.bids.area.tolist()) <= set(self.areas), "a bid names an unknown area"
        yield bool(np.isin(self.bids.t_ms, self.t_ms).all()), "a bid names an unknown interval"
        quantity, price = self.bids.quantity_kw, self.bids.price_eur_per_kwh
        yield bool((np.isfinite(quantity) & (quantity > 0)).all()), "bid quantities must be above 0 and finite"
        yield bool((np.isfinite(price) & (price >= 0)).all()), "bid prices must be at least 0 and finite"
        yield bool((self.bids.least_kw == 0).all()), "bids must be divisible"
        yield bool((self.low_kw <= self.high_kw).all()), "low_kw must not be above high_kw"
        yield bool((self.capability_kw >= 0).all()), "capabilities must be at least 0"
        yield (
            bool(np.isfinite(self.relief).all() and np.isfinite(self.imbalance_kw).all()),
            "relief and imbalances must be finite",
        )

    @cached_property
    def area_of_bid(self) -> I64:
        """Number of the area of each bid, (n,)."""
        number = {name: k for k, name in enumerate(self.areas)}
        return np.array([number[name] for name in self.bids.area.tolist()], np.int64)

    @cached_property
    def operator_of_bid(self) -> I64:
        """Number of the operator in whose network each bid is, (n,)."""
        return self.operator_of_area[self.area_of_bid]

    @cached_property
    def interval_of_bid(self) -> I64:
        """Number of the interval of each bid, (n,)."""
        return np.asarray(np.searchsorted(self.t_ms, self.bids.t_ms), np.int64)

    @cached_property
    def sign_of_bid(self) -> F64:
        """1 up, -1 down, (n,)."""
        return np.where(self.bids.up, 1.0, -1.0)

    @cached_property
    def need_kw(self) -> F64:
        """What the transmission system operator has to activate in each interval, (T,)."""
        return np.asarray(self.imbalance_kw.sum(axis=0))


@dataclass(frozen=True, eq=False)
class Activations:
    """Who activates what under a scheme.

    Attributes:
        situation: what was wanted.
        taken_kw: buyer -> what it takes of each bid, (n,). A joint market's buyer is ``JOINT``.
        served_kw: what commercial parties get, (w,).
    """

    situation: Situation
    taken_kw: Mapping[str, F64]
    served_kw: F64

    @cached_property
    def accepted_kw(self) -> F64:
        """What is activated of each bid, (n,)."""
        return np.asarray(np.sum([np.zeros(len(self.situation.bids)), *self.taken_kw.values()], axis=0))

    @cached_property
    def change_kw(self) -> F64:
        """Change of injection in each area and interval, (A, T)."""
        return change_kw(self.situation, self.accepted_kw)

    @cached_property
    def relief_kw(self) -> F64:
        """Relief of each constraint, (C, T)."""
        return np.asarray(self.situation.relief @ self.change_kw)

    @cached_property
    def outside_kw(self) -> F64:
        """By how much a constraint's relief is outside its limits, (C, T): below 0 too little (or the other way), above 0 too much."""
        found, case = self.relief_kw, self.situation
        below, above = np.minimum(found - case.low_kw, 0.0), np.maximum(found - case.high_kw, 0.0)
        return _quiet(below + above)

    @cached_property
    def unmet_kw(self) -> F64:
        """What is left open of the need at each constraint, at least 0, (C, T)."""
        found, case = self.outside_kw, self.situation
        short = np.where(case.low_kw > 0, np.minimum(np.maximum(-found, 0.0), np.maximum(case.low_kw, 0.0)), 0.0)
        over = np.where(case.high_kw < 0, np.minimum(np.maximum(found, 0.0), np.maximum(-case.high_kw, 0.0)), 0.0)
        return short + over

    @cached_property
    def violated_kw(self) -> F64:
        """By how much activations break a limit that held without them, or make an open need larger, at least 0, (C, T)."""
        return _quiet(np.abs(self.outside_kw) - self.unmet_kw)

    @cached_property
    def imbalance_left_kw(self) -> F64:
        """What the whole system is still short of (above 0) or long of, (T,)."""
        case = self.situation
        served = np.bincount(
            case.wants.interval, np.where(case.wants.up, 1.0, -1.0) * self.served_kw, minlength=len(case.t_ms)
        )
        return _quiet(case.need_kw + served - self.change_kw.sum(axis=0))

    @property
    def is_feasible(self) -> bool:
        """Whether every limit is kept, every need met and the system balanced."""
        return not self.outside_kw.any() and not self.imbalance_left_kw.any()

    def cost_eur(self, buyer: str | None = None) -> float:
        """What activated bids cost at their own prices, of one buyer or of all [EUR]."""
        taken = self.accepted_kw if buyer is None else self.taken_kw[buyer]
        return float((taken * self.situation.bids.price_eur_per_kwh).sum() * self.situation.hours)

    @property
    def served_value_eur(self) -> float:
        """What commercial parties would have paid for what they get [EUR]."""
        return float((self.served_kw * self.situation.wants.price_eur_per_kwh).sum() * self.situation.hours)


JOINT = "joint"
"""The buyer of a market in which operators buy together."""


def change_kw(case: Situation, taken_kw: F64) -> F64:
    """Change of injection in each area and interval by what is taken of each bid, (A, T)."""
    change = np.zeros((len(case.areas), len(case.t_ms)))
    np.add.at(change, (case.area_of_bid, case.interval_of_bid), case.sign_of_bid * taken_kw)
    return change


def _quiet(values: F64) -> F64:
    return np.where(np.abs(values) < ZERO_KW, 0.0, values)
