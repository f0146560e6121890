"""Flexible devices of a study: their own course, what a control may do with them, and a study that sizes controls and chargers."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from agents.strategies.sizing_devices import Charging, Device, Thermal, course_of
from environment.devices.heat_pump import cop_air
from experiments.covers import covers
from experiments.sizing.figures import power_notes

HOURS = np.arange(96)
OUTDOOR_C = 6.0 + 5.0 * np.sin(HOURS / 24.0 * 2.0 * np.pi)
TANK = Thermal(1.5, None, 0.116, 0.0016, 20.0, 56.0, 45.0, 65.0, np.where(HOURS % 24 == 20, -1.4, -0.1))
HOUSE = Thermal(2.5, 45.0, 10.0, 0.15, None, 20.5, 19.0, 22.0, np.full(96, 0.3))


def course(of):
    return course_of(Device("home/device", "home", 1, of), OUTDOOR_C, HOURS % 24.0, 1.0)


def temperatures(of, power_kw):
    """The device itself, stepped a hundred times an hour."""
    around = OUTDOOR_C if of.room_c is None else np.full(96, of.room_c)
    cop = np.ones(96) if of.sink_c is None else cop_air(np.clip(of.sink_c - OUTDOOR_C, 15.0, 60.0))
    now, found = of.set_c, []
    for hour in range(96):
        for _ in range(1000):
            heat = cop[hour] * power_kw[hour] + of.gain_kw[hour] - of.loss_kw_per_k * (now - around[hour])
            now += heat / of.kwh_per_k / 1000.0
        found.append(now)
    return np.array(found)


@pytest.mark.parametrize("of", [TANK, HOUSE], ids=["tank", "house"])
def test_by_itself_a_heater_keeps_its_temperature_as_far_as_its_power_goes(of):
    found = course(of)
    really = temperatures(of, found.base_kw)
    full = found.base_kw > of.kw - 1e-9
    np.testing.assert_allclose(really[~full], of.set_c, atol=0.02)
    assert (found.base_kw <= of.kw + 1e-12).all()
    assert really.min() == pytest.approx(found.coldest_c, abs=0.02)


@pytest.mark.parametrize("of", [TANK, HOUSE], ids=["tank", "house"])
def test_a_deviation_obeys_the_equation_of_the_device(of):
    """What the programme keeps account of is the temperature: content = capacity x (temperature - temperature by itself)."""
    found = course(of)
    rng = np.random.default_rng(2)
    other = np.clip(found.base_kw + rng.normal(0.0, 0.4, 96), 0.0, of.kw)
    content, kept = [], 0.0
    for hour in range(96):
        kept = found.keep * kept + found.gain[hour] * (other[hour] - found.base_kw[hour])
        content.append(kept)
    really = temperatures(of, other) - temperatures(of, found.base_kw)
    np.testing.assert_allclose(content, of.kwh_per_k * really, atol=2e-3)
    assert np.abs(content).max() > 0.2


def test_comfort_that_cannot_be_kept_is_named_with_the_way_out():
    weak = HOUSE.__class__(**{**vars(HOUSE), "kw": 0.2})
    with pytest.raises(ValueError, match=r"home/device: comfort of 19 degC cannot be kept: .*give it more kw"):
        course(weak)


def test_a_car_is_full_when_it_leaves_and_takes_nothing_while_away():
    found = course(Charging(2.3, 7.4, 7.0, 18, 7))
    hour = HOURS % 24
    assert found.base_kw[24:48].sum() == pytest.approx(7.0)
    away = (hour >= 7) & (hour < 18)
    assert (found.most_kw[away] == 0.0).all()
    assert (found.most_kw[~away] == 7.4).all()
    assert (found.low_kwh[hour == 6] == 0.0).all()
    assert (found.high_kwh[hour == 6] == 0.0).all()
    np.testing.assert_allclose(found.base_kw[18:22], [2.3, 2.3, 2.3, 0.1])
    np.testing.assert_allclose(found.low_kwh[18:22], [-2.3, -4.6, -6.9, -7.0])
    with pytest.raises(ValueError, match=r"40 kWh a day do not fit in 2.3 kW from 18:00 to 7:00 \(29.9 kWh\)"):
        course(Charging(2.3, 7.4, 40.0, 18, 7))


@pytest.fixture(scope="module")
def plan(small):
    """A study of a member with heaters, one with a car, and a shared hall where cars charge at work."""
    return small(
        members__0__water_heater={}, members__0__heat_pump={"kw": 1.5, "controlled": True}, members__1__charging={},
        assets__0__connection_kw=6, assets__0__charging={"cars": 3, "arrives_h": 8, "leaves_h": 17, "most": 2}, members__3__heat_pump={"kw": 0.01},
        business_models=[{"name": "together"}], front_points=0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def planned(plan):
    """What its parties registered; no folder, no report."""
    from experiments.assembly.sizing import build_study, build_study_world
    from experiments.results.schema import conform
    from experiments.run import conformance_of
    from experiments.sizing.run import LONGEST_MS, study_tables
    from experiments.sizing.study import study_from

    world = build_study_world(build_study(study_from(plan), 3))
    world.run(LONGEST_MS)
    tables = study_tables(world)
    case = conformance_of(conform(tables))["SUC01.1"]
    assert (case["unmatched"], len(case["made_steps"]), case["broken"]) == (0, 10, [])
    names = (
        "sizes",
        "device_courses",
        "schedules",
        "representative_days",
        "power_above_contract",
        "study_profiles",
        "completions",
    )
    return {name: pd.DataFrame(tables[name]) for name in names}


@covers("SUC01.1/r06", "SUC01.1/r17")
def test_controls_and_chargers_are_sized_at_members_and_shared_sites(planned):
    sizes = planned["sizes"].set_index("plant")
    assert sizes.loc["ana/heat-pump-control", ["existing", "most"]].tolist() == [1.0, 0.0]
    assert sizes.loc["hall/charger", "most"] == 2.0
    bought = sizes.loc[["ana/water-heater-control", "bea/charger", "hall/charger"], "units"]
    assert (bought == bought.round()).all()
    assert bought["hall/charger"] == 2.0  # free of night prices, under the hall's own roof
    assert "dan/heat-pump-control" not in sizes.index  # no consent, so its heater is nobody's business, nor its comfort


@covers("SUC01.1/r18")
def test_devices_are_part_of_the_load_and_shifted_within_their_comfort(planned):
    courses, plans = planned["device_courses"].set_index("device"), planned["schedules"]
    days, profile = planned["representative_days"], planned["study_profiles"]
    weight = profile["position"].floordiv(24).map(days["weight"])
    annual = (profile["load_kw"] * weight).groupby(profile["site"], observed=True).sum()
    assert annual["hall"] == pytest.approx(3 * 7.0 * 365.0, rel=1e-3)
    metered = planned["completions"].set_index("member")["annual_kwh"]
    with_car = metered["bea"] + courses.loc["bea/charger", "kwh_each"]
    assert annual["bea"] == pytest.approx(with_car, rel=1e-3)
    shift = plans[plans["plant"] == "hall/charger"].sort_values("position")["power_kw"].to_numpy().reshape(-1, 24)
    np.testing.assert_allclose(shift.sum(axis=1), 0.0, atol=1e-6)  # a car's day takes what it took
    assert np.abs(shift).max() > 0.5
    assert (np.abs(shift[:, :8]).max(), np.abs(shift[:, 17:]).max()) == pytest.approx((0.0, 0.0), abs=1e-6)


def test_power_above_the_contract_is_said(planned):
    """Three cars at sockets of 2.3 kW take more than the hall's connection of 6 kW."""
    above = planned["power_above_contract"].set_index("site")
    assert above.loc["hall", "contracted_kw"] == 6.0
    assert above.loc["hall", "peak_kw"] == pytest.approx(6.9, rel=1e-2)
    load = planned["study_profiles"].groupby("site", observed=True)["load_kw"].max()
    assert set(above.index) == {site for site in load.index if load[site] > {"ana": 4.6, "bea": 3.45, "cal": 10.0, "hall": 6.0}[site]}  # fmt: skip
    note = next(
        note
        for note in power_notes({"power_above_contract": pa.table(planned["power_above_contract"])})
        if "hall" in note
    )
    assert note.startswith("hall takes up to 6.9")
    assert "write a higher contracted_kw (connection_kw)" in note


def test_a_study_with_infeasible_comfort_is_refused(plan, tmp_path):
    from experiments.errors import CoflexError
    from experiments.sizing.run import run_study
    from experiments.sizing.study import study_from

    weak = {**plan, "members": [{**plan["members"][0], "heat_pump": {"kw": 0.05}}, *plan["members"][1:]]}
    with pytest.raises(CoflexError, match=r"refused: ana/heat-pump-control: comfort of 19 degC cannot be kept"):
        run_study(study_from(weak), seed=3, out=tmp_path / "run")
