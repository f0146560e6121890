"""Flexibility that relieves one element must not bring another to its limit: from the DSO's forecast to the cleared bids."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dso_contracts import alike, session_requests
from agents.dso_grid import GridModel
from agents.dso_headroom import Headroom, Reach, branch_headroom, branch_kept, bus_headroom
from agents.dso_outlook import LookAhead
from agents.dso_terms import DsoTerms, MarketDay
from agents.lfmo import PLATFORM, Lfmo, LfmoTerms
from agents.lfmo_session import areas_of
from agents.settlement import Service
from environment.calendar import Calendar, Timeline
from environment.grid.limits import Limits, find_violations
from environment.grid.network import network_from_tables
from environment.grid.power_flow import PowerFlow
from environment.grid.switching import planned
from environment.instruments import MeterStore
from environment.messages.procurement import PAPERS, Award, Bid, ParticipantFile
from environment.weather.view import WeatherView
from markets.bids import Bid as Offer
from markets.bids import BidColumns, NeedColumns, Sensitivities
from markets.clearing import merit_order, network_aware
from markets.pricing.pay_as_bid import prices
from markets.settlement import linear_with_grace

HOUR_MS = 3_600_000
HISTORY, STEPS = 48, 2
GATE_MS, FROM_MS = HOUR_MS, 2 * HOUR_MS
SYSTEM = f"lfmo-1/{PLATFORM}"
SERVICE = Service(
    "dso-settlement-service", "dso-1", "dso-1/database", "dso-1/database", "dso-1", {}, linear_with_grace.settle
)
FEEDERS = ("f1", "f2")


def station(weak_ka=0.062, weak_ohm=0.001):
    """A 30 kVA station with two feeders of one line each; the line of f1 is the weak one: 0.062 kA bear about 43 kW."""
    return network_from_tables(
        {
            "name": "station",
            "slack": {"bus": "grid", "voltage_pu": 1.0},
            "buses": {"name": ["grid", "busbar", "f1", "f2"], "kv": [20.0, 0.4, 0.4, 0.4]},
            "lines": {
                "name": ["l1", "l2"], "from": ["busbar", "busbar"], "to": ["f1", "f2"], "length_km": 1.0,
                "r_ohm_per_km": [weak_ohm, 0.001], "x_ohm_per_km": 0.001, "max_i_ka": [weak_ka, 0.5],
            },
            "transformers": {
                "name": ["trafo"], "hv": ["grid"], "lv": ["busbar"], "sn_mva": 0.03, "vn_hv_kv": 20.0, "vn_lv_kv": 0.4,
                "vk_percent": 4.0, "vkr_percent": 0.5,
            },
        }
    )  # fmt: skip


def looking(network, f1_kw, f2_kw):
    """A DSO whose meters showed the same net load of both feeders in all hours of two days."""
    timeline = Timeline(-HISTORY * HOUR_MS, HOUR_MS, HISTORY + 24)
    meters = MeterStore(FEEDERS, timeline)
    for step in range(HISTORY):
        meters.record(step, np.array([f1_kw, f2_kw]))
    bus = np.array([network.bus_index(name) for name in FEEDERS])
    model = GridModel(network, Limits(), bus, np.zeros(network.n_bus), planned([], timeline.start_ms))
    calendar = Calendar(datetime(2025, 6, 1, tzinfo=UTC), ZoneInfo("UTC"))
    return LookAhead(model, meters, WeatherView.empty(timeline.n), calendar, "persistence", 0.0)


DAY = MarketDay(0, 24 * HOUR_MS, 0, GATE_MS, FROM_MS, STEPS)


def asked(look_ahead, direction):
    """The requests that the DSO makes of its forecast."""
    outlook = look_ahead.look(0, DAY.end_ms)
    needs = [one for one in look_ahead.needs(outlook, FROM_MS, STEPS, 0.1) if one.direction == direction]
    terms = DsoTerms(
        days=[DAY], step_s=3600.0, fsps=["fsp"], market=SYSTEM, gdbn="gdbn", service=SERVICE, product="p", directions=[direction],
        price_cap_eur_per_kwh=1.0, granularity_kw=0.0, min_quantity_kw=0.0, max_quantity_kw=100.0, min_acceptance_kw=0.0,
        divisible=True, max_duration_s=86_400.0, exclusive=True, announcement_s=0.0, full_activation_s=300.0,
        margin_share=0.0, tap_change_eur=0.0, switching_eur=0.0,
    )  # fmt: skip
    needs, guards = look_ahead.told(outlook, needs, FROM_MS, terms.largest_whole_kw)
    return session_requests("s", "dso-1", needs, guards, terms, DAY)


def cleared(stage, requests, direction, rule=network_aware.clear):
    """What the market accepts of 30 kW in each feeder, f1 at a third of the price of f2: kW of each, in the first hour."""
    areas = areas_of(requests)
    there = stage(
        "dso-1", "dso-1/derms", "lfmo-1", SYSTEM, "fsp", actors={"dso-1/derms": ("derms",), SYSTEM: (PLATFORM,)}
    )
    parts = alike(requests)
    there.puppet("dso-1", (0, lambda one: [one.send(part, [SYSTEM] * len(part), "c") for part in parts]))
    bids = [
        Bid(bid=area, session="s", fsp="fsp", area=area, direction=direction, from_ms=FROM_MS, step_s=3600.0,
            quantity_kw=np.full(STEPS, 30.0), price_eur_per_kwh=0.1 if area.endswith("l1") else 0.3, min_acceptance_kw=0.0)
        for area in areas
    ]  # fmt: skip
    papers = ParticipantFile(fsp="fsp", areas=areas, papers=PAPERS, valid_until_ms=10 * HOUR_MS)
    fsp = there.puppet(
        "fsp",
        (GATE_MS // 2, lambda one: [one.send(bid, SYSTEM, "c") for bid in bids]),
        QualificationRequest=lambda puppet, batch: papers,
    )
    there.agent(Lfmo, "lfmo-1", LfmoTerms(("fsp",), rule, prices))
    there.run(2 * GATE_MS / 1000)
    taken = {award.area: award.cleared_kw[0] for award in fsp.of(Award)}
    return np.array([sum(kw for area, kw in taken.items() if area.endswith(line)) for line in ("l1", "l2")])


def violated(network, f1_kw, f2_kw):
    """Names of the elements that a net load of the feeders violates."""
    flow_of = PowerFlow(network)
    p = np.zeros(network.n_bus)
    p[[network.bus_index(name) for name in FEEDERS]] = f1_kw, f2_kw
    found = find_violations(flow_of, flow_of.solve(p[None], 0.0 * p[None]), Limits()).rows()
    return {row.element for row in found if row.relieve_kw > 0.1}


CASES = {
    "a line, feeding in": ("up", station(), -40.0, 75.0),
    "a line, taking out": ("down", station(), 40.0, -75.0),
    "the voltage, feeding in": ("up", station(0.5, 0.22), -40.0, 75.0),
    "the voltage, taking out": ("down", station(0.5, 0.2), 40.0, -75.0),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_relief_of_the_station_breaks_no_limit_on_a_feeder(stage, case):
    """Both feeders relieve the station; the cheap one is near its own limit in the direction of the relief."""
    direction, network, *before = case
    sign = -1.0 if direction == "up" else 1.0
    assert violated(network, *before) == {"trafo"}
    requests = asked(looking(network, *before), direction)
    assert sum(bool(one.need_kw.any()) for one in requests) == 1
    assert len(requests) == requests[0].constraints > 1
    blind = [
        replace_record(one, constraints=1) for one in requests if one.need_kw.any()
    ]  # what the market knew before it was told of headrooms
    without = cleared(stage, blind, direction)
    assert violated(network, *(np.array(before) + sign * without))
    accepted = cleared(stage, requests, direction)
    assert not violated(network, *(np.array(before) + sign * accepted))
    assert 0.0 < accepted[0] < without[0]
    assert accepted[1] > 0.0


def replace_record(record, **changes):
    return type(record)(**({name: getattr(record, name) for name in record.__struct_fields__} | changes))


def test_who_does_not_look_at_headrooms_is_not_helped_by_them(stage):
    direction, network, *before = CASES["a line, feeding in"]
    accepted = cleared(stage, asked(looking(network, *before), direction), direction, merit_order.clear)
    assert "l1" in violated(network, *(np.array(before) - accepted))


@pytest.mark.parametrize("f1_kw", [0.0, 20.0], ids=["idle", "in the relieved direction"])
def test_elements_far_from_their_limits_are_not_told(f1_kw):
    requests = asked(looking(station(), f1_kw, 45.0 - f1_kw), "up")
    assert [one.constraint for one in requests] == ["trafo"]


def test_an_element_that_is_violated_the_other_way_bears_nothing():
    """f1 feeds in more than its line bears while the station is overloaded by f2: relief of the one must not add to the other."""
    requests = {one.constraint: one for one in asked(looking(station(), -46.0, 80.0), "up")}
    assert set(requests) == {"trafo", "l1"}
    assert not requests["l1"].need_kw.any()
    np.testing.assert_array_equal(requests["l1"].headroom_up_kw, 0.0)


# --- laws of the parts -----------------------------------------------------------------------------------------------


def confirmed(network, p, direction, reach):
    """Linear and confirmed headrooms of the line of f1, which only the first area, f1 itself, moves."""
    flow_of, line = PowerFlow(network), network.branch_index("l1")
    sign = -1.0 if direction == "up" else 1.0
    kept = branch_kept(line, 100.0, 1.0)
    buses = np.array([network.bus_index(name) for name in FEEDERS])

    def keeps(areas_kw, up):
        moved = p.copy()
        moved[:, buses] += sign * areas_kw
        return kept(flow_of.solve(moved, 0.0 * p), up)

    room = branch_headroom([flow_of.solve(p, 0.0 * p)], Limits(), np.ones(len(network.branches))).of(line)
    return room, reach.confirmed(room, np.array([1.0, 0.0]), keeps)


@given(f1=st.floats(-60, 60), f2=st.floats(-60, 60), direction=st.sampled_from(["up", "down"]))
def test_headrooms_end_where_violations_begin(f1, f2, direction):
    """A line moved by its headroom is below its limit and not far, whatever the voltage does; one beyond it bears no more."""
    network, flow_of = station(), PowerFlow(station())
    p = np.zeros((1, network.n_bus))
    p[0, [network.bus_index(name) for name in FEEDERS]] = f1, f2
    flow = flow_of.solve(p, 0.0 * p)
    line, f1_bus = network.branch_index("l1"), network.bus_index("f1")
    over = bool(flow.loading_percent[0, line] > 100.0)
    reach = Reach(slice(0, 1), direction, np.array([[200.0]]), np.array([[1.0, 0.0]]), 0.0)
    linear, room = confirmed(network, p, direction, reach)
    kw = room.up_kw if direction == "up" else room.down_kw
    sign = -1.0 if direction == "up" else 1.0
    assert 0.0 <= kw[0] <= (linear.up_kw if direction == "up" else linear.down_kw)[0]
    if over and np.sign(f1) == sign:
        assert kw[0] == 0.0
    elif kw[0] > 0.0:
        p[0, f1_bus] += sign * kw[0]
        assert 95.0 < flow_of.solve(p, 0.0 * p).loading_percent[0, line] <= 100.0


@given(f1=st.floats(-60, 40), f2=st.floats(0, 60), other=st.floats(0, 1))
def test_a_headroom_holds_whatever_the_other_feeder_takes_as_well(f1, f2, other):
    """More load on f2 moves nothing through the line of f1, but lowers the voltage it has: its current grows all the same."""
    network, flow_of = station(), PowerFlow(station())
    p = np.zeros((1, network.n_bus))
    buses = [network.bus_index(name) for name in FEEDERS]
    p[0, buses] = f1, f2
    reach = Reach(slice(0, 1), "down", np.array([[40.0]]), np.array([[1.0, 1.0]]), 0.0)
    _, room = confirmed(network, p, "down", reach)
    if room.down_kw[0] > 0.0:
        p[0, buses] += min(room.down_kw[0], 40.0), other * 40.0  # no clearing takes more than the need
        assert flow_of.solve(p, 0.0 * p).loading_percent[0, network.branch_index("l1")] <= 100.0


@pytest.mark.parametrize(("f1_kw", "most"), [(60.0, 110.0), (-60.0, 0.0)], ids=["by load", "by generation"])
def test_an_overloaded_line_is_relieved_until_it_is_full_the_other_way(f1_kw, most):
    """Flexibility up of a line overloaded by load may go on until generation fills it; overloaded by generation it bears none."""
    network = station()
    p = np.zeros((1, network.n_bus))
    p[0, network.bus_index("f1")] = f1_kw
    reach = Reach(slice(0, 1), "up", np.array([[200.0]]), np.array([[1.0, 0.0]]), 0.0)
    _, room = confirmed(network, p, "up", reach)
    assert (room.up_kw[0] > 95.0) == bool(most)
    assert room.up_kw[0] <= most


def test_the_least_headroom_of_several_forecasts_counts_and_no_solution_bears_nothing():
    network = station(0.5, 0.17)
    flow_of = PowerFlow(network)
    p = np.zeros((2, network.n_bus))
    p[:, network.bus_index("f1")] = 10.0, 1e6
    flows = [flow_of.solve(share * p, 0.0 * p) for share in (1.0, 0.5)]
    assert flows[0].converged.tolist() == [True, False]
    own = np.full(network.n_bus, 1e-3)
    for make in (
        lambda given_: branch_headroom(given_, Limits(), np.ones(3)),
        lambda given_: bus_headroom(given_, Limits(), own),
    ):
        both, one, other = make(flows), make(flows[:1]), make(flows[1:])
        np.testing.assert_array_equal(both.up_kw, np.minimum(one.up_kw, other.up_kw))
        np.testing.assert_array_equal(both.down_kw, np.minimum(one.down_kw, other.down_kw))
        assert not both.up_kw[1].any()
        assert not both.down_kw[1].any()


REACH = Reach(slice(0, 2), "up", np.array([[4.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 0.5], [0.0, 1.0]]), 0.0)


def test_the_reach_is_what_the_worst_area_moves_to_meet_the_need():
    """4 kW of need take 4 kW of the first area or 8 kW of the second; nothing moves in an interval without need."""
    effect = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    np.testing.assert_allclose(REACH.moved_kw(effect), [[4.0, 8.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(replace(REACH, largest_kw=3.0).moved_kw(effect), [[7.0, 11.0, 0.0], [0.0, 0.0, 0.0]])


@pytest.mark.parametrize(("direction", "used"), [("up", "up_kw"), ("down", "down_kw")])
def test_elements_are_reached_in_the_direction_of_the_session(direction, used):
    """An element that an area acts on like load uses the headroom of the direction, one it acts on the other way round the opposite."""
    reach = replace(REACH, direction=direction)
    rooms = {name: np.full((2, 2), 100.0) for name in ("up_kw", "down_kw")}
    rooms[used] = np.full((2, 2), 2.0)
    left = reach.left_kw(Headroom(**rooms), np.array([[1.0, 0.0], [-1.0, 0.0]]))
    assert left[0] < 0.0 < left[1]


@given(
    needs=st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), min_size=1, max_size=3),
    table=st.lists(st.floats(0, 1), min_size=6, max_size=6),
    guard=st.lists(st.floats(-1, 1), min_size=3, max_size=3),
)
def test_no_clearing_at_least_cost_goes_beyond_the_reach(needs, table, guard):
    """Whatever is offered at whatever price: what is accepted for two needs moves a third element no further than foreseen."""
    relief, effect = np.array(table).reshape(2, 3), np.array([guard])
    relief = np.where(relief > 0.01, relief, 0.0)
    need_kw = np.array(needs)
    rows = [(f"n{k}", "up", t, kw) for t, row in enumerate(needs) for k, kw in enumerate(row)]
    offers = [
        Offer(bid=f"{area}{t}", fsp="f", area=area, direction="up", t_ms=t, quantity_kw=1000.0,
              price_eur_per_kwh=0.01 * (1 + "abc".index(area)), received_ms=0)
        for t in range(len(needs)) for area in "abc"
    ]  # fmt: skip
    outcome = network_aware.clear(
        BidColumns.of(offers), NeedColumns.of(rows), Sensitivities(("n0", "n1"), ("a", "b", "c"), relief),
        hours=1.0, unmet_eur_per_kwh=100.0,
    )  # fmt: skip
    accepted = outcome.accepted_kw.reshape(len(needs), 3)
    reach = Reach(slice(0, len(needs)), "up", need_kw, relief, 0.0)
    assert (np.maximum(accepted @ effect.T, 0.0) <= reach.moved_kw(effect) + 1e-5).all()
    assert (np.maximum(-accepted @ effect.T, 0.0) <= reach.moved_kw(-effect) + 1e-5).all()
