"""What of a contract may be called, or is: powers over intervals at a price."""

from dataclasses import dataclass, field

import numpy as np

from data.arrays import F64, I64


@dataclass(frozen=True, eq=False)
class Block:
    """What of a contract may be called at one price.

    Attributes:
        price_eur_per_kwh: the price.
        from_ms: start of the first interval.
        step_ms: length of an interval.
        kw: contracted per interval, shape (T,); empty: any quantity at any time, as in a standing contract.
        availability_eur_per_kw_h: price of a kW held ready for an hour.
    """

    price_eur_per_kwh: float
    from_ms: int = 0
    step_ms: int = 1
    kw: F64 = field(default_factory=lambda: np.zeros(0))
    availability_eur_per_kw_h: float = 0.0

    @property
    def starts_ms(self) -> I64:
        """Starts of its intervals [ms], shape (T,)."""
        return self.from_ms + self.step_ms * np.arange(len(self.kw), dtype=np.int64)

    def at(self, t_ms: I64) -> F64:
        """Contracted power at the starts of some intervals; 0 outside its own."""
        if not len(self.kw):
            return np.full(len(t_ms), np.inf)
        place = (t_ms - self.from_ms) // self.step_ms
        inside = (place >= 0) & (place < len(self.kw))
        if inside.all():  # the usual case
            return self.kw[place]
        return np.where(inside, self.kw[np.where(inside, place, 0)], 0.0)
