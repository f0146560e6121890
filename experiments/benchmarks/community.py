"""The central schedule of a community: one day in quarter hours, all devices, two retailers."""

import time
from typing import Any

import numpy as np

from agents.strategies.community_schedule import Scheduler
from agents.strategies.community_view import Community, community
from experiments.benchmarks.parts import example_homes

CHEAPER_EUR_PER_KWH = 0.015
"""What every other member pays its retailer less: more than nothing, less than the grid tariff of sharing."""
SHARE_EUR_PER_KWH = 0.02


def common_schedule(members: int) -> dict[str, Any]:
    """Time and gap of the common optimum.

    Args:
        members: of the community.
    """
    of = example_community(members)
    clock, cpu = time.perf_counter(), time.process_time()
    found = Scheduler(of).schedule()
    return {
        "members": members,
        "seconds": time.perf_counter() - clock,
        "cpu_s": time.process_time() - cpu,
        "gap_percent": 100.0 * found.gap,
        "rounds": found.rounds,
    }


def example_community(n: int) -> Community:
    """Members with all devices, half of them photovoltaics, from two retailers."""
    view, rng = example_homes(n), np.random.default_rng(2)
    owns = rng.random((n, 1)) < 0.5
    cheaper = np.where(np.arange(n) % 2, CHEAPER_EUR_PER_KWH, 0.0)[:, None]
    mixed = view._replace(
        pv_kw=view.pv_kw * owns, buy_eur_per_kwh=view.buy_eur_per_kwh - cheaper, contracted_kw=np.full(n, 10.0)
    )
    return community(tuple(f"member-{k:05d}" for k in range(n)), mixed, SHARE_EUR_PER_KWH)
