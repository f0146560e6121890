r"""What the elements of a grid still bear before flexibility itself violates a limit there: the headrooms that a clearing respects.

Of all elements only those are told to the market whose limit the activations of a session could reach. How far they reach is known
before any bid: a buyer at least cost takes no more of an area than some need makes worth it, so that at element g, with needs
:math:`n_l` and effects :math:`s` of the areas :math:`a`, flexibility moves at most

.. math:: \sum_l n_l \max_{a: s_{la} > 0} |s_{ga}| / s_{la}

and the largest part that cannot be divided beyond it. An element that bears this is no constraint of the clearing.

Effects are linear and the grid is not: currents grow as voltages sink. A part of every rating is kept for that, and where few branches
can be reached the power flow itself confirms what is told of them (``confirmed``): the largest change at the branch, brought about by the
areas that act on it alike, at which it keeps its limit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from scipy import sparse

from agents.strategies.procurement import headrooms
from data.arrays import F64, I64, Bool
from environment.grid.flow import Flow
from environment.grid.limits import Limits
from environment.units import Direction

EVERY = slice(None)


Table = Any
"""kW at elements per kW in areas, (elements, areas), sparse or dense."""


class Keeps(Protocol):
    """Whether an element keeps a limit in each interval when the areas are activated so far."""

    def __call__(self, areas_kw: F64, *, up: bool) -> Bool:
        """(T, areas) [kW] and whether the element is moved up -> (T,)."""


LEAST_EFFECT = 0.01
"""Areas with less effect on an element [kW per kW] are not asked to relieve it, and do not move its flow."""

REACH_MARGIN = 1.2
"""Elements are told from 1/1.2 of their headroom on: effects are linear, and means over an area."""

HALVINGS = 10
"""Of the range in which the power flow looks for a headroom: to a thousandth of it."""

KEPT_SHARE = 0.02
"""Of the rating of branches: so much their voltage may sink with the flow that flexibility adds."""

MOST_CONFIRMED = 6
"""Branches of a session that the power flow confirms; where more can be reached, what is kept has to do."""


@dataclass(frozen=True)
class Headroom:
    """How much flexibility of each direction elements bear, at the element, shape (T, elements) each [kW], at least 0."""

    up_kw: F64
    down_kw: F64

    def of(self, element: int) -> "Headroom":
        """That of one element, shape (T,)."""
        return Headroom(self.up_kw[:, element], self.down_kw[:, element])


def branch_headroom(flows: Sequence[Flow], limits: Limits, toward: F64, of: I64 | slice = EVERY) -> Headroom:
    """Linear headroom of the branches, the least of several forecasts.

    The active power may go as far as the rated current allows at the forecast voltage and reactive power, either way. Intervals
    without solution bear nothing.

    Args:
        flows: forecasts of T steps.
        limits: limits of operation.
        toward: per branch 1 where its from side faces the substation, else -1, shape (m,).
        of: which branches, shape (m,); all if nothing is said.
    """
    network = flows[0].network
    from_bus = network.branches.from_bus[of]
    rated_kva = np.sqrt(3.0) * network.bus_kv[from_bus] * network.branches.limit_from_ka[of] * 1000.0
    bearable = rated_kva * limits.percent(network)[of] / 100.0 * (1.0 - KEPT_SHARE)
    up, down = [], []
    for flow in flows:
        kva = bearable * flow.v_pu[:, from_bus]
        most_kw = np.sqrt(np.maximum(kva**2 - flow.q_from_kvar[:, of] ** 2, 0.0))
        room = headrooms(flow.p_from_kw[:, of] * toward, most_kw)
        up.append(_borne(room.up_kw, flow))
        down.append(_borne(room.down_kw, flow))
    return Headroom(np.min(up, axis=0), np.min(down, axis=0))


def bus_headroom(flows: Sequence[Flow], limits: Limits, pu_per_kw: F64, of: I64 | slice = EVERY) -> Headroom:
    """Linear headroom of the buses, in kW at the bus itself, the least of several forecasts.

    Args:
        flows: forecasts of T steps.
        limits: limits of operation.
        pu_per_kw: how a bus's own voltage rises per kW less load there, shape (n,); 0 where nothing moves it (then it
            bears 0, and nothing acts on it).
        of: which buses, shape (n,); all if nothing is said.
    """
    low, high = limits.voltage_pu
    per_pu = np.divide(1.0, pu_per_kw, out=np.zeros_like(pu_per_kw), where=pu_per_kw > 0.0)
    up = [_borne((high - flow.v_pu[:, of]) * per_pu, flow) for flow in flows]
    down = [_borne((flow.v_pu[:, of] - low) * per_pu, flow) for flow in flows]
    return Headroom(np.min(up, axis=0), np.min(down, axis=0))


def _borne(kw: F64, flow: Flow) -> F64:
    return np.where(flow.converged[:, None], np.maximum(kw, 0.0), 0.0)


@dataclass(frozen=True)
class Reach:
    """How far the activations of a session can go.

    Attributes:
        window: its steps.
        direction: of the flexibility.
        need_kw: its needs, shape (T, needs).
        relief: kW at each need per kW of each area, shape (needs, areas).
        largest_kw: the largest part of a bid that must be taken as a whole.
    """

    window: slice
    direction: Direction
    need_kw: F64
    relief: F64
    largest_kw: float

    def left_kw(self, room: Headroom, effect: Table) -> F64:
        """What is left of the headroom of elements when all is activated, the least over the window; below 0: it could be used up.

        Args:
            room: of the elements, over the window.
            effect: kW at each element per kW less net load in each area, shape (elements, areas).
        """
        with_it, against = (room.up_kw, room.down_kw) if self.direction == "up" else (room.down_kw, room.up_kw)
        left = [
            np.where(moved > 0.0, kw - REACH_MARGIN * moved, np.inf).min(axis=0, initial=np.inf)
            for kw, moved in ((with_it, self.moved_kw(effect)), (against, self.moved_kw(-effect)))
        ]
        return np.asarray(np.minimum(*left))

    def moved_kw(self, effect: Table) -> F64:
        """The most that activations move elements along the effect, shape (T, elements), at least 0; 0 in intervals without need."""
        along = sparse.csc_matrix(effect).maximum(0.0)
        moved = np.zeros((len(self.need_kw), along.shape[0]))
        for need_kw, helps in zip(self.need_kw.T, self.relief, strict=True):
            able = np.flatnonzero(helps > 0.0)
            per_kw = _highest(along[:, able] @ sparse.diags(1.0 / helps[able]))
            there = np.flatnonzero(per_kw)
            moved[:, there] += need_kw[:, None] * per_kw[there]
        moved += self.largest_kw * _highest(along[:, np.flatnonzero((self.relief > 0.0).any(axis=0))])
        return np.where(self.need_kw.max(axis=1, keepdims=True) > 0.0, moved, 0.0)

    def areas_kw(self) -> F64:
        """The most that is taken of each area, shape (T, areas): what it takes to meet all needs from it alone, and an indivisible part."""
        per_kw = np.divide(1.0, self.relief, out=np.zeros_like(self.relief), where=self.relief > 0.0)
        helps = (self.relief > 0.0).any(axis=0)
        taken = self.need_kw @ per_kw + np.where(helps, self.largest_kw, 0.0)
        return np.where(self.need_kw.max(axis=1, keepdims=True) > 0.0, taken, 0.0)

    def confirmed(self, room: Headroom, effect: F64, keeps: Keeps) -> Headroom:
        """The headroom of one element, at most the linear one, confirmed by the power flow in the intervals in which it can be used up.

        Args:
            room: linear headroom of the element, shape (T,) each.
            effect: kW at it per kW less net load in each area, shape (areas,).
            keeps: whether it keeps the limit that it moves towards, in each interval, when the areas are activated so far.
        """
        up = self.direction == "up"
        with_it, against = (room.up_kw, room.down_kw) if up else (room.down_kw, room.up_kw)
        found = [
            self._confirmed(kw, np.maximum(sign * effect, 0.0), partial(keeps, up=up == (sign > 0.0)))
            for kw, sign in ((with_it, 1.0), (against, -1.0))
        ]
        return Headroom(*(found if up else found[::-1]))

    def _confirmed(self, room_kw: F64, effect: F64, keeps: Callable[[F64], Bool]) -> F64:
        """One direction of movement at the element: the least of the areas that move it there."""
        reached = REACH_MARGIN * self.moved_kw(effect[None, :])[:, 0] > room_kw
        if not reached.any():
            return room_kw
        most_kw, others = np.where(reached, room_kw, 0.0), self._others_kw(effect)
        acting = np.where(effect > LEAST_EFFECT, effect, 0.0)
        together = np.where(acting > 0.0, 1.0 / max(float(acting.sum()), LEAST_EFFECT), 0.0)
        most_kw = _largest(most_kw, partial(_moved, keeps, others, together))
        return np.where(reached, most_kw, room_kw)

    def _others_kw(self, effect: F64) -> F64:
        """What areas that move no flow at an element may take meanwhile, shape (T, areas): more load there lowers its voltage.

        The needs are met once, not by every area: together they take no more than the largest need and an indivisible part, each
        the same.
        """
        others = (self.areas_kw() > 0.0) & (effect <= LEAST_EFFECT)
        able = max(int(others.any(axis=0).sum()), 1)
        together = self.need_kw.max(axis=1, keepdims=True) + self.largest_kw
        return np.where(others & (self.direction == "down"), together / able, 0.0)


def _highest(table: sparse.csc_matrix) -> F64:
    """The largest entry of each row, at least 0, (rows,)."""
    if not table.shape[1]:
        return np.zeros(table.shape[0])
    return np.asarray(table.max(axis=1).toarray()[:, 0], np.float64)


def _moved(keeps: Callable[[F64], Bool], others_kw: F64, areas_per_kw: F64, kw: F64) -> Bool:
    """Whether the limit is kept with an element moved so far, (T,), by the areas that act on it, and the others at what they may be."""
    return keeps(others_kw + kw[:, None] * areas_per_kw)


def branch_kept(branch: int, limit_percent: float, toward: float) -> Callable[[Flow, bool], Bool]:
    """Whether a branch keeps its limit on the side that it is moved to: (flow, moved up) -> (T,).

    Flexibility up lowers the flow towards the load: until that has turned round, a branch that is overloaded by it is being relieved.

    Args:
        branch: number of the branch.
        limit_percent: of its loading.
        toward: 1 where its from side faces the substation, else -1.
    """

    def kept(flow: Flow, up: bool) -> Bool:
        along = flow.p_from_kw_of([branch])[:, 0] * (toward if up else -toward)
        return np.asarray(flow.converged & ((flow.loading_percent_of([branch])[:, 0] <= limit_percent) | (along > 0.0)))

    return kept


def _largest(most: F64, keeps: Callable[[F64], Bool]) -> F64:
    """The largest value of each interval at which something is kept, by halving; ``most`` where it is kept there, 0 where nowhere."""
    if bool(keeps(most).all()):
        return most
    low, high = np.zeros_like(most), most
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        kept = keeps(middle)
        low, high = np.where(kept, middle, low), np.where(kept, high, middle)
    return np.where(keeps(most), most, low)
