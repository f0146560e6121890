"""A winter month and a run, and places in it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.weather.records import Site

ROME = ZoneInfo("Europe/Rome")


@pytest.fixture
def calendar():
    return Calendar(datetime(2016, 1, 18, 12, tzinfo=ROME), ROME)


@pytest.fixture
def timeline():
    """Four weeks of history, and two days."""
    return Timeline(-28 * 86_400_000, 900_000, 30 * 96)


@pytest.fixture
def chance():
    return Chance(7)


@pytest.fixture
def rome():
    return Site("Rome", 41.89, 12.50, 49.0)
