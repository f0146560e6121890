"""What the homes of a portfolio have planned for one day: net load, possible reduction and its price."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        price: of the reduction [EUR/kWh], shape (n, T).
    """

    from_ms: int
    step_s: float
    planned: NDArray[np.bool_]
    net_kw: F64
    up_kw: F64
    price: F64

    @classmethod
    def empty(cls, members: int, from_ms: int, step_s: float, steps: int) -> "DayPlans":
        """Plans that nobody has reported yet."""
        net, up, price = np.zeros((3, members, steps))
        return cls(from_ms, step_s, np.zeros(members, bool), net, up, price)

    def take(self, rows: I64, net_kw: F64, up_kw: F64, price: F64) -> None:
        """Keep the plans of some members; a plan reported again replaces the one before."""
        self.net_kw[rows], self.up_kw[rows], self.price[rows] = net_kw, up_kw, price
        self.planned[rows] = True

    def window(self, from_ms: int, step_s: float, steps: int) -> slice | None:
        """Columns that a window covers; None if it does not lie inside these plans."""
        first, rest = divmod(from_ms - self.from_ms, round(self.step_s * 1000))
        if step_s != self.step_s or rest or first < 0 or first + steps > self.up_kw.shape[1]:
            return None
        return slice(first, first + steps)

    def mean_price(self) -> F64:
        """Mean price at which each member offers over the day, shape (n,) [EUR/kWh]; 0 where it offers nothing."""
        energy = self.up_kw.sum(axis=1)
        value = (self.up_kw * self.price).sum(axis=1)
        return np.asarray(np.divide(value, energy, out=np.zeros_like(value), where=energy > 0.0), np.float64)
