"""Available AC power of PV plants from weather, by the models of PVWatts 5.

Chain, all functions of pvlib: solar position (NREL SPA) at the middle of the step; transposition to the plane of array (Hay and
Davies 1980, isotropic ground); reflection losses (physical model, n = 1.526, on direct light); cell temperature (SAPM, King et
al. 2004, or PVsyst); DC power with -0.37 %/K (crystalline silicon) and system losses 14.08 %; inverter of nominal efficiency
0.96. Source: Dobos, "PVWatts Version 5 Manual", NREL/TP-6A20-62641 (2014).
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64
from environment.calendar import Calendar, Timeline
from environment.weather.records import Place, Weather

CellModel = Literal["sapm", "pvsyst"]

PVWATTS_LOSSES_PERCENT = 14.075660688264469  # the product of the eight default losses of the manual, table 3
_GAMMA_PER_K = -0.0037
_INVERTER_EFFICIENCY = 0.96
_BLOCK = 64


class Sun(NamedTuple):
    """Where the sun stands at the middle of each step, all of shape (T,); degrees, extraterrestrial normal irradiance in W/m2."""

    zenith: F64
    apparent_zenith: F64
    azimuth: F64
    extraterrestrial_wm2: F64


def sun_for(place: Place, calendar: Calendar, timeline: Timeline, temp_c: ArrayLike = 12.0) -> Sun:
    """Position of the sun at the middle of each step; the temperature acts on refraction only."""
    from pvlib import irradiance, solarposition

    times = middle_of_steps(calendar, timeline)
    position = solarposition.get_solarposition(
        times, place.latitude, place.longitude, altitude=place.altitude_m, temperature=temp_c
    )
    return Sun(
        zenith=position["zenith"].to_numpy(),
        apparent_zenith=position["apparent_zenith"].to_numpy(),
        azimuth=position["azimuth"].to_numpy(),
        extraterrestrial_wm2=np.asarray(irradiance.get_extra_radiation(times), np.float64),
    )


def pv_available_kw_per_kwp(
    place: Place,
    calendar: Calendar,
    timeline: Timeline,
    weather: Weather,
    tilt_deg: ArrayLike,
    azimuth_deg: ArrayLike,
    losses_percent: ArrayLike = PVWATTS_LOSSES_PERCENT,
    dc_ac_ratio: ArrayLike = 1.1,
    cell_model: CellModel = "sapm",
) -> F64:
    """Mean AC power that each plant could feed in, per kWp of its modules, shape (n, T), >= 0.

    Args:
        place: where.
        calendar: when.
        timeline: steps.
        weather: means of each step.
        tilt_deg: tilt of the modules from horizontal, (n,) or one for all.
        azimuth_deg: direction they face, 180 = south, (n,) or one for all.
        losses_percent: system losses on the DC side, (n,) or one for all.
        dc_ac_ratio: module peak power over inverter AC power, (n,) or one for all.
        cell_model: open rack glass/glass of SAPM, or freestanding of PVsyst.
    """
    sun = sun_for(place, calendar, timeline, weather.temp_c)
    columns = (np.atleast_1d(np.asarray(a, np.float64)) for a in (tilt_deg, azimuth_deg, losses_percent, dc_ac_ratio))
    plants = _Plants(*(a[:, None] for a in np.broadcast_arrays(*columns)))
    out = np.zeros((len(plants.tilt), timeline.n))
    light = np.flatnonzero((weather.ghi_wm2 > 0.0) & (sun.zenith < 95.0))
    if len(light):
        shone, seen = Sun(*(a[light] for a in sun)), Weather(*(a[light] for a in weather))
        for start in range(0, len(out), _BLOCK):
            block = _Plants(*(a[start : start + _BLOCK] for a in plants))
            out[start : start + _BLOCK, light] = _pvwatts(shone, seen, block, cell_model)
    return out


class _Plants(NamedTuple):
    """Plants as columns, shape (n, 1)."""

    tilt: F64
    azimuth: F64
    losses_percent: F64
    dc_ac_ratio: F64


def _pvwatts(sun: Sun, weather: Weather, plants: _Plants, cell_model: CellModel) -> F64:
    """Power per kWp, shape (n, T)."""
    from pvlib import inverter, pvsystem

    poa, effective = _plane_of_array(sun, weather, plants.tilt, plants.azimuth)
    cell_c = _cell_temperature(cell_model, poa, weather)
    # pvlib adapts its inverter limit to the nominal efficiency: pdc0 of the inverter = AC rating / efficiency.
    dc = pvsystem.pvwatts_dc(effective, cell_c, 1.0, _GAMMA_PER_K) * (1.0 - plants.losses_percent / 100.0)
    ac = inverter.pvwatts(dc, 1.0 / plants.dc_ac_ratio / _INVERTER_EFFICIENCY, eta_inv_nom=_INVERTER_EFFICIENCY)
    return np.maximum(np.nan_to_num(np.asarray(ac, np.float64)), 0.0)


def _plane_of_array(sun: Sun, weather: Weather, tilt: F64, azimuth: F64) -> tuple[F64, F64]:
    """Irradiance on the modules, and what passes their glass [W/m2], shape (n, T)."""
    from pvlib import iam, irradiance

    angle = irradiance.aoi(tilt, azimuth, sun.apparent_zenith, sun.azimuth)
    diffuse_sky = irradiance.haydavies(
        tilt, azimuth, weather.dhi_wm2, weather.dni_wm2, sun.extraterrestrial_wm2, sun.apparent_zenith, sun.azimuth
    )
    diffuse = diffuse_sky + irradiance.get_ground_diffuse(tilt, weather.ghi_wm2, albedo=0.25)
    direct = np.maximum(weather.dni_wm2 * np.cos(np.radians(angle)), 0.0)
    return direct + diffuse, direct * iam.physical(angle) + diffuse


def _cell_temperature(model: CellModel, poa: F64, weather: Weather) -> F64:
    from pvlib import temperature

    if model == "pvsyst":
        return np.asarray(temperature.pvsyst_cell(poa, weather.temp_c, weather.wind_ms), np.float64)
    parameters = temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"]["open_rack_glass_glass"]
    return np.asarray(temperature.sapm_cell(poa, weather.temp_c, weather.wind_ms, **parameters), np.float64)


def middle_of_steps(calendar: Calendar, timeline: Timeline) -> Any:
    """The middle of each step as a UTC time index."""
    import pandas as pd

    begins_ms = round(calendar.begins.timestamp() * 1000)
    return pd.to_datetime(begins_ms + timeline.starts_ms + timeline.step_ms // 2, unit="ms", utc=True)
