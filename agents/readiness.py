"""The contracts that pay for power held ready, as everybody who settles or checks keeps them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from environment.messages.activation import ActivationRequest
from environment.messages.procurement import EngagementRequest
from markets.settlement.availability import Calls, held_order, ready_eur_per_h
from markets.settlement.blocks import Block
from markets.settlement.cases import engaged_blocks, starts_of


@dataclass(frozen=True)
class Engaged:
    """A contract that pays availability, with what tells that it binds.

    Attributes:
        conversation: the procurement in which it was engaged.
        order: an order of nothing over its intervals, by which they are settled.
    """

    conversation: str
    order: ActivationRequest


class Readiness:
    """The contracts that pay for power held ready."""

    def __init__(self) -> None:
        self._engaged: dict[str, Engaged] = {}

    def note(self, conversation: str, record: EngagementRequest, dso: str) -> None:
        """Keep an engagement, if it has an availability price; all bids of a contract are one."""
        if record.availability_eur_per_kw_h > 0.0:
            (block,) = engaged_blocks([record])[record.contract]
            order = held_order(record.contract, block, dso, record.fsp, record.area, record.direction)
            self._engaged.setdefault(record.contract, Engaged(conversation, order))

    @property
    def orders(self) -> list[ActivationRequest]:
        """The orders of nothing of all contracts."""
        return [one.order for one in self._engaged.values()]

    def order(self, name: str) -> ActivationRequest | None:
        """The order of nothing of a name; None if there is none."""
        return next((order for order in self.orders if order.activation == name), None)

    def due(self, start_ms: int, end_ms: int) -> dict[str, list[ActivationRequest]]:
        """Procurement -> orders of nothing of its contracts, of those that begin in a day."""
        found: dict[str, list[ActivationRequest]] = {}
        for one in self._engaged.values():
            if start_ms <= one.order.from_ms < end_ms:
                found.setdefault(one.conversation, []).append(one.order)
        return found


def owing(
    orders: Sequence[ActivationRequest], blocks: Mapping[str, Sequence[Block]], calls: Calls
) -> list[ActivationRequest]:
    """Of some orders of nothing those for which something is to be paid: their contract has an interval that was never called."""
    return [
        one for one in orders
        if ready_eur_per_h(starts_of(one), one.ordered_kw, blocks.get(one.contract, ()), calls.get(one.contract, ())).any()
    ]  # fmt: skip
