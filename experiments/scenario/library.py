"""What scenarios may name, found quickly: shipped scenarios, places, products, tariffs, networks and rules."""

from collections.abc import Mapping
from functools import lru_cache, partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import data as shipped
from experiments.errors import CoflexError, did_you_mean


class Rule(NamedTuple):
    """Where a rule is: the pure function, and its face (input and output on plain records), as ``module:attribute``."""

    function: str
    face: str


KINDS: Mapping[str, str] = {
    "clearing": "bids and needs in, accepted quantities out",
    "pricing": "cleared bids in, what each is paid out",
    "baseline": "what the meter would have read without the activation",
    "settlement": "ordered and delivered power in, remuneration and penalty out",
    "internal-price": "offers of a community's members in, price and trades inside out",
    "allocation": "a community's generation and its members' consumption in, each member's part out",
    "internal-market": "members with flexible resources in, schedules, prices and trades of their community out",
    "coordination": "bids, networks and needs of several system operators in, who activates what out",
    "bid-component": "components of bids and traffic lights in, what may be activated of each out",
    "reserve": "what is due of balancing reserves, which are bought and called, what they delivered and earn",
    "benefit-sharing": "what members pay apart and together in, what each pays out",
}
"""What the rules of a kind do."""

RULES: Mapping[str, Mapping[str, Rule]] = {
    "clearing": {
        "network-aware": Rule("markets.clearing.network_aware:clear", "experiments.rules.clearing:Clearing"),
        "merit-order": Rule("markets.clearing.merit_order:clear", "experiments.rules.clearing:Clearing"),
    },
    "pricing": {
        "pay-as-bid": Rule("markets.pricing.pay_as_bid:prices", "experiments.rules.pricing:PayAsBid"),
        "uniform": Rule("markets.pricing.uniform:prices", "experiments.rules.pricing:Uniform"),
    },
    "baseline": {
        "declared-schedule": Rule("markets.baselines.declared:freeze", "experiments.rules.baseline:Declared"),
        "x-of-y": Rule("markets.baselines.x_of_y:baseline", "experiments.rules.meter:XOfY"),
        "meter-before": Rule("markets.baselines.meter_before:baseline", "experiments.rules.meter:MeterBefore"),
        "meter-before-meter-after": Rule(
            "markets.baselines.meter_before_meter_after:baseline", "experiments.rules.meter:MeterBeforeMeterAfter"
        ),
    },
    "settlement": {
        "linear-with-grace": Rule(
            "markets.settlement.linear_with_grace:settle", "experiments.rules.settlement:LinearWithGrace"
        ),
        "sliding-scale": Rule("markets.settlement.sliding_scale:settle", "experiments.rules.settlement:SlidingScale"),
        "availability-and-activation": Rule(
            "markets.settlement.availability_and_activation:settle",
            "experiments.rules.settlement:AvailabilityAndActivation",
        ),
        "price-less-penalty": Rule(
            "markets.settlement.price_less_penalty:settle", "experiments.rules.settlement:PriceLessPenalty"
        ),
    },
    "internal-price": {
        "mid-market-rate": Rule(
            "markets.internal_prices.mid_market:mid_market", "experiments.rules.community:MidMarketRate"
        ),
        "intermediate-rate": Rule(
            "markets.internal_prices.intermediate:intermediate", "experiments.rules.community:IntermediateRate"
        ),
        "supply-demand-ratio": Rule(
            "markets.internal_prices.supply_demand:supply_demand", "experiments.rules.community:SupplyDemandRatio"
        ),
        "post-delivery-pool": Rule("markets.internal_prices.pool:pool", "experiments.rules.community:PostDeliveryPool"),
    },
    "allocation": {
        "static-coefficients": Rule("markets.allocation.static:static", "experiments.rules.community:StaticAllocation"),
        "proportional-coefficients": Rule(
            "markets.allocation.proportional:proportional", "experiments.rules.community:ProportionalAllocation"
        ),
        "hierarchical-coefficients": Rule(
            "markets.allocation.hierarchical:hierarchical", "experiments.rules.community:HierarchicalAllocation"
        ),
        "transaction-coefficients": Rule(
            "markets.allocation.transactions:transactions", "experiments.rules.community:TransactionAllocation"
        ),
    },
    "internal-market": {
        "iterated-pool": Rule(
            "markets.internal_prices.iterated:iterated_pool", "experiments.rules.internal_market:IteratedPool"
        ),
        "welfare-optimum": Rule(
            "markets.internal_prices.flexible:welfare_optimum", "experiments.rules.internal_market:WelfareOptimum"
        ),
    },
    "reserve": {
        "frequency-droop": Rule("markets.balancing.responses:fcr_kw", "experiments.rules.reserves:Droop"),
        "followed-set-point": Rule("markets.balancing.responses:ramped_kw", "experiments.rules.reserves:Followed"),
        "ramped-block": Rule("markets.balancing.responses:block_kw", "experiments.rules.reserves:Block"),
        "reserve-auction": Rule("markets.balancing.auction:clear", "experiments.rules.reserves:Auction"),
        "energy-merit-order": Rule("markets.balancing.auction:call", "experiments.rules.reserves:Merit"),
        "reserve-delivery": Rule(
            "markets.balancing.reserve_delivery:delivery", "experiments.rules.imbalance:ReserveDelivery"
        ),
        "reserve-pay": Rule("markets.balancing.reserve_delivery:pay", "experiments.rules.imbalance:ReservePay"),
        "imbalance-adjustment": Rule("markets.balancing.imbalance:settle", "experiments.rules.imbalance:Imbalance"),
    },
    "benefit-sharing": {
        "two-stage": Rule("markets.community.two_stage:two_stage", "experiments.rules.sharing:TwoStage"),
        "shapley-value": Rule("markets.community.shapley:of_net_loads", "experiments.rules.sharing:ShapleyValue"),
        "bill-sharing": Rule("markets.community.bill_sharing:bill_sharing", "experiments.rules.sharing:BillSharing"),
    },
    "bid-component": {
        "pro-rata-components": Rule(
            "markets.bid_components.pro_rata:pro_rata", "experiments.rules.components:Components"
        ),
        "merit-order-components": Rule(
            "markets.bid_components.merit_order:merit_order", "experiments.rules.components:Components"
        ),
    },
    "coordination": {
        name: Rule(f"markets.coordination.{function}", f"experiments.rules.coordination:{face}")
        for name, function, face in (
            ("central", "central:central", "Scheme"),
            ("central-with-traffic-light", "central:central_with_traffic_light", "LitScheme"),
            ("multi-level", "multi_level:multi_level", "LevelledScheme"),
            ("multi-level-prequalified", "multi_level:multi_level_prequalified", "LevelledScheme"),
            ("fragmented", "fragmented:fragmented", "LevelledScheme"),
            ("shared-balancing", "shared_balancing:shared_balancing", "Scheme"),
            ("common", "common:common", "CommonScheme"),
            ("integrated", "common:integrated", "IntegratedScheme"),
        )
    },
}
"""Rules by kind and name, resolved where they are used; a scenario names them, ``coflex rules`` shows and runs them."""


def rule(kind: str, name: str) -> Any:
    """The function (or class) behind the name of a rule.

    Raises:
        CoflexError: no rule of that kind has the name.
    """
    known = RULES[kind]
    if name not in known:
        msg = f"unknown {kind} rule '{name}'{did_you_mean(name, known)}"
        raise CoflexError(msg)
    return attribute(known[name].function)


def attribute(path: str) -> Any:
    """What ``module:attribute`` names."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def rule_with(kind: str, name: str, arguments: Mapping[str, Any]) -> Any:
    """The function behind the name of a rule, bound to those of some arguments that it knows."""
    function = rule(kind, name)
    known = signature(function).parameters
    return partial(function, **{key: value for key, value in arguments.items() if key in known})


def scenarios_folder() -> Path:
    """Where the shipped scenarios lie."""
    return Path(shipped.__file__).parent / "scenarios"


def scenario_names() -> list[str]:
    """Names of the shipped scenarios."""
    return sorted(path.stem for path in scenarios_folder().glob("*.yaml"))


def tariff_names() -> list[str]:
    """Names of the shipped tariffs."""
    return sorted(path.stem for path in (Path(shipped.__file__).parent / "tariffs").glob("*.yaml"))


@lru_cache(maxsize=1)
def known_places() -> dict[str, dict[str, Any]]:
    """Coordinates, time zone and country of the places with measured weather."""
    return _library("places")


@lru_cache(maxsize=1)
def known_products() -> dict[str, dict[str, Any]]:
    """Attributes of the shipped flexibility products."""
    return _library("products")


def _library(name: str) -> dict[str, dict[str, Any]]:
    from experiments.scenario.read import parse_yaml

    path = scenarios_folder() / "library" / f"{name}.yaml"
    return dict(parse_yaml(path.read_text("utf-8"), where=path.name))
