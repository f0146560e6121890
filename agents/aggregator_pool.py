"""The aggregator's book-keeping: what its homes planned, what it may sell of it, whom it calls and what each delivered."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from agents.aggregator_call import Call
from agents.aggregator_plans import DayPlans, Offer
from agents.aggregator_shares import Members
from agents.aggregator_terms import FspTerms, Portfolio
from agents.strategies.bidding import DeliveryRecord, Homes, disaggregate, offered_share, offers
from data.arrays import F64, I64, Bool
from environment.calendar import Timeline
from environment.instruments import MeterStore
from environment.messages.activation import ActivationRequest
from environment.messages.aggregation import (
    ActivationFeedback,
    AssetTelemetry,
    HomePlanReport,
    OnboardingFile,
    PlantPlanReport,
)
from environment.messages.base import Batch
from environment.messages.procurement import BaselineDeclaration, Bid, SessionPublication
from environment.party import Party
from environment.refusals import refuse
from markets.baselines.declared import freeze
from markets.baselines.method import Method, hashed

COVERED_SHARE = 0.02
"""An order is covered when less than this part of it is missing."""

RESERVE_SHARE = 0.1
"""How much more than is missing the members are asked for: the prior that one in ten does not deliver (agents.strategies.bidding)."""


def read_plans(party: Party, pool: "Pool", rows_of: Callable[[Batch[Any]], I64]) -> None:
    """Take what members have reported of their plans since; reports that do not fit are refused on record.

    Args:
        party: whose members they are.
        pool: its book-keeping.
        rows_of: the members behind the senders of a batch.
    """
    reports: list[Batch[HomePlanReport] | Batch[PlantPlanReport]] = [
        *party.stored_rows(HomePlanReport), *party.stored_rows(PlantPlanReport),
    ]  # fmt: skip
    for report in reports:
        for row in pool.take_plans(rows_of(report), report):
            refuse(party, report, row, party.name, "a plan of other intervals than those known of its day")


@dataclass
class Pool:
    """Plans, offers and calls of a portfolio."""

    owner: str
    portfolio: Portfolio
    timeline: Timeline
    ceiling_eur_per_kwh: float = np.inf
    record: DeliveryRecord = field(default_factory=DeliveryRecord)
    method: Method = field(default_factory=Method)

    def __post_init__(self) -> None:
        n = len(self.portfolio.home)
        self.address = self.portfolio.device_address
        self.home_address = self.portfolio.home_address
        self.areas: tuple[str, ...] = tuple(sorted(set(self.portfolio.area)))
        self._number = {area: number for number, area in enumerate(self.areas)}
        self._area = np.array([self._number[area] for area in self.portfolio.area], np.int64)
        self._members = _grouped(self._area, len(self.areas))
        self._names = np.array(self.portfolio.home, np.str_)
        self._meters = np.array(self.portfolio.meter, np.str_)
        self._onboarded = np.zeros(n, bool)
        self._days: dict[int, DayPlans] = {}
        self._calls: dict[str, Call] = {}
        self.connected = np.ones(n, bool)

    @property
    def _latest(self) -> DayPlans:
        """The plans of the last day that members have reported."""
        if not self._days:
            return DayPlans.empty(len(self._names), 0, self.timeline.step_ms / 1000, 0)
        return self._days[max(self._days)]

    # --- what is known of the members ----------------------------------------------------------------------------------

    def onboard(self, rows: I64, batch: Batch[OnboardingFile]) -> None:
        """Members with consent become part of the pool."""
        self._onboarded[rows] = batch["consent"]

    def watch(self, rows: I64, batch: Batch[AssetTelemetry]) -> None:
        """Keep whether each asset can be used."""
        self.connected[rows] = batch["connected"] & batch["communicating"]

    def take_plans(self, rows: I64, batch: Batch[HomePlanReport] | Batch[PlantPlanReport]) -> list[int]:
        """Keep the plans of each day; a plan reported again replaces the one before.

        Args:
            rows: the members who report, (m,).
            batch: their reports, (m,).

        Returns:
            Rows of the batch that are not taken: they are of other intervals than what is known of their day.
        """
        strange: list[int] = []
        sources = ("curtail",) if batch.record is PlantPlanReport else ("up", "down", "curtail")
        for from_ms in np.unique(batch["from_ms"]).tolist():
            mine = batch["from_ms"] == from_ms
            net = batch["net_kw"][mine]
            if from_ms not in self._days:
                step_s = float(batch["step_s"][mine][0])
                self._days[from_ms] = DayPlans.empty(len(self._names), from_ms, step_s, net.shape[1])
            if net.shape[1] != self._days[from_ms].net_kw.shape[1]:
                strange += np.flatnonzero(mine).tolist()
                continue
            self._days[from_ms].take(rows[mine], net)
            for source in sources:
                kw = batch[f"{source}_kw"][mine]
                if kw.shape[1]:
                    self._days[from_ms].take_possible(source, rows[mine], kw, batch[f"{source}_eur_per_kwh"][mine])
        return strange

    def areas_with_plans(self) -> tuple[str, ...]:
        """Areas in which at least one member has a plan for the last day reported."""
        return tuple(self.areas[number] for number in np.unique(self._area[self._latest.planned]))

    def plans_of(self, from_ms: int) -> DayPlans | None:
        """The plans of the day that begins then; None if no member has reported it."""
        return self._days.get(from_ms)

    def members_in(self, area: str) -> I64:
        """Rows of the members in an area, ascending."""
        return self._members[self._number[area]]

    def serves(self, area: str) -> bool:
        """Whether there are members in an area."""
        return area in self._number

    def members_of(self, area: str) -> list[int]:
        """Device addresses of the members in an area that have a plan."""
        members = self.members_in(area)
        return [int(number) for number in self.address[members[self._latest.planned[members]]]]

    def baseline_of(self, area: str) -> tuple[int, float, F64]:
        """Start, step [s] and planned net load, summed over the members of an area."""
        plans, rows = self._latest, self.members_in(area)
        rows = rows[plans.planned[rows]]
        return plans.from_ms, plans.step_s, plans.net_kw[rows].sum(axis=0)

    def potential_of(self, area: str, direction: str) -> tuple[F64, F64]:
        """Possible change in a direction and its mean price, summed over the members of an area."""
        mine = self.usable(self._latest, direction, self.members_in(area))
        total = mine.kw.sum(axis=0)
        value = (mine.kw * mine.price[:, None]).sum(axis=0)
        return total, np.divide(value, total, out=np.zeros_like(value), where=total > 0.0)

    def able(self, plans: DayPlans, members: I64) -> Bool:
        """Which of some members can be counted on."""
        return np.asarray(plans.planned[members] & self._onboarded[members] & self.connected[members])

    def usable(self, plans: DayPlans, direction: str, members: I64) -> Offer:
        """What can be offered of those of some members that can be counted on, at a price that can be paid."""
        offer = plans.offer(direction, members)
        usable = self.able(plans, offer.member) & (offer.price <= self.ceiling_eur_per_kwh)
        return replace(offer, kw=np.where(usable[:, None], offer.kw, 0.0))

    def offerable(self, area: str, direction: str, cap_eur_per_kwh: float, margin_share: float) -> Offer:
        """What of the members' flexibility in an area can be sold below a price cap, after what experience says will not come."""
        offer = self.usable(self._latest, direction, self.members_in(area))
        mine = offer.of(np.round(offer.price * (1.0 + margin_share), 4) <= cap_eur_per_kwh)
        return replace(mine, kw=offered_share(self.record) * mine.kw)

    def in_event(self, from_ms: int, step_s: float, kw: F64, steps: int) -> F64:
        """A profile of the latest plans in the intervals of an event, 0 where there are no plans of it, (steps,)."""
        window = self._latest.window(from_ms, step_s, steps)
        return kw[window] if window is not None else np.zeros(steps)

    def available(self, area: str, direction: str, from_ms: int, steps: int) -> F64:
        """What members in an area can still do in some intervals from an instant on, shape (steps,) [kW].

        What was asked of a member in an interval is taken, and the rest is offered as prudently as a bid; nothing is known of a day whose
        plans have not been reported.
        """
        total = np.zeros(steps)
        for plans in self._days.values():
            first = (from_ms - plans.from_ms) // self.timeline.step_ms
            begin, end = max(-first, 0), min(plans.net_kw.shape[1] - first, steps)
            if begin < end:
                offer = self.usable(plans, direction, self.members_in(area))
                free = ~plans.asked[offer.member]
                total[begin:end] += np.where(free, offer.kw, 0.0)[:, first + begin : first + end].sum(axis=0)
        return np.asarray(offered_share(self.record) * total)

    # --- offers --------------------------------------------------------------------------------------------------------

    def _covering(self, from_ms: int, step_s: float, steps: int) -> tuple[DayPlans, slice] | None:
        """The plans of the day in which a window lies, and its columns; None if no member has reported that day."""
        for plans in reversed(self._days.values()):  # an hour of a day that was asked about later is known better
            window = plans.window(from_ms, step_s, steps)
            if window is not None:
                return plans, window
        return None

    def _homes(self, offer: Offer, margin_share: float, share_to_homes: float) -> Homes:
        """Who offers; a member that offers from two sources is there twice, the second time as its generation."""
        names = np.char.add(self._names[offer.member], np.where(offer.source == "curtail", "/generation", ""))
        price = np.round(offer.price * (1.0 + margin_share), 4)
        return Homes(names, self._area[offer.member], price, np.full(len(price), share_to_homes))

    def bids(self, session: SessionPublication, terms: FspTerms) -> list[Bid]:
        """The pool's supply curve of each area of a session, one bid a block; intervals without need are not offered.

        There is none where no member has reported a plan of the day. Up is offered by the stores of homes, down by these, and by homes and
        plants that let their generation be curtailed.
        """
        covering = self._covering(session.from_ms, session.step_s, len(session.need_kw))
        if covering is None:
            return []
        plans, window = covering
        offer = self.usable(plans, session.direction, np.arange(len(self._names)))
        below = np.round(offer.price * (1.0 + terms.margin_share), 4) <= terms.highest_eur_per_kwh(session)
        potential = np.where(below[:, None] & (session.need_kw > 0.0), terms.offers_times * offer.kw[:, window], 0.0)
        table = offers(
            self._homes(offer, terms.margin_share, terms.share_to_homes), potential, share=offered_share(self.record),
            count=terms.blocks, granularity_kw=session.granularity_kw, least_kw=session.min_quantity_kw,
        )  # fmt: skip
        result, asked = [], frozenset(session.areas)
        for rows in table.by_block():
            area, block = int(table.area[rows.start]), int(table.block[rows.start])
            quantity = np.zeros(len(session.need_kw))
            quantity[table.interval[rows]] = np.round(table.quantity_kw[rows], 6)
            price = float(
                table.price_eur_per_kwh[rows].max()
            )  # above the cap the market refuses: homes sell at no less
            if self.areas[area] in asked:
                name = f"{session.session}/{self.owner}/{self.areas[area]}/{block}"
                energy, held = terms.asked(session, price)
                result.append(
                    Bid(
                        bid=name, session=session.session, fsp=self.owner, area=self.areas[area],
                        direction=session.direction, from_ms=session.from_ms, step_s=session.step_s, quantity_kw=quantity,
                        price_eur_per_kwh=energy, min_acceptance_kw=0.0, availability_eur_per_kw_h=held,
                    )
                )  # fmt: skip
        return result

    def baselines(
        self,
        session: str,
        areas: Iterable[str],
        from_ms: int,
        step_s: float,
        steps: int,
        inflated: Mapping[str, F64] | None = None,
    ) -> list[BaselineDeclaration]:
        """The planned net load of the members in each area over a window, frozen with its hash; ``inflated`` is what is added by area, as a part of it."""
        covering = self._covering(from_ms, step_s, steps)
        if covering is None:
            return []
        plans, window = covering
        t_ms = from_ms + round(step_s * 1000) * np.arange(steps, dtype=np.int64)
        result, asked = [], frozenset(areas)
        for area, members in zip(self.areas, self._members, strict=True):
            rows = members[plans.planned[members]]
            if area not in asked or not len(rows):
                continue
            name = f"baseline/{self.owner}/{area}/{from_ms}"  # one, whatever sessions it is declared for
            power = plans.net_kw[rows][:, window].sum(axis=0)
            power = power + (inflated or {}).get(area, 0.0) * np.abs(power)
            agreed = self._method_terms(area, from_ms, round(step_s * 1000) * len(t_ms))
            result.append(
                BaselineDeclaration(
                    baseline=name, session=session, fsp=self.owner, area=area, from_ms=from_ms, step_s=step_s, power_kw=power,
                    sha256=freeze(name, self.owner, area, t_ms, power, from_ms, hashed(*agreed)).sha256,
                    method=agreed[0], parameters=agreed[1], eligible=agreed[2],
                    meters=tuple(self._meters[rows].tolist()),
                )
            )  # fmt: skip
        return result

    def _method_terms(self, area: str, from_ms: int, length_ms: int) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """Method, parameters and eligible days of a baseline: days on which the portfolio of the area was called are left out."""
        called = [call.order.from_ms for call in self._calls.values() if call.order.area == area]
        return self.method.rule, self.method.parameters, self.method.eligible(from_ms, length_ms, called)

    # --- calls ---------------------------------------------------------------------------------------------------------

    def open_call(self, order: ActivationRequest, members: I64 | None = None) -> Call | None:
        """Begin to carry out a request; None if no member has a plan for its day there, so that nobody can be asked.

        Args:
            order: the request.
            members: rows of those who may be asked, ascending; all of its area unless said.
        """
        if not self.serves(order.area):
            return None
        covering = self._covering(order.from_ms, order.step_s, len(order.ordered_kw))
        if covering is None:
            return None
        members = self.members_in(order.area) if members is None else members
        n = len(members)
        call = Call(order, *covering, members, np.zeros((n, len(order.ordered_kw))), np.zeros(n), np.zeros(n))
        self._calls[order.activation] = call
        return call

    def next_members(self, call: Call, terms: FspTerms) -> tuple[I64, F64]:
        """Members to ask for what is missing and their change [kW], (rows, intervals): cheapest first, nobody twice."""
        missing = call.missing_kw()
        if missing.sum() <= COVERED_SHARE * call.order.ordered_kw.sum():
            return np.zeros(0, np.int64), np.zeros((0, len(missing)))
        free = self.able(call.plans, call.members) & ~call.asked
        offer = call.plans.offer(call.order.direction, call.members[free])
        offer = offer.of(offer.price <= self.ceiling_eur_per_kwh)
        potential = np.where(call.plans.asked[offer.member, call.window], 0.0, offer.kw[:, call.window])
        homes = self._homes(offer, 0.0, terms.share_to_homes)
        homes = replace(homes, area=np.zeros_like(homes.area))  # all of one
        asked = disaggregate(homes, potential, missing[None, :], RESERVE_SHARE)
        _, place = call.places(offer.member)
        np.add.at(call.asked_kw, place, asked)
        np.add.at(call.asked_eur, place, asked.sum(axis=1) * offer.price)
        place = np.flatnonzero(free & call.asked)
        rows = call.members[place]
        call.plans.asked[rows, call.window] |= call.asked_kw[place] > 0.0
        return rows, call.asked_kw[place]

    def take_feedback(self, parts: Iterable[tuple[I64, Batch[ActivationFeedback]]]) -> None:
        """Keep what members say that they can do of what they were asked for."""
        for rows, part in parts:
            share = np.clip(part["expected_kw"] / np.maximum(part["ordered_kw"], 1e-9), 0.0, 1.0)
            for activation in dict.fromkeys(part["activation"]):
                mine = part["activation"] == activation
                if activation in self._calls:
                    here, place = self._calls[activation].places(rows[mine])
                    self._calls[activation].share[place] = share[mine][here]

    @staticmethod
    def expected_kw(call: Call) -> float:
        """Mean change that the members confirmed."""
        return float((call.asked_kw * call.share[:, None]).sum(axis=0).mean())

    def earned(self, activation: str, meters: MeterStore) -> tuple[Members, I64, F64]:
        """The members called, their rows, and the energy each delivered [kWh], at most what it was asked for, from their meters.

        The provider's record counts what it was ordered or, with its reserve, asked for: what it promised and had nobody for, too.
        Nobody for an activation that never got here: then what was paid for it is nobody's merit.
        """
        call = self._calls.get(activation)
        if call is None:
            rows = np.zeros(0, np.int64)
            return Members(self._names[rows], self._area[rows], np.zeros(0)), rows, np.zeros(0)
        place = np.flatnonzero(call.asked)
        rows = call.members[place]
        first = self.timeline.index(call.order.from_ms)
        metered = meters.kw[rows, first : first + call.asked_kw.shape[1]]
        sign = 1.0 if call.order.direction == "up" else -1.0
        change = sign * (call.plans.net_kw[rows][:, call.window] - metered)
        kw = np.clip(change, 0.0, call.asked_kw[place])
        delivered = kw.sum(axis=1) * self.timeline.hours
        taken_on_kw = max(float(call.asked_kw.sum()), float(call.order.ordered_kw.sum()))
        self.record = self.record.after(taken_on_kw * self.timeline.hours, float(delivered.sum()))
        return Members(self._names[rows], self._area[rows], call.price[place]), rows, delivered

    def ready(self, order: ActivationRequest) -> tuple[Members, I64, F64]:
        """The members of a contract whose power was held ready, their rows, and the energy that each could have changed [kWh]."""
        covering = self._covering(order.from_ms, order.step_s, len(order.ordered_kw))
        could = np.zeros(len(self._names))
        if covering is not None:
            plans, window = covering
            offer = self.usable(plans, order.direction, self.members_in(order.area))
            np.add.at(could, offer.member, offer.kw[:, window].sum(axis=1) * order.step_s / 3600.0)
        rows = np.flatnonzero(could > 0.0)
        return Members(self._names[rows], self._area[rows], np.zeros(len(rows))), rows, could[rows]


def _grouped(number: I64, count: int) -> list[I64]:
    """Rows of each number, ascending."""
    order = np.argsort(number, kind="stable")
    return np.split(order, np.searchsorted(number[order], np.arange(1, count))) if count else []
