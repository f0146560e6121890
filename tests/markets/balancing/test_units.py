"""Reserves of conventional units: by hand, and what must hold of any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.balancing.auction import Terms
from markets.balancing.units import FULL_S, Unit, reserve_offers, scheduled_kw

TERMS = dict.fromkeys(
    ("fcr", "afrr-up", "afrr-down", "mfrr-up", "mfrr-down"), Terms(1.0, 1.0, 10.0, pays_as_cleared=True)
)
HYDRO = Unit(200.0, 0.0, 0.05, 200.0, 0.002, 0.02)
GAS = Unit(400.0, 160.0, 0.08, 20.0, 0.002, 0.02)


def test_a_unit_that_runs_asks_what_it_forgoes_upward_and_nothing_downward():
    """Half of 200 kW and of 200 kW/min for each of two services: 50 kW each, of containment reserve all that 100 kW/min do in 30 s."""
    found = {one.product: one for one in reserve_offers(HYDRO, 0.09, ("fcr", "afrr"), TERMS)}
    assert {name: one.kw for name, one in found.items()} == {"fcr": 50.0, "afrr-up": 50.0, "afrr-down": 50.0}
    asked = {name: one.capacity_eur_per_kw_h for name, one in found.items()}
    assert asked == pytest.approx({"fcr": 0.042, "afrr-up": 0.042, "afrr-down": 0.002})
    energy = {name: one.energy_eur_per_kwh for name, one in found.items()}
    assert energy == pytest.approx({"fcr": 0.0, "afrr-up": 0.02, "afrr-down": 0.06})


def test_a_unit_that_does_not_run_asks_what_running_for_its_reserves_loses():
    """60 kW each way: on at 160 + 60 kW at a loss of 0.03 EUR/kWh, 6.6 EUR an hour over 120 kW held."""
    found = {one.product: one for one in reserve_offers(GAS, 0.05, ("afrr", "mfrr"), TERMS)}
    assert {name: one.kw for name, one in found.items()} == {
        "afrr-up": 50.0, "afrr-down": 50.0, "mfrr-up": 60.0, "mfrr-down": 60.0
    }  # fmt: skip
    loss = 0.03 * (160.0 + 110.0) / 220.0 + 0.002
    assert [one.capacity_eur_per_kw_h for one in found.values()] == pytest.approx([loss] * 4)
    assert found["afrr-up"].energy_eur_per_kwh == pytest.approx(0.05)
    assert found["afrr-down"].energy_eur_per_kwh == pytest.approx(0.02)


units = st.builds(
    lambda capacity, least, cost, ramp: Unit(capacity, least * capacity, cost, ramp, 0.0, 0.0),
    st.floats(10, 1000), st.floats(0, 0.9), st.floats(0, 0.2), st.floats(1, 500),
)  # fmt: skip


@given(units, st.floats(0, 0.2), st.sets(st.sampled_from(["fcr", "afrr", "mfrr"]), min_size=1))
def test_all_that_is_offered_fits_into_band_and_ramp_at_once_and_loses_nothing(unit, price, services):
    offers = reserve_offers(unit, price, sorted(services), TERMS)
    kw = {one.product: one.kw for one in offers}
    up, down = (sum(one for name, one in kw.items() if not name.endswith(other)) for other in ("down", "up"))
    schedule = float(scheduled_kw(unit, np.array([price]), np.array([up]), np.array([down]))[0])
    assert schedule + up <= unit.capacity_kw + 1e-6
    if up + down:
        assert schedule - down >= unit.least_kw - 1e-6
    for way in ("up", "down"):
        per_min = sum(
            60.0 * one / FULL_S[name.partition("-")[0]]
            for name, one in kw.items()
            if name in ("fcr", f"afrr-{way}", f"mfrr-{way}")
        )
        assert per_min <= unit.ramp_kw_per_min + 1e-6
    earned = sum(one.kw * one.capacity_eur_per_kw_h for one in offers)
    otherwise = max(price - unit.cost_eur_per_kwh, 0.0) * unit.capacity_kw
    assert earned + (price - unit.cost_eur_per_kwh) * schedule == pytest.approx(otherwise, abs=1e-6)
