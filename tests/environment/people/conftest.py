"""Homes of several countries, a month and a year of their lives."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.weather.records import Site
from environment.weather.sources import weather_for

ROME = ZoneInfo("Europe/Rome")
SITE = Site("Rome", 41.89, 12.50, 49.0)


def names_of(n, prefix="home"):
    return [f"{prefix}-{i:04d}" for i in range(n)]


@pytest.fixture(scope="session")
def calendar():
    return Calendar(datetime(2016, 1, 18, 12, tzinfo=ROME), ROME)


@pytest.fixture(scope="session")
def month():
    return Timeline(-28 * 86_400_000, 900_000, 30 * 96)


@pytest.fixture(scope="session")
def year():
    """1 January to 31 December 2016, local."""
    return Timeline(-(17 * 96 + 48) * 900_000, 900_000, 366 * 96)


@pytest.fixture(scope="session")
def chance():
    return Chance(7)


@pytest.fixture(scope="session")
def month_weather(calendar, month, chance):
    return weather_for(SITE, calendar, month, chance)


@pytest.fixture(scope="session")
def year_weather(calendar, year, chance):
    return weather_for(SITE, calendar, year, chance)


@pytest.fixture(scope="session")
def names():
    return names_of(60)
