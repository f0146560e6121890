"""A party: its verbs leave commands in its outbox, its requests say what it waits for, its registers keep what it wrote."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from environment.addresses import Address, AddressError, Directory
from environment.bus import Bus
from environment.chance import Chance
from environment.messages.activation import SignalReceipt
from environment.messages.base import Batch, MessageError, columns_of
from environment.messages.procurement import AvailabilityRequest, BidReceipt
from environment.messages.settlement import MeterData
from environment.party import Party, Work, act, handles
from environment.register import Register
from environment.requests import Acted, Ended, Opened
from environment.world import World
from tests.environment.kernel_cases import plain, question, receipt, reply


@pytest.fixture
def party():
    there = Directory(
        [
            Address("dso-1", "dso-1", ("dso",), "dso-1"),
            Address("dso-1/derms", "dso-1", ("derms",), "dso-1"),
            Address("fsp-1", "fsp-1", ("fsp", "aggregator"), "fsp-1"),
            Address("fsp-2", "fsp-2", ("fsp",), "fsp-2"),
        ]
    )
    world = World(there, Bus(there, Chance(1), {}))
    world.clock.now_ms = 5000
    return Doing(world.seat("dso-1"))


class Doing(Party):
    @act("clear_market", "derms")
    def clear(self, n):
        return Work(n, "k", reads=["bids/1"], writes=["clearings/1"])

    @act("start_delivery")
    def deliver(self, actors):
        return Work(None, "k", actors=np.asarray(actors, np.int64))

    @handles(SignalReceipt)
    @handles(BidReceipt)
    def both(self, batch):
        """Reacts to two."""


def sent(party):
    return party.outbox[-1].batch


# --- who ---------------------------------------------------------------------------------------------------------------


def test_a_party_knows_its_addresses_keys_and_clock(party):
    assert (party.at(), party.at("derms"), party.at("dso")) == ("dso-1", "dso-1/derms", "dso-1")
    assert party.now_ms == 5000
    assert party.ring.of(np.arange(4)).astype(bool).tolist() == [True, True, False, False]
    with pytest.raises(KeyError):
        party.at("fsp")
    with pytest.raises(AddressError, match="did you mean 'fsp-1'"):
        party.numbers(["fsp1"])


def test_handlers_are_found_by_record_also_in_subclasses(party):
    class More(Doing):
        @handles(AvailabilityRequest)
        def third(self, batch):
            """Reacts to one more."""

    assert Doing.handlers() == {SignalReceipt: "both", BidReceipt: "both"}
    assert More.handlers() == Doing.handlers() | {AvailabilityRequest: "third"}
    assert Party.handlers() == {}


# --- send ------------------------------------------------------------------------------------------------------------------


def test_one_record_goes_to_one_or_to_several_and_several_go_pairwise(party):
    party.send(receipt("x"), "fsp-1", "k")
    assert (len(sent(party)), sent(party).conversation) == (1, "k")
    party.send(receipt("x"), ["fsp-1", "fsp-2"], "k", system="derms")
    assert sent(party).receiver.tolist() == [2, 3]
    assert sent(party).sender.tolist() == [1, 1]
    party.send([receipt("x"), receipt("y")], ["fsp-2", "fsp-1"], "k")
    assert sent(party)["activation"].tolist() == ["x", "y"]
    assert sent(party).receiver.tolist() == [3, 2]


@pytest.mark.parametrize(("n", "to"), [(2, "fsp-1"), (3, ["fsp-1", "fsp-2"]), (2, []), (0, ["fsp-1"])])
def test_no_message_is_dropped_because_the_receivers_do_not_match(party, n, to):
    with pytest.raises(MessageError, match=f"{n} messages to"):
        party.send([receipt(str(row)) for row in range(n)], to, "k")
    assert party.outbox == []


def test_records_of_two_classes_are_not_one_batch(party):
    with pytest.raises(MessageError, match="SignalReceipt, BidReceipt"):
        party.send([receipt(), reply()], ["fsp-1", "fsp-2"], "k")


def test_unknown_receivers_are_left_for_the_bus_to_refuse(party):
    party.send(receipt(), ["fsp-1", "fsp-9", "fsp-2", "fsp-9"], "k")
    assert party.outbox[-1].unknown == {1: "fsp-9", 3: "fsp-9"}
    assert sent(party).receiver.tolist() == [2, -1, 3, -1]


def test_sending_nothing_leaves_nothing(party):
    assert len(party.send([], [], "k").batch) == 0
    party.send_batch(SignalReceipt, columns_of([receipt()] * 2), np.zeros(2), np.ones(2), "k")
    empty = {name: column[:0] for name, column in sent(party).columns.items()}
    party.send_batch(SignalReceipt, empty, np.array([], int), np.array([], int), "k")
    assert len(party.outbox) == 1


def test_a_batch_is_a_copy_in_the_types_of_its_fields(party):
    power = np.array([1, 2])
    columns = {"activation": np.array(["a", "b"]), "accepted": np.array([True, False]), "expected_kw": power}
    party.send_batch(SignalReceipt, columns, party.numbers(["dso-1"]), party.numbers(["fsp-1", "fsp-2"]), "k")
    power[:] = 9
    assert sent(party)["expected_kw"].tolist() == [1.0, 2.0]
    assert [column.dtype.kind for column in sent(party).columns.values()] == ["O", "b", "f"]
    assert sent(party).sender.tolist() == [0, 0]


def test_what_a_party_does_to_its_profile_later_does_not_change_the_message(party):
    profile = np.ones(3)
    party.send(plain(MeterData, metered_kw=profile), "fsp-1", "k")
    profile[:] = 7.0
    assert sent(party)["metered_kw"].tolist() == [[1.0, 1.0, 1.0]]


@pytest.mark.parametrize("n", [1, 3])
def test_columns_of_another_length_than_the_addresses_are_refused(party, n):
    with pytest.raises(MessageError, match=f"columns of {n} messages between 2 pairs"):
        party.send_batch(
            SignalReceipt, columns_of([receipt()] * n), party.numbers(["dso-1"]), party.numbers(["fsp-1", "fsp-2"]), "k"
        )


def test_an_answer_goes_back_from_the_address_that_was_asked(party):
    asked = Batch(AvailabilityRequest, np.array([2, 3]), np.array([1, 0]), columns_of([question()] * 2), "k")
    asked.ids = np.array([11, 12], np.uint64)
    party.answer(asked, reply())
    assert sent(party).sender.tolist() == [1, 0]
    assert sent(party).receiver.tolist() == [2, 3]
    assert sent(party).answer_to.tolist() == [11, 12]
    with pytest.raises(MessageError, match="3 answers to 2 questions"):
        party.answer(asked, [reply()] * 3)


# --- conversations, acts, requests -------------------------------------------------------------------------------------------


def test_conversations_are_named_by_what_they_are_about(party):
    first, second = (party.open("SUC06.1", "2", "need-7", parent="p", system="derms") for _ in range(2))
    assert (first, second) == ("SUC06.1/2:dso-1/derms:need-7", "SUC06.1/2:dso-1/derms:need-7#2")
    party.end(first, "failed", "no bids")
    assert party.outbox[0] == Opened(first, "SUC06.1", "2", "p", "need-7", "dso-1/derms")
    assert party.outbox[2] == Ended(first, "failed", "no bids")


def test_an_act_is_recorded_by_the_method_that_does_it_and_gives_its_result(party):
    assert party.clear(5) == 5
    done = party.outbox[-1]
    assert isinstance(done, Acted)
    assert (done.act, done.actors.tolist(), done.conversation) == ("clear_market", [1], "k")
    assert (done.reads, done.writes) == (("bids/1",), ("clearings/1",))
    party.deliver([2, 3])
    assert party.outbox[-1].actors.tolist() == [2, 3]
    before = len(party.outbox)
    party.deliver([])  # nobody did anything
    assert len(party.outbox) == before
    assert Doing.clear.__name__ == "clear"


def test_requests_speak_in_instants(party):
    assert party.sleep(1.5).until_ms == 6500
    assert party.until(7000).until_ms == 7000
    assert party.until(10).until_ms == 5000
    assert party.ask(question(), "fsp-1", "k", timeout_s=2.0).until_ms == 7000
    request = party.receive(SignalReceipt, "k", 9000)
    assert (request.record, request.conversation, request.until_ms) == (SignalReceipt, "k", 9000)


# --- registers -------------------------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(-5, 5), max_size=4), max_size=6))
def test_a_register_is_what_was_written_in_order(parts):
    register = Register()
    for number, part in enumerate(parts):
        register.add(part=number, value=part, name=[str(one) for one in part])
    rows = [(number, value, str(value)) for number, part in enumerate(parts) for value in part]
    assert len(register) == len(rows)
    columns = register.columns()
    assert list(zip(*(columns[name].tolist() for name in columns), strict=True)) == rows


def test_a_row_of_scalars_is_one_row():
    register = Register()
    register.add(t_ms=5, fsp="fsp-1", share=0.5, good=True)
    assert {name: column.tolist() for name, column in register.columns().items()} == {
        "t_ms": [5], "fsp": ["fsp-1"], "share": [0.5], "good": [True],
    }  # fmt: skip


def test_a_register_keeps_what_was_written_and_not_what_became_of_it():
    register, values = Register(), np.ones(2)
    register.add(value=values)
    values[:] = 9.0
    register.columns()["value"][:] = 7.0
    assert register.columns()["value"].tolist() == [1.0, 1.0]


def test_what_is_dropped_from_a_register_is_gone_and_the_rest_stays_in_order():
    register = Register()
    register.add(owner=["a", "b", "a"], value=[1, 2, 3])
    register.add(owner="b", value=4)
    register.add(owner="c", value=5)
    register.drop("owner", [])
    assert len(register) == 5
    register.drop("owner", ["b", "nobody"])
    assert {name: column.tolist() for name, column in register.columns().items()} == {
        "owner": ["a", "a", "c"], "value": [1, 3, 5],
    }  # fmt: skip
    register.drop("owner", ["a", "c"])
    assert (len(register), register.columns()) == (0, {})


def test_columns_that_do_not_fit_are_refused_when_they_are_written():
    register = Register()
    with pytest.raises(ValueError, match=r"one length.*'a': 2.*'b': 3"):
        register.add(a=[1, 2], b=np.ones(3))
    register.add(a=1, b=2)
    for wrong in ({"a": 1}, {"a": 1, "b": 2, "c": 3}):
        with pytest.raises(ValueError, match=r"columns \['a', 'b'\]"):
            register.add(**wrong)
    assert len(register) == 1
