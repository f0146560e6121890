"""The journal: what was sent, done and agreed, as columns."""

import numpy as np
import pytest

from environment.addresses import AddressError
from environment.channels import Channel, Delay
from environment.journal import BULK, LATE, NEVER, OVER_MS, Act, Conversation, Journal
from environment.messages.activation import SignalReceipt
from environment.messages.settlement import MeterData
from tests.environment.kernel_cases import batch_of, bus_of, directory, plain, post, question, receipt, reply

MESSAGES = (
    "row", "message_id", "conversation", "record", "sender", "receiver", "sent_ms", "delivered_ms", "acknowledged_ms",
    "attempts", "duplicates", "status", "reason", "digest", "answer_to",
)  # fmt: skip


@pytest.fixture
def bus():
    return bus_of(directory("a", "b", "c"))


def test_a_journal_in_which_nothing_happened_has_its_tables():
    journal = Journal(directory("a"))
    assert {name: len(column) for name, column in journal.messages().items()} == dict.fromkeys(MESSAGES, 0)
    assert {name: len(column) for name, column in journal.act_table().items()} == dict.fromkeys(
        ("row", "act", "actor", "conversation", "t_ms", "reads", "writes"), 0
    )
    assert journal.contents() == {}
    assert all(column == [] for column in journal.conversation_table().values())


def test_messages_are_rows_in_order_of_sending(bus):
    post(bus, batch_of(bus, [receipt("x"), receipt("y")], ["a", "a"], ["c", "b"], "one"), 5)
    asked = post(bus, batch_of(bus, [question()], ["b"], ["a"], "two"), 6)
    answer = batch_of(bus, [reply()], ["a"], ["b"], "two")
    answer.answer_to = asked.batch.ids
    post(bus, answer, 2000)
    table = bus.journal.messages()
    assert tuple(table) == MESSAGES
    assert table["row"].tolist() == [0, 1, 2, 3]
    assert table["record"].tolist() == ["SignalReceipt", "SignalReceipt", "AvailabilityRequest", "BidReceipt"]
    assert table["conversation"].tolist() == ["one", "one", "two", "two"]
    assert table["sender"].tolist() == ["a", "a", "b", "a"]
    assert table["receiver"].tolist() == ["c", "b", "a", "b"]
    assert table["sent_ms"].tolist() == [5, 5, 6, 2000]
    assert table["delivered_ms"].tolist() == [1005, 1005, 1006, 3000]
    assert table["acknowledged_ms"].tolist() == [2005, 2005, 2006, 4000]
    assert table["status"].tolist() == ["acknowledged"] * 4
    assert table["answer_to"].tolist() == [0, 0, 0, int(table["message_id"][2])]
    assert table["message_id"].dtype == table["digest"].dtype == table["answer_to"].dtype == np.uint64
    assert len(set(table["message_id"].tolist())) == 4


def test_contents_are_found_by_the_row_of_their_message(bus):
    post(bus, batch_of(bus, [receipt("x")], ["a"], ["b"]))
    post(bus, batch_of(bus, [question(7)], ["a"], ["b"]))
    post(bus, batch_of(bus, [receipt("y"), receipt("z")], ["a", "a"], ["b", "b"]))
    contents = bus.journal.contents()
    assert sorted(contents) == ["AvailabilityRequest", "SignalReceipt"]
    assert contents["SignalReceipt"]["row"].tolist() == [0, 2, 3]
    assert contents["SignalReceipt"]["activation"].tolist() == ["x", "y", "z"]
    assert contents["AvailabilityRequest"]["from_ms"].tolist() == [7]
    assert tuple(contents["SignalReceipt"]) == ("row", *SignalReceipt.__struct_fields__)


def test_profiles_of_one_length_are_an_array_and_of_several_lengths_rows(bus):
    post(bus, batch_of(bus, [plain(MeterData), plain(MeterData)], ["a", "a"], ["b", "b"]))
    assert bus.journal.contents()["MeterData"]["metered_kw"].shape == (2, 3)
    post(bus, batch_of(bus, [plain(MeterData, metered_kw=np.arange(5.0))], ["a"], ["b"]))
    rows = bus.journal.contents()["MeterData"]["metered_kw"]
    assert [len(row) for row in rows] == [3, 3, 5]
    assert bus.journal.contents()["MeterData"]["meters"].tolist() == [("a",)] * 3


def test_an_act_is_one_row_for_each_that_did_it(bus):
    bus.journal.acts.append(
        Act("start_delivery", bus.directory.numbers(["b", "c"]), "k", 900, ("x/1",), ("y/1", "y/2"))
    )
    bus.journal.acts.append(Act("clear_market", bus.directory.numbers(["a"]), "m", 950, (), ()))
    table = bus.journal.act_table()
    assert table["row"].tolist() == [0, 1, 2]
    assert table["act"].tolist() == ["start_delivery", "start_delivery", "clear_market"]
    assert table["actor"].tolist() == ["b", "c", "a"]
    assert table["t_ms"].tolist() == [900, 900, 950]
    assert table["reads"] == [["x/1"], ["x/1"], []]
    assert table["writes"] == [["y/1", "y/2"]] * 2 + [[]]


def test_conversations_are_listed_by_their_beginning_and_name(bus):
    for name, at in (("z", 5), ("b", 5), ("a", 9)):
        bus.journal.conversations[name] = Conversation(name, "SUC06.2", "1", "", "subject", "a", at)
    bus.journal.conversations["a"].ended_ms = 11
    bus.journal.conversations["a"].outcome = "completed"
    table = bus.journal.conversation_table()
    assert table["conversation"] == ["b", "z", "a"]
    assert table["outcome"] == ["open", "open", "completed"]
    assert table["ended_ms"] == [NEVER, NEVER, 11]


def test_rows_do_not_depend_on_how_a_batch_was_split(bus):
    noisy = Channel(delay=Delay("uniform", 1.0, 50.0), loss_share=0.3)
    records = [receipt(text) for text in "pqrst"]

    def rows(cuts):
        one = bus_of(directory("a", "b", "c"), default=noisy)
        for part in np.split(np.arange(5), cuts):
            batch = batch_of(one, [records[row] for row in part], ["a"] * len(part), ["bcbbc"[row] for row in part])
            post(one, batch)
        return {name: column.tolist() for name, column in one.journal.messages().items()}

    assert rows([]) == rows([1, 2, 3, 4]) == rows([2]) == rows([3, 4])


def test_nobody_without_an_address_gets_into_the_journal(bus):
    with pytest.raises(AddressError):
        batch_of(bus, [receipt()], ["a"], ["q"])


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_bulk_traffic_that_is_over_says_the_same_in_less_room(loss):
    """Nothing can be told from the tables; what still may be written (a repetition of it, a late answer) can be written."""
    there = directory("a", "b")
    bus = bus_of(there, default=Channel(loss_share=loss))
    records = [receipt("x", float(k % 7)) for k in range(BULK)]
    traffic = post(bus, batch_of(bus, records, ["a"] * BULK, ["b"] * BULK), 5)
    few = post(bus, batch_of(bus, records[:3], ["a"] * 3, ["b"] * 3), 6)
    before, content = bus.journal.messages(), bus.journal.contents()["SignalReceipt"]
    bus.journal.compact(OVER_MS)
    assert traffic.attempts.dtype == np.int64  # not over yet
    bus.journal.compact(OVER_MS + 5)
    assert traffic.attempts.dtype == np.int16
    assert few.attempts.dtype == np.int64
    assert traffic.batch.columns["accepted"].strides == (0,)
    after = bus.journal.messages()
    for name, column in before.items():
        np.testing.assert_array_equal(after[name], column)
        assert after[name].dtype == column.dtype
    for name, column in bus.journal.contents()["SignalReceipt"].items():
        np.testing.assert_array_equal(column, content[name])
    traffic.duplicates[0] += True
    traffic.status[0] = LATE
    assert bus.journal.messages()["status"][0] == "late"


def test_a_few_messages_sent_with_many_do_not_keep_what_became_of_the_many(bus):
    many = batch_of(bus, [receipt(str(row)) for row in range(BULK)], ["a"] * BULK, ["b"] * BULK)
    few = batch_of(bus, [receipt("x"), receipt("y")], ["b", "b"], ["c", "c"])
    rings = [bus.key_ring(bus.directory.parties.index(name)) for name in ("a", "b")]
    _, kept = bus.post_all([(many, {}, rings[0]), (few, {}, rings[1])], 5)
    for column in (
        kept.delivered_ms,
        kept.acknowledged_ms,
        kept.given_up_ms,
        kept.attempts,
        kept.duplicates,
        kept.status,
    ):
        assert len(column) == 2
        assert column.base is None
    assert kept.acknowledged_ms.tolist() == [2005, 2005]
