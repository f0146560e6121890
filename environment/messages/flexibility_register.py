"""Messages of the Flexibility Register: registration, static lights, completion, topology matrix, pools, updates (SUC08.1, SUC08.3, SUC10.1).

Power is written with the sign of the source here: upward at least 0, downward at most 0 (SUC10.1 rule 1).
"""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Record

Source = tuple[tuple[str, str], ...]

COLOURS = ("green", "yellow", "red")


class GcpRegistration(Record, frozen=True, kw_only=True):
    """A BSP registers a grid connection point, or what it changes of one, with its technical data."""

    source: ClassVar[Source] = (("SUC08.1", "[1]"), ("SUC10.1", "[1]"))
    gcp: Annotated[str, Item("grid connection point (POD)", catalogue="GCP")]
    bsp: Annotated[str, Item("who offers its flexibility")]
    dso: Annotated[str, Item("system operator whose name it carries")]
    kind: Annotated[str, Item("consumption, generation or mixed")]
    latitude: Annotated[float, Item("where it is [degrees north]", catalogue="geographical localisation")]
    longitude: Annotated[float, Item("where it is [degrees east]", catalogue="geographical localisation")]
    up_kw: Annotated[float, Item("modulating power upward, at least 0 [kW]", catalogue="modulating power")]
    down_kw: Annotated[float, Item("modulating power downward, at most 0 [kW]", catalogue="modulating power")]
    nominal_kw: Annotated[float, Item("nominal capability [kW]", catalogue="nominal capability")]
    services: Annotated[tuple[str, ...], Item("services it is wanted for: global, local")]


class RegisterAnswer(Record, frozen=True, kw_only=True):
    """The register says whether it took what it was sent, and how the point stands."""

    source: ClassVar[Source] = ()
    gcp: Annotated[str, Item("the point")]
    admitted: Annotated[bool, Item("it was taken")]
    status: Annotated[str, Item("status of the point; empty for one that is not known")]
    version: Annotated[int, Item("counts its changes", ge=0)]
    reason: Annotated[str, Item("why it was not taken")]


class ValidationStart(Record, frozen=True, kw_only=True):
    """A DSO takes up a point of its network for examination."""

    source: ClassVar[Source] = ()
    dso: Annotated[str, Item("who takes it up")]
    gcp: Annotated[str, Item("the point")]


class StaticLight(Record, frozen=True, kw_only=True):
    """What a DSO accepts of a point's flexibility, whatever the momentary load: its answer to a registration."""

    source: ClassVar[Source] = (("SUC08.1", "[2]"), ("SUC10.1", "[2]"), ("SUC08.3", "1"), ("SUC10.2", "1"))
    gcp: Annotated[str, Item("grid connection point", catalogue="GCP")]
    bsp: Annotated[str, Item("whose flexibility it is")]
    dso: Annotated[str, Item("who examined it")]
    grid_element: Annotated[str, Item("id code of its DSO perimeter", catalogue="Grid Element ID Code")]
    light_up: Annotated[str, Item("static light upward", one_of=COLOURS, catalogue="STL colour")]
    light_down: Annotated[str, Item("static light downward", one_of=COLOURS, catalogue="STL colour")]
    validated_up_kw: Annotated[
        float, Item("validated upward power [kW]", ge=0, catalogue="DSO validated upward flexible power")
    ]
    validated_down_kw: Annotated[
        float, Item("validated downward power [kW]", le=0, catalogue="DSO validated downward flexible power")
    ]
    treatment: Annotated[str, Item("how it is measured", catalogue="Measurement Treatment")]


class PointRefusal(Record, frozen=True, kw_only=True):
    """A DSO does not examine a point: its data cannot be, or it is not in its network."""

    source: ClassVar[Source] = ()
    gcp: Annotated[str, Item("the point")]
    bsp: Annotated[str, Item("who registered it")]
    dso: Annotated[str, Item("who refuses")]
    reason: Annotated[str, Item("why")]


class PointCompletion(Record, frozen=True, kw_only=True):
    """The TSO adds what it holds of a validated point."""

    source: ClassVar[Source] = ()
    by: Annotated[str, Item("the TSO")]
    gcp: Annotated[str, Item("the point")]
    tso_perimeter: Annotated[str, Item("aggregation perimeter of the TSO")]
    market_zone: Annotated[str, Item("zone of the TSO's market")]


class PointWithdrawal(Record, frozen=True, kw_only=True):
    """A BSP takes a point out of the register."""

    source: ClassVar[Source] = ()
    by: Annotated[str, Item("who wants it")]
    gcp: Annotated[str, Item("the point")]


class TopologyEntry(Record, frozen=True, kw_only=True):
    """A row of the topology matrix, to be taken over by whoever it concerns."""

    source: ClassVar[Source] = (("SUC10.1", "[3]"),)
    gcp: Annotated[str, Item("the linked point", catalogue="GCP")]
    bsp: Annotated[str, Item("whose point", catalogue="BSP EIC code")]
    dso: Annotated[str, Item("in whose network")]
    dso_perimeter: Annotated[str, Item("reference DSO perimeter", catalogue="reference DSO perimeter")]
    tso_perimeter: Annotated[str, Item("reference TSO perimeter", catalogue="reference TSO perimeter")]
    market_zone: Annotated[str, Item("zone of the TSO's market")]
    version: Annotated[int, Item("counts the issues of the matrix", ge=1)]
    taken_out: Annotated[bool, Item("the point was withdrawn: the row goes")]


class TopologyAcknowledgement(Record, frozen=True, kw_only=True):
    """A party has taken over rows of the topology matrix."""

    source: ClassVar[Source] = ()
    by: Annotated[str, Item("who")]
    version: Annotated[int, Item("issue of the matrix", ge=1)]
    rows: Annotated[int, Item("how many rows it took over", ge=0)]


class PoolRegistration(Record, frozen=True, kw_only=True):
    """A BSP's pool of validated points, to be qualified for services."""

    source: ClassVar[Source] = (("SUC10.1", "[4]"),)
    pool: Annotated[str, Item("the pool", catalogue="pool of resources to be qualified")]
    bsp: Annotated[str, Item("whose pool")]
    dso: Annotated[str, Item("in whose network its points are")]
    points: Annotated[tuple[str, ...], Item("its points", catalogue="pool of resources to be qualified")]
    services: Annotated[tuple[str, ...], Item("services that it asks for: global, local")]


class PoolTestHours(Record, frozen=True, kw_only=True):
    """The DSO in whose network a pool is names the two hours of its test, whoever tests it: upward in the first, downward in the second."""

    source: ClassVar[Source] = ()
    pool: Annotated[str, Item("the pool")]
    dso: Annotated[str, Item("in whose network it is")]
    from_ms: Annotated[int, Item("start of the first hour [ms]")]
    up_share: Annotated[float, Item("part of what it says that may be ordered upward", ge=0, le=1)]
    down_share: Annotated[float, Item("part of what it says that may be ordered downward", ge=0, le=1)]
    reason: Annotated[str, Item("why there are no such hours; empty where there are")]


class PoolTest(Record, frozen=True, kw_only=True):
    """An operator announces the test of a pool: an hour in which it is to be activated in one direction."""

    source: ClassVar[Source] = ()
    pool: Annotated[str, Item("the pool")]
    bsp: Annotated[str, Item("whose pool")]
    by: Annotated[str, Item("who tests")]
    service: Annotated[str, Item("service that it is tested for")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the hour [ms]")]
    to_ms: Annotated[int, Item("its end [ms]")]
    answer_ms: Annotated[int, Item("until when it must say what it can do [ms]")]


class PoolTestAnswer(Record, frozen=True, kw_only=True):
    """What a pool says that it can do in the hour of a test, and the baseline that it will be held against, filed before the hour."""

    source: ClassVar[Source] = ()
    pool: Annotated[str, Item("the pool")]
    bsp: Annotated[str, Item("whose pool")]
    by: Annotated[str, Item("who tests")]
    service: Annotated[str, Item("service that it is tested for")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the hour [ms]")]
    points: Annotated[tuple[str, ...], Item("points that take part: they have reported a plan and can be called")]
    stated_kw: Annotated[float, Item("change that they can make throughout the hour [kW]", ge=0)]
    baseline_kw: Annotated[float, Item("their mean net load in the hour without the test [kW]")]


class PoolTestOrder(Record, frozen=True, kw_only=True):
    """The operator activates a pool for the hour of its test."""

    source: ClassVar[Source] = ()
    pool: Annotated[str, Item("the pool")]
    bsp: Annotated[str, Item("whose pool")]
    by: Annotated[str, Item("who tests")]
    service: Annotated[str, Item("service that it is tested for")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the hour [ms]")]
    to_ms: Annotated[int, Item("its end [ms]")]
    ordered_kw: Annotated[float, Item("change ordered throughout the hour [kW]", ge=0)]


class PoolQualification(Record, frozen=True, kw_only=True):
    """The responsible operator's decision on a pool for a service."""

    source: ClassVar[Source] = ()
    pool: Annotated[str, Item("the pool")]
    bsp: Annotated[str, Item("whose pool")]
    by: Annotated[str, Item("who decides")]
    service: Annotated[str, Item("global or local")]
    qualified: Annotated[bool, Item("it may offer that service")]
    reason: Annotated[str, Item("why not")]


class FlexibilityData(Record, frozen=True, kw_only=True):
    """Data of an aggregate held in the register: a request to take part in global markets, or what the register reports of it."""

    source: ClassVar[Source] = (("SUC08.3", "3"), ("SUC10.2", "3"))
    pool: Annotated[str, Item("the aggregate", catalogue="aggregated resource data held in the Flexibility Register")]
    bsp: Annotated[str, Item("who provides it", catalogue="provider data")]
    dso: Annotated[str, Item("in whose network it is")]
    points: Annotated[
        tuple[str, ...], Item("its points", catalogue="aggregated resource data held in the Flexibility Register")
    ]
    up_kw: Annotated[float, Item("validated upward power [kW]", ge=0)]
    down_kw: Annotated[float, Item("validated downward power [kW]", le=0)]
    qualified: Annotated[
        bool, Item("it is qualified for global services", catalogue="static prequalification outcome if present")
    ]


class RegisterQuery(Record, frozen=True, kw_only=True):
    """A party asks the register for what it may see: points and pools of its own, with their static values."""

    source: ClassVar[Source] = ()
    about: Annotated[str, Item("what it wants", one_of=("points", "pools", "both"))]


class PointChange(Record, frozen=True, kw_only=True):
    """A party changes a field of a point in the register; which it may, the register's rules say."""

    source: ClassVar[Source] = ()
    by: Annotated[str, Item("who wants it")]
    gcp: Annotated[str, Item("the point")]
    field: Annotated[str, Item("what is changed")]
    value: Annotated[float, Item("its new value, of a field that is a number")]
    text: Annotated[str, Item("its new value, of a field that is a text")]
