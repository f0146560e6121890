"""A TSO holds the registration of a pool and the hours of its test together, whichever comes first."""

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest

from agents.flexibility_picture import Picture
from agents.tso_register import RegisterDesk
from environment.messages.base import Batch, columns_of
from environment.messages.flexibility_register import PoolRegistration, PoolTestHours

POOL = PoolRegistration(pool="p", bsp="bsp", dso="dso-a", points=("home-1/meter",), services=("global",))


OWN, STRANGE = (
    PoolTestHours(pool="p", dso=dso, from_ms=0, up_share=1.0, down_share=1.0, reason="") for dso in ("dso-a", "dso-b")
)


def told(*records):
    """Which tests begin when a TSO is told this, one after the other, and what it refuses."""
    begun, refused = [], []
    desk = RegisterDesk(SimpleNamespace(tests=None, cbp="cbp", register="register", updates=()), Picture())
    desk.party = SimpleNamespace(
        start=begun.append,
        now_ms=0,
        name="tso",
        directory=SimpleNamespace(names=["dso"]),
        register=lambda _: SimpleNamespace(add=lambda **row: refused.append(row["reason"])),
    )
    for one in records:
        batch = Batch(type(one), np.zeros(1, np.int64), np.zeros(1, np.int64), columns_of([one]), "talk")
        (desk.test_pools if isinstance(one, PoolRegistration) else desk.take_hours)(batch)
    return len(begun), refused


@pytest.mark.parametrize("order", permutations([POOL, OWN]))
def test_a_test_begins_once_both_are_there(order):
    assert told(*order[:1]) == (0, [])
    assert told(*order) == (1, [])


@pytest.mark.parametrize("order", permutations([POOL, STRANGE, OWN]))
def test_only_the_dso_of_its_network_names_the_hours_of_a_pool(order):
    begun, refused = told(*order)
    assert begun == 1
    places = [id(one) for one in order]
    assert len(refused) == (places.index(id(STRANGE)) > places.index(id(POOL)))  # before, nobody knows whose pool it is
    assert told(*(one for one in order if one is not OWN))[0] == 0
