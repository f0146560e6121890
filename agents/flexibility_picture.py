"""What a party knows of the points, pools and lights that concern it: its own register, filled by one of its desks and read by the others."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from data.arrays import F64
from environment.messages.flexibility_register import StaticLight, TopologyEntry
from environment.messages.traffic_lights import DynamicLight

CHANGE = "change:"
"""What conversations begin with in which an operator changes points by itself."""


@dataclass
class KnownPool:
    """A pool as a party knows it.

    Attributes:
        pool: its id.
        bsp: whose it is.
        dso: in whose network its points are.
        points: its points.
        services: service -> whether it is qualified; None while that is open.
    """

    pool: str
    bsp: str
    dso: str
    points: tuple[str, ...]
    services: dict[str, bool | None]

    def qualified(self, service: str) -> bool:
        """Whether it may offer a service."""
        return self.services.get(service) is True


@dataclass
class Picture:
    """What a party knows.

    Attributes:
        static: point -> the DSO's last answer.
        topology: point -> its row of the topology matrix.
        pools: pool -> what is known of it.
        lights: (DSO perimeter, start of the day [ms]) -> the last dynamic light that was told; without one the static values hold.
        local: (DSO perimeter, start of the day [ms]) -> what the DSO itself means to use of it, up and down, at least 0, by hour.
        applied: pool -> conversation in which it applied for the global market.
        tested_ms: starts of the hours in which it had pools activated to test them.
    """

    static: dict[str, StaticLight] = field(default_factory=dict)
    topology: dict[str, TopologyEntry] = field(default_factory=dict)
    pools: dict[str, KnownPool] = field(default_factory=dict)
    lights: dict[tuple[str, int], DynamicLight] = field(default_factory=dict)
    local: dict[tuple[str, int], tuple[F64, F64]] = field(default_factory=dict)
    applied: dict[str, str] = field(default_factory=dict)
    tested_ms: set[int] = field(default_factory=set)

    def take_topology(self, rows: Iterable[TopologyEntry]) -> None:
        """Take over rows of the topology matrix; of a point that was taken out nothing is known any more."""
        for one in rows:
            if one.taken_out:
                self.topology.pop(one.gcp, None)
                self.static.pop(one.gcp, None)
            else:
                self.topology[one.gcp] = one

    def validated_kw(self, points: tuple[str, ...]) -> tuple[float, float]:
        """Validated power of some points, upward and downward (at most 0)."""
        known = [self.static[gcp] for gcp in points if gcp in self.static]
        return sum(one.validated_up_kw for one in known), sum(one.validated_down_kw for one in known)

    def perimeters(self, pool: str) -> dict[str, tuple[str, ...]]:
        """DSO perimeter -> the points of a pool that lie in it, both in their order."""
        found: dict[str, list[str]] = {}
        for gcp in self.pools[pool].points:
            if gcp in self.topology:
                found.setdefault(self.topology[gcp].dso_perimeter, []).append(gcp)
        return {name: tuple(found[name]) for name in sorted(found)}
