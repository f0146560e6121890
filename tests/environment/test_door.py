"""The receiver's door: who is refused for what, in which order; and what a wiretap hears."""

import numpy as np
import pytest

from environment.channels import Channel, Delay, Outage
from environment.door import ALTERED, EXPIRED, FORGED, REPEATED, REUSED
from environment.journal import ACKNOWLEDGED, LOST, REFUSED
from environment.messages.digest import digest_rows
from environment.wire import sign
from environment.wiretap import Wiretap
from experiments.covers import covers
from tests.environment.bus_cases import mask, single
from tests.environment.kernel_cases import (
    Counter,
    Scripted,
    Stage,
    batch_of,
    bus_of,
    directory,
    post,
    question,
    receipt,
)
from tests.environment.test_bus_door import outcome, wire

MINUTE = 60_000


def changed(batch, **columns):
    batch.columns = dict(batch.columns) | {name: np.array([value]) for name, value in columns.items()}
    return batch


@covers("SUC06.2/SEC-1", "SUC06.3/SEC-1", "SUC05.1/SEC-1", "SUC06.1/SI-1")
@pytest.mark.parametrize(
    "field", [{"expected_kw": 2.0}, {"expected_kw": np.nextafter(1.0, 2.0)}, {"activation": "b"}, {"accepted": False}]
)
def test_one_field_changed_to_any_degree_is_found_out(field):
    """SE3: the smallest change of a float counts as well."""
    bus = bus_of(directory("a", "b"))
    batch, signature = wire(bus, single(bus))
    assert outcome(bus.inject(changed(batch, **field), signature, 5000)) == [(REFUSED, ALTERED)]


def test_a_changed_sender_or_receiver_is_no_true_message_either():
    bus = bus_of(directory("a", "b", "c"))
    batch, signature = wire(bus, single(bus))
    batch.sender = bus.directory.numbers(["c"])
    assert outcome(bus.inject(batch, signature, 5000)) == [(REFUSED, FORGED)]


def test_each_attack_has_a_reason_of_its_own():
    bus = bus_of(directory("a", "b", "c"))
    original = single(bus)
    repeated, signature = wire(bus, original)
    other, _ = wire(bus, original, expected_kw=3.0)
    own = sign(bus.key_ring(0).of(other.sender), digest_rows("SignalReceipt", other.columns), other.ids)
    altered, _ = wire(bus, original, expected_kw=2.0)
    made_up = batch_of(bus, [receipt()], ["a"], ["b"])
    made_up.ids = np.array([7], np.uint64)
    found = [
        outcome(bus.inject(batch, word, 5000))[0]
        for batch, word in [(repeated, signature), (altered, signature), (other, own), (made_up, signature)]
    ]
    assert found == [(REFUSED, REPEATED), (REFUSED, ALTERED), (REFUSED, REUSED), (REFUSED, FORGED)]
    assert outcome(original) == [(ACKNOWLEDGED, "")]


def lost_once():
    """A bus on which a message of a to b at 0 is given up after three minutes."""
    there = directory("a", "b")
    plain = bus_of(there)
    bus = bus_of(there, disturbances=(Outage(mask(plain, "a"), 0, 3 * MINUTE),))
    original = single(bus)
    assert outcome(original) == [(LOST, "")]
    return bus, original


def test_a_true_message_that_its_sender_has_given_up_is_expired():
    bus, original = lost_once()
    batch, signature = wire(bus, original)
    assert outcome(bus.inject(batch, signature, 3 * MINUTE)) == [(REFUSED, EXPIRED)]


def test_a_true_message_that_never_arrived_may_be_carried_by_somebody_else_while_it_is_valid():
    """Its sender waits for nothing else, and content and id are his: it is delivered once."""
    there = directory("a", "b", "c")
    plain = bus_of(there)
    bus = bus_of(there, disturbances=(Outage(mask(plain, "a"), 0, 3 * MINUTE),))
    batch, signature = wire(bus, single(bus))
    carried = bus.inject(batch, signature, MINUTE, origin=bus.directory.number("c"))
    assert outcome(carried) == [(ACKNOWLEDGED, "")]
    again, _ = wire(bus, carried)
    assert outcome(bus.inject(again, signature, 2 * MINUTE, origin=bus.directory.number("c"))) == [(REFUSED, REPEATED)]


def test_what_was_refused_before_is_no_first_use_of_an_id():
    bus = bus_of(directory("a", "b", "c"))
    batch = batch_of(bus, [receipt()], ["a"], ["b"])
    batch.ids = np.array([7], np.uint64)
    for at_ms in (0, 5000):
        assert outcome(bus.inject(batch.take(np.arange(1)), np.array([1], np.uint64), at_ms)) == [(REFUSED, FORGED)]


def test_without_authentication_the_door_checks_addresses_alone():
    bus = bus_of(directory("a", "b"), authenticate=False, permissions={"SignalReceipt": frozenset()})
    original = single(bus)
    repeated, signature = wire(bus, original)
    altered, _ = wire(bus, original, expected_kw=2.0)
    for batch in (repeated, altered):
        assert outcome(bus.inject(batch, signature, 5000)) == [(ACKNOWLEDGED, "")]
    unknown = batch_of(bus, [receipt()], ["a"], ["b"])
    unknown.receiver[0] = -1
    assert outcome(bus.post(unknown, bus.key_ring(0), 0, {0: "x"})) == [(REFUSED, "unknown address 'x'")]


def test_what_is_put_on_the_wire_travels_from_where_it_is_put():
    """A silent sender does not silence who speaks in its name, nor does it lend its inner channel."""
    there = directory("a", "a/x", "b", "c")
    plain = bus_of(there)
    bus = bus_of(
        there,
        disturbances=(Outage(mask(plain, "a"), 0, 10**9),),
        authenticate=False,
        default=Channel(delay=Delay("constant", 9.0)),
    )
    numbers = dict(zip(there.names, range(4), strict=True))
    batch = batch_of(bus, [receipt()], ["a"], ["a/x"])
    traffic = bus.inject(batch, np.zeros(1, np.uint64), 0, origin=numbers["c"])
    assert traffic.delivered_ms.tolist() == [9000]


def test_a_repetition_has_delays_of_its_own():
    bus = bus_of(
        directory("a", "b"), authenticate=False, default=Channel(delay=Delay("uniform", 1.0, 1000.0), attempts=1)
    )
    times = set()
    for at_ms in range(0, 20_000, 1000):
        batch, signature = wire(bus, single(bus, conversation="k"))
        times.add(int(bus.inject(batch, signature, at_ms).delivered_ms[0]) - at_ms)
    assert len(times) == 20


# --- the wiretap -----------------------------------------------------------------------------------------------------------


def heard(tap):
    return [
        (one.batch.sent_ms, record, *one.batch.receiver.tolist()) for record, kept in tap.heard.items() for one in kept
    ]


def test_a_tap_hears_what_passes_between_parties_of_the_records_it_listens_for():
    bus = bus_of(directory("a", "a/x", "b", "evil"))
    tap = Wiretap(3, frozenset({"SignalReceipt"}))
    bus.listen(tap)
    single(bus, "a", "a/x", 1)
    post(bus, batch_of(bus, [receipt()] * 2, ["a", "a"], ["a/x", "b"]), 2)
    post(bus, batch_of(bus, [question()], ["a"], ["b"]), 3)
    bus.inject(batch_of(bus, [receipt()], ["a"], ["b"]), np.zeros(1, np.uint64), 4)
    assert heard(tap) == [(2, "SignalReceipt", 2)]


def test_what_a_tap_hears_is_a_copy_with_a_signature_that_holds():
    bus = bus_of(directory("a", "b", "evil"))
    tap = Wiretap(2, frozenset({"SignalReceipt"}))
    bus.listen(tap)
    original = single(bus)
    ((one,),) = tap.heard.values()
    one.batch.columns["expected_kw"][:] = 99.0
    assert original.batch["expected_kw"].tolist() == [1.0]
    one.batch.columns["expected_kw"][:] = 1.0
    assert outcome(bus.inject(one.batch, one.signature, 5000)) == [(REFUSED, REPEATED)]


def test_what_was_heard_is_found_by_time_and_in_an_order_of_its_own():
    bus = bus_of(directory("a", "b", "c", "evil"))
    tap = Wiretap(3, frozenset({"SignalReceipt"}))
    bus.listen(tap)
    for sender, at_ms in [("a", 1), ("b", 2), ("a", 2), ("a", 3)]:
        single(bus, sender, "c", at_ms)
    found = tap.between("SignalReceipt", 2, 3)
    assert [one.batch.sent_ms for one in found] == [2, 2]
    ids = [int(one.batch.ids[0]) for one in found]
    assert ids == sorted(ids)
    assert tap.between("Bid", 0, 9) == []


class Told(Scripted):
    def on_refusal(self, batch, reasons):
        self.note(reasons)


@pytest.mark.parametrize("authenticate", [True, False])
def test_a_party_with_a_tap_acts_through_it_alone(authenticate):
    """It hears, alters, puts; what it is told is what every sender is told."""

    def life(self):
        yield self.sleep(10.0)
        ((one,),) = tap.heard.values()
        tap.put(changed(one.batch, activation="altered"), one.signature)

    def says(self):
        self.send(receipt("true"), "b", "k")
        yield self.sleep(0.0)

    stage = Stage("a", "b", "evil", authenticate=authenticate)
    tap = Wiretap(stage.directory.number("evil"), frozenset({"SignalReceipt"}))
    stage.bus.listen(tap)
    hub, evil = stage.add("b", kind=Counter), Told(stage.world.seat("evil"), life)
    stage.add("a", says)
    stage.world.add(evil, [lambda: stage.world.post.put_on_wire("evil", tap)])
    stage.run(100.0)
    assert [note[2] for note in hub.notes] == (["true"] if authenticate else ["true", "altered"])
    assert [note[1] for note in evil.notes] == ([[ALTERED]] if authenticate else [])
