"""The studies behind traffic lights, on the default network of 243 buses: points examined, and perimeters lit hour by hour."""

import numpy as np

from agents.strategies.dynamic_lights import Capabilities, Expected
from agents.strategies.static_lights import Offered, Study, validated_kw
from environment.grid.areas import areas_of
from environment.grid.limits import Limits
from environment.grid.network import load_network
from environment.grid.power_flow import PowerFlow
from environment.grid.switching import planned
from experiments.benchmarks.parts import NETWORK, STEPS_A_DAY, rate

PERIMETERS, HOURS = 10, 24
QUARTER_MS = 900_000


def lights(points: int, repeats: int = 1) -> dict[str, float]:
    """Rates of both studies.

    Args:
        points: connection points of one operator, 1 to 9 kW each way, in ten perimeters; together more than the network bears, so that all hours are cut.
        repeats: how often, beside the first time.
    """
    network = load_network(NETWORK)
    rng = np.random.default_rng(1)
    limits, areas = Limits(), np.array(areas_of(network).of_bus, np.int64)
    loads = 0.3 * network.rated_power()[0] * rng.uniform(0.3, 1.0, (STEPS_A_DAY, 1))
    bus, kw = rng.choice(network.loads.bus, points), rng.uniform(1.0, 9.0, points)
    study = Study([PowerFlow(network)], limits, loads, np.full(network.n_bus, 0.1), areas)
    offered = Offered(bus, areas[bus], kw, -kw)
    at_bus = np.zeros((PERIMETERS, network.n_bus))
    np.add.at(at_bus, (rng.integers(0, PERIMETERS, points), bus), kw * 5_000 / points)
    steps = np.arange(STEPS_A_DAY)
    grid = planned([], 0).over(network, steps * QUARTER_MS)
    day = Expected(grid, limits, loads, 0.1 * loads, steps // (STEPS_A_DAY // HOURS))
    return {
        "points examined for static lights/s": rate(points, lambda: validated_kw(study, offered), repeats),
        "hours of perimeters with dynamic lights/s, all limited": rate(
            PERIMETERS * HOURS, lambda: Capabilities(day, at_bus, 1.0, HOURS).largest_kw(), repeats
        ),
    }
