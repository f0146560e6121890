"""An activation on its way through a pool of homes."""

from dataclasses import dataclass

import numpy as np

from agents.aggregator_plans import DayPlans
from data.arrays import F64, I64, Bool
from environment.messages.activation import ActivationRequest


@dataclass
class Call:
    """An activation on its way through the pool: what was asked of each member of its area, what each can do of it.

    Attributes:
        order: the DSO's request.
        plans: what the members had planned for the day.
        window: columns of the plans.
        members: rows of the members of its area in the pool, ascending, (members,).
        asked_kw: (members, intervals).
        asked_eur: what the members ask for it by their own prices, for an hour of each interval, (members,).
        share: part of what it was asked for that each member confirmed, (members,).
    """

    order: ActivationRequest
    plans: DayPlans
    window: slice
    members: I64
    asked_kw: F64
    asked_eur: F64
    share: F64

    @property
    def asked(self) -> Bool:
        """Members that were asked."""
        return np.asarray((self.asked_kw > 0.0).any(axis=1))

    def places(self, rows: I64) -> tuple[Bool, I64]:
        """Which rows of the pool are members of the area, and their places among them."""
        place = np.minimum(np.searchsorted(self.members, rows), len(self.members) - 1)
        here = self.members[place] == rows
        return here, place[here]

    @property
    def price(self) -> F64:
        """Mean price of what each member was asked for, (members,) [EUR/kWh]; 0 where nothing was."""
        energy = self.asked_kw.sum(axis=1)
        return np.asarray(np.divide(self.asked_eur, energy, out=np.zeros_like(energy), where=energy > 0.0))

    def missing_kw(self) -> F64:
        """What nobody has confirmed yet, per interval."""
        return np.asarray(np.maximum(self.order.ordered_kw - (self.asked_kw * self.share[:, None]).sum(axis=0), 0.0))
