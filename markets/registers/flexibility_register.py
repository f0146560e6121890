"""Life cycle of what the Flexibility Register holds: grid connection points, pools, and who may change what (SUC08.1, SUC10.1).

A point is *registered* by its BSP, taken up by the DSO whose name it carries (*in validation*), *validated* with grid element, lights and validated powers
(or *refused*, both lights red), and *completed* by the TSO; only then it stands in the topology matrix and may enter a pool. Each party writes its own
fields. Who changes what was examined sends it back: a BSP's new powers or place, or a DSO's new perimeter, need the examination again, and pools with
that point lose their qualification. A pool of one or more completed points of one BSP is qualified service by service: by the TSO for global, by the
DSO for local services.

Pure: functions of records give records, or refuse with the reason. The register's party stores them and logs every access.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, NoReturn

from markets.registers.grid_element import read_grid_element
from markets.traffic_light import Colour, colour_of, colours


class RegisterError(ValueError):
    """A change or a look that the rules do not admit, with the reason."""


class Status(StrEnum):
    """Of a grid connection point."""

    REGISTERED = "registered"
    IN_VALIDATION = "in validation"
    VALIDATED = "validated"
    REFUSED = "refused"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"


class Qualification(StrEnum):
    """Of a pool for a service."""

    ASKED = "asked"
    QUALIFIED = "qualified"
    REFUSED = "refused"


KINDS = ("consumption", "generation", "mixed")
TREATMENTS = ("as metered", "aggregated by perimeter", "estimated")
"""How measurements of a point are treated; the source names the field and leaves its values open, these are ours."""


@dataclass(frozen=True)
class ConnectionPoint:
    """A grid connection point (GCP, POD) in the register.

    Attributes:
        gcp: its id.
        bsp: who offers its flexibility.
        dso: who operates the network it is connected to.
        kind: consumption, generation or mixed.
        latitude, longitude: where it is, degrees.
        up_kw: modulating power upward, at least 0.
        down_kw: modulating power downward, at most 0.
        nominal_kw: nominal capability, above 0.
        status: see :class:`Status`.
        grid_element: id code of its DSO perimeter; empty until validated.
        validated_up_kw: upward power that the DSO accepts.
        validated_down_kw: downward power that the DSO accepts, at most 0.
        treatment: of its measurements, one of :data:`TREATMENTS`.
        tso_perimeter: aggregation perimeter of the TSO; empty until completed.
        market_zone: zone of the TSO's market; empty until completed.
        version: counts its changes.
    """

    gcp: str
    bsp: str
    dso: str
    kind: str
    latitude: float
    longitude: float
    up_kw: float
    down_kw: float
    nominal_kw: float
    status: Status = Status.REGISTERED
    grid_element: str = ""
    validated_up_kw: float = 0.0
    validated_down_kw: float = 0.0
    treatment: str = ""
    tso_perimeter: str = ""
    market_zone: str = ""
    version: int = 1

    @property
    def lights(self) -> tuple[Colour, Colour]:
        """Static traffic lights upward and downward."""
        return colour_of(self.up_kw, self.validated_up_kw), colour_of(self.down_kw, self.validated_down_kw)


@dataclass(frozen=True)
class Pool:
    """An aggregate of connection points of one BSP.

    Attributes:
        pool: its id.
        bsp: whose it is.
        points: ids of its points, sorted.
        services: service -> its qualification.
    """

    pool: str
    bsp: str
    points: tuple[str, ...]
    services: Mapping[str, Qualification]


OWN_FIELDS: Mapping[str, frozenset[str]] = {
    "bsp": frozenset({"kind", "latitude", "longitude", "up_kw", "down_kw", "nominal_kw", "dso"}),
    "dso": frozenset({"grid_element", "validated_up_kw", "validated_down_kw", "treatment"}),
    "tso": frozenset({"tso_perimeter", "market_zone"}),
}
"""Fields that a role may write."""

GLOBAL, LOCAL = "global", "local"
QUALIFIES: Mapping[str, str] = {GLOBAL: "tso", LOCAL: "dso"}
"""Who qualifies a pool for a service."""


def registered(point: ConnectionPoint, by: str) -> ConnectionPoint:
    """A new point as its BSP enters it.

    Args:
        point: its technical data.
        by: name of the party that registers it.

    Raises:
        RegisterError: everything that is wrong with it.
    """
    wrong = [] if point.bsp == by else [f"{by} registers a point of {point.bsp}"]
    wrong += _technical_faults(point)
    if wrong:
        _refuse(point.gcp, wrong)
    fresh = {f.name: getattr(point, f.name) for f in fields(point) if f.name in OWN_FIELDS["bsp"] | {"gcp", "bsp"}}
    return ConnectionPoint(**fresh)


def _technical_faults(point: ConnectionPoint) -> list[str]:
    return [
        text
        for holds, text in (
            (bool(point.gcp), "it has no id"),
            (point.kind in KINDS, f"kind {point.kind!r} is none of {', '.join(KINDS)}"),
            (point.up_kw >= 0, f"upward power {point.up_kw:g} kW is below 0"),
            (point.down_kw <= 0, f"downward power {point.down_kw:g} kW is above 0; it is written as a negative number"),
            (point.up_kw > 0 or point.down_kw < 0, "it offers no power in either direction"),
            (point.nominal_kw > 0, f"nominal capability {point.nominal_kw:g} kW is not above 0"),
            (
                max(point.up_kw, -point.down_kw) <= point.nominal_kw * (2 if point.kind == "mixed" else 1),
                f"it modulates more than its nominal capability of {point.nominal_kw:g} kW admits"
                + (" (from full consumption to full generation)" if point.kind == "mixed" else ""),
            ),
            (-90 <= point.latitude <= 90 and -180 <= point.longitude <= 180, "its location is not on the globe"),
        )
        if not holds
    ]


def taken_up(point: ConnectionPoint, by: str) -> ConnectionPoint:
    """The DSO begins to examine a registered point of its network."""
    _only(point, by, "dso", {Status.REGISTERED}, "take up")
    return _next(point, status=Status.IN_VALIDATION)


def validated(
    point: ConnectionPoint, by: str, *, grid_element: str, up_kw: float, down_kw: float, treatment: str
) -> ConnectionPoint:
    """The DSO ends its examination with grid element, validated powers (the lights follow) and measurement treatment.

    Raises:
        RegisterError: it is not its point, not in examination, or more is validated than offered.
    """
    _only(point, by, "dso", {Status.IN_VALIDATION}, "validate")
    wrong = []
    try:
        read_grid_element(grid_element)
    except ValueError as error:
        wrong.append(str(error))
    try:
        colours([point.up_kw, point.down_kw], [up_kw, down_kw])
    except ValueError as error:
        wrong.append(str(error))
    if treatment not in TREATMENTS:
        wrong.append(f"measurement treatment {treatment!r} is none of {', '.join(TREATMENTS)}")
    if wrong:
        _refuse(point.gcp, wrong)
    useless = up_kw == 0 and down_kw == 0
    return _next(
        point, grid_element=grid_element, validated_up_kw=up_kw, validated_down_kw=down_kw, treatment=treatment,
        status=Status.REFUSED if useless else Status.VALIDATED,
    )  # fmt: skip


def completed(point: ConnectionPoint, by: str, tso: str, *, tso_perimeter: str, market_zone: str) -> ConnectionPoint:
    """The TSO adds what it holds of a validated point, so that the package is whole."""
    if by != tso:
        _refuse(point.gcp, [f"{by} may not complete points; {tso} does"])
    _in(point, {Status.VALIDATED}, "complete")
    if not tso_perimeter or not market_zone:
        _refuse(point.gcp, ["a completed point has an aggregation perimeter and a market zone"])
    return _next(point, tso_perimeter=tso_perimeter, market_zone=market_zone, status=Status.COMPLETED)


def changed(point: ConnectionPoint, by: str, role: str, change: Mapping[str, Any]) -> ConnectionPoint:
    """A later update by a party, of its own fields only; what was examined goes back to where it must be examined again.

    Args:
        point: as it stands.
        by: name of the party.
        role: bsp, dso or tso.
        change: field -> new value.

    Raises:
        RegisterError: not its point, not its fields, or values that make no sense.
    """
    if role == "bsp" and by != point.bsp:
        _refuse(point.gcp, [f"{by} may not change a point of {point.bsp}"])
    if role == "dso" and by != point.dso:
        _refuse(point.gcp, [f"{by} may not change a point in the network of {point.dso}"])
    if point.status is Status.WITHDRAWN:
        _refuse(point.gcp, ["it was withdrawn"])
    foreign = sorted(set(change) - OWN_FIELDS.get(role, frozenset()))
    if foreign:
        _refuse(point.gcp, [f"a {role} may not write {', '.join(foreign)}"])
    if not change:
        return point
    new = replace(point, **change)
    if role == "bsp":
        if wrong := _technical_faults(new):
            _refuse(point.gcp, wrong)
        return _next(registered(new, by), version=point.version)
    if role == "dso":
        if point.status not in {Status.VALIDATED, Status.REFUSED, Status.COMPLETED}:
            _refuse(point.gcp, [f"it is {point.status}; a DSO changes what it has validated before"])
        again = validated(
            replace(point, status=Status.IN_VALIDATION), by, grid_element=new.grid_element, up_kw=new.validated_up_kw,
            down_kw=new.validated_down_kw, treatment=new.treatment,
        )  # fmt: skip
        return replace(again, version=point.version + 1)
    _in(point, {Status.COMPLETED}, "change the completion of")
    return _next(point, **change)


def withdrawn(point: ConnectionPoint, by: str) -> ConnectionPoint:
    """The BSP takes a point out."""
    if by != point.bsp:
        _refuse(point.gcp, [f"{by} may not withdraw a point of {point.bsp}"])
    return _next(point, status=Status.WITHDRAWN)


def pooled(pool: str, by: str, points: Iterable[ConnectionPoint], services: Iterable[str]) -> Pool:
    """A new pool of completed points of one BSP, which asks to be qualified for services.

    Raises:
        RegisterError: no points, points of others or not completed, no or unknown services.
    """
    members, wanted = sorted(points, key=lambda point: point.gcp), sorted(set(services))
    wrong = [] if members else ["a pool has at least one point"]
    wrong += [f"{point.gcp} is a point of {point.bsp}" for point in members if point.bsp != by]
    wrong += [
        f"{point.gcp} is {point.status}, not completed" for point in members if point.status is not Status.COMPLETED
    ]
    wrong += [f"service {name!r} is none of {', '.join(QUALIFIES)}" for name in wanted if name not in QUALIFIES]
    if not wanted:
        wrong.append("it is enabled for no service")
    if wrong:
        _refuse(pool, wrong)
    return Pool(pool, by, tuple(point.gcp for point in members), dict.fromkeys(wanted, Qualification.ASKED))


def qualified(pool: Pool, role: str, service: str, *, passed: bool) -> Pool:
    """The responsible operator's answer after its tests."""
    if service not in pool.services:
        _refuse(pool.pool, [f"nobody asked for service {service!r}"])
    if QUALIFIES[service] != role:
        _refuse(pool.pool, [f"a {role} does not qualify for {service} services; a {QUALIFIES[service]} does"])
    answer = Qualification.QUALIFIED if passed else Qualification.REFUSED
    return replace(pool, services={**pool.services, service: answer})


def after_change(pool: Pool, point: ConnectionPoint) -> Pool:
    """A pool after one of its points changed: it asks again where it was qualified, without a point that is no longer completed."""
    if point.gcp not in pool.points:
        return pool
    points = pool.points if point.status is Status.COMPLETED else tuple(gcp for gcp in pool.points if gcp != point.gcp)
    return replace(pool, points=points, services=dict.fromkeys(pool.services, Qualification.ASKED))


@dataclass(frozen=True)
class TopologyRow:
    """One line of the topology matrix (SUC10.1): whose point is in which perimeters."""

    bsp: str
    dso_perimeter: str
    tso_perimeter: str
    gcp: str


def topology_matrix(points: Iterable[ConnectionPoint]) -> tuple[TopologyRow, ...]:
    """Rows of all completed points, sorted by point."""
    rows = (
        TopologyRow(point.bsp, point.grid_element, point.tso_perimeter, point.gcp)
        for point in points
        if point.status is Status.COMPLETED
    )
    return tuple(sorted(rows, key=lambda row: row.gcp))


def may_see(point: ConnectionPoint, name: str, role: str) -> bool:
    """A BSP sees its own points, a DSO those that carry its name, the TSO all."""
    return role == "tso" or (role == "bsp" and name == point.bsp) or (role == "dso" and name == point.dso)


def _only(point: ConnectionPoint, by: str, role: str, states: set[Status], what: str) -> None:
    if by != getattr(point, role):
        _refuse(point.gcp, [f"{by} may not {what} it; {getattr(point, role)} does"])
    _in(point, states, what)


def _in(point: ConnectionPoint, states: set[Status], what: str) -> None:
    if point.status not in states:
        _refuse(point.gcp, [f"it is {point.status}; one can {what} what is {' or '.join(sorted(states))}"])


def _next(point: ConnectionPoint, **change: Any) -> ConnectionPoint:
    return replace(point, **{**change, "version": change.get("version", point.version) + 1})


def _refuse(what: str, reasons: list[str]) -> NoReturn:
    msg = f"{what}: {'; '.join(reasons)}"
    raise RegisterError(msg)
