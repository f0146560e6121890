"""The receiver's door: what a message must pass before anybody reacts to it.

In this order: the address exists; the signature is that of the claimed sender for this id and content; the sender plays an actor that may
send such a record; the id did not come before. A repetition with the same content is known already and changes nothing; the same id with
other content is refused, and so is a true message that comes when its sender has long given it up. Without authentication the door
checks nothing but addresses: that an id came before is told from the signature that binds it to sender and content.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from data.arrays import U64, Bool
from environment.journal import NEVER, REFUSED, Journal, Traffic

FORGED = "signature"
ALTERED = "altered: the signature is that of other content"
REPEATED = "already submitted"
REUSED = "duplicate identifier"
EXPIRED = "expired: its sender has given it up"


class Door:
    """Checks on receipt.

    Args:
        permitted: record -> addresses that may send it, shape (addresses,); a record that is not listed may come from anybody.
        authenticate: whether anything but the address is checked.
    """

    def __init__(self, permitted: Mapping[str, Bool], authenticate: bool) -> None:
        self._permitted = permitted
        self._authenticate = authenticate

    def admits(self, record: str, sender: int) -> bool:
        """Whether an address may send such a record."""
        allowed = self._permitted.get(record) if self._authenticate else None
        return allowed is None or bool(allowed[sender])

    def check(self, traffic: Traffic, genuine: Bool, now_ms: int, journal: Journal | None = None) -> None:
        """Refuse, each for its own reason, the rows of ``traffic`` that do not pass.

        Args:
            traffic: what was sent, its deliveries known.
            genuine: whether each signature is that of the claimed sender, shape (n,).
            now_ms: instant of sending.
            journal: what was on the wire before, where ids may have been used already.
        """
        for row, name in traffic.unknown.items():
            _refuse(traffic, row, f"unknown address {name!r}")
        if not self._authenticate:
            return
        batch = traffic.batch
        allowed = self._permitted.get(batch.record.__name__)
        entitled = genuine if allowed is None else allowed[batch.sender]
        if genuine.all() and entitled.all() and journal is None:  # the usual case
            return
        before = {} if journal is None else repeated(traffic, genuine, now_ms, journal)
        for row in np.flatnonzero(traffic.delivered_ms != NEVER).tolist():
            if not genuine[row]:
                _refuse(traffic, row, before.get(row, FORGED))
            elif not entitled[row]:
                _refuse(traffic, row, f"role: {batch.record.__name__} may not come from this sender")
            elif row in before:
                _refuse(traffic, row, before[row])


def repeated(traffic: Traffic, genuine: Bool, now_ms: int, journal: Journal) -> dict[int, str]:
    """Rows whose ids were on the wire before, with what is wrong about it; a repetition is counted at the original."""
    found: dict[int, str] = {}
    for row, earlier, place in _earlier(traffic.batch.ids, journal):
        same = bool(earlier.digest[place] == traffic.digest[row])
        earlier.duplicates[place] += same
        if not same:
            found[row] = REUSED if genuine[row] else ALTERED
        elif not genuine[row]:
            found[row] = FORGED
        elif earlier.delivered_ms[place] != NEVER:
            found[row] = REPEATED
        elif now_ms >= earlier.given_up_ms[place] != NEVER:
            found[row] = EXPIRED
    return found


def _earlier(ids: U64, journal: Journal) -> Iterator[tuple[int, Traffic, int]]:
    """Where each of some ids was on the wire before, unless it was refused there: (row, traffic, place)."""
    row_of = {word: row for row, word in enumerate(ids.tolist())}
    for traffic in journal.traffic:
        known = (
            traffic.batch.ids == ids if len(ids) == 1 else np.isin(traffic.batch.ids, ids)
        )  # isin takes long for one
        for place in np.flatnonzero(known & (traffic.status != REFUSED)).tolist():
            yield row_of[int(traffic.batch.ids[place])], traffic, place


def _refuse(traffic: Traffic, row: int, reason: str) -> None:
    traffic.status[row] = REFUSED
    traffic.reason[row] = reason
