"""How long a session of a large global market takes to limit and clear, and how long all coordination schemes take on its day."""

import time
from typing import NamedTuple

import numpy as np

from data.arrays import F64
from environment.chance import Chance
from environment.grid.transmission import read_transmission, unit_offers
from experiments.scenario.library import rule
from experiments.schemes import compared_situation
from markets.coordination.central import central_with_traffic_light
from markets.coordination.situation import Situation
from markets.global_session import Components, Lights, Networks, limited_kw, situation, stated_limits
from markets.traffic_light import HOURS_OF_DAY

DSOS, PERIMETERS, BSPS, POINTS = 2, 20, 50, 5_000
"""Operators, perimeters of all, providers, and connection points of all, 2 kW each."""
POINT_KW = 2.0
UNMET = 3.0
NODES = ("B", "C")


class SchemesTaken(NamedTuple):
    """Seconds of processor time.

    Attributes:
        bids: hours of bids in perimeters and at nodes.
        limit_s: lights put on all components.
        clear_s: one session.
        compare_s: all schemes and the shares of the common market.
    """

    bids: int
    limit_s: float
    clear_s: float
    compare_s: float


def schemes_of_a_day(bsps: int = BSPS, perimeters: int = PERIMETERS, points: int = POINTS) -> SchemesTaken:
    """Limit and clear a made-up day, then compare all schemes on it.

    Args:
        bsps: providers.
        perimeters: of two operators.
        points: of all providers; each provider has them in a third of the perimeters.
    """
    offered, lights, networks = _day(bsps, perimeters, points)
    began = time.process_time()
    limited = limited_kw(offered, lights, rule("bid-component", "merit-order-components"))
    after = time.process_time()
    case, _, _ = situation(offered.with_kw(limited), lights, networks)
    central_with_traffic_light(case, unmet_eur_per_kwh=UNMET)
    cleared = time.process_time()
    case, component, _ = situation(offered, lights, networks)
    compared_situation(case, unmet_eur_per_kwh=UNMET, offer_of_bid=component)
    return SchemesTaken(len(case.bids), after - began, cleared - after, time.process_time() - cleared)


def day_of(bsps: int, perimeters: int, points: int) -> Situation:
    """The situation of the made-up day."""
    return situation(*_day(bsps, perimeters, points))[0]


def _day(bsps: int, perimeters: int, points: int) -> tuple[Components, Lights, Networks]:
    stream = Chance(1).stream("bench.schemes")
    names = [f"perimeter-{k:03d}" for k in range(perimeters)]
    network = read_transmission("five-bus", points * POINT_KW / 1e6)
    hours = np.ones(HOURS_OF_DAY)
    load = network.load_kw[:, None] * (0.75 + 0.25 * np.sin(np.arange(HOURS_OF_DAY) / 3.8 - 1.6))
    schedule = network.scheduled_kw(load)
    units = unit_offers(
        schedule, network.capacity_kw, network.cost_eur_per_kwh, network.price_eur_per_kwh(schedule), 0.05
    )
    own = _components(stream.uniform(np.arange(bsps, dtype=np.uint64)[:, None], np.arange(perimeters)[None, :]), points)
    parts: list[tuple[str, str, str, bool, float, F64]] = []
    for up in (True, False):
        for bsp, perimeter in zip(*np.nonzero(own), strict=True):
            draw = float(stream.uniform(f"price/{bsp}/{up}"))
            shape = 0.6 + 0.4 * np.sin(np.arange(HOURS_OF_DAY) / 3.8 + 6.28 * draw)
            parts.append(
                (
                    f"bsp-{bsp:03d}/{up}",
                    f"bsp-{bsp:03d}",
                    names[perimeter],
                    up,
                    0.02 + 0.2 * draw,
                    own[bsp, perimeter] * shape,
                )
            )
        kw, price = units["up" if up else "down"]
        for unit, node in enumerate(network.node_of_unit.tolist()):
            parts.append(
                (
                    f"{network.units[unit]}/{up}",
                    network.units[unit],
                    network.nodes[node],
                    up,
                    float(price[unit].max()),
                    kw[unit],
                )
            )
    bid, who, area, ups, eur, kws = zip(*parts, strict=True)
    offered = Components(
        np.array(bid),
        np.array(who),
        np.array(area),
        np.array(ups),
        np.array(eur),
        np.zeros(len(bid), np.int64),
        np.maximum(np.array(kws), 0.0),
    )
    lights = _lights(stream.uniform("lights", np.arange(2 * perimeters * HOURS_OF_DAY)), names, points)
    number = np.arange(perimeters) % DSOS + 1
    nodes = list(network.nodes)
    relief, low, high = network.reliefs(network.flow_kw(network.injection_kw(schedule, load)))
    need = np.zeros((2, perimeters, HOURS_OF_DAY))
    need[0, ::5, 17:20] = 0.02 * points * POINT_KW / perimeters
    local_low, local_high = stated_limits(lights, need)
    short = np.outer([0.02, 0.01, 0.01], hours) * points * POINT_KW * np.sin(np.arange(HOURS_OF_DAY) / 2.0)
    networks = Networks(
        ("tso", "dso-1", "dso-2"), (*names, *nodes), np.concatenate([number, np.zeros(len(nodes), np.int64)]),
        np.array([*(nodes.index(NODES[k - 1]) for k in number), *range(len(nodes))]), network.limited_lines, relief, low, high, short,
        tuple(names), number, np.concatenate([np.eye(perimeters), np.zeros((perimeters, len(nodes)))], axis=1), local_low, local_high,
    )  # fmt: skip
    return offered, lights, networks


def _components(drawn: F64, points: int) -> F64:
    """Power of each provider in each perimeter: its points in a third of them."""
    there = drawn < np.quantile(drawn, 1 / 3)
    return np.where(there, points * POINT_KW / max(int(there.sum()), 1), 0.0)


def _lights(drawn: F64, names: list[str], points: int) -> Lights:
    """A third of the hours yellow at half of what is there, some red."""
    shape = (2, len(names), HOURS_OF_DAY)
    colour = np.where(drawn < 0.3, 1, np.where(drawn > 0.97, 2, 0)).reshape(shape).astype(np.int64)
    return Lights(tuple(names), colour, np.full(shape, 0.3 * points * POINT_KW / len(names)))


if __name__ == "__main__":
    print(schemes_of_a_day())  # noqa: T201
