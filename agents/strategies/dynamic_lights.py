"""The study behind dynamic traffic lights: how much of each perimeter's validated flexibility the network bears in every hour (SUC08.3, SUC10.2).

All perimeters are activated together, as a market might. Where that makes no limit worse than it is without, nothing is limited. Elsewhere all are cut by one
factor until nothing is worse. Then all are raised at once, each until something is worse that it moves as much as others do: those who are at no bottleneck
get all of theirs back, and those who meet at one are cut alike. Last, whoever has room left is raised with the others as they are, so that what is left
cannot be raised for anybody. Searches look at the tightest step of each hour alone, and at another one once something is worse in it with what they found.
Beyond the source, which says only that flexibility is to be limited as little as possible.

Where the network violates a limit already, flexibility that does not make it worse stays usable: it may be what mends it. What the operator has to use
itself (``local_use_kw``) is taken off.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from data.arrays import F64, I64, Bool
from environment.grid.flow import Flow
from environment.grid.limits import Limits, Violations
from environment.grid.switching import SwitchedGrid

SIGNS = (("up", -1.0), ("down", 1.0))
"""Directions and what they do to net load."""
HALVINGS = 10
"""Of the part of a perimeter's flexibility: to a thousandth."""
GUESSES = 4
"""Trials where a straight line says that a limit is met, before parts are halved."""
SLACK_PERCENT, SLACK_PU = 1e-6, 1e-9
"""By how much a violation may grow without having grown."""
KEPT_SHARE = 0.01
"""Of what a perimeter is raised to: at the very edge of its limit it would hold up all others, whose flows move its voltages a little."""
ROOM_SHARE, LEAST_ROOM = 0.02, 0.001
"""A perimeter that cannot be raised by this part of what it has, and of all its flexibility, is at its edge."""
BLAMED_SHARE = 0.2
"""Who moves an element by less than this part of what another one does has no bottleneck there."""
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
        hour: number of the hour of each step, ascending, (T,).
    """

    grid: SwitchedGrid
    limits: Limits
    p_kw: F64
    q_kvar: F64
    hour: I64

    def flow(self, change_kw: F64) -> Flow:
        """The flow with a change of net load, (T, n_bus)."""
        return self.grid.solve(self.p_kw + change_kw, self.q_kvar, stubborn=False)

    def violations(self, change_kw: F64) -> Violations:
        """What is violated with a change of net load, (T, n_bus)."""
        return self.grid.violations(self.flow(change_kw), self.limits)

    @cached_property
    def base(self) -> Violations:
        """What is violated without any change."""
        return self.violations(np.zeros_like(self.p_kw))

    def only(self, wanted: Bool) -> "Expected":
        """The wanted steps alone, (T,)."""
        return Expected(self.grid.only(wanted), self.limits, self.p_kw[wanted], self.q_kvar[wanted], self.hour[wanted])

    def with_use(self, used_kw: Mapping[str, F64], at_bus_kw: Mapping[str, F64]) -> "Expected":
        """The day with what the operator itself uses of each perimeter and hour, spread as it may be used."""
        if not any(used.any() for used in used_kw.values()):
            return self
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
        self._base = expected.base
        self._watched = np.zeros(len(expected.hour), bool)

    def largest_kw(self, wanted: Bool | None = None) -> F64:
        """The capability of each perimeter and hour, (perimeters, hours).

        Args:
            wanted: hours that are looked at, (hours,); the others are given as if nothing limited them. None: all.
        """
        parts = np.ones((len(self._at_bus), self._hours))
        open_ = np.ones(self._hours, bool) if wanted is None else np.asarray(wanted, bool)
        bad = self._watch(parts, open_)
        if bad.any():
            blamed = self._blamed()
            parts = self._raised_together(self._common(parts, bad), bad, blamed)
            edge = self._at_own_edge(parts, bad, blamed)
            for perimeter in np.flatnonzero(self._at_bus.sum(axis=1) > 0.0).tolist():
                self._raise(parts, perimeter, bad & ~edge[perimeter])
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
        """Parts with one factor for all perimeters in each bad hour."""

        def excess(part: F64, hours: Bool) -> F64:
            return self._excess_in(np.where(hours, part, parts), hours)

        def search(hours: Bool) -> F64:
            return np.where(hours, halved(excess, np.zeros(self._hours), np.ones(self._hours), hours), parts)

        return self._held(search, bad)

    def _raised_together(self, common: F64, bad: Bool, blamed: Bool) -> F64:
        """Raise each perimeter until something is worse that it moves: all at once, for what they have in common is blamed on all of them.

        Where that does not hold together, since others move an element too, an hour keeps its common factor.
        """

        def search(hours: Bool) -> F64:
            low, high = common.copy(), np.ones_like(common)
            trial = high
            for _ in range(HALVINGS + 1):
                guilty = _guilty(blamed, self._worse(trial, hours))
                low, high = np.where(guilty, low, trial), np.where(guilty, trial, high)
                trial = (low + high) / 2.0
            return np.where(low < 1.0, low * (1.0 - KEPT_SHARE), low)

        low = self._held(search, bad)
        good = self._bearable(low, bad) | ~bad
        return np.where(good, low, common * (1.0 - KEPT_SHARE))

    def _at_own_edge(self, parts: F64, bad: Bool, blamed: Bool) -> Bool:
        """Who cannot be raised because of an element that nobody else moves, (perimeters, hours): one look for all of them."""
        worse = self._worse(_a_little_more(parts), bad)
        return _guilty(blamed & (blamed.sum(axis=0) == 1), worse)

    def _blamed(self) -> Bool:
        """Which perimeters move an element by a fair part of what the one does that moves it most, (perimeters, branches + buses + 1), in any state.

        The last column are flows without solution, for which all are blamed.
        """
        first = np.zeros(len(self._expected.hour), bool)
        first[[rows.start for rows, _, _ in self._expected.grid.stretches]] = True
        few, supplied = self._expected.only(first), self._supplied[first]

        def state(change: F64) -> F64:
            flow = few.flow(change)
            return np.concatenate([flow.loading_percent, flow.v_pu], axis=1)

        without = state(np.zeros_like(few.p_kw))
        moved = np.array([np.abs(state(self._sign * one * supplied) - without) for one in self._at_bus])
        blamed = (moved >= BLAMED_SHARE * moved.max(axis=0)).any(axis=1) & (moved > 0.0).any(axis=1)
        return np.concatenate([blamed, np.ones((len(blamed), 1), bool)], axis=1)

    def _raise(self, parts: F64, perimeter: int, bad: Bool) -> None:
        """Raise a perimeter that has room left as far as the network lets it with the others as they are."""

        def to(part: F64, hours: Bool) -> F64:
            whole = parts.copy()
            whole[perimeter] = np.where(hours, part, whole[perimeter])
            return whole

        least = _a_little_more(parts[perimeter])
        cut = bad & (parts[perimeter] < 1.0)
        cut &= self._bearable(to(least, cut), cut)
        cut &= ~self._watch(to(least, cut), cut)
        if not cut.any():
            return

        def excess(part: F64, hours: Bool) -> F64:
            return self._excess_in(to(part, hours), hours)

        def search(hours: Bool) -> F64:
            return to(halved(excess, least, np.ones(self._hours), hours), hours)

        low = self._held(search, cut)[perimeter]
        raised = np.where(low < 1.0, low * (1.0 - KEPT_SHARE), low)
        parts[perimeter] = np.where(cut, np.maximum(parts[perimeter], raised), parts[perimeter])

    # --- what is worse ---------------------------------------------------------------------------------------------------

    def _held(self, search: Callable[[Bool], F64], hours: Bool) -> F64:
        """What is found by searching on the watched steps of hours alone, once it holds in all of them.

        Args:
            search: hours -> parts of all perimeters, (perimeters, hours).
            hours: in which is searched.
        """
        found = search(hours)
        while (hours := self._watch(found, hours)).any():
            found = np.where(hours, search(hours), found)
        return found

    def _watch(self, parts: F64, hours: Bool) -> Bool:
        """Hours in which something is worse that was not watched: the tightest step of each of them is watched from now on."""
        steps = hours[self._expected.hour] & ~self._watched
        if not steps.any():
            return np.zeros(self._hours, bool)
        excess = np.full(len(steps), -np.inf)
        excess[steps] = self._excess(parts, steps).max(axis=1)
        most = np.full(self._hours, -np.inf)
        np.maximum.at(most, self._expected.hour, excess)
        tightest = np.flatnonzero((excess > 0.0) & (excess == most[self._expected.hour]))
        self._watched[tightest] = True
        return most > 0.0

    def _bearable(self, parts: F64, hours: Bool) -> Bool:
        """Whether parts of the perimeters' flexibility, (perimeters, hours), make nothing worse in the watched steps, (hours,); False in hours that nobody wants to know of."""
        return hours & ~self._worse(parts, hours).any(axis=1)

    def _excess_in(self, parts: F64, hours: Bool) -> F64:
        """By how much elements are worse in the watched steps of hours, as ``_excess``, (hours, branches + buses + 1)."""
        steps, base = hours[self._expected.hour] & self._watched, self._base
        most = np.full((self._hours, base.overload_percent.shape[1] + base.voltage_pu.shape[1] + 1), -np.inf)
        if steps.any():
            there, first = np.unique(self._expected.hour[steps], return_index=True)
            most[there] = np.maximum.reduceat(self._excess(parts, steps), first, axis=0)
        return most

    def _worse(self, parts: F64, hours: Bool) -> Bool:
        """What is worse in the watched steps of hours, (hours, branches + buses + 1); the last column says that the flow has no solution."""
        return self._excess_in(parts, hours) > 0.0

    def _excess(self, parts: F64, steps: Bool) -> F64:
        """By how much elements are worse in some steps than they may be, in percent, (steps, branches + buses + 1), negative where there is room.

        The last column is infinite where the flow has no solution, and minus infinite where it has one.
        """
        few, base = self._expected.only(steps), self._base
        flow = few.flow(self._sign * (parts.T @ self._at_bus)[few.hour] * self._supplied[steps])
        solved, (low, high) = flow.converged[:, None], few.limits.voltage_pu
        loading = flow.loading_percent - few.limits.percent(flow.network)
        beyond = np.maximum(flow.v_pu - high, low - flow.v_pu)
        counts = solved & self._supplied[steps] & (np.arange(flow.network.n_bus) != flow.network.slack)
        return np.concatenate(
            [
                np.where(solved, loading - (base.overload_percent[steps] + SLACK_PERCENT), -np.inf),
                np.where(counts, 100.0 * (beyond - (np.abs(base.voltage_pu[steps]) + SLACK_PU)), -np.inf),
                np.where(solved, -np.inf, np.inf),
            ],
            axis=1,
        )


def halved(excess: Callable[[F64, Bool], F64], low: F64, high: F64, hours: Bool) -> F64:
    """The largest part between two with which nothing is worse, hour by hour, to ``HALVINGS`` halvings of what lies between, (hours,).

    What is found is what trying the upper end and then every middle finds. But where nothing is worse with a part, nothing is with a smaller one, and the
    excess of an element is nearly linear in it: so trials are made first where straight lines meet zero, and most middles need none any more.

    Args:
        excess: (part, hours) -> how much each element is worse, at most 0 where it is not, (hours, elements).
        low: parts with which nothing is worse, (hours,).
        high: largest parts, (hours,).
        hours: in which is searched; elsewhere ``low`` is given.
    """
    good, bad = low.copy(), np.full_like(low, np.inf)
    tried: list[tuple[F64, F64]] = []  # the last two parts of each hour that were tried, and what came of them

    def attempt(part: F64, where: Bool) -> None:
        if not where.any():
            return
        found = excess(np.where(where, part, good), where)
        borne = where & (found <= 0.0).all(axis=1)
        good[borne], bad[where & ~borne] = part[borne], part[where & ~borne]
        new = part, found
        last = tried[-1] if tried else new
        older = tried[0] if len(tried) > 1 else last
        tried[:] = [_chosen(where, last, older), _chosen(where, new, last)] if tried else [new]

    attempt(high, hours)
    attempt((low + high) / 2.0, hours & np.isfinite(bad))
    for turn in range(GUESSES if len(tried) > 1 else 0):
        width = (high - low) / (1 << HALVINGS)
        meets = _meets_zero(*tried) + width / 4.0 * (1 if turn % 2 else -1)  # the limit will lie between two guesses
        attempt(meets, hours & (bad - good > width) & (meets > good) & (meets < bad))
    middle = high
    for _ in range(HALVINGS + 1):
        attempt(middle, hours & (middle > good) & (middle < bad))
        borne = hours & (middle <= good)
        low, high = np.where(borne, middle, low), np.where(borne, high, middle)
        middle = (low + high) / 2.0
    return low


def _chosen(where: Bool, some: tuple[F64, F64], others: tuple[F64, F64]) -> tuple[F64, F64]:
    """Trials of some hours, and in the other hours others."""
    return np.where(where, some[0], others[0]), np.where(where[:, None], some[1], others[1])


def _meets_zero(one: tuple[F64, F64], other: tuple[F64, F64]) -> F64:
    """The smallest part at which a straight line through two trials of an element reaches zero, (hours,); infinite where none does."""
    (part, excess), (at, now) = one, other
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (now - excess) / (at - part)[:, None]
        meets = at[:, None] - now / slope
    return np.asarray(np.where(np.isfinite(meets) & (slope > 0.0), meets, np.inf).min(axis=1))


def _a_little_more(parts: F64) -> F64:
    """Parts raised by so much that it would be worth while."""
    return np.minimum(parts * (1.0 + ROOM_SHARE) + LEAST_ROOM, 1.0)


def _guilty(blamed: Bool, worse: Bool) -> Bool:
    """Whether something is worse that a perimeter is blamed for, (perimeters, hours)."""
    return np.array([(worse & own).any(axis=1) for own in blamed])


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
    worst = _worst(expected, expected.base, hours)
    for name, sign in SIGNS:
        at_bus = at_bus_kw[name]
        together = sign * at_bus.sum(axis=0) * expected.supplied()

        def left(part: F64, change: F64 = together) -> F64:
            return _worst(expected, expected.violations(part[expected.hour, None] * change), hours)

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


def _worst(expected: Expected, found: Violations, hours: int) -> F64:
    """The largest violation of each hour, in percent of rating or of nominal voltage, infinite without solution, (hours,)."""
    severity = np.maximum(found.overload_percent.max(axis=1), 100.0 * np.abs(found.voltage_pu).max(axis=1))
    worst = np.zeros(hours)
    np.maximum.at(worst, expected.hour, np.where(found.unsolved, np.inf, severity))
    return worst
