"""Who may write what in the global market: by role at the door of the bus, and by party at each receiver."""

import numpy as np
import pytest

from environment.journal import REFUSED
from environment.messages import delivery, flexibility_register, global_market, traffic_lights
from environment.messages.base import Record, fields
from experiments.usecases import permissions_of_records
from tests.agents.global_market_cases import ALL, BSPS, HOUR_MS, SESSION, Setting, offered, play, table
from tests.environment.kernel_cases import batch_of, bus_of, directory, plain, post

MODULES = (global_market, delivery, flexibility_register, traffic_lights)
RECORDS = {
    name: record
    for module in MODULES
    for name, record in vars(module).items()
    if isinstance(record, type) and issubclass(record, Record) and record is not Record
}
PERMITTED = permissions_of_records()
ROLES = {
    "bsp": ("bsp", "bsp-platform"), "dso": ("dso", "dso-technical-platform"), "tso": ("tso",), "market": ("tso-market-operator", "tso-market-platform"),
    "cbp": ("cbp",), "register": ("flexibility-register",), "gateway": ("pgui",), "meter": ("meter",), "brp": ("production-responsible-party",),
}  # fmt: skip
OF_A_BSP = {
    "AsmBid", "ComponentMessage", "PerimeterBaseline", "PreliminaryReport", "Clarification", "FinalReport", "GcpRegistration", "PointWithdrawal",
    "PointChange", "TopologyAcknowledgement", "PoolRegistration", "PoolTestAnswer", "FlexibilityData",
}  # fmt: skip
SHARED = {"PoolTest", "PoolTestOrder", "PoolQualification"}
"""Records whose steps name a provider's platform among the senders; whose test or qualification it is their receivers look at."""


def test_all_that_a_provider_may_say_is_its_own():
    """Nothing of what operators, market, platform and register say: no outcome, limit, light, purchase or settlement."""
    assert {name for name in RECORDS if PERMITTED[name] & {"bsp", "bsp-platform"}} == OF_A_BSP | SHARED


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_every_message_of_a_false_role_is_refused_at_the_door_and_on_record(name):
    there = directory("receiver", *ROLES, actors=ROLES)
    bus = bus_of(there, permissions={name: PERMITTED[name]})
    record = plain(RECORDS[name])
    traffic = post(bus, batch_of(bus, [record] * len(ROLES), list(ROLES), ["receiver"] * len(ROLES)))
    assert not PERMITTED[name].issuperset(actor for actors in ROLES.values() for actor in actors)
    for row, (sender, actors) in enumerate(ROLES.items()):
        may = bool(PERMITTED[name] & set(actors))
        assert (traffic.status[row] == REFUSED) != may, sender
        assert may or traffic.reason[row].startswith("role: "), sender
    assert len(bus.journal.messages()["status"]) == len(ROLES)


# --- the same role, another party ----------------------------------------------------------------------------------------------------

SUPPLY = {"bsp-1": {"up": offered([50, 40, 0, 0], 0.002)}, "bsp-2": {"up": offered([60, 0, 30, 0], 0.004)}}
FITTING = {
    "session": "MSD", "bid": "MSD/bsp-1/up", "version": 9, "bsp": "bsp-1", "buyer": "dso-1", "dso": "dso-1", "direction": "up", "perimeter": ALL[0],
    "perimeters": (ALL[0],), "areas": (ALL[0],), "buyers": ("tso",), "from_ms": SESSION.from_ms, "gate_ms": SESSION.from_ms, "node": "",
}  # fmt: skip


def forged(record):
    """A message that fits the session under way, with numbers of its own."""
    known = {field.name: field.kind for field in fields(record)}
    day = {name: np.ones(24) for name, kind in known.items() if kind == "profile"}
    return plain(record, **day | {name: value for name, value in FITTING.items() if name in known})


@pytest.fixture
def parties(stage):
    """Addresses of a session, and what each reads."""

    there = play(stage, Setting(supply=SUPPLY), until_h=1.0)
    read = {name: sorted(type(party).handlers(), key=lambda one: one.__name__) for name, party in there.parties.items()}
    return {name: [one for one in records if one.__name__ in RECORDS] for name, records in read.items()}


@pytest.mark.parametrize("at_h", [16.5, 18.0], ids=["before the gate", "after it"])
def test_whatever_a_stranger_writes_to_whomever_is_refused_on_record_and_changes_nothing(stage, parties, at_h):
    """One of each message that anybody reads; of components that are not its to send the TSO says so with a receipt."""
    script = [(round(at_h * HOUR_MS), forged(one), name) for name, records in parties.items() for one in records]
    assert len(script) >= 25
    calm, there = play(stage, Setting(supply=SUPPLY)), play(stage, Setting(supply=SUPPLY, script=script))
    for name, records in parties.items():
        refused = len(table(there, name, "refused_requests").get("reason", ()))
        before = len(table(calm, name, "refused_requests").get("reason", ()))
        by_receipt = sum(one.__name__ == "ComponentMessage" for one in records) if name == "tso" else 0
        assert refused - before + by_receipt == len(records), (name, table(there, name, "refused_requests"))
    for party, register in (("tso", "global_results"), ("tso", "perimeter_limits"), ("cbp", "registered_quantities"), ("tso-market", "global_bids"),
                            *((bsp, "global_schedules") for bsp in BSPS)):  # fmt: skip
        one, other = table(calm, party, register), table(there, party, register)
        assert one.keys() == other.keys(), register
        for column in one:
            if not column.endswith("_ms"):
                np.testing.assert_array_equal(one[column], other[column], err_msg=f"{register}.{column}")
