"""A session of the global market on arrays: components within lights, the situation that is cleared, what each component sells.

A *component* is one bid in one area and 24 hours: of an aggregate the part of it in one DSO perimeter, of a unit all of it at its transmission node.
What a perimeter's operator states of it, need and capability, is a constraint on the sum of all that is activated there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from data.arrays import F64, I64, Bool, Names
from markets.bids import BidColumns
from markets.coordination.situation import Activations, Situation, WantColumns
from markets.traffic_light import HOURS_OF_DAY, Colour, colours, usable_kw

Limit = Callable[..., F64]
"""A rule of ``markets.bid_components``."""


@dataclass(frozen=True, eq=False)
class Components:
    """Components in the order of their receipt; columns of shape (n,) or (n, 24).

    Attributes:
        bid: id of the bid it belongs to.
        bsp: who bids.
        area: perimeter or transmission node.
        up: direction.
        price_eur_per_kwh: of its bid.
        received_ms: when the version in force came.
        kw: offered.
    """

    bid: Names
    bsp: Names
    area: Names
    up: Bool
    price_eur_per_kwh: F64
    received_ms: I64
    kw: F64

    def __len__(self) -> int:
        return len(self.bid)

    def rows(self, rows: I64) -> "Components":
        """Some of them."""
        return Components(*(getattr(self, one.name)[rows] for one in fields(self)))

    def with_kw(self, kw: F64) -> "Components":
        """The same with other quantities."""
        return replace(self, kw=kw)


@dataclass(frozen=True, eq=False)
class Lights:
    """Dynamic traffic lights of P perimeters.

    Attributes:
        perimeters: grid element id codes, (P,).
        colour: numbers of :class:`Colour`, up and down, (2, P, 24).
        capability_kw: read where yellow, (2, P, 24).
    """

    perimeters: tuple[str, ...]
    colour: I64
    capability_kw: F64

    @classmethod
    def green(cls, perimeters: Sequence[str]) -> "Lights":
        """Nothing is limited."""
        shape = (2, len(perimeters), HOURS_OF_DAY)
        return cls(tuple(perimeters), np.zeros(shape, np.int64), np.zeros(shape))

    @property
    def most_kw(self) -> F64:
        """Most that may be activated, infinite where green, (2, P, 24)."""
        return usable_kw(self.colour, np.full(self.colour.shape, np.inf), self.capability_kw)

    @property
    def restricted(self) -> frozenset[str]:
        """Perimeters that are yellow or red in an hour."""
        lit = (self.colour != Colour.GREEN).any(axis=(0, 2))
        return frozenset(name for name, is_lit in zip(self.perimeters, lit.tolist(), strict=True) if is_lit)


def limited_kw(offered: Components, lights: Lights, rule: Limit) -> F64:
    """Components within the lights of their perimeters, (n, 24); what lies in no perimeter named stays as it is.

    Args:
        offered: all components of a session.
        lights: of perimeters.
        rule: how components of a perimeter share its capability.
    """
    found = offered.kw.copy()
    for number, perimeter in enumerate(lights.perimeters):
        for way in (0, 1):
            rows = np.flatnonzero((offered.area == perimeter) & (offered.up == (way == 0)))
            most = lights.most_kw[way, number]
            for hour in np.flatnonzero(offered.kw[rows].sum(axis=0) > most):
                found[rows, hour] = rule(offered.kw[rows, hour], float(most[hour]), offered.price_eur_per_kwh[rows])
    return found


def tso_lights(offered_kw: F64, limited: F64) -> I64:
    """The traffic light that the TSO gives each component: what of it may be activated, same shape (SUC10.3)."""
    return colours(offered_kw, limited)


def excess_kw(cumulative_kw: F64, lights: Lights) -> F64:
    """By how much all components of a perimeter exceed what it admits, (2, P, 24).

    Args:
        cumulative_kw: sum of the components, (2, P, 24).
        lights: of the same perimeters.
    """
    return np.maximum(cumulative_kw - lights.most_kw, 0.0)


def cumulative_kw(offered: Components, perimeters: Sequence[str]) -> F64:
    """Sum of the components of each perimeter, (2, P, 24)."""
    found = np.zeros((2, len(perimeters), HOURS_OF_DAY))
    for number, perimeter in enumerate(perimeters):
        for way in (0, 1):
            found[way, number] = offered.kw[(offered.area == perimeter) & (offered.up == (way == 0))].sum(axis=0)
    return found


# --- what is cleared -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Networks:
    """What operators state of their networks, in the terms of a situation over 24 hours.

    Attributes:
        operators: the transmission system operator first.
        areas: perimeters, then transmission nodes, (A,).
        operator_of_area: (A,).
        node_of_area: number of the transmission node behind each, (A,).
        lines: limited transmission lines, (M,).
        line_relief: per kW injected at each node, (M, N).
        line_low_kw: least relief, (M, 24).
        line_high_kw: largest, (M, 24).
        imbalance_kw: what each operator's control area is short of, (O, 24).
        local: constraints of distribution networks, (C,).
        operator_of_local: (C,).
        local_relief: per kW in each area, (C, A).
        local_low_kw: least relief, (C, 24); above 0 a need.
        local_high_kw: largest, (C, 24).
    """

    operators: tuple[str, ...]
    areas: tuple[str, ...]
    operator_of_area: I64
    node_of_area: I64
    lines: tuple[str, ...]
    line_relief: F64
    line_low_kw: F64
    line_high_kw: F64
    imbalance_kw: F64
    local: tuple[str, ...]
    operator_of_local: I64
    local_relief: F64
    local_low_kw: F64
    local_high_kw: F64


def stated_limits(lights: Lights, need_kw: F64) -> tuple[F64, F64]:
    """Least and largest relief of each perimeter, (P, 24), by what its operator needs there and by its lights.

    Lights say what the perimeter bears beyond what its operator uses itself (SUC10.2). Where it needs both directions in one hour, the larger need counts.

    Args:
        lights: of the perimeters.
        need_kw: what the operator needs there, up and down, at least 0, (2, P, 24).
    """
    most, (up, down) = lights.most_kw, need_kw
    needs_up, needs_down = (up > 0) & (up >= down), down > up
    low = np.where(needs_up, up, -most[1] - np.where(needs_down, down, 0.0))
    high = np.where(needs_down, -down, most[0] + np.where(needs_up, up, 0.0))
    return low, high


def situation(
    offered: Components, lights: Lights, networks: Networks, wants: WantColumns | None = None
) -> tuple[Situation, I64, I64]:
    """The bids of a session and all that operators want, as every coordination scheme takes it.

    Args:
        offered: components as they may be activated.
        lights: of perimeters.
        networks: what operators state.
        wants: of commercial parties; intervals are hours.

    Returns:
        The situation, and for each of its bids the component, (b,), and the hour, (b,).
    """
    component, hour = np.nonzero(offered.kw > 0.0)
    step_ms = 3_600_000
    ids = np.array(
        [f"{offered.bid[k]}|{offered.area[k]}|{h:02d}" for k, h in zip(component, hour, strict=True)], np.str_
    )
    n = len(ids)
    bids = BidColumns(
        ids if n else np.zeros(0, "U1"), offered.bsp[component], offered.area[component], offered.up[component], hour * step_ms,
        offered.kw[component, hour], offered.price_eur_per_kwh[component], offered.received_ms[component], np.zeros(n), np.ones(n, bool),
    )  # fmt: skip
    areas, place = len(networks.areas), {name: k for k, name in enumerate(networks.areas)}
    capability = np.full((2, areas, HOURS_OF_DAY), np.inf)
    for number, perimeter in enumerate(lights.perimeters):
        capability[:, place[perimeter]] = lights.most_kw[:, number]
    lines = len(networks.lines)
    case = Situation(
        operators=networks.operators, areas=networks.areas, operator_of_area=networks.operator_of_area,
        constraints=(*networks.lines, *networks.local),
        operator_of_constraint=np.concatenate([np.zeros(lines, np.int64), networks.operator_of_local]),
        relief=np.concatenate([networks.line_relief[:, networks.node_of_area], networks.local_relief]),
        low_kw=np.concatenate([networks.line_low_kw, networks.local_low_kw]),
        high_kw=np.concatenate([networks.line_high_kw, networks.local_high_kw]),
        imbalance_kw=networks.imbalance_kw, capability_kw=capability, bids=bids, t_ms=np.arange(HOURS_OF_DAY, dtype=np.int64) * step_ms,
        hours=1.0, wants=WantColumns.none() if wants is None else wants,
    )  # fmt: skip
    return case, component.astype(np.int64), hour.astype(np.int64)


def accepted_kw(offered: Components, found: Activations, component: I64, hour: I64) -> F64:
    """What of each component is activated, (n, 24)."""
    taken = np.zeros(offered.kw.shape)
    taken[component, hour] = found.accepted_kw
    return taken


def by_operator_kw(offered: Components, allotted: Mapping[str, F64], component: I64, hour: I64) -> Mapping[str, F64]:
    """What each operator pays for of each component: operator -> (n, 24); who pays for nothing is left out.

    Args:
        offered: all components of a session.
        allotted: what each pays for of the bids of the situation (``markets.coordination.payers``).
        component: of each of these bids.
        hour: of each of them.
    """
    result = {}
    for operator, kw in allotted.items():
        if kw.any():
            result[operator] = np.zeros(offered.kw.shape)
            result[operator][component, hour] = kw
    return result
