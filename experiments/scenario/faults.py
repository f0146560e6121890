"""What a scenario says about what goes wrong on purpose or by neglect: parties that fail, and attackers on the wire."""

from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import BeforeValidator, Discriminator, Field, PlainSerializer, Tag, model_validator

from experiments.scenario.actor import NAME
from experiments.scenario.fields import Moment, Part, Share, given, refuse
from experiments.scenario.world import Window

MOST_TIMES = 10.0

Verb = Literal["forge", "replay", "alter"]
VERBS: tuple[Verb, ...] = get_args(Verb)
ORDERS = ("ActivationRequest", "ActivationSignal")
"""Records by which an attacker gives orders of its own."""


def read_times(value: object) -> object:
    """How many times as much, written ``150%`` or ``1.5``."""
    text = str(value).strip()
    try:
        times = float(text[:-1]) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        refuse(f"'{value}' says not how many times as much; write for example 150% or 1.5")
    if isinstance(value, bool) or not 0.0 <= times <= MOST_TIMES:
        refuse(f"'{value}' is out of range; write between 0% and {MOST_TIMES:.0%}, for example 150% or 1.5")
    return times


Times = Annotated[float, BeforeValidator(read_times), PlainSerializer(lambda times: times, return_type=float)]
"""How many times as much. Written ``150%`` or ``1.5``."""


class Fault(Part):
    """A party that does not do what it should."""

    party: str
    """Name of the party."""
    delivers: Share | None = given(None, unit="share", source="nothing wrong")
    """Share of what it was ordered that it really passes on to its devices."""
    offers: Times | None = given(None, unit="times", source="nothing wrong")
    """How many times what its members could do it reports and offers, or a provider of balancing services states in tests of its pools: above 100% it
    promises what it does not have."""
    inflates: Times | None = given(None, unit="times", source="nothing wrong")
    """How many times what its members would take it declares as their baseline in intervals in which it bids: above 100% it is paid for nothing."""
    reports: Times | None = given(None, unit="times", source="nothing wrong")
    """How many times what it delivered a provider of balancing services reports, and stands by it (SUC08.4)."""
    ignores_limits: bool = given(False, source="nothing wrong")
    """Whether a provider of balancing services delivers what it bid although less was admitted (SUC10.4)."""
    silent: Window | None = given(None, source="nothing wrong")
    """Stretch in which it sends and answers nothing."""
    drop_acknowledgements: Share = given(0.0, unit="share", source="nothing wrong")
    """Share of its acknowledgements that get lost."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        said = (self.delivers, self.offers, self.inflates, self.reports, self.silent)
        wrong = any(one is not None for one in said)
        if not wrong and not self.ignores_limits and not self.drop_acknowledgements:
            refuse(
                "say what is wrong: delivers, offers, inflates, reports, ignores_limits, silent or drop_acknowledgements"
            )
        return self


class Attack(Part):
    """Something that an attacker tries who has a connection and all that is public, and no key but its own."""

    verb: ClassVar[Verb]
    claims: str = Field(alias="as")
    """Who the message claims to come from: a party's name."""
    attacker: str = given("attacker-1", source="a name", pattern=NAME)
    """Name of the attacker, also its address."""
    target: str | None = given(None, source="whoever such messages of that sender go to")
    """Party whose systems, or home whose devices, the message goes to."""
    at: Moment | None = given(None, source="from and to say when")
    """Instant of a single attempt, as ``17:10``, ``day 2 17:10`` or ``2016-01-20 17:10``."""
    starts: Moment | None = given(None, alias="from", source="at says when")
    """First attempt of several."""
    ends: Moment | None = given(None, alias="to", source="at says when")
    """No attempt from this instant on."""
    every_s: float = given(900.0, unit="s", source="judgement: once a metering period", ge=1, le=86_400)
    """Time between two attempts of several, and how old a true message may be that an attempt repeats or alters."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        several = self.starts is not None and self.ends is not None
        if several == (self.at is not None) or (self.starts is None) != (self.ends is None):
            refuse("say when: at, or from and to")
        return self

    @property
    def record(self) -> str:
        """Name of the record that its messages carry."""
        return str(getattr(self, self.verb))

    @property
    def first(self) -> Moment:
        """Instant of the first attempt."""
        first = self.at or self.starts
        assert first is not None
        return first


class Forge(Attack):
    """A message of the attacker's own making under somebody else's name."""

    verb = "forge"

    forge: str
    """Name of the record that it makes up. A dispatch notice (``ActivationRequest``) is made of each contract that it has heard of, an
    ``ActivationSignal`` for devices of the directory; any other is made after the last true one that it has heard."""
    kw: float | None = given(None, unit="kW", source="all that is engaged; 3 kW of a device", gt=0, le=100_000)
    """Power that a dispatch notice or a signal orders: of the contract, or of each device."""
    fields: dict[str, bool | float | str] = given({}, source="as in the true message")
    """What it writes into fields of any other record, by name."""

    @model_validator(mode="after")
    def _ordering(self) -> Self:
        orders = self.forge in ORDERS
        if self.kw is not None and not orders:
            refuse(f"kw is what {' or '.join(ORDERS)} orders; write what {self.forge} says as fields")
        if self.fields and orders:
            refuse(f"fields are for other records; what {self.forge} orders is kw")
        return self


class Replay(Attack):
    """True messages, heard on the wire within ``every_s`` before an attempt, once more."""

    verb = "replay"

    replay: str
    """Name of their record."""


class Alter(Attack):
    """True messages, heard on the wire within ``every_s`` before an attempt, with one field changed."""

    verb = "alter"

    alter: str
    """Name of their record."""
    field: str
    """Name of the field that is changed."""
    by: Times | None = given(None, unit="times", source="value says what")
    """How many times its number it becomes."""
    value: float | str | None = given(None, source="by says how much")
    """What it becomes."""

    @model_validator(mode="after")
    def _changes(self) -> Self:
        if (self.by is None) == (self.value is None):
            refuse("say what becomes of the field: by (how many times as much) or value")
        return self


def _fault_kind(value: Any) -> str:
    keys = set(value) if isinstance(value, dict) else {type(value).__name__.lower()}
    named = keys & set(VERBS)
    if not named and "as" in keys:  # an attack, its verb misspelt
        named = {verb for key in sorted(keys) for verb in get_close_matches(key, VERBS, n=1)} or {VERBS[0]}
    return f"({min(named)})" if named else "(party)"


AnyFault = Annotated[
    Annotated[Fault, Tag("(party)")]
    | Annotated[Forge, Tag("(forge)")]
    | Annotated[Replay, Tag("(replay)")]
    | Annotated[Alter, Tag("(alter)")],
    Discriminator(_fault_kind),
]
