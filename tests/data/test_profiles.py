"""The shipped profiles against figures that were measured on the original files (independently of the script that made them)."""

from datetime import UTC, datetime

import numpy as np
import pytest

import data

CITIES = {  # GHI, DNI, DHI kWh/m2; mean, lowest, highest temperature; heating degrees below 15, cooling above 22 degC
    "rome": (1478, 1655, 537, 17.2, -1.3, 38.6, 760, 520),
    "stockholm": (815, 942, 385, 7.5, -15.7, 29.5, 3022, 6),
    "paris": (962, 861, 513, 11.8, -4.8, 39.8, 1707, 48),
    "malaga": (1675, 1717, 666, 19.6, 5.7, 36.3, 147, 494),
}
PRICES = {
    "fr": (50.20, -31.82, 259.95),
    "it_north": (60.71, 9.39, 159.40),
    "se4": (46.36, 1.59, 255.02),
    "de": (44.47, -76.01, 128.26),
}
CO2 = {"it": (357, 265, 430), "se": (29, 22, 38), "es": (216, 150, 275), "fr": (55, 31, 86)}


@pytest.mark.parametrize("city", CITIES)
def test_weather_is_the_measured_year(city):
    ghi, dni, dhi, mean, low, high, heating, cooling = CITIES[city]
    got = data.read_parquet_columns(f"profiles/weather/{city}_2019.parquet").values
    assert all(len(column) == 35_040 for column in got.values())
    for name, energy in (("ghi_wm2", ghi), ("dni_wm2", dni), ("dhi_wm2", dhi)):
        assert got[name].sum() / 4000.0 == pytest.approx(energy, abs=1.5)
    temp = got["temp_c"]
    assert (round(temp.mean(), 1), temp.min(), temp.max()) == pytest.approx((mean, low, high), abs=0.06)
    days = temp.reshape(365, 96).mean(axis=1)
    # degree days of daily means below 15 and above 22 degC
    assert np.where(days < 15.0, 15.0 - days, 0.0).sum() == pytest.approx(heating, abs=0.06 * heating + 25)
    assert np.where(days > 22.0, days - 22.0, 0.0).sum() == pytest.approx(cooling, abs=0.06 * cooling + 5)


@pytest.mark.parametrize("city", CITIES)
def test_the_clock_is_utc(city):
    """Global = diffuse + direct x cosine closes at the stated clock, and opens when it is shifted by a step."""
    import pandas as pd
    from pvlib import solarposition

    columns = data.read_parquet_columns(f"profiles/weather/{city}_2019.parquet")
    got, about = columns.values, columns.metadata
    assert about["values"] == "instants"

    def error(shift):
        times = pd.date_range(about["first_instant"], periods=35_040, freq="15min")[::7] + pd.Timedelta(minutes=shift)
        zenith = solarposition.get_solarposition(times, float(about["latitude"]), float(about["longitude"]))["zenith"]
        cosine = np.maximum(np.cos(np.radians(zenith.to_numpy())), 0.0)
        ghi, dhi, dni = (got[name][::7] for name in ("ghi_wm2", "dhi_wm2", "dni_wm2"))
        return np.abs(ghi - dhi - dni * cosine).mean()

    assert error(0.0) < 0.6
    assert error(15.0) > 2.0 < error(-15.0)


@pytest.mark.parametrize("zone", PRICES)
def test_prices_are_the_published_ones(zone):
    columns = data.read_parquet_columns("profiles/prices/dayahead_2018.parquet")
    price = columns.values[zone]
    mean, low, high = PRICES[zone]
    assert (len(price), columns.metadata["first_instant"]) == (8760, "2017-12-31T23:00Z")
    assert round(price.mean(), 2) == pytest.approx(mean, abs=0.011)
    assert (price.min(), price.max()) == pytest.approx((low, high))


@pytest.mark.parametrize("country", CO2)
def test_co2_tables_span_the_measured_range(country):
    table = data.read_parquet_columns("profiles/co2_month_hour.parquet").values[country]
    mean, low, high = CO2[country]
    assert len(table) == 288
    assert table.mean() == pytest.approx(mean, rel=0.03)
    assert (table.min(), table.max()) == pytest.approx((low, high), rel=0.04)


def test_simbench_homes_have_the_measured_energy_and_load_factors():
    """Median annual energy of its five kinds of homes belongs to these shapes: their load factors span 0.056 to 0.139."""
    got = data.read_parquet_columns("profiles/simbench_2016.parquet", [f"H0-{k}_pload" for k in "ABCGL"]).values
    factors = sorted(float(p.mean() / p.max()) for p in got.values())
    assert factors[0] == pytest.approx(0.056, abs=0.001)
    assert factors[-1] == pytest.approx(0.139, abs=0.001)
    pairs = np.corrcoef(np.stack(list(got.values())))[np.triu_indices(5, 1)]
    assert pairs.min() == pytest.approx(0.13, abs=0.01)
    assert pairs.max() == pytest.approx(0.37, abs=0.01)


def test_files_are_utc_with_step_and_source():
    for file in sorted(data.path("profiles").rglob("*.parquet")):
        name = str(file.relative_to(data.path())).replace("\\", "/")
        about = data.read_parquet_columns(name).metadata
        assert about["source"]
        if "step_s" in about:
            assert datetime.fromisoformat(about["first_instant"]).tzinfo == UTC


def test_every_file_of_others_has_its_note_and_the_notice_names_it():
    notice = data.path("NOTICE").read_text()
    for file in data.path("profiles").rglob("*.parquet"):
        note = file.with_name(file.name + ".license").read_text()
        for field in ("SPDX-License-Identifier:", "SPDX-FileCopyrightText:", "Source:", "Changes:", "Notice:"):
            assert field in note, (file.name, field)
        assert file.name in notice or f"{file.parent.name}/*.parquet" in notice
    for text in ("ODbL-1.0.txt", "DbCL-1.0.txt", "CC-BY-3.0-US.txt"):
        assert data.path("licences", text).stat().st_size > 2000


def test_the_sentence_of_the_odbl_is_exact():
    sentence = data.notices(["profiles/simbench_2016.parquet"])[0]
    wanted = "Contains information from SimBench, which is made available here under the Open Database License (ODbL)"
    assert sentence.startswith(wanted)


def test_all_profiles_together_are_small():
    assert sum(file.stat().st_size for file in data.path("profiles").rglob("*.parquet")) < 3_000_000
