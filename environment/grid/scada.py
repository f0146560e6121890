"""What the operator's SCADA sees of the grid: a few points, with the errors of their instruments.

A measurement is ``true * (1 + sigma * z)``, z a standard normal draw of the chance stream given, addressed by the name of the point and the time, so
that one point more or less changes no other. Loading is what the measured current means for the rating: it has the error of the
current, not one of its own.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64
from environment.chance import Stream, name_hashes
from environment.grid.flow import Flow
from environment.grid.layout import breadth_first, neighbours
from environment.grid.model import Network

Quantity = Literal["i_ka", "p_kw", "q_kvar", "v_pu", "loading_percent"]
_BRANCH: Final[tuple[Quantity, ...]] = ("i_ka", "p_kw", "q_kvar", "loading_percent")


@dataclass(frozen=True)
class Accuracy:
    """Standard deviations of the instruments, as shares of the reading.

    Usual for SCADA: voltage 0.3 to 1 %, power 1 to 3 %; smart meters 1 to 2 %. Currents are taken as powers.
    """

    voltage_share: float = 0.005
    power_share: float = 0.02
    current_share: float = 0.02

    def __post_init__(self) -> None:
        if min(self.voltage_share, self.power_share, self.current_share) < 0:
            msg = "the standard deviation of an instrument cannot be negative"
            raise ValueError(msg)

    def share(self, quantity: Quantity) -> float:
        """Standard deviation of a quantity."""
        if quantity == "v_pu":
            return self.voltage_share
        return self.power_share if quantity in ("p_kw", "q_kvar") else self.current_share


EXACT: Final = Accuracy(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Point:
    """One measured quantity of one element (branch or bus)."""

    element: str
    quantity: Quantity

    @property
    def name(self) -> str:
        """Owner of its chance: loading shares the instrument of the current."""
        return f"{self.element}/{'i_ka' if self.quantity == 'loading_percent' else self.quantity}"


class Instruments:
    """The instruments of some points of a network: names are looked up once, for any number of readings.

    Args:
        network: whose elements are measured.
        points: where and what, in the order of the readings.

    Raises:
        NetworkError: an element does not exist; the text says what is near.
    """

    def __init__(self, network: Network, points: tuple[Point, ...]) -> None:
        self._owners = name_hashes(point.name for point in points)
        self._quantity = tuple(point.quantity for point in points)
        self._count = len(points)
        self._columns: dict[Quantity, tuple[I64, I64]] = {}
        for quantity in sorted(set(self._quantity)):
            find = network.bus_index if quantity == "v_pu" else network.branch_index
            here = [k for k, point in enumerate(points) if point.quantity == quantity]
            where = [find(points[k].element) for k in here]
            self._columns[quantity] = np.array(here, np.int64), np.array(where, np.int64)

    def true_values(self, flow: Flow) -> F64:
        """What exact instruments would read, shape (T, points)."""
        values = np.zeros((len(flow), self._count))
        for quantity, (columns, elements) in self._columns.items():
            values[:, columns] = getattr(flow, _ATTRIBUTE.get(quantity, quantity))[:, elements]
        return values

    def read(self, flow: Flow, stream: Stream, t_ms: ArrayLike, accuracy: Accuracy | None = None) -> F64:
        """What the instruments read, shape (T, points); arguments and errors as of ``measure``."""
        times = np.atleast_1d(np.asarray(t_ms, np.int64))
        if len(times) != len(flow):
            text = f"{len(times)} times for {len(flow)} steps"
            raise ValueError(text)
        used = accuracy or Accuracy()
        sigma = np.array([used.share(quantity) for quantity in self._quantity])
        noise = stream.normal(self._owners[None, :], times.view(np.uint64)[:, None])
        return np.asarray(self.true_values(flow) * (1.0 + sigma * noise))


_ATTRIBUTE: Final[dict[Quantity, str]] = {"p_kw": "p_from_kw", "q_kvar": "q_from_kvar"}
"""Where a flow calls a quantity otherwise."""


def true_values(flow: Flow, points: tuple[Point, ...]) -> F64:
    """What exact instruments would read, shape (T, points); an unknown element is a NetworkError that says what is near."""
    return Instruments(flow.network, points).true_values(flow)


def measure(
    flow: Flow, points: tuple[Point, ...], stream: Stream, t_ms: ArrayLike, accuracy: Accuracy | None = None
) -> F64:
    """What the instruments read, shape (T, points).

    Args:
        flow: T steps.
        points: where and what, in the order of the columns.
        stream: chance stream of the instruments.
        t_ms: times of the steps, shape (T,), or one time for one step; negative times are history.
        accuracy: of the instruments; the usual one if None.

    Raises:
        ValueError: times and steps differ in number.
    """
    return Instruments(flow.network, points).read(flow, stream, t_ms, accuracy)


def usual_points(network: Network) -> tuple[Point, ...]:
    """What a distribution operator measures: transformers, the first line of each feeder, the voltages of the busbars.

    Busbars are the secondary sides of transformers and the slack.
    """
    branches = network.branches
    busbars = sorted({network.slack, *branches.to_bus[network.transformers.branch].tolist()})
    names = [branches.names[i] for i in network.transformers.branch.tolist()]
    names += [branches.names[i] for i in line_heads(network, set(busbars))]
    points = [Point(name, quantity) for name in names for quantity in _BRANCH]
    return (*points, *(Point(network.bus_names[bus], "v_pu") for bus in busbars))


def line_heads(network: Network, busbars: set[int]) -> list[int]:
    """Lines that lead away from a busbar, in the order of the network."""
    branches = network.branches
    around = neighbours(network.n_bus, branches.from_bus, branches.to_bus, branches.closed)
    order, parent, via = breadth_first(around, network.slack)
    return sorted({via[bus] for bus in order[1:] if parent[bus] in busbars and branches.kind[via[bus]] == "line"})
