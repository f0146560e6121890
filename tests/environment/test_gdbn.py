"""The GDBN relays to engaged FSPs, withholds what is for others, and keeps what settlement will need."""

import numpy as np
import pytest

from environment.addresses import Address, Directory
from environment.bus import Bus
from environment.chance import Chance
from environment.channels import Channel, Delay
from environment.messages.activation import ActivationReport, ActivationRequest
from environment.messages.procurement import BaselineDeclaration, EngagementRequest
from environment.platforms.gdbn import Gdbn
from environment.world import World
from experiments.covers import covers
from tests.environment.kernel_cases import Scripted, plain

SECOND = Channel(delay=Delay("constant", 1.0))
PLATFORMS = {"fsp-1": "fsp-1/fsp-technical-platform", "fsp-2": "fsp-2/fsp-technical-platform"}


def run(*lives):
    """A DSO that lives as given between the GDBN, its settlement and two FSPs; returns the GDBN and the journal's rows."""
    there = Directory(
        [
            Address("dso-1", "dso-1", ("dso",), "dso-1"),
            Address("gdbn-1", "gdbn-1", ("gdbn",), "dpp-1"),
            Address("gdbn-1/settlement", "dpp-1", (), "dpp-1"),
            Address("dpp-1", "dpp-1", ("digital-platform-provider",), "dpp-1"),
            *(Address(one, fsp, ("fsp-technical-platform",), fsp) for fsp, one in PLATFORMS.items()),
        ]
    )
    bus = Bus(there, Chance(1), {}, default=SECOND)
    world = World(there, bus)
    gdbn = Gdbn(world.seat("gdbn-1"), "gdbn-1/settlement", PLATFORMS)
    world.add(gdbn)
    world.add(Scripted(world.seat("dso-1"), *lives))
    world.run(100_000)
    table = bus.journal.messages()
    names = ("record", "sender", "receiver", "conversation", "digest")
    rows = list(zip(*(table[name].tolist() for name in names), strict=True))
    return gdbn, [row for row in rows if row[1] == "gdbn-1"], rows


def engagement(fsp="fsp-1", contract="c1"):
    return plain(EngagementRequest, fsp=fsp, contract=contract)


def notice(fsp="fsp-1", contract="c1", activation="act-1"):
    return plain(ActivationRequest, fsp=fsp, contract=contract, activation=activation, ordered_kw=np.array([5.0, 7.0]))


def sending(at_s, *messages, conversation="k"):
    def life(self):
        yield self.until(round(1000 * at_s))
        for message in messages:
            self.send(message, "gdbn-1", conversation)

    return life


@covers("SUC06.2/r05")
def test_a_notice_is_relayed_to_the_engaged_fsp_unaltered_and_copied_to_settlement():
    gdbn, out, rows = run(sending(0, engagement()), sending(10, notice(), conversation="activation-1"))
    relayed = [row for row in out if row[0] == "ActivationRequest"]
    assert [(row[2], row[3]) for row in relayed] == [
        (PLATFORMS["fsp-1"], "activation-1"), ("gdbn-1/settlement", "activation-1"),
    ]  # fmt: skip
    original = next(row for row in rows if row[0] == "ActivationRequest" and row[1] == "dso-1")
    assert {row[4] for row in relayed} == {original[4]}
    assert len(gdbn.register("refused_requests")) == 0


@covers("SUC06.2/r05")
@pytest.mark.parametrize(
    "told",
    [
        [],  # nobody was engaged
        [engagement("fsp-2", "c2")],  # somebody else
        [engagement("fsp-1", "c2")],  # he, for something else
        [engagement("fsp-2", "c1")],  # somebody else, for this
    ],
)
def test_a_notice_to_anybody_else_is_withheld_on_record(told):
    gdbn, out, _ = run(sending(0, *told), sending(10, notice()))
    assert [row for row in out if row[0] == "ActivationRequest"] == []
    assert {name: column.tolist() for name, column in gdbn.register("refused_requests").columns().items()} == {
        "message_id": gdbn.register("refused_requests").columns()["message_id"].tolist(), "t_ms": [11_000], "party": ["gdbn-1"],
        "record": ["ActivationRequest"], "subject": ["act-1"], "reason": ["fsp-1 was not engaged for c1"],
    }  # fmt: skip


def test_an_engagement_counts_from_the_instant_at_which_it_arrives():
    """A notice that overtakes its engagement is withheld; the next one is relayed."""
    gdbn, out, _ = run(sending(0, notice(activation="early")), sending(0.001, engagement()), sending(0.002, notice()))
    assert gdbn.register("refused_requests").columns()["subject"].tolist() == ["early"]
    assert [row[2] for row in out if row[0] == "ActivationRequest"] == [PLATFORMS["fsp-1"], "gdbn-1/settlement"]


def test_notices_of_one_instant_are_judged_one_by_one():
    told = [engagement("fsp-1", "c1"), engagement("fsp-2", "c2")]
    notices = [notice("fsp-1", "c1", "x"), notice("fsp-1", "c2", "y"), notice("fsp-2", "c2", "z")]
    gdbn, out, _ = run(sending(0, *told), sending(10, *notices))
    assert gdbn.register("refused_requests").columns()["subject"].tolist() == ["y"]
    relayed = [row[2] for row in out if row[0] == "ActivationRequest" and row[2] != "gdbn-1/settlement"]
    assert relayed == list(PLATFORMS.values())


@covers("SUC06.3/r02")
def test_what_settlement_needs_is_kept_with_it_and_nobody_else_gets_it():
    kept = [plain(BaselineDeclaration), engagement(), plain(ActivationReport)]
    _, out, rows = run(sending(0, *kept))
    assert sorted(row[0] for row in out) == ["ActivationReport", "BaselineDeclaration", "EngagementRequest"]
    assert {row[2] for row in out} == {"gdbn-1/settlement"}
    digests = {row[0]: row[4] for row in rows if row[1] == "dso-1"}
    assert all(digests[row[0]] == row[4] for row in out)
