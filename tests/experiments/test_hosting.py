"""Hosting capacity: limits of loading and of voltage, worked out by hand, against closed forms, and against power flow of a whole network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.grid.network import load_network, network_from_tables
from environment.grid.power_flow import PowerFlow
from experiments.studies.hosting import hosted, hosting_section
from experiments.sweep.answers import Answers
from tests.experiments.figure_cases import META, H, branches, value

CASES = sorted(Path(__file__).parents[1].joinpath("reference").glob("hosting_*/case.yaml"))
BAND = (0.95, 1.05)


def buses(*volts, bus="end"):
    """Voltages [p.u.] of one bus, hour by hour, on a network that is idle at 1."""
    n = len(volts)
    return {
        "grid_buses": {"t_ms": [hour * H for hour in range(n)], "bus": [bus] * n, "v_pu": list(volts)},
        "idle_voltages": {"from_ms": [0], "bus": [bus], "v_pu": [1.0]},
    }


def root(square):
    return float(np.sqrt(square))


def test_voltage_grows_by_its_square_to_the_limit_it_moves_towards():
    # 0.0975 below 1 is the lower limit squared, 0.1025 above it the upper one
    low, high = root(1 - 0.0975 / 2), root(1 + 0.1025 / 1.25)
    assert value("growth_voltage_percent", buses(low, 1.0)) == pytest.approx(100)
    assert value("growth_voltage_percent", buses(low, high)) == pytest.approx(25)
    assert value("growth_voltage_percent", buses(root(1 - 2 * 0.0975))) == pytest.approx(-50)  # twice beyond it already


def test_the_limit_that_is_met_first_binds():
    low = buses(root(1 - 0.0975 / 1.6))
    for loading, binds, growth in ((50.0, 1, 60), (80.0, 0, 25)):
        own = low | {"grid_branches": branches([loading], [1.0])}
        twin = {**buses(root(1 - 0.0975)), "grid_branches": branches([loading], [1.0])}
        assert value("voltage_binds", own) == binds
        assert value("growth_loading_percent", own) == pytest.approx(100 * (100 / loading - 1))
        # the twin is at its limit of voltage
        assert value("hosting_capacity_percent", own, twin) == pytest.approx(growth)
    assert value("hosting_capacity_percent", low | {"grid_branches": branches([50.0], [1.0])}) is None  # without twin


def test_loading_is_of_each_branch_against_its_own_limit():
    own, twin = (
        {key: [*trafo[key], *line[key]] for key in trafo}
        for trafo, line in (
            (branches([60.0, 50.0], [1.0, 1.0]), branches([48.0, 40.0], [1.0, 1.0], kind="line", branch="L1")),
            (branches([75.0, 50.0], [1.0, 1.0]), branches([10.0, 10.0], [1.0, 1.0], kind="line", branch="L1")),
        )
    )
    still = buses(root(1 - 0.0975 / 9))
    found = value("hosting_capacity_percent", still | {"grid_branches": own}, still | {"grid_branches": twin})
    assert found == pytest.approx(25)  # 60 of 100 and 48 of 80, against 75 of 100


def test_without_voltages_of_the_idle_network_hosting_is_unknown_and_never_loading_alone():
    own = {"grid_branches": branches([60.0], [1.0]), "grid_buses": buses(0.97)["grid_buses"]}
    assert value("hosting_capacity_percent", own, own) is None
    assert value("voltage_binds", own) is None
    assert value("growth_loading_percent", own) is not None


def test_an_idle_network_and_the_supplying_grid_say_nothing_of_voltage():
    assert value("growth_voltage_percent", buses(1.0, 1.0)) is None
    assert value("growth_voltage_percent", buses(1.0, None)) is None


def test_a_tap_that_is_moved_is_no_flow():
    """From the second hour on the bus idles at 1.02: what it is then below that is by flows."""
    tables = buses(root(1 - 0.0975 / 4), root(1.02**2 - (1.02**2 - 0.95**2) / 3))
    tables["idle_voltages"] = {"from_ms": [0, H], "bus": ["end"] * 2, "v_pu": [1.0, 1.02]}
    assert value("growth_voltage_percent", tables) == pytest.approx(200)
    beside = buses(1.0, root(1 - 0.0975 / 2), bus="of another network")  # switched by nobody
    both = {name: {key: [*tables[name][key], *beside[name][key]] for key in tables[name]} for name in tables}
    assert value("growth_voltage_percent", both) == pytest.approx(100)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_reference_case(path):
    case = yaml.safe_load(path.read_text())
    network = network_from_tables(case["input"]["network"])
    kw = np.array([case["input"]["load"].get(bus, 0.0) for bus in network.bus_names])
    found = told(network, kw, tuple(case["input"]["voltage_pu"]))
    for name, expected in case["expected"].items():
        assert found[name] == pytest.approx(expected, abs=case["tolerance"][name], rel=0), name


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-0.6, 0.6))
def test_power_flow_meets_the_limit_where_the_figure_says(seed, mean):
    """Loads of a village grow by what the figure says: the limit is met to a twentieth of the way there."""
    network = load_network("simbench/1-LV-rural1--0-sw")
    draw = np.random.default_rng(seed)
    kw = np.bincount(
        network.loads.bus, 4.0 * (mean + draw.normal(0.0, 0.5, len(network.loads))), minlength=network.n_bus
    )
    found = told(network, kw, BAND)
    factor = 1.0 + found["growth_voltage_percent"] / 100.0
    if not 0.4 < factor < 3.0:
        return  # three times as far a straight line is none
    solver = PowerFlow(network)
    idle, grown = (solver.solve(part * kw, np.zeros_like(kw)).v_pu[0] for part in (0.0, factor))
    room = np.where(grown > idle, BAND[1] - idle, idle - BAND[0])
    moved = np.abs(grown - idle)
    assert (moved / room).max() == pytest.approx(1.0, abs=0.05 * max(factor, 1.0))


def told(network, kw, band):
    """Figures of one hour in which these powers are taken at the buses."""
    solver = PowerFlow(network)
    idle, flow = (solver.solve(part * kw, np.zeros_like(kw)) for part in (0.0, 1.0))
    names, rows = list(network.bus_names), network.branches
    tables = {
        "grid_buses": {"t_ms": [0] * len(names), "bus": names, "v_pu": flow.v_pu[0]},
        "idle_voltages": {"from_ms": [0] * len(names), "bus": names, "v_pu": idle.v_pu[0]},
        "grid_branches": {
            "t_ms": [0] * len(rows), "branch": list(rows.names), "kind": list(rows.kind), "loading_percent": flow.loading_percent[0],
            "i_ka": flow.i_ka[0], "p_kw": flow.p_from_kw[0], "q_kvar": flow.q_from_kvar[0],
        },
    }  # fmt: skip
    meta = META | {"scenario": {**META["scenario"], "grid": {"limits": {"transformer_percent": 100, "line_percent": 100, "voltage_pu": list(band)}}}}  # fmt: skip
    names = ("growth_loading_percent", "growth_voltage_percent", "voltage_binds")
    return {name: value(name, tables, meta=meta) for name in names}


def test_there_are_reference_cases():
    assert len(CASES) >= 3


def test_the_hosted_level_is_where_the_first_limit_is_met():
    levels = np.array([0.0, 0.5, 1.0])
    growth = np.array([[50.0, 10.0, -5.0, 5.0], [10.0, 5.0, -9.0, -5.0], [-30.0, 1.0, -9.0, np.nan]])
    assert hosted(levels, growth)[:3].tolist() == [0.625, np.inf, -np.inf]
    assert np.isnan(hosted(levels, growth)[3])
    dip = np.array([[1.0], [-1.0], [1.0]])
    assert hosted(levels, dip).tolist() == [0.25], "what is broken on the way is broken"


def shares(loading, voltage):
    """A sweep over cars whose growth to either limit is a straight line, the same with and without coordination but for the loading."""
    x = (0.0, 0.5, 1.0)
    points = tuple({"cars": share} for share in x)
    values, twins = (
        {"growth_loading_percent": np.array([[load - 100.0 * share] * 2 for share in x]), "growth_voltage_percent": np.array([[voltage - 100.0 * share] * 2 for share in x])}
        for load in (loading + 20.0, loading)
    )  # fmt: skip
    said = {"sweep": {"factors": {"cars": {}}, "scenario": "none", "seeds": {"count": 2}}, "runs": []}
    return {"cars": Answers(Path(), said, points, values, twins)}


@pytest.mark.parametrize(
    ("loading", "voltage", "words"),
    [
        (40.0, 90.0, ("loading binds", "0.40", "0.60", "+50 %")),
        (60.0, 30.0, ("voltage binds", "0.30", "+0 %")),
        (200.0, 200.0, ("none is broken", "at least 1.00")),
        (-30.0, 50.0, ("loading binds", "below 0.00")),
    ],
)
def test_the_page_says_how_much_is_hosted_and_which_limit_binds(loading, voltage, words):
    html = hosting_section(shares(loading, voltage)).html
    both = next(row for row in html.split("<tr") if "both;" in row)
    for word in words:
        assert word in both


def test_a_study_without_these_figures_has_no_hosting_section():
    answers = shares(40.0, 90.0)["cars"]
    assert (
        hosting_section({"cars": replace(answers, values={"overload_hours": answers.values["growth_loading_percent"]})})
        is None
    )
