"""How many messages a second one sender may put on a channel: what is more waits at its sender, and nobody else waits for it.

Each sender has a lane of its own on every channel with a quota. A flood of messages from one party so fills its own lane and no other: what others send, an
activation among it, is as fast as without the flood. This is what platforms do that limit the rate of each client.
"""

from collections.abc import Sequence

import numpy as np

from data.arrays import F64, I64, U64


class Quotas:
    """Lanes of senders on channels.

    Args:
        per_s: messages a second of each channel; 0: no limit.
    """

    def __init__(self, per_s: Sequence[float]) -> None:
        self._gap_ms: F64 = np.array([1000.0 / one if one else 0.0 for one in per_s])
        self._free_ms: dict[tuple[int, int], float] = {}
        self.limits = bool(self._gap_ms.any())
        """Whether there is any quota."""

    def waits_ms(self, channel: I64, party: I64, receiver: I64, ids: U64, now_ms: int) -> I64:
        """How long each of some messages of one instant waits before it leaves, all of shape (n,).

        Messages of one lane leave by receiver and id, so that it does not show in which batches they were sent.

        Args:
            channel: number of its channel.
            party: whose lane it takes.
            receiver: where it goes.
            ids: message ids.
            now_ms: the instant.
        """
        waits = np.zeros(len(channel))
        limited = np.flatnonzero(self._gap_ms[channel] > 0)
        if not len(limited):
            return waits.astype(np.int64)
        order = limited[np.lexsort((ids[limited], receiver[limited], party[limited], channel[limited]))]
        lanes = np.flatnonzero((np.diff(channel[order], prepend=-1) != 0) | (np.diff(party[order], prepend=-1) != 0))
        for rows in np.split(order, lanes[1:]):
            lane = int(channel[rows[0]]), int(party[rows[0]])
            gap = float(self._gap_ms[lane[0]])
            first = max(self._free_ms.get(lane, 0.0) - now_ms, 0.0)
            waits[rows] = first + gap * np.arange(len(rows))
            self._free_ms[lane] = now_ms + first + gap * len(rows)
        return np.asarray(np.rint(waits), np.int64)
