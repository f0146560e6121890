import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.strategies.home_model import cost_eur, own_controls, simulate
from agents.strategies.home_plan import BLOCK, Band, plan, plan_within, replan
from agents.strategies.home_view import HomePlan, homes, take, take_plan

seeds = st.integers(0, 10**6)


def identical(one: HomePlan, other: HomePlan) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def reaching(view):
    """What the greatest effort of each store could reach: charging and heating at full power from now on, at step ends."""
    full = HomePlan(
        ev_kw=np.where(view.ev_plugged, view.ev_kw[:, None], 0.0),
        battery_kw=np.zeros((view.n, view.m)),
        heater_kw=np.repeat(view.heater_kw[:, None], view.m, axis=1),
        heat_pump_kw=np.repeat(view.hp_kw[:, None], view.m, axis=1),
        net_kw=np.zeros((view.n, view.m)),
    )
    return simulate(view, full)


def assert_physical(view, planned: HomePlan) -> None:
    tiny = 1e-9
    assert (planned.ev_kw >= 0).all()
    assert (planned.ev_kw <= np.where(view.ev_plugged, view.ev_kw[:, None], 0.0) + tiny).all()
    assert (np.abs(planned.battery_kw) <= view.battery_kw[:, None] + tiny).all()
    for power, rated in ((planned.heater_kw, view.heater_kw), (planned.heat_pump_kw, view.hp_kw)):
        assert (power >= 0).all()
        assert (power <= rated[:, None] + tiny).all()
    made = view.load_kw - view.pv_kw + planned.ev_kw + planned.battery_kw + planned.heater_kw + planned.heat_pump_kw
    np.testing.assert_allclose(planned.net_kw, made, atol=1e-9)


def assert_kept(view, planned: HomePlan) -> None:
    """Energies within 1e-6 of their bounds; demands kept wherever the greatest effort keeps them."""
    states, most = simulate(view, planned), reaching(view)
    has = view.automatic & (view.battery_kw > 0)
    battery = states.battery_kwh[has]
    assert (battery >= view.battery_min_kwh[has, None] - 1e-6).all()
    assert (battery <= view.battery_max_kwh[has, None] + 1e-6).all()
    assert (battery[:, -1] >= view.battery_end_kwh[has] - 1e-6).all()
    heated, warmed = view.automatic & (view.heater_kw > 0), view.automatic & (view.hp_kw > 0)
    _assert_heat_kept(heated, states.heater_c, most.heater_c, np.repeat(view.heater_low_c[:, None], view.m, axis=1))
    _assert_heat_kept(warmed, states.house_c, most.house_c, view.house_low_c)
    ends = (
        (heated, states.heater_c, most.heater_c, view.heater_end_c),
        (warmed, states.house_c, most.house_c, view.house_end_c),
    )
    for has, content, top, end in ends:
        assert (content[:, -1] >= np.minimum(end, top[:, -1]) - 1e-6)[has].all()
    _assert_departures_kept(view, states.ev_kwh, most.ev_kwh)


def _assert_heat_kept(has, content, most, low) -> None:
    # at both ends of a step, for homes that full power from now on would keep warm all the time
    both = np.concatenate([low, low[:, 1:]], axis=1)
    at = np.concatenate([content[:, 1:], content[:, 1:-1]], axis=1)
    tops = np.concatenate([most[:, 1:], most[:, 1:-1]], axis=1)
    able = has & (tops >= both).all(axis=1)
    assert (at >= both - 1e-6)[able].all()


def _assert_departures_kept(view, content, most) -> None:
    has = view.automatic & (view.ev_kw > 0)
    leaves = view.ev_plugged[:, :-1] & ~view.ev_plugged[:, 1:]
    wanted = (view.ev_target_share * view.ev_kwh_capacity)[:, None]
    demand = np.minimum(wanted, most[:, 1:-1])
    assert (content[:, 1:-1] >= demand - 1e-6)[leaves & has[:, None]].all()


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_a_plan_can_be_carried_out_and_keeps_comfort(population, seed):
    view = population(30, 96, seed)
    planned = plan(view)
    assert_physical(view, planned)
    assert_kept(view, planned)
    assert (planned.net_kw <= view.contracted_kw[:, None] + 1e-9).all()


@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_a_plan_costs_no_more_than_the_devices_own_controls(population, seed):
    view = population(30, 96, seed, share=0.5)
    own = own_controls(view)
    ends = simulate(view, own)
    equal = view._replace(
        ev_end_kwh=ends.ev_kwh[:, -1], heater_end_c=ends.heater_c[:, -1], house_end_c=ends.house_c[:, -1],
        house_low_c=np.minimum(view.house_low_c, ends.house_c[:, 1:]), heater_low_c=np.minimum(45.0, ends.heater_c.min(axis=1)),
    )  # fmt: skip
    assert (cost_eur(view, plan(equal)) <= cost_eur(view, own) + 1e-6).all()


@settings(max_examples=10, deadline=None)
@given(seed=seeds, order=st.permutations(range(9)))
def test_a_row_depends_on_its_own_row_alone_bit_for_bit(population, seed, order):
    automatic = np.arange(9) % 4 != 3
    view = population(9, 40, seed, automatic=automatic)
    together = plan(view)
    rows = np.array(order)
    assert identical(plan(take(view, rows)), take_plan(together, rows))
    for k in (0, 5, slice(2, 9, 3)):
        some = np.atleast_1d(np.arange(9)[k])
        assert identical(plan(take(view, some)), take_plan(together, some))


def test_blocks_do_not_show(population):
    view = population(BLOCK + 7, 16)
    together = plan(view)
    rows = np.array([0, BLOCK - 1, BLOCK, BLOCK + 6])
    assert identical(plan(take(view, rows)), take_plan(together, rows))


def test_at_equal_prices_the_car_charges_at_once_and_the_battery_rests(population):
    view = population(40, 96, 3, buy_eur_per_kwh=0.2, sell_eur_per_kwh=0.2, contracted_kw=100.0)
    planned = plan(view)
    charging = np.where((view.ev_kw > 0)[:, None], planned.ev_kw, 0.0)
    earliest = own_controls(view).ev_kw
    evening = np.cumsum(view.ev_plugged[:, :-1] & ~view.ev_plugged[:, 1:], axis=1) == 0
    assert earliest[:, :-1][evening].sum() > 0
    np.testing.assert_allclose(charging[:, :-1][evening], earliest[:, :-1][evening], atol=1e-9)
    held = simulate(view, planned).battery_kwh
    assert (np.diff(held, axis=1) <= 1e-9).all() or (held[:, -1] >= view.battery_end_kwh - 1e-9).all()
    assert np.abs(planned.battery_kw).max() < 1e-9


def test_the_contract_holds_as_long_as_comfort_can(population):
    view = population(60, 96, 8)
    base = view.load_kw.max(axis=1)
    tight = view._replace(contracted_kw=np.maximum(base, 3.0) + view.hp_kw + view.heater_kw)
    planned = plan(tight)
    assert (planned.net_kw <= tight.contracted_kw[:, None] + 1e-9).all()
    assert_kept(tight._replace(ev_kw=np.zeros(60)), planned)


def test_without_room_in_the_contract_heat_comes_first_and_the_car_waits(population):
    view = population(60, 96, 8)
    tight = view._replace(contracted_kw=view.load_kw.max(axis=1))
    planned = plan(tight)
    beyond = planned.net_kw - tight.contracted_kw[:, None]
    heat = planned.heat_pump_kw + planned.heater_kw
    assert (beyond <= heat + 1e-9).all()
    assert not (planned.ev_kw[beyond > 1e-9] > 1e-9).any()
    assert_kept(tight._replace(ev_kw=np.zeros(60)), planned)


def test_surplus_is_used_before_it_is_sold():
    pv = np.zeros((1, 8))
    pv[0, 2:6] = 2.0
    view = homes(
        1, 8, 1.0, buy_eur_per_kwh=0.3, sell_eur_per_kwh=0.05, pv_kw=pv, load_kw=0.5, contracted_kw=10.0,
        ev_kw=5.0, ev_kwh_capacity=20.0, ev_kwh=10.0, ev_plugged=[True] * 7 + [False], ev_target_share=0.7,
    )  # fmt: skip
    planned = plan(view)
    np.testing.assert_allclose(planned.ev_kw[0], [0, 0, 1.5, 1.5, 1, 0, 0, 0], atol=1e-9)


def test_a_battery_trades_only_when_losses_and_wear_are_paid():
    def traded(dear: float) -> float:
        view = homes(
            1, 2, 1.0, buy_eur_per_kwh=[[0.10, dear]], sell_eur_per_kwh=0.0, load_kw=1.0, contracted_kw=9.0, battery_kw=1.0,
            battery_kwh=5.0, battery_max_kwh=5.0, battery_eta_charge=0.9, battery_eta_discharge=0.9, battery_wear_eur_per_kwh=0.02,
        )  # fmt: skip
        return float(plan(view).battery_kw[0, 1])

    break_even = 0.10 / 0.81 + 0.02
    assert traded(break_even - 0.001) == 0.0
    np.testing.assert_allclose(traded(break_even + 0.001), -0.81)


def test_sessions_in_a_row_are_each_filled_by_their_departure():
    plugged = np.array([[1, 1, 1, 0, 0, 1, 1, 1, 0, 0]], bool)
    view = homes(
        1, 10, 1.0, buy_eur_per_kwh=[[5, 1, 2, 0, 0, 3, 2, 9, 0, 0]], ev_kw=4.0, ev_kwh_capacity=10.0, ev_kwh=4.0,
        ev_plugged=plugged, ev_drive_kwh=[[0, 0, 0, 3, 3, 0, 0, 0, 2, 2]], ev_end_kwh=0.0, contracted_kw=50.0,
    )  # fmt: skip
    np.testing.assert_allclose(plan(view).ev_kw[0], [0, 4, 2, 0, 0, 2, 4, 0, 0, 0], atol=1e-9)


def test_homes_on_manual_control_do_what_their_devices_do(population):
    view = population(12, 48, 2, automatic=np.arange(12) < 5)
    planned, own = plan(view), own_controls(view)
    assert identical(take_plan(planned, slice(5, 12)), take_plan(own, slice(5, 12)))
    assert not identical(take_plan(planned, slice(0, 5)), take_plan(own, slice(0, 5)))


def test_a_band_is_kept_where_comfort_allows(population):
    view = population(30, 48, 4)
    free = plan(view)
    low, high = np.full((30, 48), -np.inf), np.repeat(view.contracted_kw[:, None], 48, axis=1)
    high[:, 30:38] = free.net_kw[:, 30:38] - 0.3 * free.ev_kw[:, 30:38]
    kept = plan_within(view, Band(low, high), free)
    assert (kept.net_kw <= high + 1e-9).all()
    assert_kept(view, kept)


def test_replanning_touches_the_named_rows_only(population):
    view = population(10, 32, 6)
    old = plan(view)
    later = view._replace(ev_kwh=0.5 * view.ev_kwh)
    rows = np.arange(10) % 3 == 0
    new = replan(later, old, rows)
    assert identical(take_plan(new, ~rows), take_plan(old, ~rows))
    assert_kept(take(later, rows), take_plan(new, rows))
    assert not identical(take_plan(new, rows), take_plan(old, rows))
    assert replan(view, old, np.zeros(10, bool)) is old


def test_an_empty_population_has_an_empty_plan():
    assert plan(homes(0, 5, 0.25)).net_kw.shape == (0, 5)


@pytest.mark.parametrize("hours", [0.25, 1.0])
def test_negative_prices_fill_what_can_be_filled(hours):
    view = homes(
        1, 4, hours, buy_eur_per_kwh=[[0.2, -0.1, -0.1, 0.2]], sell_eur_per_kwh=-0.2, contracted_kw=9.0, heater_kw=2.0,
        heater_kwh_per_k=0.2, heater_c=50.0, heater_low_c=45.0, heater_high_c=90.0, heater_end_c=45.0, heater_ua_kw_per_k=0.001,
    )  # fmt: skip
    np.testing.assert_allclose(plan(view).heater_kw[0], [0, 2, 2, 0], atol=1e-9)


def test_a_car_that_strands_is_charged_from_empty():
    view = homes(
        1, 6, 1.0, buy_eur_per_kwh=[[1, 1, 1, 3, 2, 1]], ev_kw=4.0, ev_kwh_capacity=8.0, ev_kwh=2.0, contracted_kw=9.0,
        ev_plugged=[[0, 0, 1, 1, 1, 0]], ev_drive_kwh=[[3, 3, 0, 0, 0, 0]], ev_end_kwh=0.0,
    )  # fmt: skip
    np.testing.assert_allclose(plan(view).ev_kw[0], [0, 0, 4, 0, 4, 0], atol=1e-9)


def test_a_second_round_coordinates_the_devices(population):
    view = population(60, 96, 5, share=1.0)
    once, twice = cost_eur(view, plan(view, sweeps=1)), cost_eur(view, plan(view, sweeps=2))
    assert twice.sum() < 0.999 * once.sum()
