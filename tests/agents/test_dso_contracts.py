"""What the DSO calls of what it bought: laws of the contracts' book-keeping."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dso_contracts import LEAST_CALL_KW, Contracts, Lot, activation_windows, alike, session_requests
from agents.dso_headroom import Headroom
from agents.dso_need import Need
from agents.dso_terms import DsoTerms, MarketDay
from environment.messages.procurement import ClearingResult
from tests.environment.kernel_cases import plain

STEPS = 8
BLOCK = slice(0, 4)
ROOM = Headroom(np.full(STEPS, 90.0), np.zeros(STEPS))
NEED = Need("trafo", "overload", "up", np.full(STEPS, 10.0), 100.0, {"A": 1.0, "B": 0.5}, ROOM)


def result(bid, fsp, area, kw, price):
    return plain(
        ClearingResult, session="s", bid=bid, fsp=fsp, area=area, direction="up", from_ms=0, step_s=900.0,
        cleared_kw=np.full(STEPS, float(kw)), price_eur_per_kwh=price,
    )  # fmt: skip


def contracts(*results):
    return Contracts(900.0, [Lot.cleared(one) for one in results])


kw = st.integers(0, 20).map(float)
OFFERS = st.lists(
    st.tuples(st.sampled_from(["fa", "fb", "fc"]), st.sampled_from("AB"), kw, st.integers(1, 9).map(lambda c: c / 10)),
    min_size=1, max_size=6,
)  # fmt: skip


@given(offers=OFFERS, rounds=st.lists(kw, min_size=1, max_size=3))
def test_calls_never_exceed_what_was_contracted(offers, rounds):
    book = contracts(*(result(f"b{k}", *offer) for k, offer in enumerate(offers)))
    total = {}
    for need_kw in rounds:
        for call in book.call([NEED], [np.full(4, need_kw)], BLOCK):
            total[call.contract] = total.get(call.contract, 0.0) + call.ordered_kw
    for name, called in total.items():
        bought = sum(lot.kw[0] for lot in book.lots if lot.contract == name)
        assert (called <= bought + 1e-5).all()


@given(offers=OFFERS, need_kw=kw)
def test_called_relief_and_what_is_unmet_make_the_need(offers, need_kw):
    """Up to the smallest call: less than that is not called of any contract."""
    book = contracts(*(result(f"b{k}", *offer) for k, offer in enumerate(offers)))
    calls = book.call([NEED], [np.full(4, need_kw)], BLOCK)
    relief = sum((call.ordered_kw[0] * NEED.sensitivity[call.area] for call in calls), 0.0)
    assert relief <= need_kw + 1e-5
    assert book.unmet([NEED], [np.full(4, need_kw)], BLOCK) == pytest.approx(max(need_kw - relief, 0.0), abs=1e-5)
    could = sum(offer[2] * NEED.sensitivity[offer[1]] for offer in offers)
    assert relief >= min(need_kw, could) - LEAST_CALL_KW * len(offers) - 1e-5


def test_the_cheapest_relief_is_called_first():
    """In B a kW relieves half: 0.3 there costs as much as 0.6 in A."""
    book = contracts(result("a", "fa", "A", 10, 0.5), result("b", "fb", "B", 10, 0.3))
    (call,) = book.call([NEED], [np.full(4, 6.0)], BLOCK)
    assert (call.fsp, call.price[0]) == ("fa", pytest.approx(0.5))


def test_what_is_called_is_not_called_again():
    book = contracts(result("a", "fa", "A", 10, 0.5))
    assert len(book.call([NEED], [np.full(4, 6.0)], BLOCK)) == 1
    assert book.call([NEED], [np.full(4, 6.0)], BLOCK) == []
    (more,) = book.call([NEED], [np.full(4, 8.0)], BLOCK)
    np.testing.assert_allclose(more.ordered_kw, 2.0)


def test_after_a_call_that_was_not_followed_the_next_contract_is_called():
    book = contracts(result("a", "fa", "A", 10, 0.2), result("b", "fb", "A", 4, 0.3))
    (first,) = book.call([NEED], [np.full(4, 6.0)], BLOCK)
    assert first.fsp == "fa"
    book.bar(first, BLOCK)
    (second,) = book.call([NEED], [np.full(4, 6.0)], BLOCK)
    assert second.fsp == "fb"
    assert book.unmet([NEED], [np.full(4, 6.0)], BLOCK) == pytest.approx(2.0)
    (later,) = book.call([NEED], [np.full(4, 6.0)], slice(4, 8))
    assert later.fsp == "fa"


def test_a_call_that_was_not_followed_leaves_earlier_ones_in_force():
    """Of one contract 4 kW are called for the whole window, then 3 more in a block that are not followed."""
    book = contracts(result("a", "fa", "A", 10, 0.2))
    book.call([NEED], [np.full(STEPS, 4.0)], slice(0, STEPS))
    (more,) = book.call([NEED], [np.full(4, 7.0)], BLOCK)
    book.bar(more, BLOCK)
    np.testing.assert_allclose(book.called_kw(more.contract), 4.0)
    assert book.unmet([NEED], [np.full(4, 7.0)], BLOCK) == pytest.approx(3.0)


def test_calls_have_names_of_their_own():
    book = contracts(result("a", "fa", "A", 10, 0.2), result("b", "fb", "A", 10, 0.3))
    calls = [call for block in (BLOCK, slice(4, 8)) for call in book.call([NEED], [np.full(4, 15.0)], block)]
    assert len({call.activation for call in calls}) == len(calls) == 4


@given(st.lists(st.booleans(), max_size=30))
def test_activation_windows_cover_what_is_needed_and_nothing_else(needed):
    starts, ends = activation_windows(np.array(needed, bool), 1000, 10)
    covered = [
        any(start <= 1000 + 10 * k < end for start, end in zip(starts, ends, strict=True)) for k in range(len(needed))
    ]
    assert covered == needed
    assert (ends[:-1] < starts[1:]).all()


def test_a_request_names_the_areas_of_the_session_that_act_on_its_element():
    guard = Need("line", "overload", "up", np.zeros(STEPS), 100.0, {"B": -0.2, "C": 1.0}, ROOM)
    alone = Need("bus", "undervoltage", "up", np.full(STEPS, 2.0), 0.9, {"C": -1.0}, ROOM)
    day = MarketDay(0, 0, 0, 0, 0, STEPS)
    terms = DsoTerms(
        days=[day], step_s=900.0, fsps=["fa"], market="m", gdbn="g", service="s", product="p", directions=["up"],
        price_cap_eur_per_kwh=1.0, granularity_kw=0.0, min_quantity_kw=0.0, max_quantity_kw=100.0, min_acceptance_kw=0.0,
        divisible=True, max_duration_s=86_400.0, exclusive=True, announcement_s=0.0, full_activation_s=300.0,
        margin_share=0.0, tap_change_eur=0.0, switching_eur=0.0,
    )  # fmt: skip
    untouched = Need("far", "overload", "up", np.zeros(STEPS), 100.0, {"C": 1.0, "A": 0.0}, ROOM)
    requests = session_requests("s", "dso-1", [NEED, alone], [untouched, guard], terms, day)
    assert [dict(zip(one.areas, one.sensitivity, strict=True)) for one in requests] == [
        {"A": 1.0, "B": 0.5}, {"A": 0.0, "B": 0.0}, {"B": -0.2},
    ]  # fmt: skip
    assert [[one.constraint for one in part] for part in alike(requests)] == [["trafo", "bus"], ["line"]]
