"""What the DSO buys and calls: session requests from needs, contracts from results, calls from contracts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from agents.dso_grid import GridModel
from agents.dso_horizon import Outlook
from agents.dso_need import Need
from agents.dso_terms import DsoTerms, MarketDay
from agents.strategies.procurement import call_kw, flow_without_call, near_flow
from data.arrays import F64, Bool
from environment.calendar import Timeline
from environment.instruments import ScadaView
from environment.messages.activation import ActivationRequest
from environment.messages.procurement import ClearingResult, SessionRequest
from markets.settlement.blocks import Block

LEAST_CALL_KW = 0.05
"""Nobody is called for less."""


def near_need(
    model: GridModel, outlook: Outlook, need: Need, scada: ScadaView, timeline: Timeline, moment: tuple[int, int],
    block: slice, active_kw: float, margin_share: float,
) -> F64:  # fmt: skip
    """Need of a measured branch in a block, from the flow measured now and the day-ahead forecast.

    Args:
        model: the operator's grid model.
        outlook: the day-ahead forecast.
        need: the need it found.
        scada: measurements.
        timeline: steps.
        moment: now and the start of the block [ms].
        block: intervals of the window.
        active_kw: what calls in force take off the branch now.
        margin_share: safety margin.
    """
    branch = model.network.branch_index(need.constraint)
    step_now, step_from = (timeline.index(at_ms) - outlook.first for at_ms in moment)
    forecast = outlook.expected.p_from_kw_of([branch])[:, 0]
    loading = outlook.flow.loading_percent_of([branch])[:, 0]
    bearable = np.abs(outlook.flow.p_from_kw_of([branch])[:, 0]) * need.limit / np.maximum(loading, 1e-9)
    free = flow_without_call(np.array([scada.value(f"{need.constraint}.p_kw")]), np.array([active_kw]))
    count = block.stop - block.start
    ahead = forecast[None, step_now + 1 : step_from + count]
    flow = near_flow(free, ahead, forecast[step_now : step_now + 1])[0][-count:]
    excess = np.abs(flow) * (1.0 + margin_share) - bearable[step_from : step_from + count]
    return np.asarray(np.maximum(excess, 0.0))


@dataclass(frozen=True)
class Call:
    """One call of one contract: from when on, what is ordered per interval and its mean price."""

    activation: str
    contract: str
    fsp: str
    area: str
    direction: Literal["up", "down"]
    from_ms: int
    ordered_kw: F64
    price: F64

    def request(self, dso: str, terms: DsoTerms) -> ActivationRequest:
        """The dispatch notice."""
        to_ms = self.from_ms + round(terms.step_s * 1000) * len(self.ordered_kw)
        return ActivationRequest(
            activation=self.activation, contract=self.contract, dso=dso, fsp=self.fsp, area=self.area, direction=self.direction,
            from_ms=self.from_ms, to_ms=to_ms, step_s=terms.step_s, ordered_kw=self.ordered_kw, ramp_s=terms.full_activation_s,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Lot:
    """What may be called of a contract at one price: a cleared bid, or what an FSP with a standing contract has available.

    Attributes:
        contract: the contract; all lots of an FSP in an area belong to one.
        name: unique.
        fsp: who delivers.
        area: where.
        direction: up is less net load.
        from_ms: start of the window.
        kw: per interval of the window, shape (T,), what is called already included.
        price_eur_per_kwh: price.
        availability_eur_per_kw_h: price of a kW held ready for an hour.
    """

    contract: str
    name: str
    fsp: str
    area: str
    direction: Literal["up", "down"]
    from_ms: int
    kw: F64
    price_eur_per_kwh: float
    availability_eur_per_kw_h: float = 0.0

    @classmethod
    def cleared(cls, result: ClearingResult) -> "Lot":
        """A cleared bid."""
        return cls(
            f"{result.session}/{result.fsp}/{result.area}", result.bid, result.fsp, result.area,
            "up" if result.direction == "up" else "down", result.from_ms, result.cleared_kw, result.price_eur_per_kwh,
            result.availability_eur_per_kw_h,
        )  # fmt: skip


@dataclass
class Contracts:
    """What may be called in one window, and what of it is called."""

    step_s: float
    lots: list[Lot] = field(default_factory=list)
    _barred: dict[tuple[str, int], bool] = field(default_factory=dict)
    _called: dict[str, F64] = field(default_factory=dict)
    _called_in: dict[str, list[tuple[int, F64]]] = field(default_factory=dict)
    _orders: dict[str, tuple[slice, F64]] = field(default_factory=dict)
    _count: int = 0

    def take(self, lots: Iterable[Lot]) -> None:
        """Add lots; one of a name that is there already replaces it."""
        known = {lot.name: lot for lot in [*self.lots, *lots]}
        self.lots = [known[name] for name in sorted(known)]

    @property
    def names(self) -> list[str]:
        """All contracts, sorted."""
        return sorted({lot.contract for lot in self.lots})

    @property
    def from_ms(self) -> int:
        """Start of the window."""
        return self.lots[0].from_ms

    @property
    def steps(self) -> int:
        """Number of intervals of the window."""
        return len(self.lots[0].kw)

    def called_kw(self, contract: str) -> F64:
        """What is called of a contract, shape (T,)."""
        return self._called.get(contract, np.zeros(self.steps))

    def value(self, eur_per_kwh: Mapping[str, float]) -> tuple[F64, F64]:
        """What is called costs in each interval [EUR/h] at the FSPs' own prices, and the highest of these prices that is paid, (T,)."""
        price = np.array([eur_per_kwh[lot.fsp] for lot in self.lots])
        called = np.array([self.called_kw(lot.contract) for lot in self.lots])
        return price @ called, np.where(called > 0.0, price[:, None], 0.0).max(axis=0)

    def blocks(self) -> dict[str, list[Block]]:
        """The price steps of every contract, as settlement needs them."""
        found: dict[str, list[Block]] = {}
        for lot in self.lots:
            step_ms = round(self.step_s * 1000)
            block = Block(lot.price_eur_per_kwh, lot.from_ms, step_ms, lot.kw, lot.availability_eur_per_kw_h)
            found.setdefault(lot.contract, []).append(block)
        return found

    def bar(self, call: Call, block: slice) -> None:
        """Do not call a contract again in a block: its FSP did not follow, and the call does not count."""
        self._barred[call.contract, block.start] = True
        steps, total = self._orders[call.activation]
        self._called[call.contract][steps] -= total

    def call(self, needs: Sequence[Need], need_kw: Sequence[F64], block: slice) -> list[Call]:
        """What to call in a block: cheapest per relief first, up to the contracted quantities, beyond what is called already."""
        usable = self.usable(block)
        if not usable:
            return []
        rows_in: dict[str, list[int]] = {}
        for row, lot in enumerate(usable):
            rows_in.setdefault(lot.area, []).append(row)
        relief = np.zeros((len(needs), len(usable)))
        for k, need in enumerate(needs):
            for area, effect in need.sensitivity.items():
                relief[k, rows_in.get(area, [])] = effect
        price = np.array([lot.price_eur_per_kwh for lot in usable])
        open_kw = self.open_kw(usable, block)
        ordered = np.zeros((len(usable), block.stop - block.start))
        for k in range(ordered.shape[1]):
            left = np.array([need[k] for need in need_kw]) - self._relieved(needs, block.start + k)
            ordered[:, k] = call_kw(np.maximum(left, 0.0), relief, open_kw[:, k], price)
        return self.order(usable, ordered, block)

    def usable(self, block: slice) -> list[Lot]:
        """Lots whose contract is not barred in a block."""
        return [lot for lot in self.lots if (lot.contract, block.start) not in self._barred]

    def open_kw(self, usable: Sequence[Lot], block: slice) -> F64:
        """What of some lots is not called yet in a block, shape (lots, intervals)."""
        taken = [self._taken(usable, step) for step in range(block.start, block.stop)]
        return np.maximum(np.array([lot.kw[block] for lot in usable]) - np.array(taken).T, 0.0)

    def order(self, usable: Sequence[Lot], ordered: F64, block: slice, *, trimmed: bool = False) -> list[Call]:
        """Calls for what is ordered of some lots in a block, (lots, intervals), one a contract; from now on it counts as called.

        ``trimmed`` leaves intervals without an order at both ends out of a call.
        """
        calls, rows_of = [], dict[str, list[int]]()
        for row, lot in enumerate(usable):
            rows_of.setdefault(lot.contract, []).append(row)
        for contract, rows in sorted(rows_of.items()):
            total = ordered[rows].sum(axis=0)
            if total.max() < LEAST_CALL_KW:
                continue
            price = np.array([usable[row].price_eur_per_kwh for row in rows])
            value = (ordered[rows] * price[:, None]).sum(axis=0)
            mean = np.divide(value, total, out=np.zeros_like(value), where=total > 0.0)
            first = usable[rows[0]]
            self._count += 1
            name = f"{contract}/{block.start:03d}/{self._count:03d}"
            if contract not in self._called:
                self._called[contract] = np.zeros(self.steps)
                self._called_in.setdefault(first.area, []).append((len(self._called), self._called[contract]))
            self._called[contract][block] += total
            self._orders[name] = (block, total)
            some = np.flatnonzero(total > 0.0)
            kept = slice(some[0], some[-1] + 1) if trimmed else slice(0, len(total))
            from_ms = self.from_ms + (block.start + kept.start) * round(self.step_s * 1000)
            calls.append(
                Call(
                    name,
                    contract,
                    first.fsp,
                    first.area,
                    first.direction,
                    from_ms,
                    np.round(total[kept], 6),
                    mean[kept],
                )
            )
        return calls

    def _relieved(self, needs: Sequence[Need], step: int) -> F64:
        """Relief of what is called already at each need in an interval: a sum in the order in which contracts were first called."""
        found = np.zeros(len(needs))
        for row, need in enumerate(needs):
            near = [
                (turn, kw[step] * effect)
                for area, effect in need.sensitivity.items()
                for turn, kw in self._called_in.get(area, ())
            ]
            found[row] = sum(kw for _, kw in sorted(near, key=lambda one: one[0]))
        return found

    def _taken(self, usable: Sequence[Lot], step: int) -> F64:
        """What is called already of each lot: the cheapest of a contract first."""
        taken = np.zeros(len(usable))
        left = {name: kw[step] for name, kw in self._called.items()}
        for row in sorted(range(len(usable)), key=lambda row: usable[row].price_eur_per_kwh):
            name = usable[row].contract
            taken[row] = min(left.get(name, 0.0), usable[row].kw[step])
            left[name] = left.get(name, 0.0) - taken[row]
        return taken

    def moved_kw(self, element: Need, block: slice) -> F64:
        """What is called already takes off an element in a block, shape (T,)."""
        return np.array([self._relieved([element], step)[0] for step in range(block.start, block.stop)])

    def relief_kw(self, need: Need, step: int) -> float:
        """What calls in force take off an element in an interval of the window; 0 outside it."""
        return float(self._relieved([need], step)[0]) if 0 <= step < self.steps else 0.0

    def unmet(self, needs: Sequence[Need], need_kw: Sequence[F64], block: slice) -> float:
        """Largest need in a block that no call covers [kW]."""
        left = [
            float(need[k] - relieved)
            for k in range(block.stop - block.start)
            for need, relieved in zip(need_kw, self._relieved(needs, block.start + k), strict=True)
        ]
        return max([0.0, *left])


def session_requests(
    session: str, dso: str, needs: Sequence[Need], guards: Sequence[Need], terms: DsoTerms, day: MarketDay
) -> list[SessionRequest]:
    """One request for each constraint of a session, in need or guarded; the session's areas are those that can help any in need.

    A request names those that act on its constraint: of many feeders, these are few. A need on which none acts names all,
    with 0; a guard on which none acts cannot be broken by this session and is left out.
    """
    areas = tuple(sorted({area for need in needs for area, kw in need.sensitivity.items() if kw > 0.0}))
    able = frozenset(areas)

    def acting_on(need: Need) -> tuple[str, ...]:
        return tuple(sorted(area for area, kw in need.sensitivity.items() if kw and area in able))

    touched = [(guard, here) for guard in guards if (here := acting_on(guard))]
    named = [*((need, acting_on(need) or areas) for need in needs), *touched]
    needed = np.max([need.need_kw for need in needs], axis=0) > 0.0
    starts, ends = activation_windows(needed, day.from_ms, round(terms.step_s * 1000))
    return [
        SessionRequest(
            session=session,
            dso=dso,
            product=terms.product,
            negotiation="auction",
            violation=need.violation,
            constraint=need.constraint,
            constraints=len(named),
            direction=need.direction,
            areas=here,
            sensitivity=np.array([need.sensitivity.get(area, 0.0) for area in here]),
            from_ms=day.from_ms,
            step_s=terms.step_s,
            need_kw=need.need_kw,
            headroom_up_kw=need.headroom.up_kw,
            headroom_down_kw=need.headroom.down_kw,
            gate_ms=day.gate_ms,
            price_cap_eur_per_kwh=terms.activation_cap_eur_per_kwh,
            availability_cap_eur_per_kw_h=terms.held_cap_eur_per_kw_h,
            announcement_s=terms.announcement_s,
            full_activation_s=terms.full_activation_s,
            granularity_kw=terms.granularity_kw,
            min_quantity_kw=terms.min_quantity_kw,
            max_quantity_kw=terms.max_quantity_kw,
            min_acceptance_kw=terms.min_acceptance_kw,
            divisible=terms.divisible,
            max_duration_s=terms.max_duration_s,
            estimated_activation_h=float(needed.sum()) * terms.step_s / 3600.0,
            activation_from_ms=starts,
            activation_to_ms=ends,
            exclusive=terms.exclusive,
            remuneration=terms.remuneration,
            baseline=terms.method.rule,
        )
        for need, here in named
    ]


def alike(requests: Sequence[SessionRequest]) -> list[list[SessionRequest]]:
    """Requests that make one batch: those that name equally many areas."""
    by_length: dict[int, list[SessionRequest]] = {}
    for request in requests:
        by_length.setdefault(len(request.areas), []).append(request)
    return list(by_length.values())


def activation_windows(needed: Bool, from_ms: int, step_ms: int) -> tuple[F64, F64]:
    """Starts and ends [ms] of the stretches of a service window in which something is needed."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], needed.astype(np.int8), [0]])))
    times = from_ms + step_ms * edges.astype(np.float64)
    return times[::2], times[1::2]
