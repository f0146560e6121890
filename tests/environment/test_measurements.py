"""From gateway to register nothing is changed unseen: tampering is found at its index, gaps and forgeries are refused, repetitions are known."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.hash_chain import GENESIS, linked
from environment.platforms.measurements import (
    Gateway,
    SetPoint,
    content_of,
    examine,
    first_false,
    reading_of,
    signed_bytes,
)
from environment.platforms.register_store import Access, RegisterStore
from environment.signatures import Signer, Verifier, secret
from experiments.covers import covers

GCP = "IT001E00000007"
SIGNER, OTHER = Signer(secret(1, "gateway", GCP)), Signer(secret(1, "gateway", "other"))
KEYS = Verifier({GCP: SIGNER.public})
HOUR = 3_600_000


def gateway(hours: int, first: float = 0.5) -> Gateway:
    there = Gateway(GCP, SIGNER)
    for hour in range(hours):
        there.read(hour * HOUR, first + hour, 0.25 * hour)
    return there


def stored(*sizes: int, there: Gateway | None = None):
    """What the register holds after reports of some sizes, and the gateway."""
    there = there or Gateway(GCP, SIGNER)
    rows = []
    for size in sizes:
        for _ in range(size):
            hour = len(there.readings)
            there.read(hour * HOUR, 0.5 + hour, 0.25)
        taken = examine(there.report(), [row.hash for row in rows], KEYS)
        assert not taken.reason
        rows += taken.rows
        there.sent = len(there.readings)
    return rows, there


def changed(report, **fields):
    return msgspec.structs.replace(report, **fields)


@covers("SUC10.4/26", "SUC10.4/r08")
def test_what_continues_the_chain_is_taken_once():
    there = gateway(3)
    report = there.report()
    taken = examine(report, [], KEYS)
    assert [row.hour_ms for row in taken.rows] == [0, HOUR, 2 * HOUR]
    assert [bool(row.signature) for row in taken.rows] == [False, False, True]
    assert examine(report, there.links, KEYS) == ((), "")


def test_a_report_that_overlaps_what_is_known_adds_the_rest():
    there = gateway(3)
    known = list(there.links)
    there.read(3 * HOUR, 1.0, 0.0)
    assert [row.hour_ms for row in examine(there.report(), known, KEYS).rows] == [3 * HOUR]


def test_a_gap_is_named_so_that_it_can_be_filled():
    there = gateway(4)
    there.sent = 2
    assert examine(there.report(), there.links[:1], KEYS).reason == "measurement 1 is missing before 2"


def test_a_gateway_that_tells_another_past_is_refused_at_its_index():
    there, false = gateway(3), gateway(3, first=0.75)
    assert examine(false.report(), there.links, KEYS).reason == "measurement 0 was stored with other content"


@covers("SUC10.4/26", "SUC10.4/43")
@settings(max_examples=30)
@given(st.integers(1, 5), st.data())
def test_whatever_is_changed_in_a_report_it_is_not_taken(hours, data):
    report = gateway(hours).report()
    row = data.draw(st.integers(0, hours - 1))
    name = data.draw(st.sampled_from(["hours_ms", "consumption_kwh", "production_kwh", "chain", "signature", "gcp"]))
    if name in ("signature", "gcp"):
        value = {"signature": OTHER.sign(b"x").hex(), "gcp": "other"}[name]
    elif name == "chain":
        value = tuple(bytes(32).hex() if k == row else link for k, link in enumerate(report.chain))
    else:
        value = getattr(report, name) + np.eye(hours)[row]
    taken = examine(changed(report, **{name: value}), [], KEYS)
    assert taken.reason
    assert not taken.rows


def test_who_can_make_a_chain_but_has_no_key_is_refused():
    there = gateway(2)
    there.signer = OTHER
    assert examine(there.report(), [], KEYS).reason == "the signature is not that of the gateway"


@pytest.mark.parametrize("fault", [{"chain": ()}, {"signature": "no"}])
def test_a_report_out_of_shape_is_refused(fault):
    assert examine(changed(gateway(2).report(), **fault), [], KEYS).reason


@covers("SUC10.4/26", "SUC10.4/r08")
@settings(max_examples=40)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_tampering_is_found_at_its_index(sizes, data):
    """A value, the bytes, a link or an order that was changed in the database."""
    rows, _ = stored(*sizes)
    assert first_false(GCP, rows, KEYS) is None
    index = data.draw(st.integers(0, len(rows) - 1))
    how = data.draw(st.sampled_from(["consumption_kwh", "set_up_kwh", "content", "hash", "moved"]))
    if how == "moved":
        if index == len(rows) - 1:
            return
        rows[index : index + 2] = rows[index : index + 2][::-1]
    else:
        value = {
            "consumption_kwh": rows[index].consumption_kwh + 1e-9,
            "set_up_kwh": 1e-9,
            "content": b"x",
            "hash": bytes(32),
        }[how]
        rows[index] = rows[index]._replace(**{how: value})
    assert first_false(GCP, rows, KEYS) == index
    assert first_false(GCP, rows, KEYS, known=index) == index


@covers("SUC10.4/26")
@settings(max_examples=20)
@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.data())
def test_who_rewrites_the_chain_itself_is_found_where_the_signed_part_ends(sizes, data):
    rows, _ = stored(*sizes)
    index = data.draw(st.integers(0, len(rows) - 1))
    rows[index] = rows[index]._replace(consumption_kwh=99.0)
    before = rows[index - 1].hash if index else GENESIS
    for k in range(index, len(rows)):
        content = content_of(reading_of(rows[k]))
        before = linked(before, content)
        rows[k] = rows[k]._replace(content=content, hash=before)
    ends = [0, *np.cumsum(sizes).tolist()]
    assert first_false(GCP, rows, KEYS) == max(end for end in ends if end <= index)


def test_a_tail_that_nobody_signed_is_false():
    rows, there = stored(2)
    there.read(2 * HOUR, 1.0, 0.0)
    last = there.readings[-1]
    rows.append(rows[-1]._replace(hour_ms=last.hour_ms, consumption_kwh=1.0, production_kwh=0.0, content=content_of(last),
                        hash=there.links[-1], signature=b""))  # fmt: skip
    assert first_false(GCP, rows, KEYS) == 2


@covers("SUC10.4/r14")
def test_an_hour_is_signed_with_the_set_points_that_lie_in_it():
    """Half an hour of 4 kW is 2 kWh; what is shown again counts once; what is over is forgotten."""
    there = gateway(0)
    there.set("a", SetPoint(True, HOUR // 2, 2 * HOUR, 4.0))
    there.set("b", SetPoint(False, 0, HOUR, 1.0))
    there.set("a", SetPoint(True, HOUR // 2, 2 * HOUR, 4.0))
    for hour in range(3):
        there.read(hour * HOUR, 1.0, 0.0)
    report = there.report()
    assert report.set_up_kwh.tolist() == [2.0, 4.0, 0.0]
    assert report.set_down_kwh.tolist() == [1.0, 0.0, 0.0]
    rows = examine(report, [], KEYS).rows
    assert [(row.set_up_kwh, row.set_down_kwh) for row in rows] == [(2.0, 1.0), (4.0, 0.0), (0.0, 0.0)]
    assert examine(changed(report, set_up_kwh=np.array([1.9, 4.0, 0.0])), [], KEYS).reason


def test_an_empty_register_has_nothing_false():
    assert first_false(GCP, [], KEYS) is None


def test_signatures_are_bound_to_place_and_point():
    signature = SIGNER.sign(signed_bytes(GCP, 3, b"link"))
    assert KEYS.holds(GCP, signed_bytes(GCP, 3, b"link"), signature)
    assert not KEYS.holds(GCP, signed_bytes(GCP, 4, b"link"), signature)
    assert not KEYS.holds("unknown", signed_bytes(GCP, 3, b"link"), signature)
    assert "unknown" not in KEYS


def test_what_was_stored_is_audited_after_a_restart(tmp_path):
    url = f"sqlite:///{tmp_path}/register.db"
    rows, there = stored(2)
    store = RegisterStore(url)
    store.append_measurements({GCP: rows}, [Access(0, GCP, "pgui", "measure", GCP)])
    store.close()
    again = RegisterStore(url)
    assert again.measured() == {GCP: rows}
    more = examine(_next(there), [row.hash for row in again.measured()[GCP]], KEYS)
    again.append_measurements({GCP: more.rows}, [])
    assert first_false(GCP, again.measured()[GCP], KEYS) is None
    assert [row["hour_ms"] for row in again.measurements([GCP], 0, 10**9)] == [0, HOUR, 2 * HOUR]
    again.close()


def _next(there: Gateway):
    there.read(2 * HOUR, 0.1, 0.0)
    return there.report()
