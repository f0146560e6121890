"""Who gathers looks at full periods at all that has come: nothing is lost, early, or told apart by the batches in which it was sent."""

import numpy as np
import pytest

from environment.channels import Channel, Delay
from environment.messages.activation import SignalReceipt
from environment.messages.base import joined
from environment.messages.procurement import BidReceipt
from environment.party import gathers, handles
from tests.environment.kernel_cases import Answering, Counter, Scripted, Stage, question, receipt

PERIOD_S, N = 5.0, 30
SLOW = Channel(delay=Delay("uniform", 1.0, 20.0))


class Gathering(Scripted):
    """Notes what it finds at every look, with the instants of receipt."""

    @handles(SignalReceipt)
    @gathers(PERIOD_S)
    def take(self, batch):
        self.note([record.activation for record in batch.records()], batch.received_ms.tolist())

    @handles(BidReceipt)
    @gathers(PERIOD_S)
    def take_unasked(self, batch):
        self.note("not asked for", len(batch))


def told(parts, kind=Gathering):
    """A world in which a tells b of so many activations at one instant, in some parts."""

    def life(self):
        for rows in np.array_split(np.arange(N), parts):
            self.send([receipt(f"{row:02d}") for row in rows], ["b"] * len(rows), "k")
        yield self.sleep(0.0)

    stage = Stage("a", "b", default=SLOW)
    stage.add("a", life)
    party = stage.add("b", kind=kind)
    stage.run(100.0)
    return party.notes, stage.table()


def test_all_that_came_within_a_period_is_given_at_its_end_in_order_of_receipt():
    notes, table = told(1)
    assert len(notes) > 2
    for at_ms, _, received_ms in notes:
        assert at_ms % 5000 == 0
        assert at_ms - 5000 < min(received_ms)
        assert max(received_ms) <= at_ms
        assert received_ms == sorted(received_ms)
    came = dict(zip([f"{row:02d}" for row in range(N)], table["delivered_ms"].tolist(), strict=True))
    assert {name: at for _, names, times in notes for name, at in zip(names, times, strict=True)} == came


@pytest.mark.parametrize("parts", [2, N])
def test_in_which_parts_it_was_sent_does_not_show(parts):
    assert told(parts)[0] == told(1)[0]


def test_messages_take_as_long_as_without():
    """Delays, acknowledgements and what is journalled are those of each message."""
    gathered, single = told(1)[1], told(1, Counter)[1]
    for column in ("message_id", "delivered_ms", "acknowledged_ms", "status"):
        assert gathered[column].tolist() == single[column].tolist()


def test_answers_of_a_kind_that_is_gathered_go_to_who_asked():
    def life(self):
        answers = yield self.ask([question(row) for row in range(3)], ["b"] * 3, "k")
        self.note(sorted(record.bid for record in answers.records()))

    stage = Stage("a", "b")
    party = stage.add("a", life, kind=Gathering)
    stage.add("b", kind=Answering)
    stage.run(100.0)
    assert [what for _, what in party.notes] == [["0", "1", "2"]]


def test_records_of_a_batch_are_what_was_sent():
    seen = []

    class Keeping(Scripted):
        @handles(SignalReceipt)
        @gathers(60.0)
        def take(self, batch):
            seen.append(joined([batch]))

    told(1, Keeping)
    (batch,) = seen
    assert [batch.one(row).activation for row in range(N)] == [record.activation for record in batch.records()]
    every = list(batch.records())
    assert len({id(record) for record in every}) == N
