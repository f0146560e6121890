"""Charts of a run: what they show is what its tables say, and many pictures fit into one page."""

import re

import numpy as np
import pytest

from experiments.plots import View, chart, inline_svg, svg
from experiments.plots.grid import geometry, worst_instant
from experiments.plots.market import biggest_fsps, money_flows, portfolio
from experiments.plots.people import message_counts, typical_home
from experiments.results import open_run, write_run


@pytest.fixture(scope="module")
def run(synthetic_folder):
    return open_run(synthetic_folder)


@pytest.mark.parametrize("most", [6, 10])
def test_a_time_axis_of_any_length_has_some_ticks_and_not_too_many(run, most):
    view = View(run)
    for quarters in range(1, 8 * 96, 5):
        with chart() as (_, axes):
            axes.set_xlim(*view.clock(np.array([0, quarters * 900_000])))
            view.time_axis(axes, span=False, most=most)
            assert 1 <= len(axes.get_xticks()) <= most + 1


def test_the_worst_instant_is_of_the_twin(run):
    facts = View(run).facts
    branch, t_ms = worst_instant(facts)
    frame = facts.twin.days("grid_branches")
    worst = int(np.argmax(frame.floats("loading_percent")))
    assert (branch, t_ms) == (frame.names("branch")[worst], frame.ints("t_ms")[worst])


def test_buses_of_unknown_place_are_left_out(synthetic, tmp_path):
    network = synthetic.network()
    network["network_buses"]["x"] = [0.0, 1.0, None]
    write_run(tmp_path / "run", synthetic.bare_tables() | network, synthetic.meta())
    net = geometry(View(open_run(tmp_path / "run")).facts)
    assert set(net.place) == {"mv", "lv"}
    assert set(net.ends) == {"T1"}


def test_the_biggest_providers_come_first(run):
    assert biggest_fsps(View(run).facts) == ["fsp-mar", "fsp-sol"]


def test_a_portfolio_is_the_sum_of_its_homes(run, synthetic):
    t_ms, kw = portfolio(View(run).facts, "fsp-mar")
    expected = synthetic.portfolio(synthetic.base_kw() + synthetic.car_kw(synthetic.shifts(True)), "fsp-mar")
    assert t_ms.tolist() == synthetic.T_MS.tolist()
    assert kw == pytest.approx(expected)


def test_money_flows_add_up_to_the_ledger(run, synthetic):
    flows = money_flows(View(run).facts)
    assert sum(flow[3] for flow in flows) == pytest.approx(sum(synthetic.ledger()["eur"]))
    assert flows[0] == ("homes", "retailer", "retail energy", 30.0)


def test_messages_by_platform_add_up(run, synthetic):
    counts = message_counts(View(run).facts)
    assert sum(own["messages"] for _, own in counts) == len(synthetic.messages()["row"])
    for _, own in counts:
        assert own["messages"] == own["acknowledged"] + own["delivered"] + own["late"] + own["refused"] + own["lost"]


def test_the_typical_home_has_the_most_kinds_of_device(synthetic, tmp_path):
    tables = synthetic.bare_tables("homes", "devices")
    extra = {
        "t_ms": [synthetic.DELIVERY_START_MS],
        "owner": ["home-0005"],
        "kind": ["pv"],
        "power_kw": [-1.0],
        "state": [None],
    }
    tables["devices"] = {key: [*column, *extra[key]] for key, column in tables["devices"].items()}
    write_run(tmp_path / "run", tables, synthetic.meta())
    assert typical_home(View(open_run(tmp_path / "run")).facts) == "home-0005"


def test_pictures_of_one_page_do_not_share_ids():
    def picture(name):
        with chart(2, 1) as (figure, axes):
            axes.plot([0, 1], [0, 1])
            return svg(figure, name)

    first, second = picture("one"), picture("two")
    assert not set(re.findall(r'id="([^"]+)"', first)) & set(re.findall(r'id="([^"]+)"', second))
    assert picture("one") == first
    assert first.count("<svg") == 1
    assert "max-width:" in first


def test_foreign_pictures_are_taken_in():
    text = '<?xml version="1.0"?><svg xmlns="http://x" width="10pt" height="5pt"><use href="#a"/><g id="a"/></svg>'
    assert (
        inline_svg(text, "n")
        == '<svg style="width:100%;max-width:13px" role="img"><use href="#n-a"/><g id="n-a"/></svg>'
    )
