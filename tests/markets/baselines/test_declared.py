"""A declared baseline is frozen: whatever is changed afterwards shows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.covers import covers
from markets.baselines.declared import BaselineStore, canonical_bytes, freeze, verify

T = np.arange(4) * 900_000
P = np.array([3.0, -1.0, 0.0, 2.5])
GATE = 1000


def declared(baseline="b1", power=P, t=T, fsp="f1", area="a1", at=10):
    return freeze(baseline, fsp, area, t, power, at)


def test_the_hash_is_a_fixed_function_of_the_content():
    assert declared().sha256 == "9be8660393a7ba54f07476ffbf6033976aa9471a62b3fb7db1ca5c113c91322d"
    assert verify(declared())


@covers("SUC06.3/r02")
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.data())
def test_any_change_shows(values, data):
    power = np.array(values)
    frozen = declared(power=power, t=np.arange(len(power)))
    k = data.draw(st.integers(0, len(power) - 1))
    changed = power.copy()
    changed[k] = np.nextafter(changed[k], np.inf)
    assert verify(frozen)
    assert not verify(replace(frozen, power_kw=changed))
    assert not verify(replace(frozen, t_ms=frozen.t_ms + 1))
    assert not verify(replace(frozen, fsp="f1x"))
    assert not verify(replace(frozen, area="a1x"))


def test_names_cannot_flow_into_each_other():
    assert canonical_bytes("ab", "c", "d", T, P) != canonical_bytes("a", "bc", "d", T, P)


def test_negative_zero_is_zero():
    assert declared(power=np.array([0.0, 1, 2, 3])).sha256 == declared(power=np.array([-0.0, 1, 2, 3])).sha256


def test_the_declaration_keeps_its_own_copy():
    power = P.copy()
    frozen = declared(power=power)
    power[0] = 99.0
    assert verify(frozen)
    with pytest.raises(ValueError, match="read-only"):
        frozen.power_kw[0] = 99.0


@pytest.mark.parametrize(
    ("t", "p", "said"),
    [
        (T[:3], P, "shape"),
        (T[:0], P[:0], "no interval"),
        (T[::-1], P, "increase"),
        (T, np.array([1, np.nan, 1, 1]), "finite"),
    ],
)
def test_senseless_declarations_are_refused(t, p, said):
    with pytest.raises(ValueError, match=said):
        declared(t=t, power=p)


def test_a_store_gives_back_what_was_declared():
    store, reason = BaselineStore().declare(declared(), GATE)
    assert (len(store), reason) == (1, "")
    assert store.read("f1", "a1", T[[2, 0]]).tolist() == [0.0, 3.0]


def test_the_same_declaration_twice_is_one():
    store, _ = BaselineStore().declare(declared(), GATE)
    again, reason = store.declare(declared(at=20), GATE)
    assert (len(again), reason) == (1, "")


@covers("SUC06.3/r02")
@pytest.mark.parametrize(
    ("second", "said"),
    [
        (declared(power=P + 1), "frozen and cannot be changed"),
        (declared("b2"), "already declared in baseline 'b1'"),
        (declared("b3", t=T + 10**7, at=GATE), "after the gate"),
        (replace(declared("b4", t=T + 10**7), power_kw=P + 1), "does not have the hash"),
    ],
)
def test_later_changes_are_refused(second, said):
    store, _ = BaselineStore().declare(declared(), GATE)
    same, reason = store.declare(second, GATE)
    assert said in reason
    assert same.read("f1", "a1", T).tolist() == P.tolist()


def test_another_seller_or_area_may_declare_the_same_intervals():
    store, _ = BaselineStore().declare(declared(), GATE)
    for other in (declared("b2", fsp="f2"), declared("b3", area="a2")):
        store, reason = store.declare(other, GATE)
        assert reason == ""


def test_reading_finds_tampering_and_gaps():
    with pytest.raises(ValueError, match="was changed after it was frozen"):
        BaselineStore([replace(declared(), power_kw=P + 1)]).read("f1", "a1", T)
    with pytest.raises(ValueError, match="no baseline of f1 in a1 for the interval that starts at 3600000 ms"):
        BaselineStore([declared()]).read("f1", "a1", np.append(T, 3_600_000))
