"""What the DER sizing microservice keeps of its results: tables over business models, plants, members and representative days."""

from collections.abc import Callable

import numpy as np

from agents.sizing_results import Results
from agents.strategies.sizing_community import powers_kw
from agents.strategies.study_year import StudyYear
from data.arrays import F64
from environment.register import Register

Registers = Callable[[str], Register]


def keep_sizing(results: Results, year: StudyYear, register: Registers) -> None:
    """Representative days, profiles, sizes, schedules, and the front."""
    community, chosen = results.community, results.chosen
    dates = [date.isoformat() for date in year.dates()]
    days = community.days
    register("representative_days").add(
        position=np.arange(len(chosen.days)),
        date=[dates[day] for day in chosen.days],
        weight=chosen.weight,
        extreme=chosen.extreme,
    )
    register("represented_days").add(date=dates, position=chosen.of)
    bears = powers_kw(community)
    for site, contracted, power in zip(community.sites, community.contracted_kw, bears, strict=True):
        if power > contracted:
            register("power_above_contract").add(site=site, contracted_kw=float(contracted), peak_kw=float(power))
    for name, off in results.off.items():
        register("represented_sums").add(series=name, off_share=off)
    for number, site in enumerate(community.sites):
        tariff = community.tariff[number]
        register("study_profiles").add(
            site=site, position=np.arange(days.n), load_kw=community.load_kw[number],
            buy_eur_per_kwh=community.prices.buy[tariff], sell_eur_per_kwh=community.prices.sell[tariff],
        )  # fmt: skip
    for model, sized in results.sized.items():
        solution = sized.solution
        for number, place in enumerate(community.places):
            units = max(float(solution.units[number]), 0.0)
            capacity = units * community.technologies[place.technology].unit
            register("sizes").add(
                model=model, plant=place.name, site=community.sites[place.site], technology=place.technology, units=units,
                capacity=capacity, existing=place.existing, most=place.most,
            )  # fmt: skip
            if place.existing + capacity > 0.0:
                register("schedules").add(
                    model=model, plant=place.name, position=np.arange(days.n), power_kw=solution.plant_kw[number],
                    content_kwh=solution.content_kwh[number],
                )  # fmt: skip
    _keep_front(results, register)


def _keep_front(results: Results, register: Registers) -> None:
    kinds = np.array([place.technology for place in results.community.places], object)
    unit = np.array([results.community.technologies[kind].unit for kind in kinds], np.float64)
    for number, solution in enumerate(results.front):
        register("front").add(
            point=number, cost_eur=solution.cost_eur, emissions_kg=solution.emissions_kg,
            pv_kwp=float((solution.units * unit)[kinds == "pv"].sum()),
            battery_kwh=float((solution.units * unit)[kinds == "battery"].sum()),
        )  # fmt: skip


def keep_flexibility(results: Results, register: Registers) -> None:
    """Potentials of each year and step."""
    for model, (up, down) in results.flexibility.items():
        years, steps = up.shape
        register("flexibility").add(
            model=model, year=np.repeat(np.arange(1, years + 1), steps), position=np.tile(np.arange(steps), years), up_kw=up.ravel(),
            down_kw=down.ravel(),
        )  # fmt: skip


def keep_money(results: Results, register: Registers) -> None:
    """Trades, net loads at meters, and the money of each account."""
    community = results.community
    for model, trade in results.trades.items():
        net = results.sized[model].solution.net_kw
        for number, site in enumerate(community.sites):
            register("transactions").add(
                model=model, site=site, position=np.arange(community.days.n), net_kw=net[number], traded_kwh=trade.traded_kwh[number],
                paid_eur=trade.paid_eur[number], price_eur_per_kwh=trade.price_eur_per_kwh,
            )  # fmt: skip
        money = results.money[model]
        register("investments").add(
            model=model, account=list(money.accounts), investment_eur=money.investment_eur, grant_eur=money.grant_eur,
            capital_eur=money.capital_eur, operation_eur=money.operation_eur, total_eur=money.total_eur, today_eur=money.today_eur,
            alone_eur=money.alone_eur, npv_eur=money.npv_eur, payback_years=_finite(money.payback_years),
            discounted_payback_years=_finite(money.discounted_payback_years),
        )  # fmt: skip


def _finite(values: F64) -> F64:
    return np.where(np.isfinite(values), values, np.nan)
