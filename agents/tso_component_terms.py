"""What the TSO's desk for the global market is told, and the state of a session under way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from agents.tso_component_book import WAYS, ComponentBook, ConstraintBook
from data.arrays import F64, I64, Bool
from environment.messages.base import Record
from environment.messages.global_market import (
    AcceptedQuantities,
    AdjustedBid,
    GlobalClearing,
    LimitationNotice,
    LineLimit,
    SystemNeed,
    ValidatedQuantities,
)
from environment.register import Register
from environment.units import MS_PER_H
from markets.global_session import Components, Limit
from markets.traffic_light import HOURS_OF_DAY

NOTICE_MS = MS_PER_H
"""A changed component has to be known an hour before its delivery hour begins (SUC08.2)."""
LISTENS_MS = 5_000
"""After a deadline: what arrived before it has been passed on and read."""
RESULTS_WITHIN_MS = 600_000
"""How long the TSO waits for the market operator."""


@dataclass(frozen=True)
class Session:
    """Times of a session [ms]."""

    session: str
    from_ms: int
    opens_ms: int
    constraints_by_ms: int
    gate_ms: int


@dataclass(frozen=True, eq=False)
class TransmissionView:
    """What the TSO knows of its own network on a day of delivery.

    Attributes:
        nodes: names, (N,).
        lines: limited lines, (M,).
        relief: per kW injected at each node, (M, N).
        low_kw: least relief, (M, 24); above 0 a need.
        high_kw: largest relief, (M, 24).
        short_kw: what the control area of each operator is short of, the TSO's own first, (24,) each.
    """

    nodes: tuple[str, ...]
    lines: tuple[str, ...]
    relief: F64
    low_kw: F64
    high_kw: F64
    short_kw: Mapping[str, F64]


Matrix = Callable[[], Mapping[tuple[str, str], Sequence[str]]]
"""The topology matrix as it stands: (BSP, DSO perimeter) -> grid connection points."""


@dataclass(frozen=True, eq=False)
class ComponentTerms:
    """What the TSO is told.

    Attributes:
        sessions: in the order of time.
        bsps: providers with components: address -> whether it is on the platform.
        units: addresses of who bids conventional units.
        dsos: DSO -> transmission node of its network.
        perimeters: DSO -> its perimeters.
        market: address of the market operator.
        market_platform: address of the market platform.
        cbp: address of the Crowd Balancing Platform.
        limit: how components of a perimeter share its capability.
        with_lights: whether the coordination scheme knows traffic lights; else components enter as bid.
        view: start of the day of delivery -> the own network.
        matrix: the topology matrix.
        data_within_s: how long the platform's answer is waited for.
    """

    sessions: Sequence[Session]
    bsps: Mapping[str, bool]
    units: Sequence[str]
    dsos: Mapping[str, str]
    perimeters: Mapping[str, Sequence[str]]
    market: str
    market_platform: str
    cbp: str
    limit: Limit
    with_lights: bool
    view: Callable[[int], TransmissionView]
    matrix: Matrix
    data_within_s: float = 120.0

    @cached_property
    def all_perimeters(self) -> tuple[str, ...]:
        """Perimeters of all DSOs, in the order of their names."""
        return tuple(name for dso in sorted(self.perimeters) for name in self.perimeters[dso])

    @cached_property
    def dso_of(self) -> dict[str, str]:
        """Perimeter -> DSO."""
        return {name: dso for dso, names in self.perimeters.items() for name in names}


@dataclass
class Running:
    """A session under way.

    Attributes:
        times: its times.
        talk: its conversation.
        components: bids and components.
        constraints: what DSOs stated.
        with_lights: whether components are limited by what DSOs stated.
        offered: components in force at the gate.
        limited: what is left of them, (n, 24).
        light: the TSO's lights, (n, 24).
        expected: bids of which results are waited for.
        cleared: results by bid.
        notices: how many were sent.
    """

    times: Session
    talk: str
    components: ComponentBook
    constraints: ConstraintBook
    with_lights: bool = True
    offered: Components | None = None
    limited: F64 = field(default_factory=lambda: np.zeros((0, HOURS_OF_DAY)))
    light: I64 = field(default_factory=lambda: np.zeros((0, HOURS_OF_DAY), np.int64))
    expected: set[str] = field(default_factory=set)
    cleared: dict[str, GlobalClearing] = field(default_factory=dict)
    notices: int = 0

    @classmethod
    def of(cls, times: Session, talk: str, terms: ComponentTerms) -> "Running":
        """A session that opens."""
        return cls(times, talk, ComponentBook(times.gate_ms), ConstraintBook(terms.all_perimeters), terms.with_lights)

    @property
    def hours_ms(self) -> I64:
        """Starts of the hours of the day, (24,)."""
        return self.times.from_ms + np.arange(HOURS_OF_DAY, dtype=np.int64) * MS_PER_H

    @property
    def bids(self) -> list[str]:
        """Bids with components in force, in the order of their receipt."""
        return [] if self.offered is None else list(dict.fromkeys(self.offered.bid.tolist()))

    @property
    def read(self) -> list[str]:
        """What an act read of the book: the messages in force."""
        return [f"component_messages/{bid}" for bid in self.bids]

    def taken_kw(self, rows: I64) -> F64:
        """What the session took of some components, (rows, 24)."""
        assert self.offered is not None
        found = np.zeros((len(rows), HOURS_OF_DAY))
        for place, k in enumerate(rows.tolist()):
            one = self.cleared.get(str(self.offered.bid[k]))
            if one is not None and self.offered.area[k] in one.areas:
                found[place] = one.accepted_components_kw.reshape(-1, HOURS_OF_DAY)[
                    one.areas.index(str(self.offered.area[k]))
                ]
        return found

    def bought_kw(self, row: int) -> dict[str, F64]:
        """What each operator pays for of a component, (24,) each."""
        assert self.offered is not None
        area, one = str(self.offered.area[row]), self.cleared.get(str(self.offered.bid[row]))
        if one is None or area not in one.areas:
            return {}
        shares = one.bought_kw.reshape(len(one.buyers), len(one.areas), HOURS_OF_DAY)[:, one.areas.index(area)]
        return {name: kw for name, kw in zip(one.buyers, shares, strict=True) if kw.any()}


def adjusted_bid(running: Running, bid: str) -> AdjustedBid:
    """A bid as it enters the clearing."""
    offered = running.offered
    assert offered is not None
    rows = np.flatnonzero(offered.bid == bid)
    first = rows[0]
    return AdjustedBid(
        bid=bid, version=running.components.version_of(bid), session=running.times.session, bsp=str(offered.bsp[first]),
        direction=WAYS[0] if offered.up[first] else WAYS[1], price_eur_per_kwh=float(offered.price_eur_per_kwh[first]),
        received_ms=int(offered.received_ms[first]), quantity_kw=running.limited[rows].sum(axis=0),
        perimeters=tuple(offered.area[rows].tolist()), light=running.light[rows].ravel().astype(np.float64),
        limited_kw=running.limited[rows].ravel(),
    )  # fmt: skip


def system_need(running: Running, terms: ComponentTerms, view: TransmissionView, bids: int) -> SystemNeed:
    """What the TSO has to activate, and what DSOs stated of their perimeters."""
    book, perimeters = running.constraints, terms.all_perimeters
    lights = book.lights
    return SystemNeed(
        session=running.times.session, control_areas=tuple(view.short_kw), short_kw=np.concatenate(list(view.short_kw.values())), bids=bids, lines=len(view.lines), perimeters=perimeters,
        operators=tuple(terms.dso_of[name] for name in perimeters), nodes=tuple(terms.dsos[terms.dso_of[name]] for name in perimeters),
        colour=lights.colour.ravel().astype(np.float64), capability_kw=lights.capability_kw.ravel(), local_need_kw=book.need_kw.ravel(),
    )  # fmt: skip


def line_limits(running: Running, view: TransmissionView) -> list[LineLimit]:
    """The limited lines of the own network."""
    return [
        LineLimit(
            session=running.times.session, line=name, nodes=view.nodes, relief=view.relief[k], low_kw=view.low_kw[k], high_kw=view.high_kw[k]
        )
        for k, name in enumerate(view.lines)
    ]  # fmt: skip


def note_limits(register: Callable[[str], Register], running: Running, terms: ComponentTerms) -> None:
    """Put on record what holds in each perimeter; one of which nothing came in time is green."""
    book, lights = running.constraints, running.constraints.lights
    for number, perimeter in enumerate(lights.perimeters):
        for way, direction in enumerate(WAYS):
            register("perimeter_limits").add(
                t_ms=running.hours_ms, session=running.times.session, perimeter=perimeter, dso=terms.dso_of[perimeter], direction=direction,
                colour=lights.colour[way, number], capability_kw=lights.capability_kw[way, number], needed_kw=book.need_kw[way, number],
                stated=book.name_of(perimeter, direction),
            )  # fmt: skip


def note_network(
    register: Callable[[str], Register], running: Running, terms: ComponentTerms, view: TransmissionView
) -> None:
    """Put on record what the session is cleared against, beside the limits of perimeters."""
    session, nodes = running.times.session, list(view.nodes)
    for k, line in enumerate(view.lines):
        register("line_limits").add(
            t_ms=running.hours_ms, session=session, line=line, low_kw=view.low_kw[k], high_kw=view.high_kw[k]
        )
        register("line_reliefs").add(
            session=[session] * len(nodes), line=[line] * len(nodes), node=nodes, kw_per_kw=view.relief[k]
        )
    for perimeter in terms.all_perimeters:
        dso = terms.dso_of[perimeter]
        register("perimeter_nodes").add(session=session, perimeter=perimeter, dso=dso, node=terms.dsos[dso])
    for operator, short in view.short_kw.items():
        register("system_needs").add(t_ms=running.hours_ms, session=session, operator=operator, short_kw=short)


def platform_results(running: Running) -> list[list[Record]]:
    """What the platform keeps of the session, bid by bid: validated quantities, and accepted ones."""
    none, session = np.zeros(HOURS_OF_DAY), running.times.session
    found: list[list[Record]] = [[], []]
    for one in (running.cleared[bid] for bid in running.bids if bid in running.cleared):
        up = one.direction == "up"
        valid, taken = ((kw, none) if up else (none, kw) for kw in (one.validated_kw, one.accepted_kw))
        found[0].append(ValidatedQuantities(session=session, bid=one.bid, up_kw=valid[0], down_kw=valid[1]))
        found[1].append(AcceptedQuantities(session=session, bid=one.bid, up_kw=taken[0], down_kw=taken[1]))
    return [records for records in found if records]


def limitation_notice(running: Running, bid: str, rows: I64, hours: Bool) -> LimitationNotice:
    """What a bidder is told of its modified components.

    Args:
        running: the session.
        bid: its bid.
        rows: modified components.
        hours: in which they change, (24,).
    """
    offered, times, one = running.offered, running.times, running.cleared.get(bid)
    assert offered is not None
    first = times.from_ms + int(np.flatnonzero(hours)[0]) * MS_PER_H
    return LimitationNotice(
        notice=f"{times.session}/notice-{running.notices}", session=times.session, bid=bid, bsp=str(offered.bsp[rows[0]]),
        direction=WAYS[0] if offered.up[rows[0]] else WAYS[1], first_hour_ms=first, due_ms=first - NOTICE_MS,
        perimeters=tuple(offered.area[rows].tolist()), limits_kw=running.limited[rows].ravel(),
        selected_kw=np.zeros(HOURS_OF_DAY) if one is None else one.accepted_kw,
    )  # fmt: skip
