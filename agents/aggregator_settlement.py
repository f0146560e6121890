"""A provider's check of what it is said to have earned: the contract's own rule on its own meters and baseline (SUC06.3 scenario 2)."""

from collections.abc import Mapping, Sequence

from agents.settlement import declared_kw
from environment.instruments import MeterStore
from environment.messages.activation import ActivationRequest
from environment.messages.procurement import BaselineDeclaration
from environment.messages.settlement import RemunerationAndPenalty
from markets.baselines.method import DECLARED
from markets.settlement.availability import Calls
from markets.settlement.blocks import Block
from markets.settlement.cases import Settle, cases, lacking, settle_case

TOLERANCE_EUR = 0.01


def objection(
    record: RemunerationAndPenalty, orders: Sequence[ActivationRequest], blocks: Mapping[str, Sequence[Block]],
    declared: Sequence[BaselineDeclaration], meters: MeterStore, settle: Settle,
    calls: Calls | None = None,
) -> str:  # fmt: skip
    """Why a provider disputes a settlement; empty if it does not. It does not where it is paid more than it works out itself.

    Args:
        record: what it is said to have earned.
        orders: what it accepted, in the order of acceptance.
        blocks: price steps of its contracts.
        declared: its baselines.
        meters: readings of its members.
        settle: the rule with its parameters.
        calls: all calls that it heard of, refused ones included.
    """
    place = next((number for number, one in enumerate(orders) if one.activation == record.activation), None)
    if place is None:
        return f"no order {record.activation!r} was accepted"
    order = orders[place]
    missing = lacking([order], blocks, declared, {order.fsp})
    if missing:
        return missing
    (case,) = cases([order], blocks, declared, orders[:place], calls)
    case.metered_kw = meters.read(case.meters, case.from_ms, case.to_ms).sum(axis=0)
    declaration = next(one for one in declared if one.baseline == case.baseline)
    if declaration.method != DECLARED and case.called:
        return ""  # worked out from the meter database, notices included, which only who settles has
    case.baseline_kw = declared_kw(declaration, case.t_ms)
    case.deliver()
    own = settle_case(case, settle)
    if record.net_eur < own.net_eur - TOLERANCE_EUR:
        return f"own meters and baseline give {own.net_eur:.2f} EUR, not {record.net_eur:.2f}"
    return ""
