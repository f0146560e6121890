import numpy as np

from agents.strategies.home_devices import ORDER, derated, devices, respond
from agents.strategies.home_view import homes


def free(view, device):
    """A band that orders nothing."""
    shape = view.m, len(device.rows)
    return np.full(shape, -np.inf), np.full(shape, 50.0)


def test_homes_without_a_device_or_on_manual_control_are_not_in_it(population):
    view = population(20, 8, 1, automatic=np.arange(20) < 15)
    found = devices(view)
    assert list(found) == list(ORDER)
    for device, rating in zip(found.values(), (view.hp_kw, view.heater_kw, view.ev_kw, view.battery_kw), strict=True):
        np.testing.assert_array_equal(device.rows, np.flatnonzero((rating > 0) & (np.arange(20) < 15)))
    assert devices(homes(4, 8, 0.25)) == {}


def test_an_answer_to_the_same_question_is_kept_and_another_question_is_answered_anew(population):
    view = population(30, 48, 2, share=1.0)
    for device in devices(view).values():
        low, high = free(view, device)
        others = np.ascontiguousarray((view.load_kw - view.pv_kw).T[:, device.rows])
        first = respond(device, 0.0 * others, others, low, high)
        np.testing.assert_array_equal(respond(device, 0.0 * others, others, low, high, first).power_kw, first.power_kw)
        changed = others.copy()
        changed[10:30, ::3] -= 5.0  # surplus for every third home
        anew = respond(device, 0.0 * changed, changed, low, high)
        np.testing.assert_array_equal(respond(device, 0.0 * changed, changed, low, high, first).power_kw, anew.power_kw)
        assert (anew.power_kw != first.power_kw).any(axis=0)[::3].any()
        np.testing.assert_array_equal(anew.power_kw[:, 1::3], first.power_kw[:, 1::3])


def test_a_derated_device_keeps_its_limit_in_both_directions(population):
    view = population(30, 48, 2, share=1.0)
    device = devices(view)["battery_kw"]
    others = np.ascontiguousarray((view.load_kw - view.pv_kw).T[:, device.rows])
    assert np.abs(respond(device, 0.0 * others, others, *free(view, device)).power_kw).max() > 0.5
    half = derated(device, np.full((48, 30), 0.5))
    assert np.abs(respond(half, 0.0 * others, others, *free(view, device)).power_kw).max() == 0.5


def test_supply_below_the_band_is_taken_at_any_price_and_beyond_it_only_in_need():
    view = homes(
        1, 3, 1.0, buy_eur_per_kwh=0.2, contracted_kw=9.0, heater_kw=3.0, heater_kwh_per_k=0.2, heater_c=50.0, heater_low_c=45.0,
        heater_high_c=95.0,
    )  # fmt: skip
    device = devices(view)["heater_kw"]
    others = np.zeros((3, 1))
    floor = np.array([[-np.inf], [2.0], [-np.inf]])
    np.testing.assert_allclose(
        respond(device, 0.0 * others, others, floor, np.full((3, 1), 9.0)).power_kw[:, 0], [0, 2, 0], atol=1e-9
    )
    cold = devices(view._replace(heater_c=np.array([45.0]), heater_end_c=np.array([60.0])))["heater_kw"]
    cap = np.full((3, 1), 0.5)
    needed = respond(cold, 0.0 * others, others, np.full((3, 1), -np.inf), cap).power_kw
    np.testing.assert_allclose(needed.sum(), 3.0)  # 15 K of 0.2 kWh/K: half of it beyond the cap, and no more


def test_outside_the_band_a_device_keeps_what_it_does_where_any_step_would_do():
    """Ordered steps are alike to a heater that can serve one of them only: it stays in the one that it serves already."""
    view = homes(
        1, 4, 1.0, buy_eur_per_kwh=0.2, contracted_kw=9.0, heater_kw=2.0, heater_kwh_per_k=0.2, heater_c=60.0, heater_low_c=45.0,
        heater_high_c=70.0,
    )  # fmt: skip
    device = devices(view)["heater_kw"]
    floor, cap, others = np.full((4, 1), 2.0), np.full((4, 1), 9.0), np.zeros((4, 1))
    for served in range(4):
        now = np.zeros((4, 1))
        now[served] = 2.0
        np.testing.assert_allclose(respond(device, now, others, floor, cap).power_kw, now, atol=1e-9)
