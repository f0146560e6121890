"""What passes on the wire of a personal message says nothing to anybody but its receiver."""

import numpy as np
import pytest
from hypothesis import given, settings

from agents.strategies.intrusion import altered
from data.arrays import U64
from environment.journal import REFUSED
from environment.messages.base import Batch, Unreadable
from environment.messages.delivery import MeasurementReport, MeterReading
from environment.sealing import SEALED
from environment.wiretap import Wiretap
from tests.environment.kernel_cases import batch_of, bus_of, directory, instances, plain, post, receipt

HOME = "IT001E00000007"


@pytest.fixture
def overheard():
    """A bus with an ear on it, and what it hears of records that are sent from a to b."""

    def hear(*records):
        bus = bus_of(directory("a", "b", "ear"))
        tap = Wiretap(bus.directory.number("ear"), frozenset({type(records[0]).__name__}))
        bus.listen(tap)
        post(bus, batch_of(bus, list(records), ["a"] * len(records), ["b"] * len(records)))
        (heard,) = tap.heard[type(records[0]).__name__]
        return bus, heard

    return hear


def reading(**changed):
    return plain(MeterReading, gcp=HOME, consumption_kwh=1.234567, **changed)


def test_an_eavesdropper_reads_nothing_personal(overheard):
    _, heard = overheard(reading(hour_ms=7), reading(hour_ms=8))
    assert list(heard.batch.columns) == [SEALED]
    for box in heard.batch[SEALED]:
        assert HOME.encode() not in box
        assert b"1.234567" not in box
    assert heard.batch[SEALED][0] != heard.batch[SEALED][1]


def test_what_is_not_personal_passes_as_it_was_said(overheard):
    _, heard = overheard(receipt("said"))
    assert heard.batch["activation"].tolist() == ["said"]


@settings(max_examples=15)
@given(instances(MeasurementReport))
def test_the_receiver_reads_what_was_said(record):
    bus = bus_of(directory("a", "b", "ear"))
    batch = batch_of(bus, [record], ["a"], ["b"])
    ((read, rows),) = bus._seals.opened(bus._seals.sealed(batch))
    assert rows.tolist() == [0]
    for name, column in batch.columns.items():
        np.testing.assert_array_equal(read[name], column)


def _moved(batch: Batch, name: str, bus) -> Batch:
    other = batch.take(np.arange(len(batch)))
    setattr(other, name, np.full(len(batch), bus.directory.number("ear")))
    return other


@pytest.mark.parametrize("end", ["sender", "receiver"])
def test_a_box_opens_for_nobody_else_and_under_no_other_name(overheard, end):
    bus, heard = overheard(reading())
    ((read, _),) = bus._seals.opened(_moved(heard.batch, end, bus))
    assert read.record is Unreadable


def test_a_box_that_was_altered_is_refused_and_on_record(overheard):
    bus, heard = overheard(reading())
    false = altered(heard.batch, "consumption_kwh", 2.0, None)
    ((batch, signature),) = bus.unsealed(false, heard.signature)
    traffic = bus.inject(batch, signature, 5000)
    assert (batch.record, traffic.status.tolist()) == (Unreadable, [REFUSED])


def test_a_box_that_is_repeated_is_known_already(overheard):
    bus, heard = overheard(reading())
    ((batch, signature),) = bus.unsealed(heard.batch, heard.signature)
    traffic = bus.inject(batch, signature, 5000)
    assert (traffic.status.tolist(), traffic.reason[0]) == ([REFUSED], "already submitted")


def test_a_false_signature_does_not_pass_with_a_true_box(overheard):
    bus, heard = overheard(reading())
    ((batch, _),) = bus.unsealed(heard.batch, heard.signature)
    none: U64 = np.zeros(1, np.uint64)
    assert bus.inject(batch, none, 5000).status.tolist() == [REFUSED]
