"""Distribution system operator towards energy communities, before delivery (SUC02.1 steps 1.4 and 1.6).

It keeps what they file, finds its need once their baselines are known, and activates what they offer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agents.dso_forecasts import keep_forecast
from agents.dso_horizon import Outlook
from agents.dso_outlook import LookAhead
from data.arrays import F64, I64
from environment.calendar import Calendar
from environment.instruments import MeterStore
from environment.messages.base import Batch
from environment.messages.community import (
    CommunityActivation,
    CommunityBaseline,
    CommunityNeed,
    CommunityOffer,
    MemberFiling,
)
from environment.messages.community_settlement import DerReadings
from environment.party import Party, Process, Seat, handles
from environment.units import Direction
from markets.baselines.declared import BaselineStore, freeze, verify
from markets.settlement.outcome import Settlement

Settle = Callable[..., Settlement]

METHOD = "schedule-without-needs"
"""The baseline methodology that DSO, community and members agreed on: the schedule that was made without needs, frozen before delivery."""


@dataclass(frozen=True)
class CommunityTerms:
    """What the operator knows of a community by contract.

    Attributes:
        name: the community and its manager.
        planner: address that needs go to: the energy management, or the market operator.
        settlement: address of its settlement microservice.
        account: address that invoices go to.
        offers: whether it sells flexibility.
        price_eur_per_kwh: what the operator says it pays; None: it names no price.
        grid_tariff_eur_per_kwh: of shared energy.
    """

    name: str
    planner: str
    settlement: str
    account: str
    offers: bool
    price_eur_per_kwh: float | None
    grid_tariff_eur_per_kwh: float


@dataclass(frozen=True)
class CommunityDsoTerms:
    """What the operator is told.

    Attributes:
        communities: by name.
        days_ms: (start, end, instant of the look ahead) of every day of delivery.
        retailer: address that members' energies go to as well.
        price_cap_eur_per_kwh: most that it pays for a kWh.
        granularity_kw: step of its needs.
        settle: the settlement rule, bound to its parameters.
        wait_s: how long it waits for what it was announced.
    """

    communities: Mapping[str, CommunityTerms]
    days_ms: Sequence[tuple[int, int, int]]
    retailer: str
    price_cap_eur_per_kwh: float
    granularity_kw: float
    settle: Settle
    wait_s: float = 300.0


@dataclass
class Called:
    """What was activated of a community on a day, and what it was wanted for."""

    activation: str
    direction: Direction
    price_eur_per_kwh: float
    needed_kw: F64
    offered_kw: F64
    ordered_kw: F64


class CommunityNeeds(Party):
    """Operator of one distribution grid with energy communities in it, before delivery."""

    def __init__(
        self, seat: Seat, look_ahead: LookAhead, meters: MeterStore, calendar: Calendar, terms: CommunityDsoTerms
    ) -> None:
        super().__init__(seat)
        self._outlook = look_ahead
        self._meters = meters
        self._calendar = calendar
        self._terms = terms
        self._filed: dict[str, dict[str, MemberFiling]] = {}
        self._talks: dict[tuple[str, int], str] = {}
        self._store = BaselineStore()
        self._schedules: dict[tuple[str, int], dict[str, tuple[int, F64]]] = {}
        self._called: dict[tuple[str, int], list[Called]] = {}
        self._readings: dict[tuple[str, int], Batch[DerReadings]] = {}
        self._shared_kwh: dict[str, float] = {}
        self.register("needs")

    def processes(self) -> Iterable[Process]:
        """One look ahead before every day of delivery."""
        return [self.look_ahead(*day) for day in self._terms.days_ms]

    # --- what communities file -------------------------------------------------------------------------------------------

    @handles(MemberFiling)
    def file_members(self, batch: Batch[MemberFiling]) -> None:
        """Keep who is a member and where it is metered; a later filing replaces an earlier one."""
        for record in batch.records():
            self._filed.setdefault(record.community, {})[record.member] = record

    @handles(CommunityBaseline)
    def keep_baselines(self, batch: Batch[CommunityBaseline]) -> None:
        """Freeze baselines that come before the look ahead of their day; others are refused on record."""
        for record, received_ms in zip(batch.records(), batch.received_ms.tolist(), strict=True):
            day = self._day_of(record.from_ms)
            steps = record.from_ms + round(record.step_s * 1000) * np.arange(len(record.net_kw), dtype=np.int64)
            name = f"{record.schedule}/{record.member}"
            frozen = freeze(name, record.community, record.meter, steps, record.net_kw, received_ms)
            reason = "it begins on no day of delivery" if day is None else ""
            if not reason and (frozen.sha256 != record.sha256 or not verify(frozen)):
                reason = "hash"
            if not reason and day is not None:
                self._store, reason = self._store.declare(frozen, day[2])
            if reason or day is None:
                self.register("refused_baselines").add(baseline=name, t_ms=self.now_ms, reason=reason)
                continue
            self._talks[record.community, day[0]] = batch.conversation
            kept = self._schedules.setdefault((record.community, day[0]), {})
            kept[record.meter] = (record.from_ms, record.net_kw)
            self.register("baselines").add(
                baseline=name, fsp=record.community, area=record.meter, t_ms=steps, power_kw=record.net_kw,
                method=METHOD, hash=record.sha256, frozen_ms=self.now_ms,
            )  # fmt: skip

    def _day_of(self, from_ms: int) -> tuple[int, int, int] | None:
        return next((day for day in self._terms.days_ms if day[0] == from_ms), None)

    # --- the day before: steps 1.4 and 1.6 -------------------------------------------------------------------------------

    def look_ahead(self, start_ms: int, end_ms: int, looks_ms: int) -> Process:
        """Congestion analysis with the baselines of the communities; tell each what is needed of it, and take what it offers."""
        yield self.until(looks_ms)
        asked = [one for one in self._terms.communities.values() if one.offers and (one.name, start_ms) in self._talks]
        if not asked:
            return
        declared: dict[str, tuple[int, F64]] = {}
        for one in asked:
            declared |= self._schedules[one.name, start_ms]
        outlook = self._outlook.look(self.now_ms, end_ms, declared)
        keep_forecast(self, self._outlook, outlook)
        for one in asked:
            part = len(self._members(one.name, start_ms)) / max(
                sum(len(self._members(other.name, start_ms)) for other in asked), 1
            )
            self.start(self.procure(one, start_ms, end_ms, outlook, part))

    def procure(self, one: CommunityTerms, start_ms: int, end_ms: int, outlook: Outlook, part: float) -> Process:
        """Tell a community its part of the need; activate of what it offers, cheapest first, what is worth its price."""
        conversation = self._talks[one.name, start_ms]
        needs = self._needs(one, conversation, start_ms, end_ms, outlook, part)
        self.send(needs, [one.planner] * len(needs), conversation)
        by_need = {need.need: need for need in needs}
        offers: list[CommunityOffer] = []
        until_ms = self.now_ms + round(self._terms.wait_s * 1000)
        while not _answered(by_need, offers):
            batch = yield self.receive(CommunityOffer, conversation, until_ms)
            if batch is None:
                break
            offers += batch.records()
        called = [
            self._choose(by_need[name], [offer for offer in offers if offer.need == name]) for name in sorted(by_need)
        ]
        orders = [order for chosen in called for order in chosen]
        self._called[one.name, start_ms] = [self._note(by_need, order, offer) for order, offer in orders]
        self.send([order for order, _ in orders], [one.planner] * len(orders), conversation)

    def _needs(
        self, one: CommunityTerms, conversation: str, start_ms: int, end_ms: int, outlook: Outlook, part: float
    ) -> list[CommunityNeed]:
        """The need of each direction, as a change of the community's net load: of every interval the element that needs most."""
        steps = self._meters.timeline.index(end_ms) - self._meters.timeline.index(start_ms)
        found = self._outlook.needs(outlook, start_ms, steps, self._terms.granularity_kw)
        weights = self._areas(one.name, start_ms)
        told = []
        for direction in ("up", "down"):
            kw, element = np.zeros(steps), ""
            for need in found:
                effect = sum(weight * need.sensitivity.get(area, 0.0) for area, weight in weights.items())
                if need.direction != direction or effect <= 0.0:
                    continue
                self.register("needs").add(
                    need=f"{conversation}/{direction}", conversation=conversation, constraint=need.constraint, direction=direction,
                    t_ms=self._starts(start_ms, steps), quantity_kw=need.need_kw, limit=need.limit,
                )  # fmt: skip
                wanted = part * need.need_kw / effect
                self.register("community_needs").add(
                    need=f"{conversation}/{direction}", community=one.name, constraint=need.constraint, direction=direction,
                    t_ms=self._starts(start_ms, steps), relief_kw=need.need_kw, effect=effect, share=part,
                )  # fmt: skip
                element = need.constraint if wanted.max() > kw.max() else element
                kw = np.maximum(kw, wanted)
            if direction == "up" or kw.any():
                priced = one.price_eur_per_kwh
                told.append(
                    CommunityNeed(
                        need=f"{conversation}/{direction}",
                        community=one.name,
                        constraint=element,
                        direction=direction,
                        from_ms=start_ms,
                        step_s=self._step_s,
                        needed_kw=kw,
                        priced=priced is not None,
                        price_eur_per_kwh=priced or 0.0,
                    )
                )
        return told

    def _members(self, community: str, from_ms: int) -> list[MemberFiling]:
        """Members of a community on the day that begins then, by name."""
        filed = sorted(self._filed.get(community, {}).items())
        return [one for _, one in filed if one.from_ms <= from_ms and not 0 < one.to_ms <= from_ms]

    def _areas(self, community: str, from_ms: int) -> dict[str, float]:
        """Share of a community's members in each local area."""
        model, of_bus = self._outlook.model, self._outlook.areas.of_bus
        rows = self._meters.rows([one.meter for one in self._members(community, from_ms)])
        found: dict[str, float] = {}
        for row in rows.tolist():
            area = of_bus[int(model.meter_bus[row])]
            if area >= 0:
                name = self._outlook.area_names[area]
                found[name] = found.get(name, 0.0) + 1.0 / len(rows)
        return found

    def _choose(
        self, need: CommunityNeed, offers: Sequence[CommunityOffer]
    ) -> list[tuple[CommunityActivation, CommunityOffer]]:
        """What is activated of offers to one need, cheapest first, up to the need and below the cap; an order of nothing says no."""
        left, found = need.needed_kw.copy(), []
        for offer in sorted(offers, key=lambda one: (one.price_eur_per_kwh, one.offer)):
            worth = offer.price_eur_per_kwh <= self._terms.price_cap_eur_per_kwh
            ordered = np.minimum(offer.offered_kw, left) if worth else np.zeros(len(left))
            left = left - ordered
            order = CommunityActivation(
                activation=f"act/{offer.offer}", offer=offer.offer, schedule=offer.schedule, direction=offer.direction,
                from_ms=offer.from_ms, step_s=offer.step_s, ordered_kw=ordered, price_eur_per_kwh=offer.price_eur_per_kwh,
            )  # fmt: skip
            found.append((order, offer))
        return found

    @staticmethod
    def _note(by_need: Mapping[str, CommunityNeed], order: CommunityActivation, offer: CommunityOffer) -> Called:
        direction: Direction = "up" if order.direction == "up" else "down"
        needed = by_need[offer.need].needed_kw
        return Called(order.activation, direction, order.price_eur_per_kwh, needed, offer.offered_kw, order.ordered_kw)

    @property
    def _step_s(self) -> float:
        return self._meters.timeline.step_ms / 1000.0

    def _starts(self, from_ms: int, steps: int) -> I64:
        return from_ms + self._meters.timeline.step_ms * np.arange(steps, dtype=np.int64)


def _answered(by_need: Mapping[str, CommunityNeed], offers: Sequence[CommunityOffer]) -> bool:
    """Whether all offers to every need have come."""
    mine = {name: [offer for offer in offers if offer.need == name] for name in by_need}
    return all(found and len(found) == found[0].offers for found in mine.values())
