"""Who pays and who earns, and ratios of demonstration projects, worked out by hand; what binds them."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.kpis import catalogue, figures
from tests.experiments.figure_cases import META, H, branches, market, value, voltage_tables

HOMES = ["h1", "h2", "h3", "h4"]


def people():
    """Four homes: h1 has a car and panels, h2 a heat pump, h3 and h4 nothing; h1 and h2 are under contract, h2 does not consent."""
    devices = [
        ("h1", "ev", 2.0),
        ("h1", "pv", -3.0),
        ("h2", "heat_pump", 1.0),
        ("h3", "load", 1.0),
        ("h4", "load", 1.0),
    ]
    ledger = [("h1", "r", 10.0, "retail bill"), ("h2", "r", 20.0, "retail bill"), ("h3", "r", 6.0, "retail bill"), ("r", "h1", 4.0, "surplus"),
              ("f1", "h1", 3.0, "flexibility share"), ("f1", "h2", 1.0, "flexibility share")]  # fmt: skip
    debtor, creditor, eur, purpose = (list(column) for column in zip(*ledger, strict=True))
    owner, kind, kw = (list(column) for column in zip(*devices, strict=True))
    return {
        "homes": {"owner": HOMES, "bus": ["a"] * 4, "meter": ["m1", "m2", "m3", "m4"], "tariff": ["t"] * 4, "fsp": ["f1", "f1", None, None],
                  "consent": [True, False, True, True]},
        "devices": {"t_ms": [0] * 5, "owner": owner, "kind": kind, "power_kw": kw, "state": [None] * 5},
        "ledger": {"entry": range(6), "t_ms": [0] * 6, "debtor": debtor, "creditor": creditor, "eur": eur, "purpose": purpose,
                   "message_id": [None] * 6},
        "meters": {"t_ms": [0, 0, H, H], "meter": ["m1", "m2"] * 2, "import_kwh": [1.0, 5.0, 2.0, 2.0], "export_kwh": [1.0, 0.0, 0.0, 0.0]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("home_ev_eur", -3),
        ("home_pv_eur", -3),
        ("home_heat_pump_eur", -19),
        ("home_battery_eur", None),
        ("home_plain_eur", -3),
        ("home_contract_eur", -11),
        ("home_no_contract_eur", -3),
        ("rewards_eur", 4),
        ("rewards_top_tenth_percent", 100 * 0.4 * 3 / 4),
        ("consenting_percent", 50),
    ],
)
def test_who_pays_and_earns_by_hand(name, expected):
    assert value(name, people()) == (expected if expected is None else pytest.approx(expected))


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(st.sampled_from([*HOMES, "r"]), st.sampled_from([*HOMES, "r"]), st.integers(0, 10_000)),
        min_size=1,
        max_size=20,
    )
)
def test_homes_with_and_without_contract_make_all(entries):
    tables = people()
    debtor, creditor, cents = (list(column) for column in zip(*entries, strict=True))
    n = len(entries)
    tables["ledger"] = {"entry": range(n), "t_ms": [0] * n, "debtor": debtor, "creditor": creditor, "eur": [one / 100 for one in cents],
                        "purpose": ["flexibility share"] * n, "message_id": [None] * n}  # fmt: skip
    tables["addresses"] = {"address": [*HOMES, "r"], "party": [*HOMES, "r"], "actors": [["prosumer"]] * 4 + [["retailer"]],
                           "operator": [*HOMES, "r"], "device": [False] * 5}  # fmt: skip
    found = figures(tables, META)
    assert 2 * found["home_contract_eur"] + 2 * found["home_no_contract_eur"] == pytest.approx(
        found["money_homes_eur"], abs=1e-9
    )
    if found["rewards_eur"] is not None:
        assert 10 - 1e-9 <= found["rewards_top_tenth_percent"] <= 100 + 1e-9


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("offered_percent", 100 * 15 / 20),
        ("cleared_percent", 100 * 8 / 15),
        ("activated_percent", 100 * 16 / 8),
        ("bids_per_session", 3),
    ],
)
def test_ratios_of_flexibility_by_hand(name, expected):
    assert value(name, market()) == pytest.approx(expected)


def test_availability_is_the_largest_announced_of_the_peak_without_coordination():
    told = {
        "t_ms": [0, H, 0],
        "fsp": ["f1", "f1", "f2"],
        "area": ["T1"] * 3,
        "up_kw": [1.0, 2.0, 0.5],
        "down_kw": [0.0] * 3,
    }
    twin = people()["meters"] | {"import_kwh": [5.0, 5.0, 2.0, 2.0]}
    assert value("available_percent", people() | {"availability": told}) == pytest.approx(100 * 2.5 / 6)
    assert value("available_percent", people() | {"availability": told}, {"meters": twin}) == pytest.approx(25)


def test_losses_and_curtailment_by_hand():
    tables = people() | {"grid_branches": branches([50.0, 50.0], [1.0, 1.0], loss_kw=[0.5, 2.0])}
    assert value("losses_percent", tables) == pytest.approx(100 * 2.5 / 12.5)
    twin = people()["devices"] | {"power_kw": [2.0, -4.0, 1.0, 1.0, 1.0]}
    assert value("generation_curtailed_percent", people(), {"devices": twin}) == pytest.approx(25)
    assert value("generation_curtailed_percent", people()) is None


def test_curtailment_is_avoided_where_voltages_leave_room_and_nobody_curtails_instead():
    tables, devices = voltage_tables(), people()["devices"]
    bad = {name: tables[name] for name in ("grid_buses", "meters")} | {"devices": devices}
    good = bad["grid_buses"] | {"v_pu": [1.0] * 6}
    name = "curtailment_avoided_percent"
    assert value(name, tables | {"grid_buses": good, "devices": devices}, bad) == pytest.approx(
        100
    )  # 3 kWh at b in hour 2
    assert value(name, tables | {"devices": devices}, bad) == pytest.approx(0)
    less = devices | {"power_kw": [power / 2 if power < 0 else power for power in devices["power_kw"]]}
    cut = -sum(power / 2 for power, kind in zip(devices["power_kw"], devices["kind"], strict=True) if kind == "pv")
    assert value(name, tables | {"grid_buses": good, "devices": less}, bad) == pytest.approx(100 * (3 - cut) / 3)
    assert value(name, tables | {"devices": devices}) is None


def test_emissions_go_by_country_month_and_local_hour():
    meta = META | {
        "begins": "2016-01-18T12:00:00+01:00",
        "zone": "Europe/Rome",
        "scenario": {**META["scenario"], "place": {"country": "IT"}},
    }
    found = value("emissions_kg", people(), meta=meta)
    import data

    table = data.read_parquet_columns("profiles/co2_month_hour.parquet", ["it"]).values["it"]
    assert found == pytest.approx((5.0 * table[12] + 4.0 * table[13]) / 1000)
    assert value("emissions_kg", people(), meta=meta | {"scenario": {"place": {"country": "DE"}}}) is None


def test_energy_that_a_community_saves_its_members_by_hand():
    n = 3
    energies = {
        "community": ["c"] * n, "member": ["h1", "h2", "h1"], "t_ms": [0, 0, H], "coefficient": [0.5, 0.5, 1.0], "consumption_kwh": [3.0, 0.0, 2.0],
        "generation_kwh": [0.0, 2.0, 0.0], "allocated_kwh": [1.0, 1.0, 0.0], "self_consumed_kwh": [1.0, 0.0, 0.0], "supplied_kwh": [2.0, 0.0, 2.0],
        "surplus_kwh": [0.0, 1.0, 0.0], "load_kwh": [3.0, 0.0, 2.0],
    }  # fmt: skip
    assert value("community_energy_saved_kwh", {"community_energies": energies}) == 1.0


def test_the_page_of_indicators_names_figures_that_exist():
    page = (Path(__file__).parents[2] / "docs/figures.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z0-9_]+)`", page))
    assert len(named) > 60
    assert not named - set(catalogue())
