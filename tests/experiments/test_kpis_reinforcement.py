"""The conventional alternative by hand: what a stronger grid costs a year, and on how many days flexibility is cheaper."""

import copy

import pytest

from experiments.kpis.reinforcement import capital_recovery_factor
from tests.experiments.figure_cases import META, branches, market, value, voltage_tables

PRICES = {
    "lv_transformer_eur": 10_000.0, "mv_transformer_eur": 1e6, "lv_line_eur_per_km": 80_000.0, "mv_line_eur_per_km": 110_000.0,
    "lifetime_years": 20.0, "interest": 0.05,
}  # fmt: skip
CRF = 0.0802426
NETWORK = {
    "network_buses": {"bus": ["hv", "mv", "lv", "far"], "x": [0] * 4, "y": [0] * 4, "vn_kv": [110.0, 20.0, 0.4, 0.4], "zone": [None] * 4},
    "network_branches": {
        "branch": ["T1", "T2", "L1", "L2"], "kind": ["trafo", "trafo", "line", "line"], "from_bus": ["mv", "hv", "lv", "mv"],
        "to_bus": ["lv", "mv", "far", "mv"], "limit": [100.0] * 4, "length_km": [0.0, 0.0, 0.25, 2.0],
    },
}  # fmt: skip


def meta(**changes):
    result = copy.deepcopy(META)
    result["scenario"]["grid"]["means"] = {"reinforcement": PRICES | changes}
    return result


def twin(*overloaded, extra=None):
    tables = [
        branches([150.0 if name in overloaded else 50.0], [1.0], branch=name) for name in ("T1", "T2", "L1", "L2")
    ]
    return {"grid_branches": {key: [value for one in tables for value in one[key]] for key in tables[0]}} | (
        extra or {}
    )


def test_capital_recovery_factors():
    """Hand values: 5 % over 20 and 25 years, 4 % over 10, 7 % over 15."""
    cases = {
        (0.05, 20): 0.0802426,
        (0.05, 25): 0.0709525,
        (0.04, 10): 0.1232909,
        (0.07, 15): 0.1097946,
        (0.0, 8): 0.125,
    }
    for (interest, years), factor in cases.items():
        assert capital_recovery_factor(interest, years) == pytest.approx(factor, abs=1e-7)


@pytest.mark.parametrize(
    ("overloaded", "eur"),
    [
        ((), 0.0),
        (("T1",), 10_000.0),
        (("T2",), 1e6),
        (("L1",), 20_000.0),
        (("L2",), 220_000.0),
        (("T1", "L1"), 30_000.0),
    ],
)
def test_what_is_overloaded_without_coordination_is_replaced(overloaded, eur):
    found = value("reinforcement_eur_per_year", NETWORK, twin(*overloaded), meta())
    assert found == pytest.approx(CRF * eur, rel=1e-6)


def test_flexibility_is_cheaper_up_to_so_many_days():
    """2.60 EUR for the one day of delivery; a transformer is 802.43 EUR a year: 308.6 such days."""
    tables = NETWORK | market()
    assert value("breakeven_days_per_year", tables, twin("T1"), meta()) == pytest.approx(802.426 / 2.6, rel=1e-6)
    assert value("breakeven_days_per_year", NETWORK, twin("T1"), meta()) is None, "nothing was paid"


def test_unknown_without_twin_or_prices_or_where_voltages_would_have_to_be_mended():
    assert value("reinforcement_eur_per_year", NETWORK, None, meta()) is None
    assert value("reinforcement_eur_per_year", NETWORK, twin("T1")) is None
    homes = {name: voltage_tables()[name] for name in ("homes",)}
    low = twin("T1", extra={"grid_buses": voltage_tables()["grid_buses"]})
    assert value("reinforcement_eur_per_year", NETWORK | homes, low, meta()) is None
