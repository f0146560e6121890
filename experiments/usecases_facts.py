"""The facts of a use case, and how the project reads and keeps them, as frozen types; what the files in ``data/usecases/`` must look like."""

from typing import Literal

import msgspec

from experiments.errors import did_you_mean

Names = tuple[str, ...]


class CatalogueError(ValueError):
    """A use case, step or rule that the catalogue does not know, or a file of it that does not fit."""


class _Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all catalogue facts: frozen, and an unknown key is refused."""


class Step(_Fact, frozen=True):
    """One row of a step table."""

    id: str
    event: str
    activity: str
    does: str
    operation: str
    producer: Names
    receiver: Names
    information: Names
    requirements: Names

    @property
    def is_act(self) -> bool:
        """Whether the step is an act by topology: nobody else receives it (CONFORMANCE C1)."""
        return not self.receiver or set(self.receiver) == set(self.producer)


class Scenario(_Fact, frozen=True):
    """One scenario of a use case, steps in the order of its table."""

    id: str
    name: str
    primary_actor: str
    trigger: str
    precondition: str
    postcondition: str
    source: Literal["table", "narrative"]
    steps: tuple[Step, ...]


class Information(_Fact, frozen=True):
    """One information object that steps exchange."""

    id: str
    name: str
    fields: Names
    requirements: Names


class Requirement(_Fact, frozen=True):
    """One requirement that steps or information objects cite."""

    id: str
    category: str
    name: str
    says: str


class CaseActor(_Fact, frozen=True):
    """An actor as one use case writes it."""

    id: str
    as_written: str
    kind: Literal["role", "system", "device"]


class Actor(_Fact, frozen=True):
    """An actor of the whole catalogue; ``operated_by`` is a role or nobody."""

    id: str
    names: Names
    kind: Literal["role", "system", "device"]
    operated_by: str | None
    does: str
    sucs: Names


class UseCase(_Fact, frozen=True):
    """One system use case."""

    id: str
    name: str
    domain: str
    bucs: Names
    services: tuple[int, ...]
    pilots: dict[str, Names]
    objectives: Names
    conditions: Names
    rules: Names
    actors: tuple[CaseActor, ...]
    scenarios: tuple[Scenario, ...]
    information: tuple[Information, ...]
    requirements: tuple[Requirement, ...]
    notes: Names

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps of all scenarios."""
        return tuple(step for scenario in self.scenarios for step in scenario.steps)

    def scenario(self, name: str) -> Scenario:
        """The scenario with this id; ``CatalogueError`` if there is none."""
        for scenario in self.scenarios:
            if scenario.id == name:
                return scenario
        text = f"{self.id} has no scenario {name!r}{did_you_mean(name, [one.id for one in self.scenarios])}"
        raise CatalogueError(text)

    def rule_keys(self) -> dict[str, str]:
        """Key -> text of every rule (``SUC06.3/r07`` is the seventh) and requirement (``SUC06.3/QoS-2``)."""
        rules = {f"{self.id}/r{number:02d}": text for number, text in enumerate(self.rules, start=1)}
        return rules | {f"{self.id}/{one.id}": f"{one.name}: {one.says}" for one in self.requirements}


class Alternative(_Fact, frozen=True):
    """The other route of a step: the step falls away where ``step`` went to ``receiver``."""

    name: str
    step: str
    receiver: str


class Deadline(_Fact, frozen=True):
    """A step is late when it arrives after the instant in ``field`` of the same conversation's ``record``."""

    record: str
    field: str


class Trigger(_Fact, frozen=True):
    """What starts a scenario or calls for a step, as a condition on results.

    ``table`` has a row: in which column ``less`` is below column ``than``, or whose instant in column ``at`` lies within the conversation.
    """

    table: str
    reason: str
    less: str = ""
    than: str = ""
    at: str = ""


class Condition(_Fact, frozen=True):
    """Some message of ``record`` in the conversation has all of these fields true (or not zero); without fields, there is one."""

    record: str
    fields: Names = ()


class Reading(_Fact, frozen=True):
    """How an odd step is read (CONFORMANCE C2); what is left out stays as the table has it.

    Attributes:
        reason: why, for people.
        information: ids really carried.
        producer: who really sends or acts.
        receiver: who really receives.
        receivers: whether all receivers must be reached, or any; ``together``: all, by one sending.
        producers: whether any producer will do, or all must send.
        carries: a GET as a pair: ``forward`` the receiver asks and the answer travels producer to receiver, ``back`` the producer asks;
            ``push`` one message without a question.
        records: the only records that can make it, where its information is carried by others too.
        asks: the record of the question of a pair.
        act: name of the act.
        after: steps that its sender must have received or done before; the row above where not stated.
        repeats: an earlier step with the same sender, receiver and information.
        group: the alternative route that makes the step fall away.
        deadline: until when it must arrive.
        when: what somebody must have said in the conversation for the step to be needed; elsewhere it is an option nobody took.
        trigger: what calls for it; a conversation in which that did not happen need not make it.
        when: in which conversations it is demanded, by what was said in them.
        impossible: why no run can make the step.
    """

    reason: str
    information: Names | None = None
    producer: Names | None = None
    receiver: Names | None = None
    receivers: Literal["all", "any", "together"] = "all"
    producers: Literal["any", "joint"] = "any"
    carries: Literal["forward", "back", "push"] | None = None
    records: Names | None = None
    asks: str = ""
    act: str | None = None
    after: Names | None = None
    repeats: str | None = None
    group: Alternative | None = None
    deadline: Deadline | None = None
    trigger: Trigger | None = None
    when: Condition | None = None
    impossible: str | None = None


class Extra(_Fact, frozen=True):
    """A message that no row of the table has: it must exist in a completed conversation, or (``required: false``) may.

    Any of the ``records`` will do. ``when`` limits the demand to conversations in which something was said.
    """

    records: Names
    scenario: str
    producer: Names
    receiver: Names
    reason: str
    receivers: Literal["all", "any"] = "all"
    after: Names = ()
    required: bool = True
    when: Condition | None = None


class Conveyance(_Fact, frozen=True):
    """How long a message may take to arrive, and to be acknowledged."""

    within_ms: int
    acknowledged_within_ms: int
    source: str


class CaseReadings(_Fact, frozen=True):
    """All readings of one use case."""

    steps: dict[str, Reading] = {}
    extra: tuple[Extra, ...] = ()
    operated_by: dict[str, str] = {}
    triggers: dict[str, Trigger] = {}
    sent_elsewhere: dict[str, Names] = {}
    conveyance: Conveyance | None = None


class Enforcement(_Fact, frozen=True):
    """What keeps a rule: a module attribute, or the reason why it is outside."""

    enforced_by: Names = ()
    outside: str = ""
