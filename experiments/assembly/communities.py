"""The part of energy communities: their managers with the platform, billing agents, and the operator who serves them."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from agents.community_market import MarketTerms
from agents.dso_community_needs import CommunityDsoTerms, CommunityTerms
from agents.ec_manager_terms import Candidate, CommunityDay, ManagerTerms, Market
from environment.addresses import Address
from environment.people.carbon import carbon_g_per_kwh
from environment.world import World
from experiments.assembly.belongings import PARTS, asked, operator
from experiments.assembly.flexibility import look_ahead_of
from experiments.assembly.people import HOMES
from experiments.assembly.roles import Made, Maker, role
from experiments.assembly.site import Site
from experiments.scenario.checks_communities import check_distances
from experiments.scenario.communities import Community, InternalPrice, share_by_member
from experiments.scenario.library import RULES, rule, rule_with
from experiments.scenario.read import ScenarioError
from experiments.sharing import sharing

ACTORS = {
    "platform": "ec-management-platform", "integration": "integration-microservice", "planner": "energy-management-microservice",
    "market": "transactions-microservice", "settlement": "settlement-microservice",
}  # fmt: skip

VERIFIES_H = 0.5
"""A day is verified half an hour after its end, before retailers bill it (judgement)."""
ENDS_H = 9.0
"""A day is closed at nine the next morning, when people have looked at their indicators (judgement)."""
CURVE_EUR_PER_KWH = (0.02, 0.05, 0.10, 0.20, 0.40)
"""Prices at which a supply curve is built, around the prices of energy (judgement)."""


def addresses(site: Site) -> list[Address]:
    """Managers with their microservices, billing agents with their systems, and the HEMS of the homes that are asked."""
    if not site.scenario.coordination:
        return []
    found, desk = [], operator(site.scenario)
    if site.scenario.actors.communities and desk != site.scenario.actors.dso.name:
        found.append(Address(desk, desk, ("dso",), desk))
    for one in site.scenario.actors.communities:
        found.append(Address(one.name, one.name, ("ec-manager",), one.name))
        found += [Address(f"{one.name}/{PARTS[key]}", one.name, (actor,), one.name) for key, actor in ACTORS.items()]
        found.append(Address(one.billing, one.billing, ("billing-agent",), one.billing))
        found.append(Address(f"{one.billing}/billing-system", one.billing, ("billing-system",), one.billing))
    members = [home for homes in asked(site).values() for home in homes]
    return found + [Address(f"{home}/hems", site.own(HOMES), ("hems",), home) for home in members]


def channels(site: Site) -> dict[str, str]:
    """HEMS are reached over the meters' channel."""
    if not site.scenario.coordination:
        return {}
    return {f"{home}/hems": "meters" for homes in asked(site).values() for home in homes}


def makers(site: Site) -> list[Maker]:
    """Nobody of these acts in a world without coordination."""
    communities = site.scenario.actors.communities
    if not (site.scenario.coordination and communities):
        return []
    groups = asked(site)
    if problems := check_distances(site, groups):
        raise ScenarioError(f"actors.communities: {problem}" for problem in problems)
    parties: list[Callable[..., Made]] = [_dso, *([_market] if any(_between(site, one) for one in communities) else [])]
    for one in communities:
        parties += [
            partial(_manager, one=one, members=groups[one.name]),
            partial(_billing, one=one, members=groups[one.name]),
        ]
    return parties


def _between(site: Site, one: Community) -> str:
    """The market operator between DSO and a community; empty where they negotiate directly."""
    lfmo = site.scenario.actors.lfmo
    return lfmo.name if lfmo and one.flexibility.through == "lfmo" else ""


def _market(site: Site, world: World) -> Made:
    """The market operator where it intermediates."""
    scenario = site.scenario
    through = [one for one in scenario.actors.communities if _between(site, one)]
    terms = MarketTerms(
        dso=scenario.actors.dso.name, planners={one.name: f"{one.name}/{PARTS['planner']}" for one in through},
        price_cap_eur_per_kwh=scenario.product.relief_cap_eur_per_kwh, max_quantity_kw=scenario.product.capacity_max_kw,
    )  # fmt: skip
    return Made(role("community-market")(world.seat(_between(site, through[0])), terms))


def _manager(site: Site, world: World, one: Community, members: list[str]) -> Made:
    allocation, price, carbon = one.allocation, one.price, _carbon(site)
    market = _agreement(price)
    terms = ManagerTerms(
        kind=one.kind,
        min_members=one.min_members,
        max_distance_km=one.max_distance_km or sharing(one.regulation).radius_km or 0.0,
        mode=one.mode,
        objective=one.objective,
        chosen=one.chosen,
        price_rule=price.rule,
        price=rule_with("internal-price", price.rule if market is None else AGREED, price.arguments()),
        market=market,
        allocation_rule=allocation.rule,
        allocate=rule("allocation", allocation.rule),
        shares=share_by_member(allocation.shares, members),
        levels={name: level for name in members for level in [_level(allocation.levels, name)]},
        grid_tariff_eur_per_kwh=one.grid_tariff_eur_per_kwh,
        penalty_eur_per_kwh=one.flexibility.penalty_eur_per_kwh,
        two_stage=one.two_stage,
        margin_share=one.flexibility.margin_percent / 100.0,
        curve_eur_per_kwh=CURVE_EUR_PER_KWH,
        emissions_g_per_kwh={start: carbon[site.timeline.steps(start, end)] for start, end in site.days_ms},
        candidates=_candidates(site, one, members),
        days=community_days(site, one),
        dso=operator(site.scenario),
        asks=_between(site, one) or operator(site.scenario),
        offers=one.flexibility.offers,
        billing_system=f"{one.billing}/billing-system",
    )
    return Made(role("ec-manager")(world.seat(one.name), terms))


AGREED = "post-delivery-pool"
"""By this rule members trade after delivery what they agreed on before it."""


def _agreement(price: InternalPrice) -> Market | None:
    """How members agree before delivery; None where they only trade after it."""
    if price.rule not in RULES["internal-market"]:
        return None
    return Market(price.rule == "welfare-optimum", price.rounds, price.tolerance, price.pick)


def _level(levels: dict[str, int], home: str) -> int:
    return levels.get(home, levels.get(home.rsplit("-", 1)[0], 1))


def _carbon(site: Site) -> Any:
    return carbon_g_per_kwh(site.scenario.place.country, site.calendar, site.timeline)


def _candidates(site: Site, one: Community, members: list[str]) -> list[Candidate]:
    """Members join with the day of delivery that begins next."""
    first = site.scenario.clock.start
    joins = {home: moment.at(site.calendar, first) for home, moment in one.joins.items()}
    return [Candidate(home, f"{home}/hems", joins.get(home, 0)) for home in members]


def community_days(site: Site, one: Community) -> list[CommunityDay]:
    """The days of delivery, with billing periods that end with a month or with the run."""
    scenario, calendar, found = site.scenario, site.calendar, []
    for number, (start_ms, end_ms) in enumerate(site.days_ms):
        date = scenario.clock.start + timedelta(days=number)
        ends_month = (date + timedelta(days=1)).day == 1
        found.append(
            CommunityDay(
                start_ms=start_ms,
                end_ms=end_ms,
                opens_ms=one.plans.on(calendar, date),
                looks_ms=scenario.actors.dso.procures.on(calendar, date),
                verifies_ms=end_ms + round(VERIFIES_H * 3_600_000),
                ends_ms=end_ms + round(ENDS_H * 3_600_000),
                closes=ends_month or number == scenario.clock.days - 1,
                date=f"{date:%Y-%m-%d}",
            )
        )
    return found


def _billing(site: Site, world: World, one: Community, members: list[str]) -> Made:
    return Made(role("billing-agent")(world.seat(one.billing), one.name, {home: f"{home}/hems" for home in members}))


def _dso(site: Site, world: World) -> Made:
    scenario, living = site.scenario, site.living
    dso, product = scenario.actors.dso, scenario.product
    settlement = scenario.rules.settlement
    communities = {
        one.name: CommunityTerms(
            name=one.name,
            planner=_between(site, one) or f"{one.name}/{PARTS['planner']}",
            settlement=f"{one.name}/{PARTS['settlement']}",
            account=one.name,
            offers=one.flexibility.offers and one.mode == "centralised",
            price_eur_per_kwh=one.flexibility.price_eur_per_kwh,
            grid_tariff_eur_per_kwh=one.grid_tariff_eur_per_kwh,
        )
        for one in scenario.actors.communities
    }
    days = []
    for number, (start_ms, end_ms) in enumerate(site.days_ms):
        days.append((start_ms, end_ms, dso.procures.on(site.calendar, scenario.clock.start + timedelta(days=number))))
    terms = CommunityDsoTerms(
        communities=communities, days_ms=days, retailer=scenario.actors.retailer.name,
        price_cap_eur_per_kwh=product.relief_cap_eur_per_kwh, granularity_kw=product.granularity_kw,
        settle=rule_with("settlement", settlement.rule, settlement.arguments()),
    )  # fmt: skip
    party = role("dso-community")(
        world.seat(operator(scenario)), look_ahead_of(site), living.physics.meters, site.calendar, terms
    )
    return Made(party)
