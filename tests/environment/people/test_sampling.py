"""Devices of homes: ownership, ranges of ratings, independence of homes, and that no two homes are alike."""

import numpy as np
import pytest

from environment.people import sampling
from environment.people.household import homes

NAMES = [f"home-{i:04d}" for i in range(400)]


@pytest.fixture(scope="module")
def population(chance):
    return homes(chance, NAMES)


def all_ratings(chance, names, population):
    pv = sampling.pv_ratings(chance, names)
    building = sampling.building_ratings(chance, names, population.floor_m2)
    return {
        "pv": pv,
        "battery": sampling.battery_ratings(chance, names, pv["kwp"]),
        "ev": sampling.ev_ratings(chance, names),
        "building": building,
        "heat_pump": sampling.heat_pump_ratings(chance, names, building["loss_kw_per_k"], population.comfort_c),
        "water_heater": sampling.water_heater_ratings(chance, names, population.persons),
    }


@pytest.fixture(scope="module")
def ratings(chance, population):
    return all_ratings(chance, NAMES, population)


def test_every_rating_is_an_array_over_homes(ratings):
    for kind in ratings.values():
        for values in kind.values():
            assert values.shape == (len(NAMES),)
            assert values.dtype == np.float64
            assert np.isfinite(values).all()


def test_adding_and_permuting_homes_changes_no_home(chance, ratings):
    order = np.random.default_rng(4).permutation(len(NAMES))
    names = ["new", *(NAMES[i] for i in order)]
    again = all_ratings(chance, names, homes(chance, names))
    for kind, columns in ratings.items():
        for name, values in columns.items():
            assert (again[kind][name][1:] == values[order]).all(), (kind, name)


def test_homes_are_not_archetypes_repeated(ratings, population):
    """Of 400 homes no two have the same set of ratings, and almost none the same battery, plant or building."""
    table = np.column_stack([values for kind in ratings.values() for values in kind.values()])
    assert len(np.unique(table, axis=0)) == len(NAMES)
    for kind, column in (
        ("pv", "kwp"),
        ("battery", "kwh"),
        ("building", "loss_kw_per_k"),
        ("heat_pump", "thermal_kw"),
        ("ev", "kwh"),
    ):
        assert len(np.unique(ratings[kind][column])) > 0.95 * len(NAMES)


@pytest.mark.parametrize("share", [0.0, 0.15, 0.6, 1.0])
def test_ownership_meets_its_share(chance, share):
    assert sampling.owns(chance, "ev", NAMES, share).mean() == pytest.approx(share, abs=0.06)


def test_owners_stay_owners_when_the_share_grows_and_kinds_are_independent(chance):
    few, more = sampling.owns(chance, "pv", NAMES, 0.3), sampling.owns(chance, "pv", NAMES, 0.5)
    assert more[few].all()
    assert 0.1 < (sampling.owns(chance, "ev", NAMES, 0.5) & more).mean() < 0.4


def test_pv_plants_are_rooftop_plants(ratings):
    pv = ratings["pv"]
    assert np.median(pv["kwp"]) == pytest.approx(4.5, rel=0.1)
    assert 1.5 <= pv["kwp"].min() < pv["kwp"].max() <= 15.0
    assert 75.0 <= pv["azimuth_deg"].min() < pv["azimuth_deg"].max() <= 285.0
    assert 5.0 <= pv["tilt_deg"].min() < pv["tilt_deg"].max() <= 50.0
    assert pv["losses_percent"].mean() == pytest.approx(14.08, abs=0.5)


def test_batteries_follow_the_plant_and_lose_about_a_tenth(chance, ratings):
    battery, pv = ratings["battery"], ratings["pv"]
    assert np.corrcoef(battery["kwh"], pv["kwp"])[0, 1] > 0.6
    assert (battery["kwh"] / battery["kw"] >= 1.5 - 1e-9).all()
    assert (battery["kwh"] / battery["kw"] <= 4.0 + 1e-9).all()
    assert (battery["eta_charge"] * battery["eta_discharge"]).mean() == pytest.approx(0.912, abs=0.01)
    alone = sampling.battery_ratings(chance, NAMES)["kwh"]
    assert np.median(alone) == pytest.approx(7.5, rel=0.08)


def test_chargers_fit_the_contract(chance):
    small = sampling.ev_ratings(chance, NAMES, 4.5)
    assert (small["charger_kw"] == 3.7).all()
    mixed = sampling.ev_ratings(chance, NAMES, np.where(np.arange(len(NAMES)) < 200, 6.0, 15.0))
    assert (mixed["charger_kw"][:200] == 3.7).all()
    assert set(mixed["charger_kw"][200:]) == {3.7, 7.4, 11.0}
    tiny = sampling.ev_ratings(chance, NAMES, 3.0)
    assert (tiny["charger_kw"] == 3.7).all()
    three_phase = mixed["charger_kw"] == 11.0
    assert (mixed["minimum_kw"] == np.where(three_phase, 4.1, 1.4)).all()


def test_an_ev_keeps_its_battery_whatever_the_contract(chance):
    assert (sampling.ev_ratings(chance, NAMES, 4.5)["kwh"] == sampling.ev_ratings(chance, NAMES)["kwh"]).all()


def test_buildings_have_the_losses_of_their_era(ratings, population):
    building = ratings["building"]
    specific = building["loss_kw_per_k"] * 1000.0 / population.floor_m2
    by_era = [np.median(specific[building["era"] == era]) for era in range(4)]
    assert by_era == sorted(by_era, reverse=True)
    hours = building["capacity_kwh_per_k"] / building["loss_kw_per_k"]
    assert np.quantile(hours, 0.05) > 30.0
    assert np.quantile(hours, 0.6) < 120.0  # time constants of 30-120 h, longer in new buildings


def test_heat_pumps_cover_the_loss_of_a_design_day(ratings, population):
    pump, building = ratings["heat_pump"], ratings["building"]
    need = building["loss_kw_per_k"] * population.comfort_c  # Rome: 0 degC outside
    assert (pump["thermal_kw"] >= 0.94 * need).all()
    assert (pump["thermal_kw"] <= 1.61 * need).all()
    assert set(pump["sink_c"]) == {35.0, 45.0, 55.0}
    assert ((pump["backup_kw"] > 0.0).mean()) == pytest.approx(0.1, abs=0.05)


def test_cold_countries_have_larger_pumps_with_backup(chance, ratings):
    swedish = sampling.heat_pump_ratings(chance, NAMES, ratings["building"]["loss_kw_per_k"], 21.0, "SE")
    assert (swedish["thermal_kw"] > 1.5 * ratings["heat_pump"]["thermal_kw"]).mean() > 0.95
    assert (swedish["backup_kw"] > 0.0).mean() > 0.8


def test_tanks_fit_the_household_and_keep_the_ecodesign_ceiling(ratings, population):
    tank = ratings["water_heater"]
    assert set(tank["litres"]) <= {50.0, 80.0, 100.0, 150.0, 200.0}
    medians = [np.median(tank["litres"][population.persons == p]) for p in (1, 2, 3, 4)]
    assert medians == sorted(medians)
    ceiling_w = 16.66 + 8.33 * tank["litres"] ** 0.4
    loss_w = tank["loss_kw_per_k"] * 45_000.0
    assert (loss_w <= ceiling_w + 1e-9).all()
    assert (loss_w >= 0.7 * ceiling_w - 1e-9).all()
    assert ((tank["kw"] >= 1.2) & (tank["kw"] <= 2.4)).all()
    assert ((tank["dead_band_k"] >= 3.0) & (tank["dead_band_k"] <= 8.0)).all()


def test_the_ceiling_itself_is_the_regulation_s():
    loss = sampling.parameters()["water_heater"]["standing_loss"]
    for litres, watts in ((50, 56.49), (80, 64.73), (100, 69.22), (150, 78.47), (200, 86.01)):
        assert loss["a_w"] + loss["b_w"] * litres ** loss["exponent"] == pytest.approx(watts, abs=0.01)


def test_everything_made_says_so():
    import data

    for name in ("household", "mobility", "device_ratings", "climate"):
        assert data.read_yaml("profiles", f"{name}.yaml")["synthetic"] is True
    assert parameters_of_hot_water()["synthetic_draws"] is True


def parameters_of_hot_water():
    from environment.people.hot_water import parameters

    return parameters()
