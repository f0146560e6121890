"""Small worlds around one agent: the others are puppets that note what they get and send what they are told."""

import numpy as np
import pytest

from environment.addresses import Address, Directory
from environment.messages.activation import ActivationReport, ActivationRequest, ActivationSignal, SignalReceipt
from environment.messages.aggregation import (
    AggregationCycle,
    AssetBaseline,
    CongestionRequirements,
    FlexibilityPotential,
)
from environment.messages.procurement import (
    Award,
    BaselineDeclaration,
    Bid,
    BidReceipt,
    ClearingResult,
    EngagementRequest,
    FlexibilityAvailability,
    NothingCleared,
    ParticipantFile,
    QualificationDecision,
    QualificationRequest,
    SessionPublication,
    SessionRefusal,
    SessionRequest,
)
from environment.messages.settlement import (
    Invoice,
    MemberStatement,
    MeterData,
    MeterDataRequest,
    RemunerationAndPenalty,
    RetailBill,
    SettlementDecision,
)
from environment.party import Party, handles
from environment.world import World
from tests.agents import delivery_world, lights_world
from tests.environment.kernel_cases import bus_of

ANY = (
    ActivationReport, ActivationRequest, ActivationSignal, SignalReceipt, AggregationCycle, AssetBaseline, CongestionRequirements,
    FlexibilityPotential, Award, BaselineDeclaration, Bid, BidReceipt, ClearingResult, EngagementRequest, FlexibilityAvailability,
    NothingCleared, ParticipantFile, QualificationDecision, QualificationRequest, SessionPublication, SessionRefusal, SessionRequest, Invoice, MemberStatement,
    MeterData, MeterDataRequest, RemunerationAndPenalty, RetailBill, SettlementDecision,
)  # fmt: skip


class Puppet(Party):
    """Notes every record that it gets with its instant and sender; answers and sends by script.

    ``script`` is a list of (at_ms, function of the puppet); ``replies`` maps a record class to (puppet, batch) -> records to answer with.
    """

    def __init__(self, seat, script=(), replies=None):
        super().__init__(seat)
        self.script = script
        self.replies = replies or {}
        self.got = []

    def processes(self):
        return [self._play(at_ms, line) for at_ms, line in self.script]

    def _play(self, at_ms, line):
        yield self.until(at_ms)
        line(self)

    def _take(self, batch):
        for row, record in enumerate(batch.records()):
            self.got.append((self.now_ms, self.directory.names[batch.sender[row]], record))
        reply = self.replies.get(batch.record)
        if reply is not None:
            answers = reply(self, batch)
            if answers is not None:
                self.answer(batch, answers)

    def of(self, record):
        """The records of a class that it got."""
        return [one for _, _, one in self.got if isinstance(one, record)]


for _record in ANY:
    setattr(Puppet, f"take_{_record.__name__}", handles(_record)(lambda self, batch: self._take(batch)))


class Stage:
    """A world of one agent and puppets; a message takes one second."""

    def __init__(self, *names, actors=None, devices=(), parties=None):
        played, party = actors or {}, parties or {}
        self.directory = Directory(
            Address(
                name, party.get(name, name.split("/")[0]), played.get(name, ()), name.split("/")[0], name in devices
            )
            for name in names
        )
        self.bus = bus_of(self.directory)
        self.world = World(self.directory, self.bus)

    def puppet(self, name, *script, **replies):
        """A puppet; ``replies`` by name of the record class."""
        by_class = {record: replies[record.__name__] for record in ANY if record.__name__ in replies}
        party = Puppet(self.world.seat(name), script, by_class)
        self.world.add(party)
        return party

    def agent(self, kind, name, *arguments):
        """The agent under test."""
        party = kind(self.world.seat(name), *arguments)
        self.world.add(party)
        return party

    def run(self, until_s):
        self.world.run(round(until_s * 1000))
        return self

    def outcomes(self):
        """Outcome and reason of every conversation, by use case."""
        return [(one.suc, one.outcome, one.reason) for one in self.bus.journal.conversations.values()]

    def acts(self):
        return [act.act for act in self.bus.journal.acts]


@pytest.fixture
def stage():
    """The class of small worlds."""
    return Stage


@pytest.fixture(scope="session")
def profile():
    """An array of powers."""
    return lambda *values: np.array(values, float)


@pytest.fixture(scope="session")
def lights_day():
    """The small world of two operators, lived once for all who look at it."""
    return lights_world.World(lights_world.small())


@pytest.fixture(scope="session")
def honest():
    """Everybody delivers what was accepted."""
    return delivery_world.DeliveryWorld().run()


@pytest.fixture(scope="session")
def gaps():
    """The provider's own data have a gap in an hour in which its battery gave only a half."""
    return delivery_world.DeliveryWorld(gaps=("bsp-1",), delivers={"home-1/meter": delivery_world.LIMIT_KW / 2}).run()


@pytest.fixture(scope="session")
def ignoring():
    """bsp-2 delivers in P1 what it bid, although less was admitted."""
    return delivery_world.DeliveryWorld(delivers={"home-3/meter": delivery_world.OFFERED_KW}).run()
