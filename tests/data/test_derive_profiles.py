"""The script that makes the shipped files: what it checks, on small wheels made here."""

import importlib.util
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import data

TOOL = Path(__file__).parents[2] / "tools" / "derive_profiles.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("derive_profiles", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel_of(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return zipfile.ZipFile(buffer)


def weather_csv(rows=35_040):
    """Temperature is the number of the row, in a column order of its own."""
    table = pd.DataFrame(
        {"GHI": 1, "Temperature": np.arange(rows) % 300 / 10, "DNI": 2, "Wind Speed": 3.0, "DHI": 4, "Pressure": 1000}
    )
    return "first line\nsecond line\n" + table.to_csv(index=False)


def test_a_wheel_that_is_not_the_pinned_one_is_refused(tool, tmp_path):
    (tmp_path / "hisim-1.2.4-py3-none-any.whl").write_bytes(b"not it")
    with pytest.raises(SystemExit, match=r"SHA-256 is .*, expected e9b4d77b"):
        tool.open_wheel("hisim", tmp_path)


def test_columns_are_read_by_name_and_written_back_exactly(tool, tmp_path):
    city = tool.City("x", "X/x.csv", 1.0, 2.0, 3.0, 0)
    wheel = wheel_of({"hisim/inputs/weather/NSRDB_15min/X/x.csv": weather_csv()})
    tool.write(tmp_path / "x.parquet", *tool.weather(wheel, city))
    import pyarrow.parquet as parquet

    table = parquet.read_table(tmp_path / "x.parquet")
    assert table.schema.names == ["temp_c", "ghi_wm2", "dni_wm2", "dhi_wm2", "wind_ms"]
    assert [table.column(n)[5].as_py() for n in table.schema.names] == [5, 1, 2, 4, 30]
    assert table.schema.field("temp_c").metadata == {b"unit": b"degC", b"scale": b"0.1"}
    assert table.schema.metadata[b"first_instant"] == b"2019-01-01T00:00Z"
    assert "X/x.csv" in (tmp_path / "x.parquet.license").read_text()


def test_a_clock_ahead_of_utc_loses_its_first_hour_and_repeats_its_last(tool):
    city = tool.City("x", "X/x.csv", 1.0, 2.0, 3.0, 1)
    wheel = wheel_of({"hisim/inputs/weather/NSRDB_15min/X/x.csv": weather_csv()})
    temp = tool.weather(wheel, city)[0]["temp_c"][0].to_numpy()
    assert len(temp) == 35_040
    assert temp[0] == pytest.approx(0.4)
    assert (temp[-4:] == temp[-8:-4]).all()


def test_a_short_file_is_refused(tool):
    city = tool.City("x", "X/x.csv", 1.0, 2.0, 3.0, 0)
    with pytest.raises(SystemExit, match="35039 rows or gaps"):
        tool.weather(wheel_of({"hisim/inputs/weather/NSRDB_15min/X/x.csv": weather_csv(35_039)}), city)


@pytest.mark.parametrize("values", [[np.nan], [np.inf], [40_000.0]])
def test_what_does_not_fit_sixteen_bits_is_refused(tool, values):
    with pytest.raises(SystemExit, match="x: not finite or too large"):
        tool.stored(np.array(values), 1.0, "x")


if importlib.util.find_spec("simbench"):  # a large package, needed only where the files are made

    def test_the_shipped_simbench_profiles_are_the_package_s():
        """Two columns of the shipped file against the installed package's own table, row by row."""
        import simbench

        folder = Path(simbench.__file__).parent / "networks" / "1-complete_data-mixed-all-0-sw"
        load = pd.read_csv(
            folder / "LoadProfile.csv",
            sep=";",
            engine="pyarrow",
            usecols=["H0-A_pload", "G4-M_qload", "lv_rural1_pload"],
        )
        shipped = data.read_parquet_columns("profiles/simbench_2016.parquet", list(load)).values
        for name in load:
            np.testing.assert_allclose(shipped[name], load[name], atol=0.00051)
