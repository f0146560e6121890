"""The internal market of a community before delivery: what members agree on for the next day, round by round or in one step (SUC02.1 scenario 2).

In the *iterated pool* nobody hands over control: the transactions microservice announces prices, each HEMS answers with the plan that it would
then live by, and it ends when nobody gains by another (``markets.internal_prices.iterated``), or after so many rounds, which is then said. The
*welfare optimum* is what one step with everybody's data comes to, and what the iteration is measured by.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from agents.ec_manager_plan import Scheduled, view_of
from agents.ec_manager_terms import CommunityDay, Market
from agents.strategies.community_market import wear_eur
from agents.strategies.home_view import HomeView
from environment.messages.community import DerForecast, MemberRegistration, PriceAnswer, PriceRound
from markets.internal_prices.flexible import Prices, Response
from markets.internal_prices.iterated import Iterated, negotiation, paid_eur

MOST_COMPARED = 60
"""Up to so many members the optimum is one linear programme; that of more takes longer than the market that is measured by it."""


class Negotiation:
    """The rounds of one day.

    Args:
        market: its parameters.
        registered: members by name.
        told: forecasts of those who consent; one at least.
        share_eur_per_kwh: grid tariff of shared energy.
    """

    def __init__(
        self,
        market: Market,
        registered: Mapping[str, MemberRegistration],
        told: Mapping[str, DerForecast],
        share_eur_per_kwh: float,
    ) -> None:
        self.members, view = view_of(registered, told)
        self._step_s = view.hours * 3600.0
        self._answers = {name: (told[name].plan_kw * view.hours, 0.0) for name in self.members}
        self._talk = negotiation(
            _prices(view, share_eur_per_kwh), pick=market.pick, most_rounds=market.rounds, tolerance=market.tolerance
        )
        self._announced, self._number = next(self._talk), 1
        self.found: Iterated | None = None

    def announce(self, community: str, day: CommunityDay) -> PriceRound:
        """Prices of the round; of the last where it has ended, with the reason why they do not fit."""
        found = self.found
        return PriceRound(
            community=community, number=self._number, from_ms=day.start_ms, step_s=self._step_s,
            price_eur_per_kwh=self._announced if found is None else found.announced_eur_per_kwh,
            last=found is not None, reason="" if found is None else found.reason,
        )  # fmt: skip

    def take(self, answers: Iterable[PriceAnswer]) -> None:
        """What members would do at these prices; of those who did not answer in time their last word stands."""
        self._answers |= {one.member: (one.net_kwh, one.wear_eur) for one in answers if one.number == self._number}
        net, wear = zip(*(self._answers[name] for name in self.members), strict=True)
        try:
            self._announced = self._talk.send(Response(np.array(net), np.array(wear)))
            self._number += 1
        except StopIteration as done:
            self.found = done.value


def scheduled_eur(schedule: Scheduled, share_eur_per_kwh: float) -> float:
    """What all members would pay to retailers and grid with a schedule, and wear."""
    view, plan = schedule.view, schedule.plan
    return paid_eur(Response(plan.net_kw * view.hours, wear_eur(view, plan)), _prices(view, share_eur_per_kwh))


def _prices(view: HomeView, share_eur_per_kwh: float) -> Prices:
    return Prices(view.buy_eur_per_kwh, view.sell_eur_per_kwh, np.full((view.n, view.m), share_eur_per_kwh))
