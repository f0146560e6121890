"""The arithmetic of one settlement: what was ordered, contracted, declared, metered, delivered and owed (SUC06.3).

It serves whoever settles (the service of the GDBN, or the DSO) and whoever checks a settlement (the provider, from its own meters).
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature

import numpy as np

from data.arrays import F64, I64
from environment.messages.activation import ActivationRequest
from environment.messages.procurement import BaselineDeclaration, EngagementRequest
from environment.messages.settlement import RemunerationAndPenalty
from environment.units import Direction
from markets.ledger import cents
from markets.settlement.availability import Calls, calls_of, ready_eur_per_h
from markets.settlement.blocks import Block
from markets.settlement.delivery import delivered_kw
from markets.settlement.outcome import Settlement

Settle = Callable[..., Settlement]
"""A settlement rule with its parameters: (ordered, delivered, price per interval; hours) -> amounts."""


def engaged_blocks(engaged: Iterable[EngagementRequest]) -> dict[str, list[Block]]:
    """The blocks of every contract that was engaged, by its name."""
    found: dict[str, list[Block]] = {}
    for one in engaged:
        step_ms = round(one.step_s * 1000)
        block = Block(one.price_eur_per_kwh, one.from_ms, step_ms, one.engaged_kw, one.availability_eur_per_kw_h)
        found.setdefault(one.contract, []).append(block)
    return found


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
        earlier_kw: what earlier orders ask of the same portfolio in the same direction, and are credited first, shape (T,).
        reference: spans [from_ms, to_ms) whose readings the baseline rests on, beside those of the order.
        readings: start of a reference span -> mean net load per interval; empty where readings are missing.
        blocks: price and contracted power of each bid of the contract, cheapest first: [(EUR/kWh, kW (T,))].
        ready_eur_per_h: availability that it answers for, if all is delivered, shape (T,).
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
    earlier_kw: F64
    blocks: list[tuple[float, F64]]
    ready_eur_per_h: F64
    baseline_kw: F64 = field(default_factory=lambda: np.zeros(0))
    metered_kw: F64 = field(default_factory=lambda: np.zeros(0))
    delivered_kw: F64 = field(default_factory=lambda: np.zeros(0))
    missing: int = 0
    short_kwh: float = 0.0
    reference: Sequence[tuple[int, int]] = ()
    readings: dict[int, F64] = field(default_factory=dict)

    @property
    def from_ms(self) -> int:
        """Start of the first interval."""
        return int(self.t_ms[0])

    @property
    def to_ms(self) -> int:
        """End of the last interval."""
        return int(self.t_ms[-1]) + round(self.hours * 3_600_000)

    @property
    def span(self) -> tuple[int, int]:
        """[from_ms, to_ms)."""
        return self.from_ms, self.to_ms

    def deliver(self) -> None:
        """Delivered power of the portfolio per interval: baseline minus metered in the direction of the order."""
        self.delivered_kw = delivered_kw(self.baseline_kw, self.metered_kw, self.direction)

    @property
    def called(self) -> bool:
        """Whether anything was ordered; otherwise it is about power held ready."""
        return bool(self.ordered_kw.any())

    @property
    def own_kw(self) -> F64:
        """What of it is left for this order: nothing delivered is credited to two orders."""
        return self.delivered_kw - self.earlier_kw

    def verify(self) -> None:
        """Energy that is missing against the order."""
        self.short_kwh = float(np.maximum(self.ordered_kw - self.own_kw, 0.0).sum() * self.hours)

    def price_eur_per_kwh(self) -> F64:
        """Mean price of what was ordered in each interval: the contract's bids are called cheapest first."""
        left, cost = self.ordered_kw.copy(), np.zeros(len(self.t_ms))
        for price, contracted in self.blocks:
            called = np.minimum(left, contracted)
            cost += called * price
            left -= called
        return np.divide(cost, self.ordered_kw, out=np.zeros_like(cost), where=self.ordered_kw > 0.0)


def cases(
    orders: Sequence[ActivationRequest],
    blocks: Mapping[str, Sequence[Block]],
    declared: Sequence[BaselineDeclaration],
    before: Sequence[ActivationRequest] = (),
    calls: Calls | None = None,
) -> list[Case]:
    """One case for each order, with its contract and its baseline; ``lacking`` says whether there are both.

    Args:
        orders: what was ordered, in the order of ordering.
        blocks: price steps of every contract, by its name.
        declared: the baselines that stand.
        before: orders before these; what they ask of a portfolio is credited to them first.
        calls: all calls of every contract, on which its availability hangs; those of these orders alone if None.
    """
    result: list[Case] = []
    known = calls_of(orders) if calls is None else calls
    for number, order in enumerate(orders):
        baseline = next(one for one in _baselines_of(order, declared) if _covers(one, order))
        t_ms = starts_of(order)
        ladder = [(one.price_eur_per_kwh, one.at(t_ms)) for one in blocks[order.contract]]
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
                _earlier_kw(order, [*before, *orders[:number]]),
                ladder,
                ready_eur_per_h(t_ms, order.ordered_kw, blocks[order.contract], known.get(order.contract, ())),
            )
        )
    return result


def lacking(
    orders: Sequence[ActivationRequest],
    blocks: Container[str],
    declared: Sequence[BaselineDeclaration],
    platforms: Container[str],
) -> str:
    """What some orders cannot be settled without: contract, baseline that stands, platform; empty if nothing is missing."""
    for order in orders:
        if order.contract not in blocks:
            return f"no contract {order.contract!r} is known"
        baselines = _baselines_of(order, declared)
        if not baselines:
            return f"no baseline of {order.fsp} in {order.area} stands"
        if not any(_covers(one, order) for one in baselines):
            return f"activation {order.activation!r} leaves the intervals of its baseline"
        if order.fsp not in platforms:
            return f"{order.fsp} has no technical platform to send an invoice to"
    return ""


def starts_of(order: ActivationRequest) -> I64:
    """Starts of the intervals of an order [ms], shape (T,)."""
    return order.from_ms + round(order.step_s * 1000) * np.arange(len(order.ordered_kw), dtype=np.int64)


def _end_ms(order: ActivationRequest) -> int:
    return order.from_ms + round(order.step_s * 1000) * len(order.ordered_kw)


def _earlier_kw(order: ActivationRequest, before: Iterable[ActivationRequest]) -> F64:
    """What earlier orders ask of the same portfolio in the same direction, in the intervals of an order, shape (T,)."""
    t_ms, total = starts_of(order), np.zeros(len(order.ordered_kw))
    for one in before:
        together = one.from_ms < _end_ms(order) and order.from_ms < _end_ms(one)
        if together and (one.fsp, one.area, one.direction) == (order.fsp, order.area, order.direction):
            total += Block(0.0, one.from_ms, round(one.step_s * 1000), one.ordered_kw).at(t_ms)
    return total


def _baselines_of(order: ActivationRequest, declared: Sequence[BaselineDeclaration]) -> list[BaselineDeclaration]:
    """The baselines that an order's provider declared for its area."""
    return [one for one in declared if (one.fsp, one.area) == (order.fsp, order.area)]


def _covers(baseline: BaselineDeclaration, order: ActivationRequest) -> bool:
    """Whether an order, which has at least one interval, lies on the intervals of a baseline."""
    step_ms = round(baseline.step_s * 1000)
    first, rest = divmod(order.from_ms - baseline.from_ms, step_ms)
    steps = len(order.ordered_kw)
    same = order.step_s == baseline.step_s and rest == 0
    return same and steps > 0 and first >= 0 and first + steps <= len(baseline.power_kw)


def settle_case(case: Case, settle: Settle) -> RemunerationAndPenalty:
    """Amounts of one case; the net is rounded once, to whole cents."""
    result = settle(case.ordered_kw, case.own_kw, case.price_eur_per_kwh(), hours=case.hours, **_ready(case, settle))
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
        availability_eur=float(result.availability_eur.sum()),
    )


def _ready(case: Case, settle: Settle) -> dict[str, F64]:
    """The power held ready and its mean price, for a rule that pays it; nothing where it is not paid."""
    if not case.ready_eur_per_h.any() or "contracted_kw" not in signature(settle).parameters:
        return {}
    held_kw = np.maximum(case.ordered_kw, 1.0)  # the amount is the same for any power
    return {"contracted_kw": held_kw, "availability_eur_per_kw_h": case.ready_eur_per_h / held_kw}
