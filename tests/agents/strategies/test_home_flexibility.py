import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.strategies.home_flexibility import potential, redispatch
from agents.strategies.home_model import cost_eur, simulate
from agents.strategies.home_plan import plan
from agents.strategies.home_view import homes, take, take_plan
from experiments.covers import covers

seeds = st.integers(0, 10**6)
WINDOW = slice(26, 34)


def ordered(view, profile_kw):
    reduction_kw = np.zeros((view.n, view.m))
    reduction_kw[:, WINDOW] = profile_kw
    return reduction_kw


def about(view):
    asked = np.zeros((view.n, view.m), np.bool_)
    asked[:, WINDOW] = True
    return asked


@settings(max_examples=12, deadline=None)
@given(seed=seeds, part=st.sampled_from([1.0, 0.5, 0.1]))
@example(41781, 1.0)
@example(14, 1.0)
def test_what_is_offered_can_be_delivered_upwards_and_downwards(population, seed, part):
    view = population(25, 96, seed)
    planned = plan(view)
    offer = potential(view, planned, WINDOW.start, WINDOW.stop)
    for profile_kw in (part * offer.up_kw, -part * offer.down_kw):
        answer = redispatch(view, planned, ordered(view, profile_kw), about(view))
        np.testing.assert_allclose(answer.reduction_kw[:, WINDOW], profile_kw, atol=1e-6)
        assert not answer.reduction_kw[:, : WINDOW.start].any()


@settings(max_examples=8, deadline=None)
@given(seed=seeds)
def test_any_part_of_the_offer_can_be_called_step_by_step(population, seed):
    view = population(25, 96, seed)
    planned = plan(view)
    offer = potential(view, planned, WINDOW.start, WINDOW.stop)
    profile_kw = offer.up_kw * np.random.default_rng(seed).uniform(0, 1, offer.up_kw.shape)
    answer = redispatch(view, planned, ordered(view, profile_kw))
    assert (answer.reduction_kw[:, WINDOW] >= profile_kw - 1e-6).all()


@settings(max_examples=8, deadline=None)
@given(seed=seeds, part=st.floats(0.05, 1.0))
def test_own_generation_is_given_up_last_and_makes_a_larger_increase_exact(population, seed, part):
    view = population(25, 96, seed, curtailable=np.arange(25) % 3 > 0)
    planned = plan(view)
    steps = slice(80, 92)  # from eight in the morning on
    offer = potential(view, planned, steps.start, steps.stop, directions=("down",))
    assert not offer.curtail_kw[::3].any()
    assert (offer.curtail_kw <= view.pv_kw[:, steps]).all()
    profile_kw = part * (offer.down_kw + offer.curtail_kw)
    asked, window = np.zeros((view.n, view.m)), np.zeros((view.n, view.m), np.bool_)
    asked[:, steps], window[:, steps] = -profile_kw, True
    answer = redispatch(view, planned, asked, window)
    np.testing.assert_allclose(answer.reduction_kw[:, steps], -profile_kw, atol=1e-6)
    asked[:, steps] = -part * offer.down_kw
    by_stores = redispatch(view, planned, asked, window)
    assert by_stores.curtailed_kw.max() < 1e-6  # nothing is given up for what the stores can do
    kept = view._replace(pv_kw=view.pv_kw - answer.curtailed_kw)
    net_kw = kept.load_kw - kept.pv_kw + sum(answer.plan[:4])
    np.testing.assert_allclose(net_kw, answer.plan.net_kw, atol=1e-9)
    assert (answer.plan.net_kw[answer.curtailed_kw > 0] <= 1e-6).all()  # only what would be fed in


def test_generation_given_up_costs_what_it_would_have_earned():
    view = homes(
        2, 4, 1.0, buy_eur_per_kwh=0.3, sell_eur_per_kwh=0.07, load_kw=0.5, pv_kw=[[0.0, 3.0, 4.0, 0.0]], contracted_kw=4.5,
        curtailable=[True, False], reservation_eur_per_kwh=0.02,
    )  # fmt: skip
    offer = potential(view, plan(view), 0, 4)
    np.testing.assert_allclose(offer.curtail_kw, [[0.0, 2.5, 3.5, 0.0], [0.0] * 4])
    np.testing.assert_allclose(offer.curtail_eur_per_kwh, [0.09, 0.02])
    assert not offer.down_kw.any()


@settings(max_examples=8, deadline=None)
@given(seed=seeds)
def test_comfort_energies_and_contract_are_kept_under_an_order(population, seed):
    view = population(25, 96, seed)
    planned = plan(view)
    offer = potential(view, planned, WINDOW.start, WINDOW.stop)
    new = redispatch(view, planned, ordered(view, offer.up_kw)).plan
    before, after = simulate(view, planned), simulate(view, new)
    assert (new.net_kw <= np.maximum(view.contracted_kw[:, None], planned.net_kw) + 1e-9).all()
    battery, wanted = view.battery_kw > 0, (view.ev_target_share * view.ev_kwh_capacity)[:, None]
    assert (after.battery_kwh >= view.battery_min_kwh[:, None] - 1e-6)[battery].all()
    assert (after.battery_kwh <= view.battery_max_kwh[:, None] + 1e-6)[battery].all()
    leaves = view.ev_plugged[:, :-1] & ~view.ev_plugged[:, 1:] & (view.ev_kw > 0)[:, None]
    assert (after.ev_kwh[:, 1:-1] >= np.minimum(wanted, before.ev_kwh[:, 1:-1]) - 1e-6)[leaves].all()
    low = np.minimum(view.house_low_c, before.house_c[:, 1:])
    assert (after.house_c[:, 1:] >= low - 1e-6)[view.hp_kw > 0].all()
    low = np.minimum(view.heater_low_c[:, None], before.heater_c[:, 1:])
    assert (after.heater_c[:, 1:] >= low - 1e-6)[view.heater_kw > 0].all()


@settings(max_examples=8, deadline=None)
@given(seed=seeds)
@example(83073)
@example(170)
def test_the_asked_price_covers_the_cost_of_the_whole_offer(population, seed):
    view = population(25, 96, seed)
    planned = plan(view)
    offer = potential(view, planned, WINDOW.start, WINDOW.stop)
    sides = ((offer.up_kw, offer.up_eur_per_kwh, 1.0), (offer.down_kw, offer.down_eur_per_kwh, -1.0))
    for kw, price, sign in sides:
        new = redispatch(view, planned, ordered(view, sign * kw), about(view)).plan
        extra = cost_eur(view, new) - cost_eur(view, planned)
        asked = kw.sum(axis=1) * (price - view.reservation_eur_per_kwh) * view.hours
        assert extra.sum() <= 1.002 * asked.sum() + 0.005
        assert (extra <= asked + 0.03).all()  # neighbouring prices share a level: up to some cents a home


def test_a_smaller_order_costs_no_more_than_its_share(population):
    view = population(60, 96, 12)
    planned = plan(view)
    offer = potential(view, planned, WINDOW.start, WINDOW.stop)
    whole = cost_eur(view, redispatch(view, planned, ordered(view, offer.up_kw)).plan) - cost_eur(view, planned)
    half = cost_eur(view, redispatch(view, planned, ordered(view, 0.5 * offer.up_kw)).plan) - cost_eur(view, planned)
    assert half.sum() <= 0.5 * whole.sum() + 1e-6


@covers("SUC05.1/r11")
def test_manual_homes_and_homes_without_consent_offer_nothing_and_stay(population):
    automatic, consent = np.arange(12) % 3 != 0, np.arange(12) % 4 != 1
    view = population(12, 48, 4, automatic=automatic, consent=consent)
    planned = plan(view)
    offer = potential(view, planned, WINDOW.start, WINDOW.stop)
    out = ~(automatic & consent)
    assert not offer.up_kw[out].any()
    assert not offer.down_kw[out].any()
    assert offer.up_kw[~out].any()
    answer = redispatch(view, planned, ordered(view, 1.0))
    for old, new in zip(take_plan(planned, out), take_plan(answer.plan, out), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not answer.reduction_kw[out].any()


def car(**columns):
    base = {
        "buy_eur_per_kwh": [[0.1, 0.1, 0.2, 0.3, 0.3, 0.3]], "ev_kw": 4.0, "ev_kwh_capacity": 20.0, "ev_kwh": 8.0,
        "ev_plugged": [[1, 1, 1, 1, 1, 0]], "contracted_kw": 10.0, "reservation_eur_per_kwh": 0.05,
    }  # fmt: skip
    return homes(1, 6, 1.0, **(base | columns))


@covers("SUC05.1/r02")
def test_a_car_with_time_to_spare_gives_its_charging_and_asks_the_price_difference():
    view = car()
    planned = plan(view)
    np.testing.assert_allclose(planned.ev_kw[0], [4, 4, 4, 0, 0, 0], atol=1e-9)
    offer = potential(view, planned, 0, 2)
    np.testing.assert_allclose(offer.up_kw, [[4, 4]], atol=1e-9)
    np.testing.assert_allclose(offer.up_eur_per_kwh, 0.2 + 0.05)
    new = redispatch(view, planned, planned.ev_kw * [1, 1, 0, 0, 0, 0]).plan
    np.testing.assert_allclose(new.ev_kw[0], [0, 0, 4, 4, 4, 0], atol=1e-9)


def test_a_car_that_must_leave_offers_only_what_it_can_make_up():
    view = car(ev_kwh=2.0)  # needs 18 kWh in 5 hours of 4 kW: 2 kWh of room
    planned = plan(view)
    offer = potential(view, planned, 0, 2)
    np.testing.assert_allclose(offer.up_kw.sum(), 2.0, atol=1e-9)
    answer = redispatch(view, planned, np.array([[4.0, 4.0, 0, 0, 0, 0]]))
    np.testing.assert_allclose(answer.reduction_kw.sum(), 2.0, atol=1e-9)
    np.testing.assert_allclose(simulate(view, answer.plan).ev_kwh[0, 5], 20.0)


def test_a_battery_lasts_over_the_window():
    view = homes(
        1, 8, 1.0, buy_eur_per_kwh=0.2, sell_eur_per_kwh=0.05, load_kw=3.0, contracted_kw=9.0, battery_kw=4.0, battery_kwh=6.0,
        battery_soc_kwh=6.0, battery_max_kwh=6.0, battery_wear_eur_per_kwh=0.03, battery_eta_charge=0.9,
    )  # fmt: skip
    offer = potential(view, plan(view), 2, 6)
    np.testing.assert_allclose(offer.up_kw, [[1.5, 1.5, 1.5, 1.5]], atol=1e-9)
    recharge = 0.2 / 0.9
    np.testing.assert_allclose(offer.up_eur_per_kwh, recharge - 0.2 + 0.03, atol=1e-9)


def test_a_house_gives_what_coasting_allows():
    view = homes(
        1, 6, 1.0, buy_eur_per_kwh=0.2, contracted_kw=9.0, hp_kw=2.0, hp_cop=3.0, house_kwh_per_k=10.0, house_loss_kw_per_k=0.2,
        house_c=20.0, house_low_c=20.0, house_high_c=22.0, temp_out_c=5.0,
    )  # fmt: skip
    planned = plan(view)
    offer = potential(view, planned, 0, 1)
    np.testing.assert_allclose(offer.up_kw, 0.0, atol=1e-9)  # at the lower bound already: nothing to give now
    later = potential(view, planned, 3, 5)
    np.testing.assert_allclose(later.up_kw[0], planned.net_kw[0, 3:5], atol=1e-6)  # preheating, then all of it
    assert (later.up_eur_per_kwh > 0).all()
    assert (later.up_eur_per_kwh < 0.2).all()


@settings(max_examples=6, deadline=None)
@given(seed=seeds)
def test_offers_and_answers_of_a_row_depend_on_it_alone_bit_for_bit(population, seed):
    view = population(7, 40, seed)
    planned = plan(view)
    offer = potential(view, planned, 20, 26)
    reduction_kw = np.zeros((7, 40))
    reduction_kw[:, 20:26] = 0.7 * offer.up_kw
    answer = redispatch(view, planned, reduction_kw)
    for rows in (np.array([3]), np.array([6, 0, 2]), np.arange(7)[::2]):
        part, old = take(view, rows), take_plan(planned, rows)
        for one, all_ in zip(potential(part, old, 20, 26), offer, strict=True):
            np.testing.assert_array_equal(one, all_[rows])
        for one, all_ in zip(redispatch(part, old, reduction_kw[rows]).plan, answer.plan, strict=True):
            np.testing.assert_array_equal(one, all_[rows])


def test_a_direction_that_nobody_asks_for_is_not_worked_out(population):
    view = population(9, 96, 2)
    planned = plan(view)
    both = potential(view, planned, WINDOW.start, WINDOW.stop)
    up, down = (
        potential(view, planned, WINDOW.start, WINDOW.stop, directions=(direction,)) for direction in ("up", "down")
    )
    np.testing.assert_array_equal(up.up_kw, both.up_kw)
    np.testing.assert_array_equal(down.down_kw, both.down_kw)
    assert not up.down_kw.any()
    assert not down.up_kw.any()


@pytest.mark.parametrize(("start", "stop"), [(4, 4), (-1, 3), (3, 9)])
def test_a_window_outside_of_the_horizon_is_refused(start, stop):
    view = car()
    with pytest.raises(ValueError, match=r"not inside the horizon of 6 steps"):
        potential(view, plan(view), start, stop)


def test_the_extreme_schedule_is_not_bought_at_any_price():
    """A tank that loses quickly could be overheated hours before; no home does so for more than the virtual price."""
    view = homes(
        1, 24, 1.0, buy_eur_per_kwh=0.2, contracted_kw=9.0, heater_kw=2.0, heater_kwh_per_k=0.1, heater_ua_kw_per_k=0.02,
        heater_c=50.0, heater_low_c=50.0, heater_high_c=95.0,
    )  # fmt: skip
    planned = plan(view)
    for most in (0.05, 0.5, 5.0):
        offer = potential(view, planned, 20, 23, most_eur_per_kwh=most)
        assert (offer.up_eur_per_kwh[offer.up_kw.any(axis=1)] <= most + 1e-9).all()
    assert potential(view, planned, 20, 23, 5.0).up_kw.sum() > potential(view, planned, 20, 23, 0.05).up_kw.sum()
