"""The central schedule of a community: batteries, cars, water heaters and heat pumps of all members to one common optimum.

Up to ``MOST_TOGETHER`` members one linear programme gives the optimum (``community_lp``); more are coordinated by prices
(``community_prices``) until the duality gap is small, and it is told. The baseline is the schedule without a need; the same
:class:`Scheduler` then answers needs - limits of the net load, prices for less or more of it - from where it stands.

Two readings of what a member may sell inside: by *net* load, the meter decides the side in each period, or by *generation*, as where
generation has a meter of its own and a member may sell it while its retailer supplies it. They differ only where a member's retailer is
cheaper than what others would pay inside. The first is then not convex: sides are those of the second's optimum, everything else is
optimised again, and what that costs is told beside the duality gap.

Source: SUC02.1 steps 1.3, 1.5, 1.7.
"""

from typing import Literal, NamedTuple

import numpy as np

from agents.strategies.community_lp import Answer, Monolith, Sold, apart, undercut
from agents.strategies.community_prices import Limits, Prices, coordinate
from agents.strategies.community_trades import Trades, counted, short_eur, trades
from agents.strategies.community_view import Community, Need, Objective, coefficients, members, no_need
from agents.strategies.home_model import cost_eur
from agents.strategies.home_view import HomePlan, HomeView
from data.arrays import F64, I64

MOST_TOGETHER = 60
"""Members of one programme."""
GAP = 0.002
"""Relative duality gap at which coordination stops."""
MOST_ROUNDS = 60

Sides = Literal["net", "generation"]


class CommunitySchedule(NamedTuple):
    """A schedule of all members, rows as in the community.

    Attributes:
        plan: mean power of each device and net load, (n, m) [kW].
        curtailed_kw: own generation given up, (n, m).
        trades: who gets what from whom, (n, m) [kWh].
        up_kw: reduction below the baseline that is sold, (m,).
        down_kw: increase above it that is sold, (m,).
        over_kw: what the net load is above its limit, (m,); 0 where it can be kept.
        under_kw: what it is below its limit, (m,).
        inside_eur_per_kwh: marginal value of a kWh inside (in units of the objective), (m,).
        net_eur_per_kwh: marginal value of a kWh less net load of the community, (m,).
        beyond_kwh: energy above members' contracts, (n,).
        missing_kwh: energy missing for comfort, (n,).
        value: what the schedule counts in the objective, ties and penalties included, what the grid pays deducted.
        relaxed: what the optimum by generation counts that was found, not more than ``value``.
        bound: no schedule counts less.
        rounds: of coordination; 0 where one programme gave the optimum.
    """

    plan: HomePlan
    curtailed_kw: F64
    trades: Trades
    up_kw: F64
    down_kw: F64
    over_kw: F64
    under_kw: F64
    inside_eur_per_kwh: F64
    net_eur_per_kwh: F64
    beyond_kwh: F64
    missing_kwh: F64
    value: float
    relaxed: float
    bound: float
    rounds: int

    @property
    def gap(self) -> float:
        """Duality gap: what the optimum by generation may count less, relative."""
        return max(self.relaxed - self.bound, 0.0) / max(abs(self.relaxed), 1e-9)

    @property
    def sides_gap(self) -> float:
        """What it counts more, relative, that the net load decides the side; 0 where no retailer undercuts the others."""
        return max(self.value - self.relaxed, 0.0) / max(abs(self.relaxed), 1e-9)

    @property
    def net_kw(self) -> F64:
        """Net load of the community, (m,)."""
        return np.asarray(self.plan.net_kw.sum(axis=0))


class Scheduler:
    """The energy management of one community for one horizon.

    Args:
        of: the community.
        objective: of its business model.
        chosen: members whose profit counts, for *member-profit*.
        internal_eur_per_kwh: internal price (m,) that *member-profit* counts with.
        sides: what a member may sell inside.
        most_together: members of one programme; more are coordinated by prices.
        gap: at which coordination stops.
    """

    def __init__(
        self, of: Community, objective: Objective = "total-cost", *, chosen: tuple[str, ...] = (),
        internal_eur_per_kwh: F64 | None = None, sides: Sides = "net", most_together: int = MOST_TOGETHER, gap: float = GAP,
    ) -> None:  # fmt: skip
        order = np.array(sorted(range(of.n), key=of.names.__getitem__), np.int64)
        self._back = np.argsort(order)
        self._of = members(of, order)
        self._count = coefficients(self._of, objective, chosen, internal_eur_per_kwh)
        self._by_net = sides == "net" and undercut(self._of, self._count)
        self._gap, self._together = gap, of.n <= most_together
        self._monolith: Monolith | None = None

    @property
    def money(self) -> float:
        """What an EUR counts in the objective."""
        return self._count.money

    def schedule(self, need: Need | None = None) -> CommunitySchedule:
        """The common optimum under a need of the grid; without one it is the baseline.

        Raises:
            RuntimeError: the solver found none.
        """
        asked = no_need(self._of.m) if need is None else need
        found = self._alone(asked) if self._together else self._coordinated(asked)
        return _in_order(found, self._back)

    def _alone(self, need: Need) -> CommunitySchedule:
        if self._monolith is None:
            self._monolith = Monolith(self._of, self._count)
        found = self._monolith.solve(need)
        relaxed, prices = found.cost, Prices(found.inside, found.net)
        if self._by_net:
            self._monolith.fix_sides(found.answer.plan.net_kw)
            found = self._monolith.solve(need)
            self._monolith.free_sides()
        return self._valued(found.answer, prices, found.sold, need, relaxed, relaxed, 0)

    def _coordinated(self, need: Need) -> CommunitySchedule:
        limits = Limits(self._gap, MOST_ROUNDS)
        found = coordinate(self._of, self._count, need, limits)
        bound, rounds = found.bound, found.rounds
        relaxed = self._valued(found.answer, found.prices, found.sold, need, 0.0, bound, rounds, by_net=False)
        if not self._by_net:
            return relaxed._replace(relaxed=relaxed.value)
        again = coordinate(self._of, self._count, need, limits, found.prices, sides=found.answer.plan.net_kw)
        rounds += again.rounds
        return self._valued(again.answer, found.prices, again.sold, need, relaxed.value, bound, rounds)

    def _valued(
        self, answer: Answer, prices: Prices, sold: Sold, need: Need, relaxed: float, bound: float, rounds: int,
        *, by_net: bool = True,
    ) -> CommunitySchedule:  # fmt: skip
        hours = self._of.view.hours
        done = answer._replace(plan=within_store(self._of.view, answer.plan))
        made = None if by_net and self._by_net else generation_kw(self._of.view, done) * hours
        traded = trades(self._count, done.plan.net_kw * hours, made)
        earned = hours * float((sold.up_kw * need.up_eur_per_kwh + sold.down_kw * need.down_eur_per_kwh).sum())
        value = counted(self._of, self._count, done, traded) - earned * self._count.money
        value += short_eur(sold.over_kw, sold.under_kw, hours)
        return CommunitySchedule(
            done.plan, done.curtailed_kw, traded, *sold, prices.inside, prices.net, done.beyond_kwh, done.missing_kwh,
            value, relaxed, bound, rounds,
        )  # fmt: skip


def generation_kw(view: HomeView, answer: Answer) -> F64:
    """What each member generates: photovoltaics that is not given up, and what its battery delivers, (n, m)."""
    return np.asarray(view.pv_kw - answer.curtailed_kw + np.maximum(-answer.plan.battery_kw, 0.0))


def schedule(of: Community, need: Need | None = None, objective: Objective = "total-cost") -> CommunitySchedule:
    """The common optimum of a community, once; see :class:`Scheduler`."""
    return Scheduler(of, objective).schedule(need)


class Alone(NamedTuple):
    """What every member would do and pay without the community: plans, and energy and wear, (n,) [EUR]."""

    plan: HomePlan
    cost_eur: F64


def alone(of: Community) -> Alone:
    """Every member's own optimum with its own retailer."""
    plan = apart(of, coefficients(of)).plan
    return Alone(plan, cost_eur(of.view, plan))


def within_store(view: HomeView, plan: HomePlan) -> HomePlan:
    """The plan with batteries charged no further than they hold.

    Charging and discharging in one period, which mixtures of schedules contain, loses less when it is one power; what is then
    too much is not charged.
    """
    battery = np.empty_like(plan.battery_kw)
    content, hours = view.battery_soc_kwh.copy(), view.hours
    for t in range(view.m):
        room = np.maximum(view.battery_max_kwh - content, 0.0) / (view.battery_eta_charge * hours)
        power = np.minimum(plan.battery_kw[:, t], room)
        gain = np.where(power > 0.0, view.battery_eta_charge, 1.0 / view.battery_eta_discharge)
        content = content + gain * power * hours
        battery[:, t] = power
    return plan._replace(battery_kw=battery, net_kw=plan.net_kw + (battery - plan.battery_kw))


def _in_order(found: CommunitySchedule, back: I64) -> CommunitySchedule:
    """Rows in the order of the community that was given."""
    return found._replace(
        plan=HomePlan(*(part[back] for part in found.plan)), curtailed_kw=found.curtailed_kw[back],
        trades=Trades(*(part[back] for part in found.trades)), beyond_kwh=found.beyond_kwh[back],
        missing_kwh=found.missing_kwh[back],
    )  # fmt: skip
