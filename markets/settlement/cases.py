"""The arithmetic of one settlement: what was ordered, contracted, declared, metered, delivered and owed (SUC06.3)."""

from collections.abc import Callable, Container
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from environment.messages.activation import ActivationRequest
from environment.messages.procurement import BaselineDeclaration, EngagementRequest
from environment.messages.settlement import RemunerationAndPenalty
from environment.units import Direction
from markets.ledger import cents
from markets.settlement.delivery import delivered_kw
from markets.settlement.outcome import Settlement

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Settle = Callable[..., Settlement]
"""A settlement rule with its parameters: (ordered, delivered, price per interval; hours) -> amounts."""


@dataclass
class Case:
    """One activation of one contract on its way through settlement.

    Attributes:
        settlement: id.
        activation: id of the activation.
        fsp: who delivered.
        area: where.
        direction: of the order.
        baseline: id of the declared baseline.
        meters: metering points of the portfolio.
        t_ms: starts of the intervals, shape (T,).
        hours: length of an interval.
        ordered_kw: shape (T,).
        blocks: price and contracted power of each bid of the contract, cheapest first: [(EUR/kWh, kW (T,))].
    """

    settlement: str
    activation: str
    fsp: str
    area: str
    direction: Direction
    baseline: str
    meters: tuple[str, ...]
    t_ms: I64
    hours: float
    ordered_kw: F64
    blocks: list[tuple[float, F64]]
    baseline_kw: F64 = field(default_factory=lambda: np.zeros(0))
    metered_kw: F64 = field(default_factory=lambda: np.zeros(0))
    delivered_kw: F64 = field(default_factory=lambda: np.zeros(0))
    missing: int = 0
    short_kwh: float = 0.0

    @property
    def from_ms(self) -> int:
        """Start of the first interval."""
        return int(self.t_ms[0])

    @property
    def to_ms(self) -> int:
        """End of the last interval."""
        return int(self.t_ms[-1]) + round(self.hours * 3_600_000)

    def deliver(self) -> None:
        """Delivered power per interval: baseline minus metered in the direction of the order."""
        self.delivered_kw = delivered_kw(self.baseline_kw, self.metered_kw, self.direction)

    def verify(self) -> None:
        """Energy that is missing against the order."""
        self.short_kwh = float(np.maximum(self.ordered_kw - self.delivered_kw, 0.0).sum() * self.hours)

    def price_eur_per_kwh(self) -> F64:
        """Mean price of what was ordered in each interval: the contract's bids are called cheapest first."""
        left, cost = self.ordered_kw.copy(), np.zeros(len(self.t_ms))
        for price, contracted in self.blocks:
            called = np.minimum(left, contracted)
            cost += called * price
            left -= called
        return np.divide(cost, self.ordered_kw, out=np.zeros_like(cost), where=self.ordered_kw > 0.0)


def cases(
    conversation: str,
    orders: list[ActivationRequest],
    engaged: list[EngagementRequest],
    declared: dict[tuple[str, str, str], BaselineDeclaration],
) -> list[Case]:
    """One case for each order, with its contract and its baseline."""
    result = []
    for order in orders:
        blocks = [one for one in engaged if one.contract == order.contract]
        baseline = declared[blocks[0].session, order.fsp, order.area]
        step_ms = round(order.step_s * 1000)
        t_ms = order.from_ms + step_ms * np.arange(len(order.ordered_kw), dtype=np.int64)
        ladder = [(one.price_eur_per_kwh, _engaged_kw(one, t_ms)) for one in blocks]
        ladder.sort(key=lambda block: block[0])
        result.append(
            Case(
                f"settlement/{order.activation}",
                order.activation,
                order.fsp,
                order.area,
                "up" if order.direction == "up" else "down",
                baseline.baseline,
                baseline.meters,
                t_ms,
                order.step_s / 3600.0,
                order.ordered_kw,
                ladder,
            )
        )
    return result


def lacking(
    orders: list[ActivationRequest],
    engaged: list[EngagementRequest],
    declared: dict[tuple[str, str, str], BaselineDeclaration],
    platforms: Container[str],
) -> str:
    """What some orders cannot be settled without: contract, baseline that stands, platform; empty if nothing is missing."""
    for order in orders:
        sessions = [one.session for one in engaged if one.contract == order.contract]
        if not sessions:
            return f"no contract {order.contract!r} is known"
        baseline = declared.get((sessions[0], order.fsp, order.area))
        if baseline is None:
            return f"no baseline of {order.fsp} in {order.area} stands"
        if not _covers(baseline, order):
            return f"activation {order.activation!r} leaves the intervals of its baseline"
        if order.fsp not in platforms:
            return f"{order.fsp} has no technical platform to send an invoice to"
    return ""


def _covers(baseline: BaselineDeclaration, order: ActivationRequest) -> bool:
    """Whether an order, which has at least one interval, lies on the intervals of a baseline."""
    step_ms = round(baseline.step_s * 1000)
    first, rest = divmod(order.from_ms - baseline.from_ms, step_ms)
    steps = len(order.ordered_kw)
    same = order.step_s == baseline.step_s and rest == 0
    return same and steps > 0 and first >= 0 and first + steps <= len(baseline.power_kw)


def _engaged_kw(engagement: EngagementRequest, t_ms: I64) -> F64:
    """Contracted power of a bid at some intervals; 0 outside its own."""
    place = (t_ms - engagement.from_ms) // round(engagement.step_s * 1000)
    inside = (place >= 0) & (place < len(engagement.engaged_kw))
    return np.where(inside, engagement.engaged_kw[np.clip(place, 0, len(engagement.engaged_kw) - 1)], 0.0)


def settle_case(case: Case, settle: Settle) -> RemunerationAndPenalty:
    """Amounts of one case; the net is rounded once, to whole cents."""
    result = settle(case.ordered_kw, case.delivered_kw, case.price_eur_per_kwh(), hours=case.hours)
    remuneration = cents(float(result.remuneration_eur.sum())) / 100.0
    penalty = cents(float(result.penalty_eur.sum())) / 100.0
    return RemunerationAndPenalty(
        settlement=case.settlement,
        activation=case.activation,
        fsp=case.fsp,
        ordered_kwh=result.ordered_kwh,
        delivered_kwh=result.delivered_kwh,
        remuneration_eur=remuneration,
        penalty_eur=penalty,
        net_eur=cents(remuneration - penalty) / 100.0,
    )
