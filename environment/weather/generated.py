"""Weather made from chance: clear sky of the place times a clearness index, harmonics of temperature, lognormal wind. Synthetic.

Clear sky: Ineichen and Perez 2002 with the turbidity climatology of pvlib. Daily index: beta distribution by season, correlated
from day to day; within the day an autoregression on the logit scale. Direct and diffuse: Erbs et al. 1982. Parameters are those of
the nearest place in data/profiles/climate.yaml. The value of an instant depends on the seed, the place and the instant alone.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

import data
from data.arrays import F64, I64
from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.units import MS_PER_DAY, MS_PER_H
from environment.weather.autoregression import autoregressive
from environment.weather.records import STEP_15_MIN_MS, Place, Weather
from environment.weather.resample import means_of_instants
from environment.weather.sources import nodes_15_min

_MOST = 1.15  # highest clearness index: light from the edges of clouds
_WARMEST_HOUR = 13.4  # solar time of the daily maximum of temperature [C]
_HOURLY_WIND_LAG = 0.93


def generated(place: Place, calendar: Calendar, timeline: Timeline, chance: Chance) -> Weather:
    """Means per step of generated weather."""
    first, nodes = nodes_15_min(calendar, timeline)
    climate = climate_of(place)
    days = np.arange(nodes[0] // MS_PER_DAY - 1, nodes[-1] // MS_PER_DAY + 2)
    clearness = daily_clearness(climate, days, place.city, chance)
    ghi, dni, dhi = _irradiance(place, climate, clearness, days, nodes, chance)
    temp = _temperature(place, climate, clearness, days, nodes, chance)
    wind = _wind(place, climate, nodes, chance)
    return Weather(*means_of_instants(np.stack([temp, ghi, dni, dhi, wind]), first, STEP_15_MIN_MS, timeline))


def climate_of(place: Place) -> Mapping[str, Any]:
    """Climate parameters of the nearest known place."""
    known = data.read_yaml("profiles", "climate.yaml")
    width = np.cos(np.radians(place.latitude))

    def distance(climate: Mapping[str, Any]) -> float:
        east = (climate["longitude"] - place.longitude) * width
        return float(np.hypot(climate["latitude"] - place.latitude, east))

    nearest: Mapping[str, Any] = min(known["places"].values(), key=distance)
    return {**nearest, "within_day_sigma": known["within_day_sigma"]}


def daily_clearness(climate: Mapping[str, Any], days: I64, owner: str, chance: Chance) -> F64:
    """Clearness index of consecutive days (numbered since 1970), shape (days,)."""
    from scipy.special import betaincinv, ndtr

    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    season = (month + 1) % 12 // 3
    mean = np.array(climate["clearness"])[season] / _MOST
    variance = np.minimum((np.array(climate["spread"])[season] / _MOST) ** 2, 0.9 * mean * (1.0 - mean))
    size = mean * (1.0 - mean) / variance - 1.0
    drawn = ndtr(autoregressive(chance.stream("weather.day"), owner, days, climate["day_lag"]))
    return np.asarray(_MOST * np.clip(betaincinv(mean * size, (1.0 - mean) * size, drawn), 0.01, 0.99))


def _irradiance(
    place: Place,
    climate: Mapping[str, Any],
    clearness: F64,
    days: I64,
    nodes: I64,
    chance: Chance,
) -> tuple[F64, F64, F64]:
    import pandas as pd
    from pvlib import irradiance, location

    times = pd.to_datetime(nodes, unit="ms", utc=True)
    site = location.Location(place.latitude, place.longitude, "UTC", place.altitude_m)
    sun = site.get_solarposition(times)
    clear = site.get_clearsky(times, solar_position=sun)["ghi"].to_numpy()
    noise = autoregressive(
        chance.stream("weather.clearness"), place.city, nodes // STEP_15_MIN_MS, climate["quarter_lag"]
    )
    ghi = clear * _within_day(clearness[nodes // MS_PER_DAY - days[0]], noise, climate["within_day_sigma"])
    parts = irradiance.erbs(ghi, sun["zenith"].to_numpy(), times)
    cosine = np.maximum(np.cos(np.radians(sun["zenith"].to_numpy())), 0.0)
    dni = np.clip(np.nan_to_num(np.asarray(parts["dni"])), 0.0, 1100.0)
    return ghi, dni, np.maximum(ghi - dni * cosine, 0.0)


def _within_day(day: F64, noise: F64, sigma: float) -> F64:
    """Index of each quarter hour around the day's; the stretch keeps the mean of a logistic of a normal (MacKay 1992)."""
    share = day / _MOST
    centre = np.log(share / (1.0 - share)) * np.sqrt(1.0 + np.pi * sigma**2 / 8.0)
    return np.asarray(_MOST / (1.0 + np.exp(-centre - sigma * noise)))


def _temperature(
    place: Place,
    climate: Mapping[str, Any],
    clearness: F64,
    days: I64,
    nodes: I64,
    chance: Chance,
) -> F64:
    given = climate["temperature"]
    residual = given["sigma"] * autoregressive(chance.stream("weather.temperature"), place.city, days, given["day_lag"])
    usual = float(np.mean(climate["clearness"]))
    amplitude = given["day"] * (0.4 + 0.6 * clearness / usual)
    noons = (days + 0.5 - place.longitude / 360.0) * MS_PER_DAY
    year = nodes / MS_PER_DAY / 365.2425 % 1.0 * 365.2425
    hour = (nodes / MS_PER_H + place.longitude / 15.0) % 24.0
    seasonal = given["mean"] + given["year"] * np.cos(2.0 * np.pi * (year - given["warmest_day"]) / 365.2425)
    daily = np.interp(nodes, noons, amplitude) * np.cos(2.0 * np.pi * (hour - _WARMEST_HOUR) / 24.0)
    return np.asarray(seasonal + np.interp(nodes, noons, residual) + daily)


def _wind(place: Place, climate: Mapping[str, Any], nodes: I64, chance: Chance) -> F64:
    hours = np.arange(nodes[0] // MS_PER_H, nodes[-1] // MS_PER_H + 2)
    drawn = autoregressive(chance.stream("weather.wind"), place.city, hours, _HOURLY_WIND_LAG)
    sigma = climate["wind_sigma"]
    return np.asarray(climate["wind_ms"] * np.exp(sigma * np.interp(nodes, hours * MS_PER_H, drawn) - 0.5 * sigma**2))
