"""What the homes and plants of a portfolio have planned for one day: net load, possible change and its price."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from environment.units import Direction

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass
class DayPlans:
    """Plans of one day, one row a member; members that have not reported carry 0.

    Attributes:
        from_ms: start of the first interval.
        step_s: length of an interval.
        planned: members that have reported, shape (n,).
        net_kw: planned net load, shape (n, T).
        up_kw: possible reduction, shape (n, T).
        down_kw: possible increase, shape (n, T).
        price: of the change [EUR/kWh], shape (n, T); a member offers one direction.
    """

    from_ms: int
    step_s: float
    planned: NDArray[np.bool_]
    net_kw: F64
    up_kw: F64
    down_kw: F64
    price: F64

    @classmethod
    def empty(cls, members: int, from_ms: int, step_s: float, steps: int) -> "DayPlans":
        """Plans that nobody has reported yet."""
        net, up, down, price = np.zeros((4, members, steps))
        return cls(from_ms, step_s, np.zeros(members, bool), net, up, down, price)

    def take(self, rows: I64, net_kw: F64, kw: F64, price: F64, direction: Direction) -> None:
        """Keep the plans of some members that offer one direction; a plan reported again replaces the one before."""
        self.net_kw[rows], self.price[rows] = net_kw, price
        self.offered_kw(direction)[rows] = kw
        self.planned[rows] = True

    def offered_kw(self, direction: str) -> F64:
        """What members could do in a direction, shape (n, T)."""
        return self.up_kw if direction == "up" else self.down_kw

    def window(self, from_ms: int, step_s: float, steps: int) -> slice | None:
        """Columns that a window covers; None if it does not lie inside these plans."""
        first, rest = divmod(from_ms - self.from_ms, round(self.step_s * 1000))
        if step_s != self.step_s or rest or first < 0 or first + steps > self.up_kw.shape[1]:
            return None
        return slice(first, first + steps)

    def mean_price(self) -> F64:
        """Mean price at which each member offers over the day, shape (n,) [EUR/kWh]; 0 where it offers nothing."""
        offered = self.up_kw + self.down_kw
        energy = offered.sum(axis=1)
        value = (offered * self.price).sum(axis=1)
        return np.asarray(np.divide(value, energy, out=np.zeros_like(value), where=energy > 0.0), np.float64)
