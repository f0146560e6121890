"""The desk of a community's energy management for one day: schedules without and with the DSO's need, offers, commitments (SUC02.1)."""

from collections.abc import Mapping, Sequence

import numpy as np

from agents.ec_manager_plan import Scheduled, view_of
from agents.ec_manager_terms import CommunityDay, ManagerTerms
from agents.strategies.community_offer import Direction, Seller
from agents.strategies.community_schedule import CommunitySchedule, Scheduler
from agents.strategies.community_view import OBJECTIVES, Objective, community
from data.arrays import F64
from environment.messages.community import (
    CommunityActivation,
    CommunityBaseline,
    CommunityNeed,
    CommunityOffer,
    DerForecast,
    DerSchedule,
    MemberRegistration,
)
from markets.baselines.declared import freeze


class Desk:
    """Schedules of one day of delivery.

    Args:
        terms: what was agreed.
        registered: members by name.
        told: forecasts of those who consent.
        day: the day.

    Attributes:
        scheduled: whether anybody told anything to schedule by.
        baseline: the schedule without the DSO's need.
    """

    def __init__(
        self,
        terms: ManagerTerms,
        registered: Mapping[str, MemberRegistration],
        told: Mapping[str, DerForecast],
        day: CommunityDay,
    ) -> None:
        self._terms = terms
        self._day = day
        self._registered = registered
        self._name = f"schedule/{day.date}"
        self.scheduled = bool(told)
        if not told:
            return
        self._told = told
        self._step_s = next(iter(told.values())).step_s
        members, view = view_of(registered, told)
        self._steps = round((day.end_ms - day.start_ms) / 1000.0 / self._step_s)
        carbon = np.resize(np.asarray(terms.emissions_g_per_kwh[day.start_ms]) / 1000.0, view.m)
        of = community(members, view, terms.grid_tariff_eur_per_kwh, carbon)
        scheduler = Scheduler(
            of, _objective(terms.objective), chosen=tuple(name for name in terms.chosen if name in members)
        )
        without = scheduler.schedule()
        self._seller = Seller(scheduler, view, without)
        self.baseline = Scheduled(members, view, without.plan)
        self._final, self._ordered = self.baseline, np.zeros(view.m)

    # --- step 1.3 --------------------------------------------------------------------------------------------------------

    def baselines(self, community: str) -> list[CommunityBaseline]:
        """The schedule made without needs, member by member, each with its hash."""
        rows = []
        t_ms = self._day.start_ms + round(self._step_s * 1000) * np.arange(self._steps, dtype=np.int64)
        for row, member in enumerate(self.baseline.members):
            net, meter = self.baseline.plan.net_kw[row, : self._steps], self._registered[member].meter
            frozen = freeze(f"{community}/{self._name}/{member}", community, meter, t_ms, net, 0)
            rows.append(
                CommunityBaseline(
                    schedule=f"{community}/{self._name}",
                    community=community,
                    member=member,
                    meter=meter,
                    from_ms=self._day.start_ms,
                    step_s=self._step_s,
                    net_kw=net,
                    sha256=frozen.sha256,
                )
            )
        return rows

    # --- steps 1.4 to 1.6 ------------------------------------------------------------------------------------------------

    def offers(self, needs: Sequence[CommunityNeed]) -> list[CommunityOffer]:
        """What the members can give of each need: one quantity at the price that the DSO names, or a supply curve.

        Every need is answered, with an offer of nothing where there is nothing to give.
        """
        found: list[CommunityOffer] = []
        for need in needs:
            steps = self._steps_of(need) or [(np.zeros(self._steps), need.price_eur_per_kwh, self._seller.baseline)]
            for rank, (added_kw, price, made) in enumerate(steps):
                found.append(
                    CommunityOffer(
                        offer=f"{need.need}/{rank}",
                        need=need.need,
                        offers=len(steps),
                        schedule=self._name,
                        direction=need.direction,
                        from_ms=self._day.start_ms,
                        step_s=self._step_s,
                        net_kw=made.net_kw[: self._steps],
                        offered_kw=added_kw,
                        price_eur_per_kwh=price,
                    )
                )
        return found

    def _steps_of(self, need: CommunityNeed) -> list[tuple[F64, float, CommunitySchedule]]:
        """What is offered to one need: added quantity, price and schedule of every step."""
        if not need.needed_kw.any():
            return []
        needed = np.zeros(self.baseline.view.m)
        needed[: self._steps] = need.needed_kw
        direction: Direction = "up" if need.direction == "up" else "down"
        if need.priced:
            offer = self._seller.at_price(direction, needed, need.price_eur_per_kwh)
            return [(offer.quantity_kw[: self._steps], offer.price_eur_per_kwh, offer.schedule)]
        curve = self._seller.curve(direction, needed, self._terms.curve_eur_per_kwh)
        more = 1.0 + self._terms.margin_share
        return [
            (np.maximum(added, 0.0)[: self._steps], one.price_eur_per_kwh * more, one.schedule)
            for added, one in zip(curve.added_kw(), curve.offers, strict=True)
        ]

    def commit(self, orders: Sequence[CommunityActivation]) -> None:
        """Schedule again with what was activated: that much is to be given, at least cost. Of two directions the larger is kept to."""
        ordered = {
            direction: np.sum([one.ordered_kw for one in orders if one.direction == direction] or [np.zeros(self._steps)], axis=0)
            for direction in ("up", "down")
        }  # fmt: skip
        direction: Direction = "up" if ordered["up"].sum() >= ordered["down"].sum() else "down"
        if not ordered[direction].any():
            return
        kw = np.zeros(self.baseline.view.m)
        kw[: self._steps] = ordered[direction]
        self._final = self.baseline._replace(plan=self._seller.committed(direction, kw).plan)
        self._ordered = kw

    # --- step 1.7 --------------------------------------------------------------------------------------------------------

    def _committed_kw(self) -> F64:
        """What each member is to leave its baseline by, where the community is ordered to; up is positive, (members, m).

        What members give together is what they move toward the order; who moves the other way is no part of it.
        """
        change = self.baseline.plan.net_kw - self._final.plan.net_kw
        whole = np.sign(self.baseline.net_kw - self._final.net_kw) * (self._ordered > 0.0)
        return np.where(change * whole > 0.0, change, 0.0)

    def committed_kwh(self) -> dict[str, F64]:
        """The same as energies, by member."""
        if not self.scheduled or self._final is self.baseline:
            return {}
        hours = self._step_s / 3600.0
        return dict(zip(self._final.members, self._committed_kw()[:, : self._steps] * hours, strict=True))

    def schedules(self) -> list[tuple[str, DerSchedule]]:
        """Set-points of every member whose devices follow its HEMS, with what is committed of them."""
        committed = np.zeros_like(self._final.plan.net_kw) if self._final is self.baseline else self._committed_kw()
        plan = self._final.plan
        called = np.sign(self.baseline.net_kw - self._final.net_kw) * (self._ordered > 0.0)
        return [
            (
                member,
                DerSchedule(
                    schedule=self._name,
                    from_ms=self._day.start_ms,
                    step_s=self._step_s,
                    ev_kw=plan.ev_kw[row],
                    battery_kw=plan.battery_kw[row],
                    heater_kw=plan.heater_kw[row],
                    heat_pump_kw=plan.heat_pump_kw[row],
                    net_kw=plan.net_kw[row],
                    committed_kw=committed[row],
                    called=called,
                ),
            )
            for row, member in enumerate(self._final.members)
            if self._final.view.automatic[row]
        ]


def _objective(name: str) -> Objective:
    return next(one for one in OBJECTIVES if one == name)
