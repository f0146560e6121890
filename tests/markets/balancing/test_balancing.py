"""Balancing responses and imbalance: cases TD2 and TD3 worked by hand, and their laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.balancing.imbalance import activation_prices, imbalance_price, settle
from markets.balancing.responses import AFRR_FULL_S, FCR_FULL_S, block_kw, fcr_kw, ramped_kw


def test_droop_of_one_megawatt() -> None:
    deviation = np.array([-0.2, -0.1, -0.05, -0.25, 0.02])
    assert fcr_kw(1000.0, deviation) == pytest.approx([1000, 500, 250, 1000, -100])
    assert fcr_kw(1000.0, [0.01, -0.01, 0.0]).tolist() == [0, 0, 0]
    assert fcr_kw(1000.0, 0.005, dead_band_hz=0.0) == pytest.approx(-25)


@given(st.floats(0, 1e4), st.floats(-1, 1))
def test_droop_is_symmetric_and_within_the_reserve(reserve: float, deviation: float) -> None:
    assert fcr_kw(reserve, deviation) == -fcr_kw(reserve, -deviation)
    assert abs(fcr_kw(reserve, deviation)) <= reserve


def test_full_activation_takes_its_time() -> None:
    wanted = np.full(100, 1000.0)
    followed = ramped_kw(wanted, 1000.0, 4.0, AFRR_FULL_S)
    assert followed[74] == pytest.approx(1000.0)
    assert followed[36] == pytest.approx(1000.0 * 37 * 4 / 300)
    assert ramped_kw(wanted, 1000.0, 1.0, FCR_FULL_S)[29] == pytest.approx(1000.0)


@given(st.lists(st.floats(-500, 500), min_size=2, max_size=30), st.floats(1, 400))
def test_a_followed_set_point_never_moves_faster_than_it_must(wanted: list[float], full_s: float) -> None:
    followed = ramped_kw(np.array(wanted), 500.0, 4.0, full_s)
    steps = np.diff(np.concatenate([[0.0], followed]))
    assert (np.abs(steps) <= 500.0 * 4.0 / full_s + 1e-9).all()
    assert np.abs(followed).max() <= np.abs(wanted).max() + 1e-9


def test_a_block_is_complete_when_due_and_later_if_called_late() -> None:
    t = [0, 375, 750, 1500, 1875, 2250]
    assert block_kw(800.0, t, 0.0, 750.0, 1500.0) == pytest.approx([0, 400, 800, 800, 400, 0])
    assert block_kw(800.0, [750, 1125], 375.0, 750.0, 1500.0) == pytest.approx([400, 800])


def test_an_activated_provider_s_party_is_neutral() -> None:
    found = settle([90.0, 56.0], [100.0, 50.0], [0.0, 6.0], 0.2)
    assert found.imbalance_kwh.tolist() == [-10.0, 0.0]
    assert found.paid_eur.tolist() == [2.0, 0.0]


def test_the_price_is_that_of_the_direction_that_prevailed() -> None:
    assert imbalance_price([10.0, 30.0], [0.1, 0.3], [5.0], [0.02], 0.08) == pytest.approx(0.25)
    assert imbalance_price([5.0], [0.3], [10.0, 30.0], [0.01, -0.03], 0.08) == pytest.approx(-0.02)
    assert imbalance_price([], [], [], [], 0.08) == 0.08


@given(st.floats(0, 100), st.floats(-50, 50), st.floats(0, 1))
def test_what_a_provider_fails_to_deliver_is_its_party_s_imbalance(
    position: float, ordered: float, share: float
) -> None:
    found = settle(position + share * ordered, position, ordered, 0.1)
    assert found.imbalance_kwh == pytest.approx((share - 1) * ordered, abs=1e-9)


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(0, 0.5)), min_size=1, max_size=6),
    st.floats(-0.1, 0.3),
)
def test_the_price_of_all_activations_is_that_of_two_lists(rows, value):
    change, premium = (np.array(column)[:, None] for column in zip(*rows, strict=True))
    up, down = change[:, 0] > 0, change[:, 0] < 0
    one = imbalance_price(change[up, 0], value + premium[up, 0], -change[down, 0], value - premium[down, 0], value)
    assert activation_prices(change, premium, [value]) == pytest.approx([one], abs=1e-9)
