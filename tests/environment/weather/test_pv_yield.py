import numpy as np
import pandas as pd
import pytest
from pvlib import location, modelchain, pvsystem, temperature

from environment.calendar import Timeline
from environment.weather.pv_yield import middle_of_steps, pv_available_kw_per_kwp, sun_for
from environment.weather.records import Weather
from environment.weather.sources import weather_for


@pytest.fixture
def weather(rome, calendar, timeline, chance):
    return weather_for(rome, calendar, timeline, chance)


def reference(weather, times, tilt, azimuth, ratio, cell):
    """The same chain, run by pvlib's own ModelChain."""
    kind, name = ("sapm", "open_rack_glass_glass") if cell == "sapm" else ("pvsyst", "freestanding")
    system = pvsystem.PVSystem(
        surface_tilt=tilt,
        surface_azimuth=azimuth,
        albedo=0.25,
        module_parameters={"pdc0": 1.0, "gamma_pdc": -0.0037},
        inverter_parameters={"pdc0": 1.0 / ratio / 0.96},
        temperature_model_parameters=temperature.TEMPERATURE_MODEL_PARAMETERS[kind][name],
        losses_parameters={},
    )
    chain = modelchain.ModelChain(
        system,
        location.Location(41.89, 12.50, "UTC", 49.0),
        aoi_model="physical",
        spectral_model="no_loss",
        dc_model="pvwatts",
        ac_model="pvwatts",
        losses_model="pvwatts",
        transposition_model="haydavies",
        temperature_model=cell,
    )
    names = {"ghi": "ghi_wm2", "dni": "dni_wm2", "dhi": "dhi_wm2", "temp_air": "temp_c", "wind_speed": "wind_ms"}
    chain.run_model(pd.DataFrame({new: getattr(weather, old) for new, old in names.items()}, index=times))
    return np.maximum(chain.results.ac.fillna(0.0).to_numpy(), 0.0)


@pytest.mark.parametrize(("tilt", "azimuth", "ratio"), [(30.0, 200.0, 1.1), (0.0, 180.0, 0.9), (90.0, 95.0, 1.3)])
@pytest.mark.parametrize("cell", ["sapm", "pvsyst"])
def test_equals_the_model_chain_of_pvlib(rome, calendar, timeline, weather, tilt, azimuth, ratio, cell):
    got = pv_available_kw_per_kwp(rome, calendar, timeline, weather, tilt, azimuth, dc_ac_ratio=ratio, cell_model=cell)
    wanted = reference(weather, middle_of_steps(calendar, timeline), tilt, azimuth, ratio, cell)
    assert wanted.max() > 0.3
    np.testing.assert_allclose(got[0], wanted, atol=1e-6)


def test_a_vector_of_plants_equals_plants_one_by_one(rome, calendar, timeline, weather):
    rng = np.random.default_rng(3)
    tilt, azimuth = rng.uniform(0, 60, 70), rng.uniform(60, 300, 70)
    losses, ratio = rng.uniform(8, 20, 70), rng.uniform(0.9, 1.3, 70)
    together = pv_available_kw_per_kwp(rome, calendar, timeline, weather, tilt, azimuth, losses, ratio)
    for i in (0, 1, 63, 64, 69):
        alone = pv_available_kw_per_kwp(rome, calendar, timeline, weather, tilt[i], azimuth[i], losses[i], ratio[i])
        assert (alone[0] == together[i]).all()


def test_never_negative_never_above_the_inverter_and_nothing_at_night(rome, calendar, timeline, weather):
    ratio = np.array([0.9, 1.0, 1.25])
    power = pv_available_kw_per_kwp(rome, calendar, timeline, weather, 30.0, 180.0, dc_ac_ratio=ratio)
    assert (power >= 0.0).all()
    assert (power <= 1.0 / ratio[:, None] + 1e-12).all()
    assert not power[:, sun_for(rome, calendar, timeline).zenith > 96.0].any()
    assert not power[:, weather.ghi_wm2 == 0.0].any()


def test_losses_take_their_share_and_south_beats_east_and_north(rome, calendar, timeline, weather):
    south, east, north = pv_available_kw_per_kwp(rome, calendar, timeline, weather, 35.0, [180.0, 90.0, 0.0]).sum(
        axis=1
    )
    assert south > 1.3 * east > 1.3 * north
    free, lossy = pv_available_kw_per_kwp(rome, calendar, timeline, weather, 35.0, 180.0, [0.0, 10.0], 0.8).sum(axis=1)
    assert lossy / free == pytest.approx(0.9, abs=0.02)  # the inverter's efficiency falls a little at part load


def test_dark_weather_gives_zeros_of_the_right_shape(rome, calendar):
    timeline = Timeline(0, 900_000, 8)
    dark = Weather(*(np.zeros(8) for _ in Weather._fields))
    power = pv_available_kw_per_kwp(rome, calendar, timeline, dark, [10.0, 20.0], 180.0)
    assert power.shape == (2, 8)
    assert not power.any()
