"""What the DER sizing microservice works out of its inputs: the community on representative days, and the results as records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.strategies.representative_days import Representatives, representative_days, scaled_to_year
from agents.strategies.sizing import Solution
from agents.strategies.sizing_assessment import Reference, Sized
from agents.strategies.sizing_community import BusinessModel, Community, Place, Technology
from agents.strategies.sizing_economics import Economics
from agents.strategies.sizing_problem import Days, Prices, Store
from agents.strategies.study_year import StudyYear
from data.arrays import F64
from environment.messages.sizing import (
    BusinessModelKpi,
    CommunityDefinition,
    CompletedProfile,
    DerDataAndCosts,
    DerSize,
    DeviceCourse,
    FlexibleSchedule,
    InternalTrade,
    InvestmentPlan,
    LongTermFlexibility,
    ResultRequest,
    SimulatedGeneration,
)
from markets.internal_prices.series import TradeSeries


@dataclass(frozen=True, eq=False)
class StudyTerms:
    """How the sizing service is set up for a study.

    Attributes:
        year: of the data.
        representative_days: how many.
        extreme_days: how many of them are extreme ones.
        technologies: by name, for what is no cost (kind, fade, battery).
        pools: most that may be added of a technology in all.
        horizon_years: of the economics.
        interest: on capital.
        front_points: of cost against emissions.
        whole_units: whether units are rounded.
        flexibility_h: for how long flexibility is held.
    """

    year: StudyYear
    representative_days: int
    extreme_days: int
    technologies: Mapping[str, Technology]
    pools: Mapping[str, float]
    horizon_years: int
    interest: float
    front_points: int
    whole_units: bool
    flexibility_h: float


@dataclass
class Results:
    """What came out, by name of the business model.

    Attributes:
        community: on the representative days.
        chosen: the representative days.
        off: by how much annual sums would have been off without scaling, by series.
        reference: today and alone.
        sized: sizes.
        trades: inside.
        money: economics.
        indicators: by name.
        flexibility: up and down of each year and step.
        front: cost against emissions of the first model.
    """

    community: Community
    chosen: Representatives
    off: dict[str, float]
    reference: Reference | None = None
    sized: dict[str, Sized] = field(default_factory=dict)
    trades: dict[str, TradeSeries] = field(default_factory=dict)
    money: dict[str, Economics] = field(default_factory=dict)
    indicators: dict[str, dict[str, float]] = field(default_factory=dict)
    flexibility: dict[str, tuple[F64, F64]] = field(default_factory=dict)
    front: list[Solution] = field(default_factory=list)


def community_of(
    definition: CommunityDefinition,
    costs: DerDataAndCosts,
    profiles: Mapping[str, CompletedProfile],
    generation: Mapping[str, SimulatedGeneration],
    courses: Mapping[str, DeviceCourse],
    terms: StudyTerms,
) -> Results:
    """The community on representative days."""
    year, steps = terms.year, terms.year.steps
    sites = tuple(sorted(costs.sites))
    order = [costs.sites.index(name) for name in sites]
    n_tariffs, length = len(costs.tariffs), year.timeline.n
    load = np.array([np.asarray(profiles[name].load_kw) if name in profiles else np.zeros(length) for name in sites])
    plants = sorted(generation)
    made = np.array([np.asarray(generation[name].kw_per_kwp) for name in plants]).reshape(len(plants), length)
    priced = [
        np.asarray(one).reshape(n_tariffs, length)
        for one in (costs.buy_eur_per_kwh, costs.sell_eur_per_kwh, costs.inside_eur_per_kwh)
    ]
    load_days, made_days = year.on_days(load), year.on_days(made)
    site_of = dict(zip(costs.plants, costs.plant_site, strict=True))
    devices = [courses[name] for name in sorted(courses)]
    where = [sites.index(site_of[one.device]) for one in devices]
    taken = np.array([one.pieces * np.asarray(one.base_kw) for one in devices]).reshape(len(devices), length)
    taken_days = year.on_days(taken)
    chosen = _days(np.concatenate([load_days, taken_days]), made_days, terms)
    scaled_load, load_off = scaled_to_year(load_days, chosen, steps)
    scaled_made, made_off = scaled_to_year(made_days, chosen, steps)
    scaled_taken, _ = scaled_to_year(taken_days, chosen, steps)
    np.add.at(scaled_load, where, scaled_taken)
    stores = {
        one.device: _store(one, base_kw / one.pieces, chosen, year)
        for one, base_kw in zip(devices, scaled_taken, strict=True)
    }
    prices = Prices(*(year.on_days(one)[:, chosen.days, :].reshape(n_tariffs, -1) for one in priced))
    carbon = year.on_days(np.asarray(costs.carbon_kg_per_kwh)[None, :])[0, chosen.days, :].ravel()
    yields = dict(zip(plants, scaled_made, strict=True))
    places = sorted(
        (
            Place(
                name,
                sites.index(costs.plant_site[k]),
                costs.plant_technology[k],
                float(costs.existing[k]),
                float(costs.most[k]),
                yields.get(name),
                stores.get(name),
            )
            for k, name in enumerate(costs.plants)
        ),
        key=lambda place: place.name,
    )
    members = tuple(name for name in sites if name not in definition.assets)
    share = (
        np.asarray(definition.share).reshape(-1, len(definition.members))
        if definition.assets
        else np.zeros((0, len(members)))
    )
    member_order = [definition.members.index(name) for name in members]
    asset_order = [definition.assets.index(name) for name in sites if name in definition.assets]
    community = Community(
        days=Days(chosen.weight, steps, 24.0 / steps),
        sites=sites,
        shared=np.array([name in definition.assets for name in sites]),
        load_kw=scaled_load,
        contracted_kw=np.asarray(costs.contracted_kw)[order],
        fixed_eur=np.asarray(costs.fixed_eur)[order],
        tariff=np.array([costs.tariffs.index(costs.site_tariff[k]) for k in order]),
        prices=prices,
        carbon_kg_per_kwh=carbon,
        technologies={name: _technology(name, costs, terms) for name in costs.technologies},
        places=tuple(places),
        pools=dict(terms.pools),
        share=share[asset_order][:, member_order].T if definition.assets else share.T,
    )
    off = {f"load/{name}": float(value) for name, value in zip(sites, load_off, strict=True) if name in members}
    return Results(
        community, chosen, off | {f"generation/{name}": float(v) for name, v in zip(plants, made_off, strict=True)}
    )


def _store(course: DeviceCourse, base_kw: F64, chosen: Representatives, year: StudyYear) -> Store:
    """What a control frees on the representative days: power around the scaled course, contents as they were."""
    most_kw, gain, low, high = (
        year.on_days(np.asarray(one)[None, :])[0, chosen.days, :].ravel()
        for one in (course.most_kw, course.gain, course.low_kwh, course.high_kwh)
    )
    return Store(base_kw, np.maximum(most_kw - base_kw, 0.0), base_kw, gain, course.keep, low, high)


def _days(load_days: F64, made_days: F64, terms: StudyTerms) -> Representatives:
    """Representative days: by the community's load and mean generation of each hour; the extremes are highest load and highest generation."""
    load = load_days.sum(axis=0)
    made = made_days.mean(axis=0) if len(made_days) else np.zeros_like(load)
    usable = terms.year.usable
    least = np.where(usable, 0.0, -np.inf)
    extremes = [int(np.argmax(load.max(axis=1) + least)), int(np.argmax(made.sum(axis=1) + least))][
        : terms.extreme_days
    ]
    return representative_days(np.hstack([load, made]), terms.representative_days, np.array(extremes, np.int64), usable)


def _technology(name: str, costs: DerDataAndCosts, terms: StudyTerms) -> Technology:
    k, how = costs.technologies.index(name), terms.technologies[name]
    return how._replace(
        unit=float(costs.unit[k]),
        capex_eur=float(costs.capex_eur[k]),
        grant_share=float(costs.grant_share[k]),
        opex_eur=float(costs.opex_eur[k]),
        lifetime_years=float(costs.lifetime_years[k]),
        interest=float(costs.interest[k]),
    )


def models_of(definition: CommunityDefinition) -> list[BusinessModel]:
    """The business models of a definition."""
    rows = zip(
        definition.models, definition.objectives, definition.ownerships, definition.chosen, np.asarray(definition.cost_limit).tolist(),
        strict=True,
    )  # fmt: skip
    return [
        BusinessModel(name, aim, owner, tuple(filter(None, who.split(","))), limit)
        for name, aim, owner, who, limit in rows
    ]


def record_of(results: Results, request: ResultRequest) -> Any:
    """The record that answers a request for results."""
    model, name = request.model, request.name
    community, solution = results.community, results.sized[model].solution
    if request.what in ("size", "schedule"):
        k = [place.name for place in community.places].index(name)
        if request.what == "schedule":
            return FlexibleSchedule(model=model, plant=name, power_kw=solution.plant_kw[k])
        units = float(solution.units[k])
        unit = community.technologies[community.places[k].technology].unit
        return DerSize(model=model, plant=name, units=max(units, 0.0), capacity=max(units, 0.0) * unit)
    if request.what == "trade":
        k, trade = community.sites.index(name), results.trades[model]
        price = np.nan_to_num(trade.price_eur_per_kwh)
        return InternalTrade(model=model, member=name, traded_kwh=trade.traded_kwh[k], price_eur_per_kwh=price)
    if request.what == "investment":
        money = results.money[model]
        k = money.accounts.index(name)
        return InvestmentPlan(
            model=model, account=name, investment_eur=float(money.investment_eur[k]), capital_eur=float(money.capital_eur[k]),
            operation_eur=float(money.operation_eur[k]), total_eur=float(money.total_eur[k]), today_eur=float(money.today_eur[k]),
        )  # fmt: skip
    if request.what == "flexibility":
        up, down = results.flexibility[model]
        return LongTermFlexibility(model=model, years=len(up), up_kw=up.ravel(), down_kw=down.ravel())
    values = np.array(list(results.indicators[model].values()))
    defined = np.isfinite(values)
    return BusinessModelKpi(
        model=model,
        indicators=tuple(results.indicators[model]),
        values=np.where(defined, values, 0.0),
        defined=defined.astype(np.float64),
    )
