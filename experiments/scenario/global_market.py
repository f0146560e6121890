"""What a scenario says about local and global markets on the same resources: who, which networks, when (SUC08.1 to SUC08.4, SUC10.1 to SUC10.4)."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from experiments.scenario.actor import NAME, Actor
from experiments.scenario.delivery import Delivery
from experiments.scenario.fields import JUDGEMENT, DayTime, Part, Share, given, refuse
from experiments.scenario.global_bids import Bids, Buyer, Transmission

REGISTER = "SUC08.1"


def _eic(code: str) -> str:
    from markets.registers.grid_element import eic_fault

    if fault := eic_fault(code, kind="X"):
        refuse(fault)
    return code


class GridOutage(Part):
    """A line or transformer out of service, with what is switched instead."""

    outage_of: str
    """Name of the line or transformer in the operator's own network."""
    closes: tuple[str, ...] = given((), source="no switching unless said")
    """Open lines (ties) that are closed meanwhile."""
    opens: tuple[str, ...] = given((), source="no switching unless said")
    """Branches opened meanwhile beside it."""


class Tightening(Part):
    """A DSO admits less of points in its network than it had validated, by itself (SUC10.1 rule 18)."""

    at: DayTime
    """When."""
    points: int = given(1, source="judgement: a single point", ge=1)
    """How many of the points in use, by name."""
    power: Share = given(0.5, unit="share of what was validated", source=JUDGEMENT, lt=1)
    """What is left of their validated power."""


class SystemOperator(Actor):
    """Distribution system operator with a network of its own."""

    network: str
    """Name of its network (``coflex schema`` lists them), or a pandapower .json file."""
    eic: Annotated[str, AfterValidator(_eic)]
    """EIC code of the operator, type X, with its check character; first part of its grid element id codes (SUC08.1)."""
    municipality: str = given("058091", source="ISTAT code of Rome", pattern=r"^\d{6}$")
    """ISTAT code of the municipality where its perimeters lie (SUC08.1)."""
    tso_perimeter: str = given("IT-CSUD", source="one of the perimeters of aggregation of the TSO", min_length=1)
    """Aggregation perimeter of the TSO in which its points lie (SUC10.1)."""
    market_zone: str = given("Centro Sud", source="SUC08.2: one of seven market zones", min_length=1)
    """Zone of the TSO's market in which its points lie."""
    n1: tuple[GridOutage, ...] = given((), source="the operator names which outages its static lights must bear")
    """States N-1 in which a point's validated power must keep every limit, beside normal operation."""
    node: str = given("B", source="a node of the shipped transmission network", min_length=1)
    """Node of the transmission network that feeds it."""
    limits_late_h: float = given(0.0, unit="h", source="in time; more is a fault of the operator", ge=0, le=24)
    """By how much its constraints of the day come too late for the session."""
    treatment: Literal["as metered", "aggregated by perimeter", "estimated"] = given(
        "as metered", source="SUC08.1 names the field and leaves its values open"
    )
    """How measurements of its points are treated."""
    forecast: Literal["regression", "persistence", "same-hour-last-week"] = given("regression", source="as a DSO's")
    """How it forecasts load."""
    margin_percent: float = given(5.0, unit="% of the forecast", source=JUDGEMENT, ge=0, le=100)
    """Added to the forecast load before dynamic lights are worked out."""
    updates: tuple[Tightening, ...] = given((), source="none")
    """What it admits less of points later."""


class Update(Part):
    """A BSP changes the modulating power of points that are registered, which are examined anew (SUC10.1 rule 10), or withdraws them."""

    at: DayTime
    """When."""
    dso: str | None = given(None, source="every network in which it has a pool")
    """In whose network; everywhere unless said."""
    points: int = given(1, source="judgement: a single point", ge=1)
    """How many points of its pool in each network, by name."""
    power: Share = given(0.5, unit="share of what it was", source=JUDGEMENT, gt=0)
    """What is left of their modulating power."""
    withdraws: bool = given(False, source="a change of power")
    """Whether the points are taken out of the register instead; the pool is qualified anew without them (SUC08.1)."""


class Regrouping(Part):
    """The TSO moves points to another aggregation perimeter, by itself (SUC10.1 rule 18)."""

    at: DayTime
    """When."""
    dso: str
    """In whose network the points are."""
    points: int = given(1, source="judgement: a single point", ge=1)
    """How many of them, by name."""
    tso_perimeter: str
    """The new aggregation perimeter."""


class Bsp(Actor):
    """Balancing service provider: an aggregator of homes and plants (``served_by``) with global services."""

    services: tuple[Literal["global", "local"], ...] = given(
        ("global", "local"), source="SUC08.1: one or both", min_length=1
    )
    """Services that it wants its pools enabled for."""
    registers: DayTime = given(DayTime.model_validate("06:00 the day before"), source=JUDGEMENT)
    """When it registers its points."""
    late_points: int = given(1, source="judgement: a resource that comes when the register already runs", ge=0)
    """Points of each DSO that it registers later, by itself and without a pool (SUC08.1)."""
    registers_late: DayTime = given(DayTime.model_validate("09:00 the day before"), source=JUDGEMENT)
    """When it registers these."""
    updates: tuple[Update, ...] = given((), source="none")
    """What it changes of registered points."""
    platform: bool = given(True, source="SUC08.2: components go over the platform; SUC10.3: to the TSO itself")
    """Whether it sends bid components over the Crowd Balancing Platform; false: to the TSO itself."""
    adapts: bool = given(True, source="SUC10.3: a provider moves or lowers what a constraint cuts, as far as it can")
    """Whether it changes its bid when it hears of a constraint; if not, the TSO limits it at the gate."""
    bids_percent: float = given(80.0, unit="% of what is possible", source=JUDGEMENT, gt=0, le=100)
    """Part of what its members could do that it bids; the rest is kept to move cut quantities to."""
    margin_percent: float = given(10.0, unit="% of the members' prices", source="as FSPs of local markets", ge=0)
    """Added to its members' prices."""
    repeats: int = given(0, source="sent once; more is a fault of the sender", ge=0, le=100)
    """How often it sends the same bid and components again."""


class Tests(Part):
    """Prequalification of pools (SUC08.1, SUC10.1)."""

    least_kw: float = given(1.0, unit="kW", source="judgement: small, for networks of some hundred homes", gt=0)
    """Least power of a pool in one direction."""
    announced_s: float = given(600.0, unit="s", source=JUDGEMENT, ge=300, le=3000)
    """How long before its hour a test is announced; a pool is tested in the first full hours that can be announced and that its network bears, one a direction."""
    answers_within_s: float = given(300.0, unit="s", source=JUDGEMENT, ge=120, le=2700)
    """Time from the announcement in which a pool must say what it can do in the hour."""
    share: Share = given(1.0, unit="share of what the pool says", source="judgement: a pool shows what it says", gt=0)
    """Part of what a pool says that it can do that its test orders."""
    tolerance: Share = given(0.3, unit="share of the order", source="judgement: the source states no tolerance")
    """Part of an order that may be missing in the hour of a test, of what is measured and of what devices are set to."""
    point_kw: float = given(
        1.0,
        unit="kW",
        source="judgement: twice what a home usually strays in an hour from the plan of a day like it",
        ge=0,
        le=1000,
    )
    """What the baseline of one point misses; of points together the root of the sum of their squares may always be missing."""
    point_share: Share = given(
        0.05,
        unit="share of the point's validated power",
        source="judgement: what a plant that depends on weather usually strays in an hour from a plan made shortly before",
    )
    """What the baseline of a plant misses, where that is more than ``point_kw``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.answers_within_s > self.announced_s - 60.0:
            refuse(
                f"answers_within_s is {self.answers_within_s:g}; a pool must have answered a minute before its hour, {self.announced_s:g} s after the announcement"
            )
        return self


class Lights(Part):
    """Dynamic traffic lights (SUC08.3, SUC10.2)."""

    first: DayTime = given(
        DayTime.model_validate("15:30 the day before"), source="SUC10.2: on D-1, ahead of the market's gate"
    )
    """When the operators work out the lights of the next day."""
    deadline: DayTime = given(
        DayTime.model_validate("16:00 the day before"), source="one hour before the gate (SUC08.2)"
    )
    """Until when they must be on the platform to count for the day-ahead clearing; where nothing came, the static value holds."""
    updates_every_h: int = given(
        6, unit="h", source="SUC10.2: may be updated during D; how often is a judgement", ge=1, le=24
    )
    """Time between two updates on the day."""
    reaches_h: int = given(1, unit="h", source="SUC08.2: an hour ahead", ge=0, le=12)
    """Hours from an update on that it leaves as they are, because they are being activated."""


class GlobalMarket(Part):
    """Local and global markets on the same resources, coordinated through the Crowd Balancing Platform and the Flexibility Register."""

    dsos: tuple[SystemOperator, ...] = given(source="at least one", min_length=1)
    """Distribution system operators; their networks take the place of ``grid.network``."""
    bsps: tuple[Bsp, ...] = given(source="at least one", min_length=1)
    """Balancing service providers, by name or with what is special about them."""
    buyers: tuple[Buyer, ...] = given((), source="none")
    """Commercial parties that compete with operators under the integrated scheme; under the others nobody sells to them."""
    tso: str = given("tso", source="a name", pattern=NAME)
    """Name of the transmission system operator."""
    tso_updates: tuple[Regrouping, ...] = given((), source="none")
    """What the TSO changes of points later."""
    gate: DayTime = given(DayTime.model_validate("17:00 the day before"), source="SUC08.2: 17:00 of D-1")
    """Gate closure of the global market."""
    tests: Tests = given(Tests())
    """Prequalification of pools."""
    lights: Lights = given(Lights())
    """Dynamic traffic lights."""
    delivery: Delivery = given(Delivery())
    """Measurement, verification and settlement after a day of delivery."""
    bids: Bids = given(Bids())
    """Sessions of the global market."""
    transmission: Transmission = given(Transmission())
    """The transmission side."""
    register_url: str = given("", source="an SQLite file in the folder of the run")
    """Database of the Flexibility Register, as SQLAlchemy writes it."""

    def names(self) -> list[str]:
        """Names of all, in the order written."""
        return [
            *(one.name for one in self.dsos),
            self.tso,
            *(one.name for one in self.bsps),
            *(one.name for one in self.buyers),
        ]
