"""Fixtures of the market tests."""

import numpy as np
import pytest

from markets.bids import BidColumns, NeedColumns, Sensitivities
from tests.markets.market_cases import AREAS, CONSTRAINTS, Market


@pytest.fixture
def empty_market():
    """Needs, and nobody who offers."""
    needs = NeedColumns.of([("trafo", "up", 0, 4.0), ("line-1", "down", 0, 2.0), ("trafo", "up", 900_000, 0.0)])
    network = Sensitivities(CONSTRAINTS, AREAS, np.ones((3, 3)))
    return Market(BidColumns.of([]), needs, network, NeedColumns.of([]))
