"""What a party refuses to act on is on record: which message, and why (law 9)."""

from typing import Any

from environment.messages.base import Batch
from environment.party import Party


def refuse(party: Party, batch: Batch[Any], row: int, subject: str, reason: str) -> None:
    """Note in the party's register ``refused_requests`` that it does not act on one message.

    Args:
        party: who refuses.
        batch: what arrived.
        row: the message in it.
        subject: what the message is about: a session, an activation, a metering point.
        reason: why it is refused.
    """
    party.register("refused_requests").add(
        message_id=batch.ids[row], t_ms=party.now_ms, party=party.name, record=batch.record.__name__, subject=subject,
        reason=reason,
    )  # fmt: skip
