"""Networks shared by the grid tests: shipped ones, read once, and small ones built by hand."""

from functools import cache
from typing import Any

import pytest
from hypothesis import strategies as st

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


@pytest.fixture(scope="session")
def two_bus_tables():
    return two_bus


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def chain_tables():
    return chain


@st.composite
def radial_tables(draw: st.DrawFn, most: int = 12) -> dict[str, Any]:
    """Radial LV feeders with random shape, impedances, loads and generators, light enough to have a solution."""
    n = draw(st.integers(2, most))
    parents = [draw(st.integers(max(0, i - 4), i - 1)) for i in range(1, n)]
    turned = [draw(st.booleans()) for _ in parents]
    ends = [
        (f"b{i + 1}", f"b{p}") if flip else (f"b{p}", f"b{i + 1}")
        for i, (p, flip) in enumerate(zip(parents, turned, strict=True))
    ]
    number = st.floats(0.001, 0.05)
    return {
        "name": "random feeder",
        "slack": {"bus": "b0", "voltage_pu": draw(st.floats(0.97, 1.05))},
        "buses": {"name": [f"b{i}" for i in range(n)], "kv": 0.4},
        "lines": {
            "name": [f"l{i}" for i in range(1, n)],
            "from": [a for a, _ in ends],
            "to": [b for _, b in ends],
            "length_km": 1.0,
            "r_ohm_per_km": [draw(number) for _ in parents],
            "x_ohm_per_km": [draw(number) for _ in parents],
            "c_nf_per_km": draw(st.floats(0, 800)),
            "max_i_ka": 0.2,
        },
        "loads": {
            "name": [f"h{i}" for i in range(1, n)],
            "bus": [f"b{i}" for i in range(1, n)],
            "p_kw": [draw(st.floats(-5, 5)) for _ in parents],
            "q_kvar": [draw(st.floats(-2, 2)) for _ in parents],
        },
    }


@pytest.fixture(scope="session")
def radial():
    return radial_tables
