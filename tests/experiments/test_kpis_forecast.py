"""Errors of forecasts, worked out by hand on tables of a few rows."""

import math

import pytest

from tests.experiments.figure_cases import META, H, branches, value, voltage_tables


def forecast_tables():
    """Forecast at t=0 for hours 1 and 2 of a branch; truth 10, 20; seen before 8 (persistence), a week ago 12, 18."""
    week = -7 * 24 * H
    return {
        "forecasts": {
            "made_ms": [0, 0], "t_ms": [H, 2 * H], "party": ["d"] * 2, "subject": ["T1"] * 2, "value_kw": [11.0, 18.0],
            "horizon_h": [1.0, 13.0],
        },
        "actuals": {
            "t_ms": [H, 2 * H, -H, week + H, week + 2 * H], "subject": ["T1"] * 5, "value_kw": [10.0, 20.0, 8.0, 12.0, 18.0],
        },
        "addresses": {"address": ["d"], "party": ["d"], "actors": [["dso"]], "operator": ["d"], "device": [False]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("forecast_mape_percent", 100 * (0.1 + 0.1) / 2),
        ("forecast_rmse_kw", math.sqrt((1 + 4) / 2)),
        ("forecast_persistence_mape_percent", 100 * (0.2 + 0.6) / 2),
        ("forecast_persistence_rmse_kw", math.sqrt((4 + 144) / 2)),
        ("forecast_last_week_mape_percent", 100 * (0.2 + 0.1) / 2),
        ("forecast_0_12h_rmse_kw", 1.0),
        ("forecast_12_24h_rmse_kw", 2.0),
        ("forecast_24_48h_rmse_kw", None),
        ("fsp_forecast_rmse_kw", None),
    ],
)
def test_forecast_errors_by_hand(name, expected):
    assert value(name, forecast_tables()) == (None if expected is None else pytest.approx(expected))


def test_the_truth_of_a_forecast_is_the_twin():
    tables = forecast_tables() | {"grid_branches": branches([1, 1], [5, 5], t_ms=[H, 2 * H])}
    twin = {"grid_branches": branches([1, 1], [11, 18], t_ms=[H, 2 * H])}
    assert value("forecast_rmse_kw", tables, twin) == 0


def test_a_portfolio_forecast_is_compared_with_the_meters_of_its_homes():
    tables = voltage_tables() | {
        "forecasts": {
            "made_ms": [0, 0], "t_ms": [H, 2 * H], "party": ["f"] * 2, "subject": ["f", "h2"], "value_kw": [3.0, -3.0],
            "horizon_h": [1.0, 2.0],
        },
        "addresses": {"address": ["f"], "party": ["f"], "actors": [["fsp"]], "operator": ["f"], "device": [False]},
    }  # fmt: skip
    assert value("fsp_forecast_rmse_kw", tables, meta=META) == pytest.approx(math.sqrt((1 + 0) / 2))
