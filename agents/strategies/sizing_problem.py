"""What is to be sized: nodes of a community (members and shared sites), plants that may be built, representative days.

All series have shape (..., T): T steps of the representative days one after the other, mean powers in kW. A node is a meter. Nodes
that buy and sell at the same prices make a *group*: what the group trades inside is one quantity, since only its sum has a price.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from data.arrays import F64, I64, Bool

Kind = Literal["pv", "battery", "control"]


@dataclass(frozen=True, eq=False)
class Days:
    """Representative days.

    Attributes:
        weight: days of the year that each stands for, shape (D,).
        steps: steps of a day.
        hours: length of a step [h].
    """

    weight: F64
    steps: int
    hours: float

    @property
    def n(self) -> int:
        """Number of steps T of all days."""
        return len(self.weight) * self.steps

    @property
    def step_hours(self) -> F64:
        """Hours of the year that each step stands for, shape (T,)."""
        return np.repeat(self.weight, self.steps) * self.hours

    def before(self) -> I64:
        """The step before each within its own day, around the clock, shape (T,)."""
        order = np.arange(self.n).reshape(len(self.weight), self.steps)
        return np.roll(order, 1, axis=1).ravel()


class Store(NamedTuple):
    """What a control frees: deviations of a device around what it would do by itself, bounded by its comfort.

    A linear device obeys the same equation in deviations as in itself, so that nothing is lost by leaving out its own course:
    s(t) = keep s(t-1) + gain(t) (more(t) - less(t)) h, s within [low, high], around the clock of each day.

    Attributes:
        base_kw: power without control, shape (T,); it is part of the node's load.
        more_kw: by how much it could be higher, shape (T,).
        less_kw: by how much it could be lower, shape (T,).
        gain: stored kWh for each kWh of electricity, shape (T,).
        keep: share of the content that is left after a step.
        low_kwh: least deviation of the content at the end of each step, shape (T,), at most 0.
        high_kwh: greatest, shape (T,), at least 0.
    """

    base_kw: F64
    more_kw: F64
    less_kw: F64
    gain: F64
    keep: float
    low_kwh: F64
    high_kwh: F64


class BatteryKind(NamedTuple):
    """A battery technology.

    Attributes:
        kw_per_kwh: power for each kWh of capacity.
        charge_efficiency: stored for each kWh taken.
        discharge_efficiency: given for each kWh stored.
        usable_share: of the capacity.
        wear_eur_per_kwh: cost of a kWh given.
    """

    kw_per_kwh: float
    charge_efficiency: float
    discharge_efficiency: float
    usable_share: float
    wear_eur_per_kwh: float


@dataclass(frozen=True, eq=False)
class Plant:
    """One thing that stands or may be built at a node.

    Attributes:
        name: unique.
        node: number of its node.
        kind: pv (capacity in kWp), battery (kWh) or control (pieces).
        unit: capacity of one unit.
        existing: capacity that stands already, free of capital cost.
        most_units: how many may be built.
        unit_eur_per_year: annuity (grants deducted) and operation of a unit [EUR/year].
        unit_kg_per_year: emissions of making it, spread over its life [kg CO2/year].
        yield_kw: of a pv plant the power per kWp, shape (T,).
        battery: of a battery its technology.
        store: of a control what it frees.
        pool: name of the expansion limit that it counts for; empty for none.
    """

    name: str
    node: int
    kind: Kind
    unit: float
    existing: float
    most_units: float
    unit_eur_per_year: float
    unit_kg_per_year: float = 0.0
    yield_kw: F64 | None = None
    battery: BatteryKind | None = None
    store: Store | None = None
    pool: str = ""


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices of the groups, shape (G, T) [EUR/kWh].

    Attributes:
        buy: of the retailer, all taxes and network included.
        sell: what the retailer pays.
        inside: charges on energy bought from other members over the public grid.
    """

    buy: F64
    sell: F64
    inside: F64


@dataclass(frozen=True, eq=False)
class Accounts:
    """Whose money is looked at one by one, where an objective or a condition needs it; every node is a group of its own then.

    Attributes:
        names: of the accounts.
        node_share: part of each node's bill that an account bears, shape (accounts, nodes); columns sum to 1.
        plant_share: part of each plant's cost that an account bears, shape (accounts, plants).
        price: internal price that is reckoned with, shape (T,).
        most_eur: what the energy of an account may cost in a year at most, shape (accounts,); infinite for no limit.
        chosen: whether its profit is maximised, shape (accounts,).
    """

    names: tuple[str, ...]
    node_share: F64
    plant_share: F64
    price: F64
    most_eur: F64
    chosen: Bool


@dataclass(frozen=True, eq=False)
class Problem:
    """A community and what may be built in it.

    Attributes:
        days: the representative days.
        names: of the nodes, sorted.
        load_kw: of each node, uncontrolled devices included, shape (n, T).
        contracted_kw: power that each node's contract allows, in either direction, shape (n,).
        extra_eur_per_kw: what a further kW costs a year, shape (n,); infinite where there is none to be had.
        group: group of each node, shape (n,).
        prices: of the groups.
        co2_kg_per_kwh: carbon intensity of the grid, shape (T,).
        plants: what stands or may be built, sorted by name.
        pools: largest capacity that may be built in all, by pool.
        sharing: whether nodes may trade with each other.
    """

    days: Days
    names: tuple[str, ...]
    load_kw: F64
    contracted_kw: F64
    extra_eur_per_kw: F64
    group: I64
    prices: Prices
    co2_kg_per_kwh: F64
    plants: tuple[Plant, ...]
    pools: dict[str, float]
    sharing: bool = True

    @property
    def n(self) -> int:
        """Number of nodes."""
        return len(self.names)

    def buy(self) -> F64:
        """Retail price of each node, shape (n, T)."""
        return self.prices.buy[self.group]

    def sell(self) -> F64:
        """What each node's retailer pays, shape (n, T)."""
        return self.prices.sell[self.group]

    def inside(self) -> F64:
        """Charges on what each node buys inside, shape (n, T)."""
        return self.prices.inside[self.group]


def only(problem: Problem, nodes: Sequence[int]) -> Problem:
    """Some nodes alone, without trade between them; what others own is left out."""
    number = {node: place for place, node in enumerate(nodes)}
    kept = list(nodes)
    groups = problem.group[kept]
    prices = Prices(problem.prices.buy[groups], problem.prices.sell[groups], problem.prices.inside[groups])
    plants = tuple(
        Plant(**{**vars(plant), "node": number[plant.node]}) for plant in problem.plants if plant.node in number
    )
    return Problem(
        days=problem.days,
        names=tuple(problem.names[node] for node in kept),
        load_kw=problem.load_kw[kept],
        contracted_kw=problem.contracted_kw[kept],
        extra_eur_per_kw=problem.extra_eur_per_kw[kept],
        group=np.arange(len(kept)),
        prices=prices,
        co2_kg_per_kwh=problem.co2_kg_per_kwh,
        plants=plants,
        pools=problem.pools,
        sharing=False,
    )


def as_it_stands(problem: Problem) -> Problem:
    """The same community in which nothing is built and nothing is traded inside."""
    plants = tuple(Plant(**{**vars(plant), "most_units": 0.0}) for plant in problem.plants)
    return Problem(**{**vars(problem), "plants": plants, "sharing": False})
