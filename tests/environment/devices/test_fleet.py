"""Fleets: integration through time under orders, exact however it is cut."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.calendar import Timeline
from environment.devices import DEVICES, battery, device_kind, ev, water_heater
from environment.devices.fleet import Fleet
from environment.devices.set_points import Priority

TIMELINE = Timeline(-3_600_000, 900_000, 24)


def _fleet(name="water_heater", n=6, seed=1, rows=slice(None)):
    """A fleet of some kind; ``rows`` keeps some of its owners."""
    kind = device_kind(name)
    ratings, state, first = kind.examples(np.random.default_rng(seed), n)
    by_step = [kind.examples(np.random.default_rng(seed + 1 + k), n)[2] for k in range(TIMELINE.n)]
    if name == "heat_pump":  # comfort is a habit, not a matter of the quarter hour
        by_step = [type(first)(later[0], later[1], *first[2:]) for later in by_step]
    cut = lambda record: type(record)(*(np.asarray(a)[rows] for a in record))  # noqa: E731
    owners = np.array([f"home-{i:04d}" for i in range(n)])[rows]
    return Fleet(kind, list(owners), cut(ratings), cut(state), lambda k: cut(by_step[k]), TIMELINE)


def _assert_same(one, other, tolerance):
    np.testing.assert_allclose(one.energy_kwh, other.energy_kwh, atol=tolerance, rtol=0)
    for a, b in zip(one.state, other.state, strict=True):
        np.testing.assert_allclose(a, b, atol=tolerance, rtol=0)


@pytest.mark.parametrize("name", DEVICES)
def test_cutting_time_anywhere_changes_nothing(name):
    whole, cut = _fleet(name), _fleet(name)
    whole.advance(TIMELINE.end_ms)
    for t in (-3_599_999, -1, 0, 450_000, 450_001, 900_000, 7_000_000, TIMELINE.end_ms):
        cut.advance(t)
    _assert_same(whole, cut, 1e-9)


@pytest.mark.parametrize("name", DEVICES)
@settings(max_examples=15, deadline=None)
@given(touches=st.lists(st.tuples(st.integers(0, 40), st.sets(st.integers(0, 5), min_size=1)), max_size=8))
def test_advancing_rows_apart_changes_nothing(name, touches):
    whole, apart = _fleet(name), _fleet(name)
    whole.advance(TIMELINE.end_ms)
    for portion, rows in sorted(touches, key=lambda touch: touch[0]):
        apart.advance(TIMELINE.start_ms + portion * 500_000, sorted(rows))
    apart.advance(TIMELINE.end_ms)
    _assert_same(whole, apart, 1e-9)


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("n", [1, 7])
def test_a_fleet_is_its_owners_singly_bit_for_bit(name, n):
    """Orders for some rows, at instants within steps, included: each row has its own time."""

    def live(fleet, mine):
        fleet.order(1_000_000, "first", Priority.MARKET, mine(slice(0, None, 2)), 0.7, 5)
        fleet.advance(1_800_000)
        if len(mine([0])):
            fleet.order(2_000_123, "second", Priority.MANUAL, mine([0]), -0.2)
        fleet.advance(2_700_000)
        fleet.revoke(2_900_001, "first")
        fleet.advance(TIMELINE.end_ms)

    together = _fleet(name, n)
    live(together, lambda rows: rows)
    for row in range(n):
        alone = _fleet(name, n, rows=slice(row, row + 1))
        live(alone, lambda rows, row=row: np.flatnonzero(np.isin([row], np.arange(n)[rows])))
        assert alone.energy_kwh[0] == together.energy_kwh[row]
        assert [a[0] for a in alone.state] == [a[row] for a in together.state]


def test_the_pair_of_owners_with_an_order_and_without_do_not_touch_each_other():
    quiet, ordered = _fleet("battery"), _fleet("battery")
    ordered.order(450_000, "a", Priority.MARKET, [2], 1.0)
    for fleet in (quiet, ordered):
        fleet.advance(TIMELINE.end_ms)
    others = np.arange(6) != 2
    assert (quiet.energy_kwh[others] == ordered.energy_kwh[others]).all()
    assert quiet.energy_kwh[2] != ordered.energy_kwh[2]


def _one_battery(soc=0.5):
    ratings = battery.Ratings(*(np.array([x]) for x in (10.0, 5.0, 1.0, 1.0, 0.0, 1.0, 0.0)))
    state = battery.State(np.array([10.0 * soc]))
    return Fleet(battery, ["home-0001"], ratings, state, lambda _k: battery.Inputs(), TIMELINE)


def test_an_order_acts_from_its_instant_on_and_not_before():
    fleet = _one_battery()
    fleet.order(300_000, "a", Priority.MARKET, [0], 3.0)
    fleet.advance(900_000)
    assert fleet.energy_kwh[0] == pytest.approx(3.0 * 600 / 3600, abs=1e-12)
    assert fleet.state.energy_kwh[0] == pytest.approx(5.5, abs=1e-12)


def test_a_revocation_acts_from_its_instant_on_and_not_before():
    fleet = _one_battery()
    fleet.order(0, "a", Priority.MARKET, [0], 3.0)
    fleet.revoke(300_000, "a")
    fleet.advance(900_000)
    assert fleet.energy_kwh[0] == pytest.approx(3.0 * 300 / 3600, abs=1e-12)


def test_a_mode_acts_from_its_instant_on_and_not_before():
    fleet = _one_battery()
    fleet.order(0, "a", Priority.MARKET, [0], 3.0)
    fleet.set_mode(300_000, [0], False)
    fleet.set_mode(600_000, [0], True)
    fleet.advance(900_000)
    assert fleet.energy_kwh[0] == pytest.approx(3.0 * 600 / 3600, abs=1e-12)


def test_a_schedule_written_within_its_step_acts_from_then_on():
    fleet = _one_battery()
    fleet.schedule(300_000, [0], TIMELINE.index(300_000), [[3.0, -3.0]])
    fleet.advance(1_800_000)
    assert fleet.energy_kwh[0] == pytest.approx(3.0 * 600 / 3600 - 3.0 * 900 / 3600, abs=1e-12)


def test_power_now_respects_set_point_and_bounds():
    fleet = _one_battery()
    assert fleet.power_now_kw()[0] == 0.0
    fleet.order(0, "a", Priority.MARKET, [0], [[5.0] * 8])
    assert fleet.power_now_kw()[0] == pytest.approx(5.0)
    fleet.advance(3_600_000)
    assert fleet.state.energy_kwh[0] == pytest.approx(10.0)
    assert fleet.power_now_kw()[0] == pytest.approx(0.0, abs=1e-6)


def test_power_now_of_rows_at_different_instants_is_each_rows_own():
    fleet, reference = _fleet("ev"), _fleet("ev")
    fleet.advance(0, [0, 1])
    fleet.advance(1_000_000, [0])
    reference.advance(1_000_000)
    assert fleet.power_now_kw()[0] == reference.power_now_kw()[0]
    assert fleet.power_now_kw()[5] == _fleet("ev").power_now_kw()[5]


@pytest.mark.parametrize("name", DEVICES)
def test_working_out_the_way_ahead_with_the_power_changes_no_bit(name):
    """Whether a set-point that comes in between, or another instant than foreseen, makes what was worked out useless or not."""
    plain, ahead = _fleet(name, n=7), _fleet(name, n=7)
    for minute in range(0, 240, 5):
        t = TIMELINE.start_ms + minute * 60_000
        until = None if minute % 15 == 0 else t + 300_000
        powers = []
        for fleet, way in ((plain, None), (ahead, until)):
            fleet.advance(t)
            powers.append(fleet.power_now_kw(way))
            step = TIMELINE.index(t)
            if minute % 15 == 0:
                fleet.schedule(
                    t, slice(None), step, np.where(np.arange(7) == minute % 7, np.nan, minute / 100.0)[:, None]
                )
            if minute % 20 == 5:
                fleet.schedule(t, [2, 3], step, np.array([[0.1], [1.5]]))
            if minute % 25 == 0:
                fleet.order(t + 60_000, f"order {minute}", Priority.MARKET, [1, 4], np.array([[1.0], [0.2]]), step)
            if minute % 35 == 0:
                fleet.advance(t + 120_000)
        np.testing.assert_array_equal(*powers)
        np.testing.assert_array_equal(plain.energy_kwh, ahead.energy_kwh)
        for one, other in zip(plain.state, ahead.state, strict=True):
            np.testing.assert_array_equal(one, other)


def test_step_energies_sum_to_the_whole_and_are_handed_over_once():
    fleet = _fleet("heat_pump")
    total = np.zeros(fleet.n)
    for step in range(TIMELINE.n):
        fleet.order(TIMELINE.start_ms + step * 900_000 + 100_000, str(step), Priority.MARKET, [step % 6], 1.0)
        fleet.advance(TIMELINE.start_ms + (step + 1) * 900_000)
        total += fleet.step_energy(step)
    np.testing.assert_allclose(total, fleet.energy_kwh, atol=1e-12)
    with pytest.raises(ValueError, match="handed over"):
        fleet.step_energy(3)


def test_a_step_that_has_not_ended_has_no_energy_yet():
    fleet = _fleet("pv")
    fleet.advance(-2_700_000, [0, 1])
    with pytest.raises(ValueError, match="advance first"):
        fleet.step_energy(0)


def test_feasible_power_is_kept_by_the_next_step():
    fleet = _fleet("battery")
    fleet.advance(0)
    low, high = fleet.feasible_kw(0.25)
    fleet.order(0, "a", Priority.MARKET, slice(None), high)
    fleet.advance(900_000)
    np.testing.assert_allclose(fleet.step_energy(4) / 0.25, high, atol=1e-9)
    assert (low <= high).all()


def test_a_state_handed_out_is_not_written_again():
    fleet = _fleet("battery")
    fleet.order(0, "a", Priority.MARKET, slice(None), 1.0)
    before = fleet.state
    kept = before.energy_kwh.copy()
    fleet.advance(400_000, [1])
    fleet.advance(900_000)
    np.testing.assert_array_equal(before.energy_kwh, kept)
    assert (fleet.state.energy_kwh != kept).any()


def test_each_step_asks_its_inputs_once():
    asked = []
    kind, (ratings, state, inputs) = ev, ev.examples(np.random.default_rng(2), 3)
    fleet = Fleet(kind, ["a", "b", "c"], ratings, state, lambda k: asked.append(k) or inputs, TIMELINE)
    for t in range(TIMELINE.start_ms, TIMELINE.end_ms, 300_000):
        fleet.advance(t)
    fleet.advance(TIMELINE.end_ms)
    assert asked == list(range(TIMELINE.n))


def test_a_fleet_without_owners_lives_too():
    fleet = _fleet("water_heater", n=3, rows=slice(0, 0))
    fleet.advance(TIMELINE.end_ms)
    assert fleet.energy_kwh.shape == fleet.power_now_kw().shape == (0,)


def test_the_fleet_refuses_what_it_cannot_do():
    fleet = _fleet("battery")
    fleet.advance(0)
    with pytest.raises(ValueError, match="cannot go back"):
        fleet.advance(-1)
    with pytest.raises(ValueError, match="timeline's end"):
        fleet.advance(TIMELINE.end_ms + 1)
    fleet.advance(100, [0])
    with pytest.raises(ValueError, match="different instants"):
        fleet.feasible_kw(0.25)


def test_columns_that_do_not_fit_are_named_all_at_once():
    ratings, state, inputs = water_heater.examples(np.random.default_rng(2), 3)
    wrong = ratings._replace(volume_l=np.array([1.0, 2.0]), set_c=np.array([1.0, np.nan, 3.0]))
    with pytest.raises(ValueError, match=r"volume_l \(2,\), set_c \(3,\)"):
        Fleet(water_heater, ["a", "b", "c"], wrong, state, lambda _k: inputs, TIMELINE)


@pytest.mark.parametrize("name", DEVICES)
def test_blocks_of_rows_change_no_bit(name, monkeypatch):
    whole, blocks = _fleet(name, 20), _fleet(name, 20)
    whole.advance(TIMELINE.end_ms)
    monkeypatch.setattr("environment.devices.fleet.BLOCK", 7)
    blocks.advance(TIMELINE.end_ms)
    assert whole.energy_kwh.tolist() == blocks.energy_kwh.tolist()
    assert whole.power_now_kw().tolist() == blocks.power_now_kw().tolist()
    assert [column.tolist() for column in whole.state] == [column.tolist() for column in blocks.state]


def test_a_copy_lives_its_own_life():
    """A twin starts as a deep copy that shares modules and inputs."""
    fleet = _fleet("battery")
    fleet.order(0, "a", Priority.MARKET, slice(None), [[1.0] * 8])
    fleet.advance(450_000)
    twin = copy.deepcopy(fleet, {id(shared): shared for shared in (fleet.kind, fleet._inputs)})
    twin.revoke(450_000, "a")
    twin.order(450_000, "b", Priority.MARKET, [0], -0.5)
    for one in (fleet, twin):
        one.advance(1_800_000)
    expected = _fleet("battery")
    expected.order(0, "a", Priority.MARKET, slice(None), [[1.0] * 8])
    expected.advance(1_800_000)
    _assert_same(fleet, expected, 1e-12)
    assert (twin.energy_kwh < fleet.energy_kwh).tolist() == [True] * 5 + [False]  # the last battery is full


@pytest.mark.parametrize("name", [name for name in DEVICES if name != "battery"])
def test_an_input_that_is_no_number_is_named_where_it_bites(name):
    kind = device_kind(name)
    ratings, state, inputs = kind.examples(np.random.default_rng(3), 4)
    hole = np.array([False, False, True, False])
    broken = inputs._replace(**{inputs._fields[0]: np.where(hole, np.nan, inputs[0])})
    if name == "ev":  # a car's whereabouts are yes or no; its target is a number
        broken = inputs._replace(plugged=np.ones(4), away=np.zeros(4), target_share=np.where(hole, np.nan, 0.8))
    fleet = Fleet(kind, list("abcd"), ratings, state, lambda k: broken if k == 2 else inputs, TIMELINE)
    with pytest.raises(ValueError, match="'c' in step 2"):
        fleet.advance(TIMELINE.end_ms)


@pytest.mark.parametrize(
    ("name", "field"),
    [("battery", "energy_kwh"), ("ev", "energy_kwh"), ("heat_pump", "indoor_c"), ("water_heater", "tank_c")],
)
def test_the_state_shown_is_what_is_stored(name, field):
    fleet = _fleet(name)
    fleet.advance(0)
    np.testing.assert_array_equal(fleet.state_value, getattr(fleet.state, field))
    assert ("kWh" if field == "energy_kwh" else "degC") == fleet.kind.STATE_UNIT


@pytest.mark.parametrize("name", ["load", "pv", "mv_plant"])
def test_what_stores_nothing_shows_no_state(name):
    assert np.isnan(_fleet(name).state_value).all()


WRONG = [
    ("load", {"scale": np.inf}, ["scale is not finite"]),
    ("pv", {"inverter_kw": -1.0}, ["inverter_kw is negative"]),
    ("mv_plant", {"capacity_kw": np.inf, "ramp_kw_per_h": 0.0}, ["capacity_kw is negative or not finite", "ramp_kw_per_h"]),
    ("battery", {"capacity_kwh": -1.0, "power_kw": -1.0, "charge_share": 0.0, "discharge_share": 1.1, "min_soc_share": 0.99,
                 "max_soc_share": 0.5, "standby_kw": -0.1},
     ["capacity_kwh", "power_kw", "charge_share is not in", "discharge_share is not in", "min_soc_share", "standby_kw"]),
    ("ev", {"capacity_kwh": -1.0, "charger_kw": -1.0, "discharge_kw": -1.0, "charge_share": 90.0, "discharge_share": 0.0,
            "min_soc_share": 2.0},
     ["capacity_kwh", "charger_kw", "discharge_kw", "charge_share", "discharge_share", "min_soc_share"]),
    ("heat_pump", {"compressor_kw": -1.0, "backup_kw": -1.0, "fleet_factor": 5.0, "capacity_kwh_per_k": 0.0, "loss_kw_per_k": 150.0},
     ["compressor_kw", "backup_kw", "fleet_factor", "capacity_kwh_per_k", "is it in W/K"]),
    ("heat_pump", {"loss_kw_per_k": 0.0}, ["loss_kw_per_k is not positive"]),
    ("water_heater", {"volume_l": 0.0, "heater_kw": -1.0, "loss_kw_per_k": 1.5, "dead_band_k": 0.0, "min_c": 70.0, "max_c": 40.0},
     ["volume_l", "heater_kw", "is it in W/K", "dead_band_k", "min_c", "max_c"]),
    ("water_heater", {"loss_kw_per_k": 0.0}, ["loss_kw_per_k is not positive"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "wrong", "named"), WRONG)
def test_ratings_that_cannot_be_are_all_named_with_their_owners(name, wrong, named):
    kind = device_kind(name)
    ratings, state, inputs = kind.examples(np.random.default_rng(3), 5)
    broken = {field: np.where(np.arange(5) >= 1, value, getattr(ratings, field)) for field, value in wrong.items()}
    with pytest.raises(ValueError, match=f"{name} fleet: ratings that cannot be") as refused:
        Fleet(kind, list("abcde"), ratings._replace(**broken), state, lambda _k: inputs, TIMELINE)
    for text in [*named, ": b, c, d ..."]:
        assert text in str(refused.value)
