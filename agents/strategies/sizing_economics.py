r"""What a sizing means in money and figures: trades inside, bills, investments, indicators.

The sizes and schedules come from one optimisation of the whole community; who pays whom comes from the internal pricing mechanism, applied
to the net balances at the meters. What a member pays in a year is

    retailer's bill for what is not traded inside + charges and price of what is + fixed charges + its part of plants and shared sites.

Prices and yields are those of the study's year over the whole horizon. Plants that end before the horizon are bought again, those that
outlast it count with their straight-line value (``markets.investment``).
"""

from dataclasses import dataclass

import numpy as np

from agents.strategies.sizing import Solution
from agents.strategies.sizing_community import BusinessModel, Community, account_names, node_shares
from data.arrays import F64, Bool
from markets import community_indicators as indicators
from markets.internal_prices.offers import InternalPrice
from markets.internal_prices.series import TradeSeries, trade_series
from markets.investment import investments_eur, net_present_value_eur, payback_years

COMMUNITY = "community"


@dataclass(frozen=True, eq=False)
class Economics:
    """The money of one business model; arrays over accounts (members, investor), then the community as a whole.

    Attributes:
        accounts: names, the community last.
        investment_eur: grants deducted.
        grant_eur: grants.
        capital_eur: annuities of a year.
        operation_eur: energy, fixed charges and upkeep of a year.
        today_eur: energy and fixed charges of a year today.
        alone_eur: of a member by itself at its own optimum; NaN for who has none.
        npv_eur: net present value over the horizon against today.
        payback_years: simple; infinite where savings never pay.
        discounted_payback_years: with the study's interest.
    """

    accounts: tuple[str, ...]
    investment_eur: F64
    grant_eur: F64
    capital_eur: F64
    operation_eur: F64
    today_eur: F64
    alone_eur: F64
    npv_eur: F64
    payback_years: F64
    discounted_payback_years: F64

    @property
    def total_eur(self) -> F64:
        """Capital and operation of a year."""
        return self.capital_eur + self.operation_eur


def trades(community: Community, solution: Solution, rule: InternalPrice) -> TradeSeries:
    """What sites trade inside on the representative days, energies of one day each."""
    prices, tariff = community.prices, community.tariff
    buy, sell, inside = prices.buy[tariff], prices.sell[tariff], prices.inside[tariff]
    return trade_series(solution.net_kw * community.days.hours, np.maximum(buy - inside, 0.0), sell, rule)


def site_bills(community: Community, solution: Solution, trade: TradeSeries | None) -> F64:
    """Energy and fixed charges of each site in a year, trade inside included; shape (n,)."""
    prices, tariff = community.prices, community.tariff
    net = solution.net_kw * community.days.hours
    traded = np.zeros_like(net) if trade is None else trade.traded_kwh
    paid = np.zeros_like(net) if trade is None else trade.paid_eur
    rest = net - traded
    energy = np.maximum(rest, 0.0) * prices.buy[tariff] - np.maximum(-rest, 0.0) * prices.sell[tariff]
    charges = np.maximum(traded, 0.0) * prices.inside[tariff]
    days = np.repeat(community.days.weight, community.days.steps)
    return np.asarray(
        ((energy + charges + paid) * days).sum(axis=1) + np.where(stands(community, solution), community.fixed_eur, 0.0)
    )


def stands(community: Community, solution: Solution) -> Bool:
    """Which sites have a meter: the members, and shared sites where something stands, is built or takes energy; shape (n,)."""
    found = np.asarray(~community.shared | (community.load_kw.max(axis=1) > 0.0))
    for place, units in zip(community.places, solution.units, strict=True):
        found[place.site] |= place.existing > 0.0 or units > 0.0
    return found


def economics(
    community: Community,
    model: BusinessModel,
    solution: Solution,
    trade: TradeSeries,
    today_eur: F64,
    alone_eur: F64,
    horizon_years: int,
    interest: float,
) -> Economics:
    """Who invests, pays and gains what.

    Args:
        community: the community.
        model: the business model.
        solution: its sizes and operation.
        trade: what is traded inside.
        today_eur: bill of each site today, shape (n,).
        alone_eur: cost of each site alone at its optimum, shape (n,).
        horizon_years: over how many years value is counted.
        interest: on capital.
    """
    share = node_shares(community, model)
    bills = share @ site_bills(community, solution, trade)
    today = share @ today_eur
    flows = np.zeros((len(share), horizon_years + 1))
    parts = np.zeros((4, len(share)))
    for place, units, power in zip(community.places, solution.units, solution.plant_kw, strict=True):
        technology = community.technologies[place.technology]
        capacity = float(units) * technology.unit
        own = share[:, place.site]
        wear = 0.0
        if technology.battery is not None:
            given = float(np.maximum(power, 0.0) @ community.days.step_hours)
            wear = given * technology.battery.wear_eur_per_kwh
        net = capacity * technology.net_capex_eur
        upkeep = capacity * technology.opex_eur
        parts += own * np.array(
            [
                [net],
                [capacity * technology.capex_eur - net],
                [capacity * technology.yearly_eur - upkeep],
                [upkeep + wear],
            ]
        )
        flows += own[:, None] * investments_eur(net, technology.lifetime_years, horizon_years)
    operation = bills + parts[3]
    alone = np.append(
        np.where(community.shared, np.nan, alone_eur)[~community.shared],
        [np.nan] * (len(share) - int((~community.shared).sum())),
    )
    every = [_with_sum(one) for one in (parts[0], parts[1], parts[2], operation, today)]
    flows = np.vstack([flows, flows.sum(axis=0)])
    saving = every[4] - every[3]
    later = np.broadcast_to(saving[:, None], (len(saving), horizon_years)) - flows[:, 1:]
    return Economics(
        accounts=(*account_names(community, model), COMMUNITY),
        investment_eur=every[0],
        grant_eur=every[1],
        capital_eur=every[2],
        operation_eur=every[3],
        today_eur=every[4],
        alone_eur=np.append(alone, np.nansum(alone)),
        npv_eur=np.array(
            [net_present_value_eur(first, rest, interest) for first, rest in zip(flows[:, 0], later, strict=True)]
        ),
        payback_years=np.array([payback_years(a, b) for a, b in zip(every[0], saving, strict=True)]),
        discounted_payback_years=np.array(
            [payback_years(a, b, interest) for a, b in zip(every[0], saving, strict=True)]
        ),
    )


def _with_sum(values: F64) -> F64:
    return np.append(values, values.sum())


def indicators_of(
    community: Community, solution: Solution, trade: TradeSeries, money: Economics, today_kg: float
) -> dict[str, float]:
    """The indicators of a business model, by name."""
    hours = community.days.step_hours
    net = solution.net_kw
    pv = np.array([community.technologies[place.technology].kind == "pv" for place in community.places], bool)
    made = solution.plant_kw[pv].sum(axis=0) - solution.curtailed_kw.sum(axis=0)
    traded = np.maximum(trade.traded_kwh, 0.0).sum(axis=0) / community.days.hours
    bought = np.maximum(net, 0.0).sum(axis=0) - traded
    sold = np.maximum(-net, 0.0).sum(axis=0) - traded
    controls = np.array(
        [community.technologies[place.technology].kind == "control" for place in community.places], bool
    )
    used = community.load_kw.sum(axis=0) - solution.plant_kw[controls].sum(axis=0)
    today, total = money.today_eur[-1], money.total_eur[-1]
    members = len(community.members)
    worse = money.total_eur[:members] > money.today_eur[:members] + 0.005
    return {
        "cost_today_eur": float(today),
        "cost_eur": float(total),
        "cost_reduction": indicators.cost_reduction(float(today), float(total)),
        "investment_eur": float(money.investment_eur[-1]),
        "npv_eur": float(money.npv_eur[-1]),
        "payback_years": float(money.payback_years[-1]),
        "discounted_payback_years": float(money.discounted_payback_years[-1]),
        "self_consumption": indicators.self_consumption(made, sold, hours),
        "self_sufficiency": indicators.self_sufficiency(used, bought, hours),
        "sharing_ratio": indicators.sharing_ratio(net, hours),
        "generation_kwh": float(made @ hours),
        "bought_kwh": float(bought @ hours),
        "sold_kwh": float(sold @ hours),
        "shared_kwh": float(traded @ hours),
        "emissions_kg": float(solution.emissions_kg),
        "emissions_reduction": indicators.cost_reduction(today_kg, float(solution.emissions_kg)),
        "members_worse_off": float(worse.sum()),
        "gap": (solution.cost_eur - solution.bound_eur) / abs(solution.bound_eur) if solution.bound_eur else 0.0,
    }
