"""What scenarios may name, found quickly: shipped scenarios, places, products, tariffs, networks and rules."""

from collections.abc import Mapping
from functools import lru_cache, partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import data as shipped
from experiments.errors import CoflexError, did_you_mean

RULES: Mapping[str, Mapping[str, str]] = {
    "clearing": {
        "network-aware": "markets.clearing.network_aware:clear",
        "merit-order": "markets.clearing.merit_order:clear",
    },
    "pricing": {
        "pay-as-bid": "markets.pricing.pay_as_bid:prices",
        "uniform": "markets.pricing.uniform:prices",
    },
    "baseline": {
        "declared-schedule": "markets.baselines.declared:freeze",
    },
    "settlement": {
        "linear-with-grace": "markets.settlement.linear_with_grace:settle",
        "sliding-scale": "markets.settlement.sliding_scale:settle",
        "price-less-penalty": "markets.settlement.price_less_penalty:settle",
    },
}
"""Rules that a scenario may name, by kind: name -> ``module:attribute``, resolved where it is used."""


def rule(kind: str, name: str) -> Any:
    """The function (or class) behind the name of a rule.

    Raises:
        CoflexError: no rule of that kind has the name.
    """
    known = RULES[kind]
    if name not in known:
        msg = f"unknown {kind} rule '{name}'{did_you_mean(name, known)}"
        raise CoflexError(msg)
    module, _, attribute = known[name].partition(":")
    return getattr(import_module(module), attribute)


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


def network_names() -> list[str]:
    """Names of the networks that can be loaded without another package."""
    from environment.grid.network import available_networks

    return sorted(available_networks())


@lru_cache(maxsize=1)
def known_places() -> dict[str, dict[str, Any]]:
    """Coordinates, time zone and country of the places with measured weather."""
    return _library("places")


@lru_cache(maxsize=1)
def known_products() -> dict[str, dict[str, Any]]:
    """Attributes of the shipped flexibility products."""
    return _library("products")


def _library(name: str) -> dict[str, dict[str, Any]]:
    from experiments.scenario_read import parse_yaml

    path = scenarios_folder() / "library" / f"{name}.yaml"
    return dict(parse_yaml(path.read_text("utf-8"), where=path.name))
