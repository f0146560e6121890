"""The study behind dynamic traffic lights: how much of each perimeter's validated flexibility the network bears in every hour (SUC08.3, SUC10.2).

All perimeters are activated together, as a market might. Where that makes no limit worse than it is without, nothing is limited. Elsewhere all are cut by one
factor until nothing is worse. Then those who are at no bottleneck get all of theirs back, and the others are raised one after the other as far as the
network lets them: what is left cannot be raised for anybody, and those who meet at one bottleneck are cut alike. Beyond the source, which says only that flexibility is to be limited as little as possible.

Where the network violates a limit already, flexibility that does not make it worse stays usable: it may be what mends it. What the operator has to use
itself (``local_use_kw``) is taken off.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from data.arrays import F64, I64, Bool
from environment.grid.limits import Limits, Violations
from environment.grid.switching import SwitchedGrid

SIGNS = (("up", -1.0), ("down", 1.0))
"""Directions and what they do to net load."""
HALVINGS = 10
"""Of the part of a perimeter's flexibility: to a thousandth."""
SLACK_PERCENT, SLACK_PU = 1e-6, 1e-9
"""By how much a violation may grow without having grown."""
KEPT_SHARE = 0.01
"""Of what a perimeter is raised to: at the very edge of its limit it would hold up all others, whose flows move its voltages a little."""
STEP_KW = 0.01
"""Capabilities are told in these steps, rounded down."""


@dataclass(frozen=True)
class Expected:
    """A day of the network as it is foreseen.

    Attributes:
        grid: through the switching states of its steps.
        limits: limits of operation.
        p_kw: net load of every bus, local activations included, (T, n_bus).
        q_kvar: reactive, same shape.
        hour: number of the hour of each step, (T,).
    """

    grid: SwitchedGrid
    limits: Limits
    p_kw: F64
    q_kvar: F64
    hour: I64

    def violations(self, change_kw: F64) -> Violations:
        """What is violated with a change of net load, (T, n_bus)."""
        return self.grid.violations(self.grid.solve(self.p_kw + change_kw, self.q_kvar, stubborn=False), self.limits)

    def with_use(self, used_kw: Mapping[str, F64], at_bus_kw: Mapping[str, F64]) -> "Expected":
        """The day with what the operator itself uses of each perimeter and hour, spread as it may be used."""
        p_kw = self.p_kw
        for name, sign in SIGNS:
            whole = at_bus_kw[name].sum(axis=1)[:, None]
            part = np.divide(used_kw[name], whole, out=np.zeros_like(used_kw[name]), where=whole > 0.0)
            p_kw = p_kw + sign * (part.T @ at_bus_kw[name])[self.hour] * self.supplied()
        return replace(self, p_kw=p_kw)

    def supplied(self) -> Bool:
        """Which buses are connected in each step, (T, n_bus)."""
        parts = [np.tile(solver.energised, (rows.stop - rows.start, 1)) for rows, _, solver in self.grid.stretches]
        return np.concatenate(parts)


class Capabilities:
    """Capabilities of the perimeters of a network on a day.

    Args:
        expected: the day.
        at_bus_kw: usable flexibility of each perimeter at each bus in one direction, at least 0, (perimeters, n_bus).
        sign: of the change of net load: -1 upward, 1 downward.
        hours: length of a day.
    """

    def __init__(self, expected: Expected, at_bus_kw: F64, sign: float, hours: int) -> None:
        self._expected = expected
        self._sign = sign
        self._hours = hours
        self._at_bus = at_bus_kw
        self._supplied = expected.supplied()
        self._base = expected.violations(np.zeros_like(expected.p_kw))

    def largest_kw(self) -> F64:
        """The capability of each perimeter and hour, (perimeters, hours)."""
        parts = np.ones((len(self._at_bus), self._hours))
        bad = ~self._bearable(parts)
        if bad.any():
            parts[:, bad] = self._common(parts, bad)[bad] * (1.0 - KEPT_SHARE)
            offering = np.flatnonzero(self._at_bus.sum(axis=1) > 0.0).tolist()
            for perimeter in offering:
                self._restore(parts, perimeter, bad)
            for perimeter in offering:
                self._raise(parts, perimeter, bad)
        kw = parts * self._reachable_kw()
        return np.where(parts < 1.0, np.floor(kw / STEP_KW) * STEP_KW, kw)

    def _reachable_kw(self) -> F64:
        """What is connected in all steps of each hour, (perimeters, hours)."""
        always = np.ones((self._hours, self._supplied.shape[1]), bool)
        np.logical_and.at(always, self._expected.hour, self._supplied)
        cut_off = ((self._at_bus > 0.0).astype(np.float64) @ (~always).T.astype(np.float64)) > 0.0
        whole = np.broadcast_to(self._at_bus.sum(axis=1)[:, None], cut_off.shape)
        return np.where(cut_off, self._at_bus @ always.T.astype(np.float64), whole)

    def _common(self, parts: F64, bad: Bool) -> F64:
        """One factor for all perimeters in each hour, (hours,)."""
        low, high = np.zeros(self._hours), np.where(bad, 1.0, 0.0)
        for _ in range(HALVINGS):
            middle = (low + high) / 2.0
            good = self._bearable(np.where(bad, middle, parts))
            low, high = np.where(good, middle, low), np.where(good, high, middle)
        return low

    def _restore(self, parts: F64, perimeter: int, bad: Bool) -> None:
        """Give a perimeter all of its flexibility in the hours in which it is at no bottleneck."""
        trial = parts.copy()
        trial[perimeter, bad] = 1.0
        parts[perimeter] = np.where(self._bearable(trial), trial[perimeter], parts[perimeter])

    def _raise(self, parts: F64, perimeter: int, bad: Bool) -> None:
        """Raise a perimeter as far as the network lets it with the others as they are."""
        cut = bad & (parts[perimeter] < 1.0)
        low, high, trial = parts[perimeter].copy(), np.ones(self._hours), parts.copy()
        for _ in range(HALVINGS if cut.any() else 0):
            middle = (low + high) / 2.0
            trial[perimeter] = np.where(cut, middle, low)
            good = self._bearable(trial)
            low, high = np.where(cut & good, middle, low), np.where(cut & ~good, middle, high)
        parts[perimeter] = np.where(cut, np.maximum(parts[perimeter], low * (1.0 - KEPT_SHARE)), parts[perimeter])

    def _bearable(self, parts: F64) -> Bool:
        """Whether parts of the perimeters' flexibility, (perimeters, hours), make nothing worse, (hours,)."""
        change = self._sign * (parts.T @ self._at_bus)[self._expected.hour] * self._supplied
        found = self._expected.violations(change)
        worse = (found.overload_percent > self._base.overload_percent + SLACK_PERCENT).any(axis=1)
        worse |= (np.abs(found.voltage_pu) > np.abs(self._base.voltage_pu) + SLACK_PU).any(axis=1)
        worse |= found.unsolved
        good = np.ones(self._hours, bool)
        np.logical_and.at(good, self._expected.hour, ~worse)
        return good


def local_use_kw(expected: Expected, at_bus_kw: Mapping[str, F64], hours: int) -> dict[str, F64]:
    """What the operator itself has to use so that its network keeps its limits: the least common part of all perimeters, hour by hour.

    First what lowers net load, then, where that mends nothing, what raises it. Where all of a direction is not enough, all of it is used if it helps.

    Args:
        expected: the day as it is foreseen, without any flexibility.
        at_bus_kw: direction -> what each perimeter may give to local services at each bus, at least 0, (perimeters, n_bus).
        hours: length of a day.

    Returns:
        Direction -> power of each perimeter and hour, at least 0, (perimeters, hours).
    """
    used = {name: np.zeros((len(at_bus), hours)) for name, at_bus in at_bus_kw.items()}
    worst = _worst(expected, np.zeros_like(expected.p_kw), hours)
    for name, sign in SIGNS:
        at_bus = at_bus_kw[name]
        together = sign * at_bus.sum(axis=0) * expected.supplied()

        def left(part: F64, change: F64 = together) -> F64:
            return _worst(expected, part[expected.hour, None] * change, hours)

        wanted = worst > 0.0
        if not wanted.any() or not at_bus.any():
            continue
        helps = wanted & (left(wanted.astype(np.float64)) < worst)
        low, high = np.zeros(hours), helps.astype(np.float64)
        for _ in range(HALVINGS if helps.any() else 0):
            middle = (low + high) / 2.0
            mended = left(middle) <= 0.0
            low, high = np.where(helps & ~mended, middle, low), np.where(helps & mended, middle, high)
        used[name] = at_bus.sum(axis=1)[:, None] * high
        worst = np.where(helps, 0.0, worst)
    return used


def _worst(expected: Expected, change_kw: F64, hours: int) -> F64:
    """The largest violation of each hour, in percent of rating or of nominal voltage, infinite without solution, (hours,)."""
    found = expected.violations(change_kw)
    severity = np.maximum(found.overload_percent.max(axis=1), 100.0 * np.abs(found.voltage_pu).max(axis=1))
    worst = np.zeros(hours)
    np.maximum.at(worst, expected.hour, np.where(found.unsolved, np.inf, severity))
    return worst
