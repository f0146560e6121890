"""Reference cases of the grid: folders tests/reference/grid_*/case.yaml, each with input, expected, tolerance and source.

input     network (a name, or plain tables), load (rated | zero | mapping bus -> kW), load_kvar, add_kw, scale, open, close, taps
expected  quantity -> value; tolerance: quantity -> absolute difference allowed, or one number for all. The quantities are in QUANTITIES.
"""

from pathlib import Path

import numpy as np
import pytest
import yaml

from environment.grid.flow import Flow
from environment.grid.network import Network, load_network, network_from_tables
from environment.grid.power_flow import PowerFlow

CASES = sorted(Path(__file__).parents[2].joinpath("reference").glob("grid_*/case.yaml"))


def _lowest(flow: Flow) -> int:
    return int(np.argmin(flow.v_pu[0]))


def _of_kind(flow: Flow, values: np.ndarray, kind: str) -> np.ndarray:
    return values[0, np.array(flow.network.branches.kind) == kind]


QUANTITIES = {
    "losses_kw": lambda f: f.losses_kw[0],
    "losses_kvar": lambda f: (f.q_from_kvar + f.q_to_kvar).sum(),
    "line_losses_kw": lambda f: _of_kind(f, f.branch_losses_kw, "line").sum(),
    "trafo_losses_kw": lambda f: _of_kind(f, f.branch_losses_kw, "trafo").sum(),
    "slack_kw": lambda f: f.slack_kw[0],
    "lowest_v_pu": lambda f: f.v_pu[0, _lowest(f)],
    "lowest_bus": lambda f: f.network.bus_names[_lowest(f)],
    "lowest_lv_pu": lambda f: f.v_pu[0, f.network.bus_kv < 1].min(),
    "highest_lv_pu": lambda f: f.v_pu[0, f.network.bus_kv < 1].max(),
    "highest_v_pu": lambda f: f.v_pu[0].max(),
    "line_loading_percent": lambda f: _of_kind(f, f.loading_percent, "line").max(),
    "trafo_loading_percent": lambda f: _of_kind(f, f.loading_percent, "trafo").max(),
    "loads": lambda f: len(f.network.loads),
    "load_kw": lambda f: f.network.loads.p_kw.sum(),
    "generators": lambda f: len(f.network.generators),
    "generator_kw": lambda f: f.network.generators.p_kw.sum(),
}


def _network(source) -> Network:
    return load_network(source) if isinstance(source, str) else network_from_tables(source)


def _powers(network: Network, given: dict) -> tuple[np.ndarray, np.ndarray]:
    load = given.get("load", "rated")
    p, q = network.rated_power() if load == "rated" else (np.zeros(network.n_bus), np.zeros(network.n_bus))
    for values, target in (
        (load if isinstance(load, dict) else {}, p),
        (given.get("load_kvar", {}), q),
        (given.get("add_kw", {}), p),
    ):
        for bus, value in values.items():
            target[network.bus_index(bus)] += value
    return p * given.get("scale", 1.0), q * given.get("scale", 1.0)


def _solve(given: dict) -> Flow:
    network = _network(given["network"])
    flow = PowerFlow(network, given.get("open", ()), given.get("taps"), given.get("close", ())).solve(
        *_powers(network, given)
    )
    assert flow.converged.all()
    return flow


def _value(flow: Flow, quantity: str):
    """A quantity of the table, or ``v_pu of <bus>``, ``loading_percent of <branch>``, ``losses_kw of <branch>``."""
    if " of " not in quantity:
        return QUANTITIES[quantity](flow)
    what, name = quantity.split(" of ", 1)
    if what == "v_pu":
        return flow.v_pu[0, flow.network.bus_index(name)]
    array = {"loading_percent": flow.loading_percent, "losses_kw": flow.branch_losses_kw, "i_ka": flow.i_ka}[what]
    return array[0, flow.network.branch_index(name)]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_reference_case(path):
    case = yaml.safe_load(path.read_text())
    assert case["source"], "a reference case names its source"
    flow = _solve(case["input"])
    base = _solve(case["minus"]) if "minus" in case else None
    for quantity, expected in case["expected"].items():
        got = _value(flow, quantity)
        if base is not None and quantity in case.get("differences", ()):
            got = got - _value(base, quantity)
        if isinstance(expected, str):
            assert got == expected, quantity
        else:
            tolerance = case["tolerance"] if not isinstance(case["tolerance"], dict) else case["tolerance"][quantity]
            assert got == pytest.approx(expected, abs=tolerance, rel=0), quantity


def test_there_are_reference_cases():
    assert len(CASES) >= 9
