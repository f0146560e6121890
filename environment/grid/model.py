"""What a network is: arrays of buses and branches in per unit, and the points where customers are connected.

Per-unit base: 1 MVA for the whole network, the nominal voltage of each bus. Branches follow the pi model with an ideal
transformer at the *from* side (the high-voltage side of a transformer)::

    from --(tap:1)--+--[series]--+-- to
                shunt_from    shunt_to
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final

import numpy as np

from data.arrays import C128, F64, I64, Bool

BASE_MVA: Final = 1.0
BASE_KW: Final = 1000.0

LINE: Final = "line"
TRAFO: Final = "trafo"
KIND_STORAGE: Final = "storage"


class NetworkError(ValueError):
    """A network or a name in it is wrong; the text says what, where and what exists. ``problems`` lists them singly."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


def did_you_mean(what: str, name: str, existing: Iterable[str]) -> str:
    """A sentence about an unknown name: what exists, nearest first."""
    names = list(existing)
    lowered = {candidate.lower(): candidate for candidate in names}
    near = [lowered[key] for key in difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)]
    if near:
        return f"unknown {what} {name!r}: did you mean {' or '.join(map(repr, near))}?"
    shown = ", ".join(names[:12]) + (f" ... ({len(names)} in all)" if len(names) > 12 else "")
    return f"unknown {what} {name!r}: there are {shown or 'none'}"


@dataclass(frozen=True, eq=False)
class Transformers:
    """Name plates and tap changers, shape (t,) each; row ``k`` is branch ``branch[k]`` of the network.

    ``vk_percent`` short-circuit voltage, ``vkr_percent`` its real part, ``pfe_kw`` iron losses, ``i0_percent`` no-load
    current, ``shift_degree`` by which the low-voltage side lags. ``tap_side`` is ``"hv"`` or ``"lv"``; a transformer without a changer
    has ``tap_min == tap_max``. ``on_load`` changers move under load, the others need an interruption.
    """

    branch: I64
    sn_mva: F64
    vn_hv_kv: F64
    vn_lv_kv: F64
    vk_percent: F64
    vkr_percent: F64
    pfe_kw: F64
    i0_percent: F64
    shift_degree: F64
    parallel: F64
    derating: F64
    tap_side: tuple[str, ...]
    tap_neutral: F64
    tap_min: I64
    tap_max: I64
    tap_step_percent: F64
    tap_position: I64
    on_load: Bool


@dataclass(frozen=True, eq=False)
class Branches:
    """Lines, then transformers, shape (m,) each, at the present tap positions.

    ``series``, ``shunt_from``, ``shunt_to`` are admittances in per unit, ``tap`` the complex ratio at the from side. ``limit_from_ka`` and
    ``limit_to_ka`` are the rated currents of the two ends. ``open_from`` and ``open_to`` say which end is open now; an
    open branch with ``switchable`` is a tie that can be closed, a closed one can be opened.
    """

    names: tuple[str, ...]
    kind: tuple[str, ...]
    from_bus: I64
    to_bus: I64
    series: C128
    shunt_from: C128
    shunt_to: C128
    tap: C128
    limit_from_ka: F64
    limit_to_ka: F64
    length_km: F64
    open_from: Bool
    open_to: Bool
    switchable: Bool

    def __len__(self) -> int:
        return len(self.names)

    @property
    def closed(self) -> Bool:
        """Which branches connect their two buses now, shape (m,)."""
        return ~(self.open_from | self.open_to)

    @property
    def is_line(self) -> Bool:
        """Which branches are lines, shape (m,)."""
        return np.array([kind == LINE for kind in self.kind], bool)


@dataclass(frozen=True, eq=False)
class Points:
    """Connection points of one sort (loads, generators), shape (k,): rated power, source of the profile, kind.

    ``p_kw`` is what the point is rated for and positive for both sorts: loads consume it, generators produce it.
    """

    names: tuple[str, ...]
    bus: I64
    p_kw: F64
    q_kvar: F64
    profile: tuple[str, ...]
    kind: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, eq=False)
class Network:
    """A distribution network with one upstream connection (slack), free of any library.

    ``bus_zone`` names the LV grid or MV area of each bus. ``coordinates`` has shape (n, 2): longitude and latitude where
    ``geographic``, else a tidy drawing. ``merged`` maps names of buses fused away to the bus that stands for them.
    """

    name: str
    title: str
    bus_names: tuple[str, ...]
    bus_kv: F64
    bus_zone: tuple[str, ...]
    bus_shunt: C128
    coordinates: F64
    geographic: bool
    slack: int
    slack_pu: float
    branches: Branches
    transformers: Transformers
    loads: Points
    generators: Points
    merged: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    notice: str = ""
    island_of_bus: tuple[str, ...] = ()
    """Where several networks are joined (``environment.grid.islands``): the name of the network that each bus belongs to."""

    @property
    def n_bus(self) -> int:
        """Number of buses."""
        return len(self.bus_names)

    @cached_property
    def _bus_index(self) -> dict[str, int]:
        index = {name: i for i, name in enumerate(self.bus_names)}
        return index | {old: index[new] for old, new in self.merged.items()}

    @cached_property
    def _branch_index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.branches.names)}

    def bus_index(self, name: str) -> int:
        """Row of a bus; a name that was fused away gives the bus that stands for it.

        Raises:
            NetworkError: no bus has that name; the text says which are near.
        """
        if name not in self._bus_index:
            raise NetworkError(did_you_mean("bus", name, self._bus_index))
        return self._bus_index[name]

    def branch_index(self, name: str) -> int:
        """Row of a branch.

        Raises:
            NetworkError: no line or transformer has that name; the text says which are near.
        """
        if name not in self._branch_index:
            raise NetworkError(did_you_mean("line or transformer", name, self._branch_index))
        return self._branch_index[name]

    def transformer_index(self, name: str) -> int:
        """Row in ``transformers`` of a transformer's name."""
        names = [self.branches.names[i] for i in self.transformers.branch]
        if name not in names:
            raise NetworkError(did_you_mean("transformer", name, names))
        return names.index(name)

    def at_buses(self, bus: I64, values: F64) -> F64:
        """Sum of point values at the buses: (..., k) -> (..., n_bus), in a fixed order."""
        values = np.asarray(values, np.float64)
        total = np.zeros((*values.shape[:-1], self.n_bus))
        for point, row in enumerate(bus):
            total[..., row] += values[..., point]
        return total

    def rated_power(self) -> tuple[F64, F64]:
        """Net load of all buses in kW and kvar when every load and generator is at its rating, shape (n_bus,) each."""
        p = self.at_buses(self.loads.bus, self.loads.p_kw) - self.at_buses(self.generators.bus, self.generators.p_kw)
        q = self.at_buses(self.loads.bus, self.loads.q_kvar) - self.at_buses(
            self.generators.bus, self.generators.q_kvar
        )
        return p, q
