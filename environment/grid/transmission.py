r"""A small transmission network: zones, nodes, lines with limits as direct current, conventional units, and what the system is short of.

In a direct-current network flows are linear in injections, :math:`f = H p`, with reactances :math:`x`, incidence :math:`A` and the reference node's
column left out of the inverse:

.. math:: H = \operatorname{diag}(1/x)\, A\, \bigl(A^T \operatorname{diag}(1/x)\, A\bigr)^{-1}

A scale makes a network of the size of the distribution networks that are connected to it: :math:`H` does not depend on it.

The day-ahead market schedules units by cost and knows no line inside it, so that lines may be overloaded by its schedule; what the operator expects to
be used or to be fed in differs from what the market scheduled by an error that keeps on for hours,

.. math:: e_t = \rho e_{t-1} + \sigma \sqrt{1 - \rho^2}\, \varepsilon_t,\quad e_0 = \sigma \varepsilon_0

with standard deviation :math:`\sigma` and autocorrelation :math:`\rho` from hour to hour in every hour.

Sources: direct-current power flow: A. J. Wood, B. F. Wollenberg, "Power Generation, Operation and Control" (2nd ed. 1996), chapter 4 and 11; the
shipped network: see its file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import data
from data.arrays import F64, I64
from environment.chance import Stream
from environment.units import KW_PER_MW


class TransmissionError(ValueError):
    """A network that cannot be one, with everything that is wrong."""


@dataclass(frozen=True, eq=False)
class Transmission:
    """A direct-current network with its units.

    Attributes:
        nodes: names, (N,).
        zone_of_node: market zone of each node, (N,).
        load_kw: peak load of each node, (N,).
        lines: names, (L,).
        from_node: numbers of their nodes, (L,).
        to_node: flow counts above 0 from ``from_node`` to it, (L,).
        reactance_pu: above 0, (L,).
        limit_kw: in both directions, infinite where there is none, (L,).
        units: names of conventional units, (U,).
        node_of_unit: (U,).
        capacity_kw: (U,).
        cost_eur_per_kwh: of a kWh more, (U,).
        reference: number of the node whose angle is 0.
    """

    nodes: tuple[str, ...]
    zone_of_node: tuple[str, ...]
    load_kw: F64
    lines: tuple[str, ...]
    from_node: I64
    to_node: I64
    reactance_pu: F64
    limit_kw: F64
    units: tuple[str, ...]
    node_of_unit: I64
    capacity_kw: F64
    cost_eur_per_kwh: F64
    reference: int

    def __post_init__(self) -> None:
        wrong = [
            text
            for holds, text in (
                (bool((self.reactance_pu > 0).all()), "reactances must be above 0"),
                (bool((self.limit_kw > 0).all()), "limits must be above 0"),
                (bool((self.capacity_kw >= 0).all()), "capacities must be at least 0"),
                (len(set(self.nodes)) == len(self.nodes), "node names must be unique"),
                (self._hangs_together(), "not all nodes hang together"),
            )
            if not holds
        ]
        if wrong:
            msg = "transmission network: " + "; ".join(wrong)
            raise TransmissionError(msg)

    def _hangs_together(self) -> bool:
        reached = {self.reference}
        for _ in self.nodes:
            for one, other in zip(self.from_node.tolist(), self.to_node.tolist(), strict=True):
                if one in reached or other in reached:
                    reached |= {one, other}
        return len(reached) == len(self.nodes)

    @cached_property
    def sensitivity(self) -> F64:
        """Flow of each line per kW injected at a node and taken out at the reference, (L, N)."""
        lines, nodes = len(self.lines), len(self.nodes)
        incidence = np.zeros((lines, nodes))
        incidence[np.arange(lines), self.from_node], incidence[np.arange(lines), self.to_node] = 1.0, -1.0
        weighted = incidence / self.reactance_pu[:, None]
        others = np.delete(np.arange(nodes), self.reference)
        found = np.zeros((lines, nodes))
        laplacian = incidence.T @ weighted
        found[:, others] = np.linalg.solve(laplacian[np.ix_(others, others)], weighted[:, others].T).T
        return found

    def flow_kw(self, injection_kw: F64) -> F64:
        """Flows of lines, (L, T), for injections of nodes, (N, T)."""
        return np.asarray(self.sensitivity @ injection_kw)

    def injection_kw(self, generation_kw: F64, load_kw: F64) -> F64:
        """Injection of nodes, (N, T), of units, (U, T), and loads, (N, T)."""
        injection = -np.asarray(load_kw, np.float64)
        np.add.at(injection, self.node_of_unit, generation_kw)
        return injection

    def scheduled_kw(self, load_kw: F64) -> F64:
        """What the day-ahead market schedules of each unit, (U, T): cheapest first until the load is met; of equal costs in their order.

        Raises:
            TransmissionError: all units together are too small.
        """
        total = np.asarray(load_kw, np.float64).sum(axis=0)
        if (total > self.capacity_kw.sum()).any():
            text = f"transmission network: {total.max():.0f} kW of load, but units of {self.capacity_kw.sum():.0f} kW"
            raise TransmissionError(text)
        order = np.argsort(self.cost_eur_per_kwh, kind="stable")
        before = np.cumsum(self.capacity_kw[order]) - self.capacity_kw[order]
        found = np.empty((len(self.units), len(total)))
        found[order] = np.clip(total - before[:, None], 0.0, self.capacity_kw[order][:, None])
        return found

    def price_eur_per_kwh(self, generation_kw: F64) -> F64:
        """Day-ahead price, (T,): the cost of the dearest unit that is scheduled; 0 where none is."""
        running = np.where(generation_kw > 0.0, self.cost_eur_per_kwh[:, None], 0.0)
        return np.asarray(running.max(axis=0))

    def reliefs(self, flow_kw: F64) -> tuple[F64, F64, F64]:
        """Limited lines as constraints on what relieves them, counted in the direction in which each line flows in the middle.

        Returns:
            ``relief`` per kW injected at each node, (M, N), least and largest relief, (M, T); of the M lines with a limit.
        """
        limited = np.flatnonzero(np.isfinite(self.limit_kw))
        way = np.where(flow_kw[limited].sum(axis=1) < 0.0, -1.0, 1.0)
        flow, limit = flow_kw[limited] * way[:, None], self.limit_kw[limited][:, None]
        return -self.sensitivity[limited] * way[:, None], flow - limit, flow + limit

    @property
    def limited_lines(self) -> tuple[str, ...]:
        """Names of the lines with a limit, in the order of :meth:`reliefs`."""
        return tuple(self.lines[k] for k in np.flatnonzero(np.isfinite(self.limit_kw)))


def read_transmission(name: str, scale: float = 1.0) -> Transmission:
    """A shipped network, all its powers times ``scale``.

    Raises:
        FileNotFoundError: there is none of that name.
        TransmissionError: the file names an unknown node.
    """
    said = data.read_yaml("networks", "transmission", f"{name}.yaml")
    nodes = [row["node"] for row in said["nodes"]]
    number = {node: k for k, node in enumerate(nodes)}
    unknown = [node for node in _named(said) if node not in number]
    if unknown:
        msg = f"{name}: no nodes {', '.join(unknown)}; there are {', '.join(nodes)}"
        raise TransmissionError(msg)
    kw = KW_PER_MW * scale

    def column(table: str, key: str) -> F64:
        return np.array([row[key] for row in said[table]], np.float64)

    return Transmission(
        nodes=tuple(nodes),
        zone_of_node=tuple(row["zone"] for row in said["nodes"]),
        load_kw=column("nodes", "load_mw") * kw,
        lines=tuple(row["line"] for row in said["lines"]),
        from_node=np.array([number[row["from"]] for row in said["lines"]], np.int64),
        to_node=np.array([number[row["to"]] for row in said["lines"]], np.int64),
        reactance_pu=column("lines", "reactance_pu"),
        limit_kw=np.array([row.get("limit_mw", np.inf) for row in said["lines"]], np.float64) * kw,
        units=tuple(row["unit"] for row in said["units"]),
        node_of_unit=np.array([number[row["node"]] for row in said["units"]], np.int64),
        capacity_kw=column("units", "capacity_mw") * kw,
        cost_eur_per_kwh=column("units", "cost_eur_per_mwh") / KW_PER_MW,
        reference=number[said["reference"]],
    )


def _named(said: Mapping[str, Any]) -> list[str]:
    ends = [node for row in said["lines"] for node in (row["from"], row["to"])]
    return [*ends, *(row["node"] for row in said["units"]), said["reference"]]


def schedule_error_kw(chance: Stream, zone: str, hours: int, deviation_kw: float, correlation: float) -> F64:
    """By how much more a zone will need than the market scheduled, (hours,); see the module for its statistics.

    Args:
        chance: the stream of such errors.
        zone: whose.
        hours: how many.
        deviation_kw: standard deviation, at least 0.
        correlation: from hour to hour, at least 0 and below 1.
    """
    fresh = chance.normal(zone, np.arange(hours))
    found = np.empty(hours)
    last = 0.0
    for hour in range(hours):
        last = fresh[hour] if hour == 0 else correlation * last + np.sqrt(1.0 - correlation**2) * fresh[hour]
        found[hour] = last
    return deviation_kw * found


def unit_offers(
    scheduled_kw: ArrayLike, capacity_kw: ArrayLike, cost: ArrayLike, price: ArrayLike, markup: float = 0.0
) -> dict[str, tuple[F64, F64]]:
    """What conventional units can offer beyond their schedule: direction -> quantity and price above the day-ahead value, both (U, T).

    Up: what is left of the capacity, at cost less the day-ahead price. Down: what is scheduled, at the day-ahead price less the saved cost. Neither is
    below 0: who runs is not dearer than the price, who has room is not cheaper (up to the unit at the margin).

    Args:
        scheduled_kw: (U, T).
        capacity_kw: (U,).
        cost: of each unit, EUR/kWh, (U,).
        price: day-ahead, EUR/kWh, (T,).
        markup: asked for changing a schedule at all, at least 0, EUR/kWh.
    """
    schedule, room = np.asarray(scheduled_kw, np.float64), np.asarray(capacity_kw, np.float64)[:, None]
    above = np.asarray(cost, np.float64)[:, None] - np.asarray(price, np.float64)
    asked = {way: np.maximum(sign * above, 0.0) + markup for way, sign in (("up", 1.0), ("down", -1.0))}
    return {"up": (room - schedule, asked["up"]), "down": (schedule, asked["down"])}
