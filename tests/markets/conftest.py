"""Fixtures of the market tests."""

import pytest

from markets.products import FlexibilityProduct, LocalArea, Window


@pytest.fixture
def product():
    """A congestion product of four hours with quarter-hour intervals."""
    return FlexibilityProduct(
        name="congestion-day-ahead",
        area=LocalArea("zone", ("lv-5",)),
        service_window=Window(16 * 3_600_000, 20 * 3_600_000),
        capacity_min_kw=1.0,
        capacity_max_kw=200.0,
        granularity_kw=0.5,
        activation_cap_eur_per_kwh=2.0,
    )
