"""After a clearing the full power flow shows the relief: real networks, alternating current, losses and reactive power included."""

import numpy as np
import pytest

from environment.grid.limits import Limits
from environment.grid.network import load_network
from environment.grid.power_flow import PowerFlow
from environment.grid.sensitivity import sensitivities
from markets.bids import Bid, BidColumns, NeedColumns, Sensitivities
from markets.clearing import network_aware

NETWORKS = {"cigre-lv": 1.3, "cigre-mv": 1.1, "simbench/1-MVLV-semiurb-3.202-0-sw": 1.9}
"""Network -> factor on its rated loads that overloads something."""


def overloaded(name):
    network = load_network(name)
    power_flow = PowerFlow(network)
    p, q = network.rated_power()
    consuming = p > 0
    p, q = np.where(consuming, p * NETWORKS[name], p), np.where(consuming, q * NETWORKS[name], q)
    return network, power_flow, p, q


@pytest.mark.parametrize("name", NETWORKS)
def test_the_power_flow_after_the_clearing_keeps_every_limit(name):
    network, power_flow, p, q = overloaded(name)
    limits = Limits()
    before = power_flow.solve(p, q)
    loading, rating = before.loading_percent[0], limits.percent(network)
    over = np.flatnonzero(1.05 * loading > rating)
    assert before.converged[0]
    assert (loading > rating).any()

    draw = np.random.default_rng(7)
    buses = np.flatnonzero(p > 1.0)
    effects = sensitivities(power_flow, before, buses=buses, kvar_per_kw=0.0).loading_percent_per_kw[over]
    bids = BidColumns.of(
        Bid(
            bid=f"b{bus:04d}", fsp=f"fsp-{bus % 3}", area=f"bus-{bus}", direction="up", t_ms=0, quantity_kw=float(0.7 * p[bus]),
            price_eur_per_kwh=float(np.round(draw.uniform(0.1, 0.6), 2)), received_ms=int(bus), divisible=bool(bus % 4),
        )
        for bus in buses
    )  # fmt: skip
    # The margin that a DSO takes by default, 5 % of the load, covers what a linear model does not see.
    needs = NeedColumns.of(
        (network.branches.names[k], "up", 0, 1.05 * float(loading[k]) - float(rating[k])) for k in over
    )
    grid = Sensitivities(tuple(network.branches.names[k] for k in over), tuple(f"bus-{bus}" for bus in buses), effects)
    found = network_aware.clear(bids, needs, grid, hours=0.25, unmet_eur_per_kwh=1e3)
    assert found.unmet_kw.max() == 0.0
    assert found.accepted_kw.sum() < 0.95 * bids.quantity_kw.sum(), "no more than is needed is bought"

    relieved = p.copy()
    relieved[buses] -= found.accepted_kw
    after = power_flow.solve(relieved, q)
    assert after.converged[0]
    assert (after.loading_percent[0] <= rating + 1e-9).all()
    without = p.copy()
    without[buses] -= 0.6 * found.accepted_kw
    assert (power_flow.solve(without, q).loading_percent[0] > rating).any(), "and no less"
