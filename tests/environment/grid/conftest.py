"""Networks shared by the grid tests: shipped ones, read once, and small ones built by hand."""

from functools import cache
from typing import Any

import pytest

from environment.grid.network import Network, load_network, network_from_tables


@cache
def shipped(name: str) -> Network:
    return load_network(name)


@pytest.fixture(scope="session")
def network_named():
    return shipped


def two_bus(**changes: Any) -> dict[str, Any]:
    """The 0.4 kV two-bus feeder of reference case GR8, as plain tables."""
    plain = {
        "name": "two-bus",
        "slack": {"bus": "substation", "voltage_pu": 1.0},
        "buses": {"name": ["substation", "end"], "kv": 0.4},
        "lines": {
            "name": ["cable"],
            "from": ["substation"],
            "to": ["end"],
            "length_km": 1.0,
            "r_ohm_per_km": 0.5,
            "x_ohm_per_km": 0.3,
            "max_i_ka": 0.2,
        },
        "loads": {"name": ["home"], "bus": ["end"], "p_kw": [10.0]},
    }
    return plain | changes


@pytest.fixture
def two_bus_tables():
    return two_bus


@pytest.fixture
def two_bus_network() -> Network:
    return network_from_tables(two_bus())


def chain(n: int, r_ohm: float = 0.05, x_ohm: float = 0.02, kv: float = 0.4, **changes: Any) -> dict[str, Any]:
    """A feeder of n buses in a row, b0 the slack, lines l1 ... named after their end."""
    plain = {
        "name": f"chain of {n}",
        "slack": {"bus": "b0", "voltage_pu": 1.0},
        "buses": {"name": [f"b{i}" for i in range(n)], "kv": kv},
        "lines": {
            "name": [f"l{i}" for i in range(1, n)],
            "from": [f"b{i - 1}" for i in range(1, n)],
            "to": [f"b{i}" for i in range(1, n)],
            "length_km": 1.0,
            "r_ohm_per_km": r_ohm,
            "x_ohm_per_km": x_ohm,
            "max_i_ka": 0.2,
        },
    }
    return plain | changes


@pytest.fixture
def chain_tables():
    return chain
