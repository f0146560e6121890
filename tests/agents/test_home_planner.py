"""The optimisation of a portfolio: rows solved singly equal rows solved together; what follows no orders counts as load."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.home_picture import survey_of, with_survey
from agents.home_planner import Planner, Rolling, left_to_themselves, saved_eur, worth_eur
from agents.strategies.home_model import cost_eur, own_controls, simulate
from agents.strategies.home_plan import plan as cheapest
from agents.strategies.home_view import PER_STEP, HomePlan, homes, take
from environment.weather.view import WeatherView
from experiments.covers import covers

N, M, HOURS = 7, 32, 0.25


def view_of(seed):
    rng = np.random.default_rng(seed)
    slot = np.arange(M)
    price = np.where(slot % 16 < 8, 0.16, 0.21)
    return homes(
        N, M, HOURS, buy_eur_per_kwh=price, sell_eur_per_kwh=0.04, contracted_kw=6.0, load_kw=rng.uniform(0.1, 2.0, (N, M)),
        pv_kw=rng.uniform(0.0, 3.0, (N, M)) * (rng.uniform(size=(N, 1)) < 0.5), battery_kwh=8.0, battery_kw=3.0,
        battery_max_kwh=8.0, battery_soc_kwh=rng.uniform(1.0, 7.0, N), ev_kw=3.7, ev_kwh_capacity=50.0,
        ev_kwh=rng.uniform(20.0, 40.0, N), ev_plugged=True, heater_kw=1.8, heater_kwh_per_k=0.17, heater_ua_kw_per_k=0.0017,
        heater_c=rng.uniform(48.0, 58.0, N), heater_low_c=45.0, heater_high_c=65.0, heater_set_c=57.0, heater_ambient_c=18.0,
        heater_draw_kwh=rng.uniform(0.0, 0.2, (N, M)),
    )  # fmt: skip


@covers("SUC13.1/r18")
@settings(max_examples=8)
@given(st.integers(0, 1000), st.lists(st.lists(st.booleans(), min_size=N, max_size=N), min_size=4, max_size=4))
def test_rows_solved_singly_equal_rows_solved_together(seed, controlled):
    controlled, off = np.array(controlled), np.zeros((4, N), bool)
    together = cheapest(left_to_themselves(view_of(seed), controlled, off))
    for row in range(N):
        alone = cheapest(
            left_to_themselves(take(view_of(seed), slice(row, row + 1)), controlled[:, [row]], off[:, [row]])
        )
        for one, all_ in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], all_[row])


@covers("SUC13.1/r26", "SUC13.1/CI-2")
@settings(max_examples=10)
@given(st.integers(0, 1000), st.lists(st.lists(st.booleans(), min_size=N, max_size=N), min_size=4, max_size=4))
def test_what_follows_no_orders_is_planned_by_nobody(seed, controlled):
    controlled = np.array(controlled)
    view = view_of(seed)
    plan = cheapest(left_to_themselves(view, controlled, np.zeros((4, N), bool)))
    for kind, kw in enumerate((plan.ev_kw, plan.battery_kw, plan.heater_kw, plan.heat_pump_kw)):
        assert (kw[~controlled[kind]] == 0.0).all()


def test_a_device_by_itself_is_load_and_one_that_is_off_is_not():
    view, none = view_of(3), np.zeros((4, N), bool)
    own = own_controls(view)
    acting = left_to_themselves(view, none, none)
    np.testing.assert_allclose(acting.load_kw, view.load_kw + own.ev_kw + own.heater_kw + own.heat_pump_kw)
    np.testing.assert_allclose(left_to_themselves(view, none, ~none).load_kw, view.load_kw)


def test_replacing_rows_leaves_the_others_and_the_past():
    view = view_of(5)
    plan = cheapest(view)
    rolling = Rolling(10, view, plan, simulate(view, plan))
    before = [column.copy() for column in plan]
    rows, place = np.array([1, 4]), 12
    later = take(view_of(6), rows)
    later = later._replace(**{name: getattr(later, name)[:, place:] for name in ("buy_eur_per_kwh", "sell_eur_per_kwh", "load_kw",
                           "pv_kw", "ev_plugged", "ev_drive_kwh", "heater_draw_kwh", "hp_cop", "house_low_c", "house_high_c",
                           "house_set_c", "temp_out_c", "gains_kw")})  # fmt: skip
    new = cheapest(later)
    rolling.splice(rows, place, later, new)
    others = np.setdiff1d(np.arange(N), rows)
    for column, old, fresh in zip(rolling.plan, before, new, strict=True):
        np.testing.assert_array_equal(column[others], old[others])
        np.testing.assert_array_equal(column[rows, :place], old[rows, :place])
        np.testing.assert_array_equal(column[rows, place:], fresh)
    assert rolling.end == 10 + M


@covers("SUC13.1/GDPR-3")
def test_nothing_of_the_forgotten_is_left_and_everything_of_the_others(small_begun):
    site, row = small_begun, 2
    book = site.living.hems.book
    planner = Planner(
        book, site.calendar, site.timeline, WeatherView.empty(site.timeline.n), site.chance.stream("test")
    )
    rng = np.random.default_rng(1)
    seen, view = planner.seen, view_of(5)
    for column in (seen.load_kw, seen.pv_kw, seen.driven_kwh, seen.draw_kwh):
        column[:] = rng.uniform(0.1, 1.0, column.shape)
    seen.plugged[:] = False
    planner.set_modes(np.arange(book.n), np.ones((4, book.n), bool), np.zeros((4, book.n), bool))
    plan = cheapest(view)
    planner.current = Rolling(0, view, plan, simulate(view, plan))
    kept = [
        seen.load_kw,
        seen.pv_kw,
        seen.driven_kwh,
        seen.draw_kwh,
        seen.plugged,
        planner.controlled.T,
        *plan,
        view.load_kw,
        view.pv_kw,
    ]
    before = [column.copy() for column in kept]
    planner.forget(row)
    for column, old in zip(kept, before, strict=True):
        others = np.arange(len(column)) != row
        np.testing.assert_array_equal(column[others], old[others])
        assert len(np.unique(column[row])) == 1
    assert not planner.controlled[:, row].any()
    assert not any(column[row].any() for column in (seen.load_kw, seen.pv_kw, seen.driven_kwh, seen.draw_kwh, *plan))


def test_a_survey_changes_a_book_to_what_it_says_and_back(small_begun):
    book = small_begun.living.hems.book
    mine, other = (survey_of(book, row) for row in (0, 1))
    assert mine != other
    told = with_survey(book, 0, other, int(book.tariff[1]))
    assert survey_of(told, 0) == other
    assert survey_of(told, 1) == other
    back = with_survey(told, 0, mine, int(book.tariff[0]))
    for name, column in vars(book).items():
        pairs = [(column, getattr(back, name))]
        if isinstance(column, dict):
            pairs = [(column[key], pairs[0][1][key]) for key in column]
        for one, same in pairs:
            np.testing.assert_array_equal(one, same, err_msg=name)


def test_worth_values_what_is_left_in_the_stores():
    view = view_of(7)
    plan = cheapest(view)
    states = simulate(view, plan)
    price = view.buy_eur_per_kwh.mean(axis=1)
    stored = (
        states.ev_kwh[:, -1] / view.ev_eta_charge
        + states.battery_kwh[:, -1]
        + states.heater_c[:, -1] * view.heater_kwh_per_k
    )
    np.testing.assert_allclose(worth_eur(view, plan), cost_eur(view, plan) - price * stored)


@covers("SUC13.1/r40")
def test_savings_are_those_of_the_first_steps_against_the_devices_own_controls():
    view, steps = view_of(5), M // 2
    plan, own = cheapest(view), own_controls(view)
    np.testing.assert_allclose(saved_eur(view, own, steps), 0.0, atol=1e-12)
    saved = saved_eur(view, plan, M)
    np.testing.assert_allclose(saved, worth_eur(view, own) - worth_eur(view, plan))
    assert saved.sum() > 0.0
    short = view._replace(**{name: getattr(view, name)[:, :steps] for name in PER_STEP})
    part = HomePlan(*(column[:, :steps] for column in plan))
    np.testing.assert_allclose(
        saved_eur(view, plan, steps), worth_eur(short, own_controls(short)) - worth_eur(short, part)
    )
