"""What the DSO buys and calls: session requests from needs, contracts from results, calls from contracts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agents.dso_grid import GridModel
from agents.dso_need import Need
from agents.dso_outlook import Outlook
from agents.strategies.procurement import call_kw, flow_without_call, near_flow
from environment.calendar import Timeline
from environment.instruments import ScadaView
from environment.messages.activation import ActivationRequest
from environment.messages.procurement import ClearingResult, SessionRequest

F64 = NDArray[np.float64]
LEAST_CALL_KW = 0.05
"""Nobody is called for less."""


@dataclass(frozen=True)
class MarketDay:
    """One day of delivery with the instants of its market, by the wall clock: days of 23 and 25 hours have their own.

    Attributes:
        start_ms: its local midnight.
        end_ms: the next one.
        procures_ms: when the DSO looks ahead and asks for a session.
        gate_ms: when the gate closes.
        from_ms: start of the service window.
        steps: intervals of the window.
    """

    start_ms: int
    end_ms: int
    procures_ms: int
    gate_ms: int
    from_ms: int
    steps: int


@dataclass(frozen=True)
class DsoTerms:
    """What the DSO is told.

    Attributes:
        days: every day of delivery.
        step_s: length of an interval.
        fsps: role addresses of the FSPs.
        market: role address of the market operator.
        gdbn: address of the GDBN.
        product: name of the product.
        directions: directions of the product.
        price_cap_eur_per_kwh: highest price.
        granularity_kw: step of quantities.
        min_quantity_kw: smallest bid.
        max_quantity_kw: largest bid.
        min_acceptance_kw: least that may be accepted of a bid.
        divisible: whether a part of a bid may be accepted.
        max_duration_s: longest activation without a break.
        exclusive: no second contract of the FSP in the window.
        announcement_s: notice before an activation.
        full_activation_s: time to full activation.
        margin_share: safety margin, in real time too.
        tap_change_eur: cost of a tap operation on load.
        off_load_tap_eur: cost of one for which the transformer is switched off.
        interruption_notice_ms: how long before it an interruption of customers must be announced.
        switching_eur: cost of a switching operation.
        block_steps: intervals that are called at a time.
        calling_s: time before the announcement at which a block is decided.
        receipt_within_s: how long the FSP's confirmation is waited for.
        verify_after_s: when delivery is verified after its start.
        results_within_s: how long after the gate results may come.
        availability_wait_s: how long availability reports are waited for.
    """

    days: Sequence[MarketDay]
    step_s: float
    fsps: Sequence[str]
    market: str
    gdbn: str
    product: str
    directions: Sequence[str]
    price_cap_eur_per_kwh: float
    granularity_kw: float
    min_quantity_kw: float
    max_quantity_kw: float
    min_acceptance_kw: float
    divisible: bool
    max_duration_s: float
    exclusive: bool
    announcement_s: float
    full_activation_s: float
    margin_share: float
    tap_change_eur: float
    switching_eur: float
    off_load_tap_eur: float = 300.0
    interruption_notice_ms: int = 72 * 3_600_000
    block_steps: int = 4
    calling_s: float = 300.0
    receipt_within_s: float = 200.0
    verify_after_s: float = 330.0
    results_within_s: float = 900.0
    availability_wait_s: float = 30.0

    @property
    def largest_whole_kw(self) -> float:
        """The largest part of a bid that can only be taken as a whole."""
        return self.min_acceptance_kw if self.divisible else self.max_quantity_kw


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
    forecast = outlook.expected.p_from_kw[:, branch]
    loading = outlook.flow.loading_percent[:, branch]
    bearable = np.abs(outlook.flow.p_from_kw[:, branch]) * need.limit / np.maximum(loading, 1e-9)
    free = flow_without_call(np.array([scada.value(f"{need.constraint}.p_kw")]), np.array([active_kw]))
    count = block.stop - block.start
    ahead = forecast[None, step_now + 1 : step_from + count]
    flow = near_flow(free, ahead, forecast[step_now : step_now + 1])[0][-count:]
    excess = np.abs(flow) * (1.0 + margin_share) - bearable[step_from : step_from + count]
    return np.asarray(np.maximum(excess, 0.0))


@dataclass(frozen=True)
class Call:
    """One call of one contract: what is ordered per interval and its mean price."""

    activation: str
    contract: str
    fsp: str
    area: str
    direction: Literal["up", "down"]
    ordered_kw: F64
    price: F64

    def request(self, dso: str, from_ms: int, terms: DsoTerms) -> ActivationRequest:
        """The dispatch notice."""
        to_ms = from_ms + round(terms.step_s * 1000) * len(self.ordered_kw)
        return ActivationRequest(
            activation=self.activation, contract=self.contract, dso=dso, fsp=self.fsp, area=self.area, direction=self.direction,
            from_ms=from_ms, to_ms=to_ms, step_s=terms.step_s, ordered_kw=self.ordered_kw, ramp_s=terms.full_activation_s,
        )  # fmt: skip


@dataclass
class Contracts:
    """The cleared bids of a session; all bids of an FSP in an area are one contract."""

    session: str
    step_s: float
    results: list[ClearingResult] = field(default_factory=list)
    _barred: dict[tuple[str, int], bool] = field(default_factory=dict)
    _called: dict[str, F64] = field(default_factory=dict)
    _count: int = 0

    def take(self, results: list[ClearingResult]) -> None:
        """Add results."""
        self.results.extend(results)
        self.results.sort(key=lambda result: result.bid)

    @staticmethod
    def name_of(result: ClearingResult) -> str:
        """The contract of a cleared bid."""
        return f"{result.session}/{result.fsp}/{result.area}"

    @property
    def names(self) -> list[str]:
        """All contracts, sorted."""
        return sorted({self.name_of(result) for result in self.results})

    @property
    def from_ms(self) -> int:
        """Start of the window."""
        return self.results[0].from_ms

    @property
    def steps(self) -> int:
        """Number of intervals of the window."""
        return len(self.results[0].cleared_kw)

    def bar(self, contract: str, block: slice) -> None:
        """Do not call a contract again in a block: its FSP did not follow."""
        self._barred[contract, block.start] = True
        self._called[contract][block] = 0.0

    def call(self, needs: Sequence[Need], need_kw: Sequence[F64], block: slice) -> list[Call]:
        """What to call in a block: cheapest per relief first, up to the contracted quantities, beyond what is called already."""
        usable = [result for result in self.results if (self.name_of(result), block.start) not in self._barred]
        if not usable:
            return []
        relief = np.array([[need.sensitivity.get(result.area, 0.0) for result in usable] for need in needs])
        price = np.array([result.price_eur_per_kwh for result in usable])
        ordered = np.zeros((len(usable), block.stop - block.start))
        for k in range(ordered.shape[1]):
            left = np.array([need[k] for need in need_kw]) - self._relieved(needs, block.start + k)
            open_kw = np.array([result.cleared_kw[block.start + k] for result in usable]) - self._taken(
                usable, block.start + k
            )
            ordered[:, k] = call_kw(np.maximum(left, 0.0), relief, np.maximum(open_kw, 0.0), price)
        return self._calls(usable, ordered, price, block)

    def _calls(self, usable: list[ClearingResult], ordered: F64, price: F64, block: slice) -> list[Call]:
        calls = []
        for contract in sorted({self.name_of(result) for result in usable}):
            rows = [row for row, result in enumerate(usable) if self.name_of(result) == contract]
            total = ordered[rows].sum(axis=0)
            if total.max() < LEAST_CALL_KW:
                continue
            value = (ordered[rows] * price[rows, None]).sum(axis=0)
            mean = np.divide(value, total, out=np.zeros_like(value), where=total > 0.0)
            first = usable[rows[0]]
            self._count += 1
            name = f"{contract}/{block.start:03d}/{self._count:03d}"
            self._called.setdefault(contract, np.zeros(self.steps))[block] += total
            direction: Literal["up", "down"] = "up" if first.direction == "up" else "down"
            calls.append(Call(name, contract, first.fsp, first.area, direction, np.round(total, 6), mean))
        return calls

    def _relieved(self, needs: Sequence[Need], step: int) -> F64:
        """Relief of what is called already at each need in an interval."""
        area = {self.name_of(result): result.area for result in self.results}
        return np.array(
            [
                sum(kw[step] * need.sensitivity.get(area[name], 0.0) for name, kw in self._called.items())
                for need in needs
            ]
        )

    def _taken(self, usable: list[ClearingResult], step: int) -> F64:
        """What is called already of each bid: the cheapest bids of a contract first."""
        taken = np.zeros(len(usable))
        left = {name: kw[step] for name, kw in self._called.items()}
        for row in sorted(range(len(usable)), key=lambda row: usable[row].price_eur_per_kwh):
            name = self.name_of(usable[row])
            taken[row] = min(left.get(name, 0.0), usable[row].cleared_kw[step])
            left[name] = left.get(name, 0.0) - taken[row]
        return taken

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
    """One request for each constraint of a session, in need or guarded; areas are those that can help any in need."""
    areas = tuple(sorted({area for need in needs for area, kw in need.sensitivity.items() if kw > 0.0}))
    needed = np.max([need.need_kw for need in needs], axis=0) > 0.0
    starts, ends = activation_windows(needed, day.from_ms, round(terms.step_s * 1000))
    named = [*needs, *guards]
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
            areas=areas,
            sensitivity=np.array([need.sensitivity.get(area, 0.0) for area in areas]),
            from_ms=day.from_ms,
            step_s=terms.step_s,
            need_kw=need.need_kw,
            headroom_up_kw=need.headroom.up_kw,
            headroom_down_kw=need.headroom.down_kw,
            gate_ms=day.gate_ms,
            price_cap_eur_per_kwh=terms.price_cap_eur_per_kwh,
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
            remuneration="activation",
            baseline="declared-schedule",
        )
        for need in named
    ]


def activation_windows(needed: NDArray[np.bool_], from_ms: int, step_ms: int) -> tuple[F64, F64]:
    """Starts and ends [ms] of the stretches of a service window in which something is needed."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], needed.astype(np.int8), [0]])))
    times = from_ms + step_ms * edges.astype(np.float64)
    return times[::2], times[1::2]
