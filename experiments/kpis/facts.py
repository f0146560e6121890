"""What figures are computed from: the tables of a run as columns of numpy arrays, cut to the delivery days."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from data.arrays import F64, I64
from experiments.results.frame import Frame

MS_PER_H = 3_600_000


@dataclass(frozen=True)
class Facts:
    """The canonical tables of a run, those of its twin (or None) and run.json; ``memo`` keeps what figures share."""

    tables: Mapping[str, Any]
    twin_tables: Mapping[str, Any] | None
    meta: Mapping[str, Any]
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def start_ms(self) -> int:
        """Start of the delivery days."""
        return int(self.meta["delivery_start_ms"])

    @property
    def end_ms(self) -> int:
        """End of the delivery days."""
        return int(self.meta["delivery_end_ms"])

    @cached_property
    def step_ms(self) -> int:
        """Length of a physics step: meta ``step_s``, else the scenario's ``clock.physics_step_s``, else 900 s."""
        clock = self.scenario.get("clock") or {}
        return round(float(self.meta.get("step_s") or clock.get("physics_step_s") or 900) * 1000)

    @property
    def hours(self) -> float:
        """Length of a physics step [h]."""
        return self.step_ms / MS_PER_H

    @property
    def market_hours(self) -> float:
        """Length of a market interval [h]: meta ``market_step_s``, else 900 s."""
        return float(self.meta.get("market_step_s") or 900) / 3600

    @property
    def scenario(self) -> Mapping[str, Any]:
        """The scenario as run.json holds it."""
        found = self.meta.get("scenario")
        return found if isinstance(found, Mapping) else {}

    @cached_property
    def twin(self) -> "Facts | None":
        """The twin as a run of its own; homes, network and addresses are those of the run. None without twin."""
        if not self.twin_tables:
            return None
        shared = {name: self.tables[name] for name in ("homes", "network_buses", "network_branches", "addresses")
                  if name in self.tables}  # fmt: skip
        return Facts({**shared, **self.twin_tables}, None, self.meta)

    @cached_property
    def nothing(self) -> float | None:
        """Energy of what did not happen: 0 where an operator looked ahead and could have bought, None where nobody does."""
        return 0.0 if self.all("forecasts") else None

    def all(self, table: str) -> Frame | None:
        """All rows of a table; None when it is absent or empty."""
        found = self.tables.get(table)
        return Frame(found) if found is not None and found.num_rows else None

    def days(self, table: str) -> Frame | None:
        """The rows of the delivery days; None when the table is absent or has none."""
        frame = self.all(table)
        if frame is None:
            return None
        t_ms = frame.ints("t_ms")
        kept = frame.where((t_ms >= self.start_ms) & (t_ms < self.end_ms))
        return kept if len(kept) else None


def paired(number: I64, t_ms: I64) -> I64:
    """One key for a small number (>= -1) and an instant [ms] (of some 270 years either way), to look pairs up by."""
    return (number << 44) + (t_ms + (1 << 43))


def unpaired(key: I64) -> tuple[I64, I64]:
    """Number and instant of keys made by ``paired``."""
    return key >> 44, (key & ((1 << 44) - 1)) - (1 << 43)


def summed(group: I64, values: F64) -> F64:
    """Sums of the values of each group, numbered from 0."""
    return np.bincount(group, values).astype(np.float64)


def total(values: F64) -> float | None:
    """The sum; None when a value is unknown."""
    return None if np.isnan(values).any() else float(values.sum())


def ratio(part: float | None, whole: float | None) -> float | None:
    """``part / whole``; None when either is unknown or the whole is nothing."""
    return None if part is None or whole is None or whole == 0 else part / whole


def difference(first: float | None, second: float | None) -> float | None:
    """``first - second``; None when either is unknown."""
    return None if first is None or second is None else first - second
