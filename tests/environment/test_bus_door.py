"""What the bus refuses at its door: forged senders, false roles, ids that were used; what a refusal costs."""

import numpy as np

from environment.bus import KeyRing
from environment.channels import Outage
from environment.journal import ACKNOWLEDGED, LOST, NEVER, REFUSED
from environment.messages.digest import digest_rows
from environment.wire import sign
from experiments.covers import covers
from tests.environment.bus_cases import disturbed, mask, single
from tests.environment.kernel_cases import EVER, batch_of, bus_of, directory, post, question, receipt

# --- the door ------------------------------------------------------------------------------------------------------------------------


def outcome(traffic):
    return [(status, traffic.reason.get(row, "")) for row, status in enumerate(traffic.status.tolist())]


@covers("SUC05.1/SEC-1", "SUC06.2/SEC-1", "SUC06.3/SEC-1")
def test_a_forged_sender_is_refused_for_its_signature():
    bus = bus_of(directory("a", "b", "c"))
    forged = batch_of(bus, [receipt(), receipt()], ["a", "c"], ["b", "b"])
    traffic = bus.post(forged, bus.key_ring(2), 0)  # c signs, one message says that it comes from a
    assert outcome(traffic) == [(REFUSED, "signature"), (ACKNOWLEDGED, "")]


def test_a_party_without_keys_can_send_nothing():
    bus = bus_of(directory("a", "b"))
    empty = KeyRing(np.array([], np.int64), np.array([], np.uint64))
    assert outcome(bus.post(batch_of(bus, [receipt()], ["a"], ["b"]), empty, 0)) == [(REFUSED, "signature")]


@covers("SUC05.1/SEC-1", "SUC06.2/SEC-1", "SUC06.3/SEC-1")
def test_a_role_that_may_not_send_is_refused():
    there = directory("a", "b", "c", actors={"a": ("dso",), "b": ("fsp", "aggregator"), "c": ("lfmo",)})
    bus = bus_of(there, permissions={"SignalReceipt": frozenset({"fsp", "dso"})})
    text = "role: SignalReceipt may not come from this sender"
    traffic = post(bus, batch_of(bus, [receipt()] * 3, ["a", "b", "c"], ["b", "a", "a"]))
    assert outcome(traffic) == [(ACKNOWLEDGED, ""), (ACKNOWLEDGED, ""), (REFUSED, text)]
    assert post(bus, batch_of(bus, [question()], ["c"], ["a"])).status.tolist() == [ACKNOWLEDGED]  # not listed: anybody
    nobody = bus_of(there, permissions={"SignalReceipt": frozenset()})
    assert outcome(single(nobody)) == [(REFUSED, text)]


def wire(bus, traffic, **changed):
    """The message of ``traffic`` as an eavesdropper would put it on the wire, with its old id and signature."""
    batch = traffic.batch.take(np.arange(len(traffic.batch)))
    batch.columns = batch.columns | {name: np.array([value]) for name, value in changed.items()}
    ring = bus.key_ring(int(bus.directory.party[batch.sender[0]]))
    return batch, sign(ring.of(batch.sender), traffic.digest, batch.ids)


def test_altered_content_is_refused_for_its_signature():
    bus = bus_of(directory("a", "b"))
    batch, signature = wire(bus, single(bus), expected_kw=2.0)
    batch.ids = batch.ids + np.uint64(1)
    assert outcome(bus.inject(batch, signature, 5)) == [(REFUSED, "signature")]
    batch, signature = wire(bus, single(bus, now_ms=9))
    batch.ids = batch.ids + np.uint64(1)  # the same content under another id
    assert outcome(bus.inject(batch, signature, 5)) == [(REFUSED, "signature")]


def test_a_replay_is_refused_as_already_submitted_and_counted_at_the_original():
    bus = bus_of(directory("a", "b"))
    original = single(bus)
    batch, signature = wire(bus, original)
    assert outcome(bus.inject(batch, signature, 5000)) == [(REFUSED, "already submitted")]
    assert original.duplicates.tolist() == [1]
    assert original.status.tolist() == [ACKNOWLEDGED]


def test_a_second_use_of_an_identifier_is_refused_even_with_a_true_signature():
    bus = bus_of(directory("a", "b"))
    original = single(bus)
    batch, _ = wire(bus, original, expected_kw=2.0)
    signature = sign(bus.key_ring(0).of(batch.sender), digest_rows("SignalReceipt", batch.columns), batch.ids)
    assert outcome(bus.inject(batch, signature, 5000)) == [(REFUSED, "duplicate identifier")]
    assert original.duplicates.tolist() == [0]


def test_an_unknown_address_is_refused_at_once_and_named():
    bus = bus_of(directory("a", "b"))
    batch = batch_of(bus, [receipt()] * 2, ["a", "a"], ["b", "b"])
    batch.receiver[1] = -1
    traffic = bus.post(batch, bus.key_ring(0), 0, {1: "dso-9"})
    assert outcome(traffic) == [(ACKNOWLEDGED, ""), (REFUSED, "unknown address 'dso-9'")]
    assert traffic.attempts.tolist() == [1, 1]
    assert bus.journal.messages()["receiver"].tolist() == ["b", "dso-9"]
    assert bus.journal.messages()["delivered_ms"].tolist() == [1000, NEVER]


def test_what_never_arrives_is_lost_and_nobody_refuses_it():
    bus = disturbed(lambda bus: Outage(mask(bus, "b"), 0, EVER), permissions={"SignalReceipt": frozenset()})
    assert outcome(single(bus)) == [(LOST, "")]
    forged = bus.post(batch_of(bus, [receipt()], ["a"], ["b"], "d"), bus.key_ring(1), 0)
    assert outcome(forged) == [(LOST, "")]


def test_without_authentication_the_forgery_gets_through():
    bus = bus_of(directory("a", "b", "c"), authenticate=False, permissions={"SignalReceipt": frozenset()})
    forged = bus.post(batch_of(bus, [receipt()], ["a"], ["b"]), bus.key_ring(2), 0)
    assert outcome(forged) == [(ACKNOWLEDGED, "")]


def test_a_ring_has_the_keys_of_its_own_addresses_only():
    bus = bus_of(directory("a", "a/x", "b", "b/y"))
    ring = bus.key_ring(0)
    keys = ring.of(np.arange(4))
    assert (keys[:2] != 0).all()
    assert (keys[2:] == 0).all()
    assert len(set(keys[:2].tolist())) == 2
    assert (bus_of(directory("a", "a/x", "b", "b/y"), seed=2).key_ring(0).of(np.arange(2)) != keys[:2]).all()
