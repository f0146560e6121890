import shutil
import subprocess
import sys

import numpy as np
import pytest

import data


def test_a_path_that_does_not_exist_names_what_is_there():
    with pytest.raises(
        FileNotFoundError, match=r"data/tariffs/it\.yaml does not exist; data/tariffs holds .*it-flat-2025\.yaml"
    ):
        data.path("tariffs", "it.yaml")
    with pytest.raises(FileNotFoundError, match="data/no/where does not exist; data/no holds nothing"):
        data.path("no", "where")


def test_columns_come_back_in_their_unit():
    columns = data.read_parquet_columns("profiles/weather/rome_2019.parquet", ["temp_c", "ghi_wm2"])
    assert set(columns.values) == {"temp_c", "ghi_wm2"}
    temp = columns.values["temp_c"]
    assert temp.dtype == np.float64
    assert temp[0] == 3.3  # the file holds 33 tenths, exactly 3.3 comes back
    assert columns.metadata["first_instant"] == "2019-01-01T00:00Z"
    assert columns.metadata["step_s"] == "900"


def test_integers_without_a_scale_stay_integers():
    month = data.read_parquet_columns("profiles/co2_month_hour.parquet", ["month"]).values["month"]
    assert month.dtype.kind == "i"
    assert sorted(set(month.tolist())) == list(range(1, 13))


def test_column_names_without_reading():
    assert data.column_names("profiles/prices/dayahead_2018.parquet") == ("fr", "it_north", "se4", "de")


def test_notices_are_the_sentences_once_in_order_of_name():
    weather = [f"profiles/weather/{city}_2019.parquet" for city in ("rome", "paris")]
    texts = data.notices([*weather, "profiles/prices/dayahead_2018.parquet", *weather])
    assert len(texts) == 2
    assert texts[0].startswith("Day-ahead prices: Bundesnetzagentur | SMARD.de")
    assert texts[1].startswith("Weather: National Solar Radiation Database")
    assert not any("\n" in text for text in texts)


def test_yaml_is_read_safely():
    assert data.read_yaml("tariffs", "it-flat-2025.yaml")["country"] == "IT"


def test_importing_data_imports_nothing_heavy():
    code = "import sys, data; print(any(m in sys.modules for m in ('pyarrow', 'pandas', 'yaml')))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_data_is_found_when_installed_elsewhere(tmp_path):
    shutil.copytree(data.path("tariffs"), tmp_path / "data" / "tariffs")
    shutil.copy(data.path("__init__.py"), tmp_path / "data")
    code = "import data; print(data.path('tariffs').parent)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert out.stdout.strip() == str(tmp_path / "data")
