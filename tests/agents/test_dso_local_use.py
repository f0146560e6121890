"""Which perimeters a DSO plans to use for what it foresees."""

import numpy as np

from agents.dso_headroom import Headroom
from agents.dso_local_use import local_use
from agents.dso_need import Need
from experiments.covers import covers


def need(kw, direction="up", hour=20, **sensitivity):
    steps = np.zeros(96)
    steps[hour * 4 + 1] = kw
    return Need("trafo", "overload", direction, steps, 100.0, sensitivity, Headroom(np.zeros(96), np.zeros(96)))


AREAS = {"feeder 1": "north", "feeder 2": "north", "feeder 3": "south"}
ABLE = {"north": (6.0, 2.0), "south": (10.0, 0.0)}
POOLS = {"north": ["pool-1"], "south": ["pool-2"]}


@covers("SUC08.2/r01", "SUC08.2/r02")
def test_who_acts_most_comes_first_and_the_rest_is_asked_of_others():
    found = local_use([need(8.0, **{"feeder 1": 1.0, "feeder 2": 0.5, "feeder 3": 0.5})], AREAS, ABLE, POOLS)
    assert found["north"].needed_kw[0, 20] == 6.0
    assert found["south"].needed_kw[0, 20] == 4.0  # 2 kW of relief at half the effect
    assert found["south"].aggregates == ("pool-2",)
    assert found["north"].needed_kw.sum() == 6.0


def test_needs_share_what_there_is_and_what_nobody_can_cover_is_not_planned():
    found = local_use([need(5.0, **{"feeder 1": 1.0}), need(5.0, **{"feeder 2": 1.0})], AREAS, ABLE, POOLS)
    assert found["north"].needed_kw[0, 20] == 6.0
    assert local_use([need(5.0, "down", **{"feeder 3": 1.0})], AREAS, ABLE, POOLS) == {}
    assert local_use([need(5.0, **{"feeder 3": -1.0, "elsewhere": 1.0})], AREAS, ABLE, POOLS) == {}
