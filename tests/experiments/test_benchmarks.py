"""The benchmarks run and write what they measured; how fast is not tested."""

import json
from pathlib import Path

import pytest

import data
from agents.strategies.home_view import problems
from environment.grid.network import network_from_tables
from environment.grid.power_flow import PowerFlow
from experiments.benchmarks import district
from experiments.benchmarks.bench import history_days, sizes_up_to, table
from experiments.benchmarks.district import ZONE, networks, repeated
from experiments.benchmarks.operators import sized
from experiments.benchmarks.parts import example_homes, rate
from experiments.cli import run_cli
from experiments.scenario import load_scenario


@pytest.fixture(scope="module")
def plain():
    name = load_scenario("district-day").grid.network
    file = Path(data.__file__).parent / "networks" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))


def test_quick_benchmarks_are_complete(capsys):
    assert run_cli(["bench", "--quick", "--homes", "20", "--format", "json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert "a day of 20 homes" in told.err
    assert all(value > 0.0 for value in found["rates"].values())
    assert 0 < found["schedules"]["homes"] <= 20
    assert -0.01 < found["schedules"]["percent"] < 5.0
    assert found["community"]["members"] == 20
    assert found["community"]["gap_percent"] < 0.5
    assert found["market"]["bids"] > 0
    assert found["flood"]["order_p95_ms"] == found["flood"]["calm_p95_ms"] < found["flood"]["flood_longest_ms"]
    assert found["operators"] is None
    assert found["heaters"]["heaters"] == 20
    assert found["heaters"]["control_s"] > 0.0
    (day,) = found["days"]
    assert day["homes"] == 20
    assert {"set-up", "history", "run", "write"} <= set(day["cpu_s"])
    assert day["peak_mb"] > 50.0
    assert day["messages"] > 0
    assert day["power_flows"] > 192
    assert day["us_a_home_step"] == pytest.approx(1e6 * day["cpu_s"]["run"] / (20 * 192))
    printed = table(found)
    assert "20 homes" in printed
    assert all(name in printed for name in found["rates"])


def test_a_number_of_homes_that_fills_no_grid_is_refused(capsys):
    assert run_cli(["bench", "--homes", "300"]) == 2
    assert "multiple of 200" in capsys.readouterr().err


def test_a_number_of_points_that_fills_no_perimeter_is_refused(capsys):
    assert run_cli(["bench", "--points", "700"]) == 2
    assert "multiple of 500" in capsys.readouterr().err


def test_a_day_of_operators_keeps_the_proportions_of_its_aim():
    assert sized(5_000) == (5_000, 20, 50)
    assert sized(500) == (500, 2, 5)


def test_days_of_every_size_below_the_one_asked_for_are_lived():
    assert sizes_up_to(20) == [20]
    assert sizes_up_to(10_000) == [100, 1_000, 10_000]


def test_the_larger_a_day_the_shorter_its_history():
    assert [history_days(size, quick=False) for size in sizes_up_to(100_000)] == [None, None, 7, 2]
    assert history_days(20, quick=True) == 2


def test_repeated_grid_hangs_in_the_place_of_aggregated_ones(plain):
    once, thrice = network_from_tables(plain), network_from_tables(repeated(plain, 3))
    low = sum(zone == ZONE for zone in once.bus_zone)
    assert {zone for zone in thrice.bus_zone if zone.startswith("LV")} == {ZONE, f"{ZONE}.2", f"{ZONE}.3"}
    assert thrice.n_bus == once.n_bus + 2 * low
    assert len(thrice.transformers.branch) == len(once.transformers.branch) + 2
    feeding = {thrice.branches.from_bus[branch] for branch in thrice.transformers.branch.tolist()}
    assert len(feeding) == len(set(plain["transformers"]["hv"])) + 2  # each copy at a bus of its own
    gone = len(once.loads) + 2 * sum(bus.startswith(ZONE) for bus in plain["loads"]["bus"]) - len(thrice.loads)
    assert gone >= 2


def test_more_grids_stand_on_further_networks_at_the_same_upstream_bus(plain, monkeypatch):
    monkeypatch.setattr(district, "GRIDS_A_NETWORK", 2)
    one, three = network_from_tables(repeated(plain, 2)), network_from_tables(networks(plain, 3))
    assert len({zone for zone in three.bus_zone if zone.startswith("LV")}) == 3
    assert three.n_bus == one.n_bus + network_from_tables(plain).n_bus - 1
    assert three.bus_names[three.slack] == plain["slack"]["bus"]
    p, q = three.rated_power()
    assert PowerFlow(three).solve(p, q).converged.all()


def test_too_many_copies_are_refused(plain):
    with pytest.raises(ValueError, match="aggregated"):
        repeated(plain, 10_000)


def test_example_homes_can_be_planned():
    assert problems(example_homes(3)) == []


def test_rate_counts_what_was_done():
    done = []
    assert rate(5, lambda: done.append(sum(range(10_000))), repeats=2) > 0.0
    assert len(done) == 3  # once to warm up
