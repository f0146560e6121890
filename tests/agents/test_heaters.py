"""Retrofitted water heaters as a small world: gates, tests that fail, consent, fallbacks, people's rights, and what is learned."""

import duckdb
import numpy as np
import pytest

from agents.ems_memory import CONTROL
from agents.strategies import retrofit
from agents.strategies.retrofit import Eligibility, Services
from environment.messages.base import Batch, columns_of
from environment.messages.retrofit import ConsentWithdrawal, DataRequest
from experiments.assembly.tanks import KIND
from experiments.conformance.provenance import check_provenance, equalities, fault
from experiments.covers import covers
from experiments.results.schema import conform
from experiments.run.heaters import customer_table, heater_tables
from tests.agents.heaters_world import DAY_MS, DAYS, HOMES, World, erased


@pytest.fixture(scope="module")
def usual():
    """Everything works; on the last day a third withdraws, others erase, as some did the day before, and a module is silent."""
    return World(
        events=[{"at": "day 5 10:20", "withdraw": 0.35}],
        heaters__changes=[{"day": 5, "share": 0.3, "offline": True}],
        heaters__requests=[
            {"day": 4, "right": "access", "share": 0.5},
            {"day": 4, "right": "rectify", "share": 0.5},
            {"day": 4, "right": "erase", "share": 0.3},
            {"day": 5, "right": "erase", "share": 0.3},
        ],
    )


@pytest.fixture(scope="module")
def faulty():
    """Every second radio and probe is broken, devices are forgotten, people do not sign, homes lack a network."""
    return World(
        heaters__installation__dead_radio=0.4, heaters__installation__mute_probe=0.3, heaters__installation__forgotten=0.2,
        heaters__installation__coverage_4g=0.8, people__0__consent=0.6, people__0__automatic=0.7, clock__days=DAYS,
    )  # fmt: skip


# --- SUC03.1 ----------------------------------------------------------------------------------------------------------


@covers("SUC03.1/r02", "SUC03.1/r04")
def test_a_visit_needs_everything():
    whole = Eligibility(True, False, True, True, True, True)
    assert retrofit.obstacles(whole, trained=True) == []
    assert retrofit.obstacles(whole, trained=False) == ["the installer is not trained"]
    for field in Eligibility.__dataclass_fields__:
        broken = Eligibility(**{**whole.__dict__, field: not getattr(whole, field)})
        assert len(retrofit.obstacles(broken, trained=True)) == 1, field


@covers("SUC03.1/r02")
def test_homes_without_network_are_not_visited(faulty):
    found = faulty.table("retrofits")
    skipped = [home for home, outcome in faulty.outcomes().items() if outcome == "not eligible"]
    assert skipped
    visited = {name.rsplit(":", 1)[1] for name in faulty.world.bus.journal.conversations if name.startswith("SUC03.1")}
    assert not visited & set(skipped)
    assert {"no 4G coverage"} == set(found["reason"][found["outcome"] == "not eligible"])


@covers("SUC03.1/r06", "SUC03.1/r07", "SUC03.1/r08")
def test_an_installation_that_says_nothing_fails_and_one_that_was_repaired_passes(faulty):
    found = faulty.table("retrofits")
    failed = found["outcome"] == "failed"
    assert failed.any()
    assert ((found["attempts"] == 2) & ~failed).any()  # repaired in the same visit
    modules, rows = faulty.party("modules"), {home: row for row, home in enumerate(faulty.site.people.names)}
    broken = modules.hardware.dead_radio | modules.hardware.mute_probe
    assert all(
        broken[rows[home], -1] or "not registered" in reason
        for home, reason in zip(found["owner"][failed], found["reason"][failed], strict=True)
    )
    assert np.isnan(faulty.set_kw[[rows[home] for home in found["owner"][failed]]]).all()


@covers("SUC03.1/r03")
def test_devices_are_tied_to_their_consumer(usual):
    found = usual.table("registrations")
    assert all(device.startswith(owner) for owner, device in zip(found["owner"], found["device"], strict=True))
    assert set(found["owner"]) == set(usual.site.people.names) - erased(usual).keys()


@covers("SUC03.1/r09", "SUC03.1/r10")
def test_who_does_not_sign_is_not_controlled(faulty):
    rows = {home: row for row, home in enumerate(faulty.site.people.names)}
    refused = [rows[home] for home, outcome in faulty.outcomes().items() if outcome == "refused"]
    assert refused
    assert not faulty.site.people.consent[refused].any()
    assert np.isnan(faulty.set_kw[refused]).all()


# --- SUC03.2 ----------------------------------------------------------------------------------------------------------


@covers("SUC03.1/r12", "SUC03.2/r01", "SUC03.2/r02")
def test_nobody_is_controlled_before_it_is_learned(usual):
    begins = 4 * DAY_MS // usual.site.timeline.step_ms
    assert np.isnan(usual.set_kw[:, :begins]).all()
    assert np.isfinite(usual.set_kw[:, begins:]).any(axis=1).sum() >= HOMES // 3  # the others are erased or silent


def test_manual_water_heaters_never_follow_an_order(faulty):
    manual = ~faulty.site.people.automatic
    assert manual.any()
    assert np.isnan(faulty.set_kw[manual]).all()


@covers("SUC03.1/r10", "SUC03.1/GDPR-1", "SUC03.2/GDPR-1")
def test_withdrawn_consent_stops_control_at_that_second(usual):
    taken = usual.table("withdrawals")
    rows = [usual.site.people.names.index(home) for home in taken["owner"]]
    at = int(taken["t_ms"][0] // usual.site.timeline.step_ms)
    controlled = np.isfinite(usual.set_kw[rows, :at]).any(axis=1)
    assert controlled.any()
    assert np.isnan(usual.set_kw[rows, at:]).all()
    assert (taken["t_ms"] == 4 * DAY_MS + 37_200_000).all()


@covers("SUC03.1/GDPR-1", "SUC03.2/GDPR-1")
def test_nothing_is_planned_of_who_has_taken_consent_back(usual):
    taken, plans = usual.table("withdrawals"), usual.table("heater_plans")
    people = usual.party("fsp-heat").memory.people
    gone = [people.pseudonym(home) for home in taken["owner"] if home in people]
    of_gone, later = np.isin(plans["customer"].astype(str), gone), plans["t_ms"] > taken["t_ms"].max() + 60_000
    assert (of_gone & ~later).any()
    assert (later & ~of_gone).any()
    assert not (later & of_gone).any()


def test_a_module_without_network_hands_back_to_the_thermostat(usual):
    hardware = usual.party("modules").hardware
    silent = np.flatnonzero(hardware.offline.any(axis=1))
    first = int(np.argmax(hardware.offline[silent[0]]))
    assert len(silent)
    assert np.isnan(usual.set_kw[silent, first + 2 :]).all()


@covers("SUC03.2/r05", "SUC03.2/r06")
def test_models_are_learned_and_renewed_every_day(usual):
    found = usual.table("heater_models")
    for customer in set(found["customer"]):
        days = found["t_ms"][found["customer"] == customer] // DAY_MS
        assert len(days) == len(set(days.tolist())) + (days[0] == days[1] if len(days) > 1 else 0)
    true = dict(zip(usual.fleet.owners, usual.fleet.ratings.loss_kw_per_k, strict=True))
    last = found["t_ms"] == found["t_ms"].max()
    homes = [usual.party("fsp-heat").memory.people.resolve(name) for name in found["customer"][last]]
    ratio = [
        loss / true[home] for home, loss in zip(homes, found["loss_kw_per_k"][last], strict=True) if home is not None
    ]
    assert len(ratio) >= HOMES // 3
    assert 0.8 < np.median(ratio) < 1.25


@covers("SUC03.2/r15")
def test_commands_are_on_or_off(usual):
    ordered = usual.set_kw[np.isfinite(usual.set_kw)]
    rated = np.broadcast_to(usual.fleet.ratings.heater_kw[:, None], usual.set_kw.shape)[np.isfinite(usual.set_kw)]
    assert ((ordered == 0.0) | (ordered == rated)).all()


@covers("SUC03.2/r13", "SUC03.1/r05")
def test_services_follow_from_what_a_home_has():
    yes, no = np.array([True]), np.array([False])
    assert retrofit.available(yes, yes, yes) == Services(yes, yes, yes)
    assert not retrofit.available(yes, no, yes).self_consumption[0]
    assert not retrofit.available(yes, no, yes).peak_shaving[0]
    assert not retrofit.available(no, yes, yes).self_consumption[0]
    assert not retrofit.available(yes, yes, no).tariff[0]
    assert retrofit.names(Services(no, no, no), 0) == "efficiency"


@covers("SUC03.2/r14")
def test_a_tank_that_was_never_hot_enough_is_heated_against_legionella(usual):
    """Under thermostats below 60 degC no tank gets there; on the first day under control each does."""
    begins, mean = 4 * DAY_MS // usual.site.timeline.step_ms, usual.site.living.physics.record.inner[KIND]["mean_c"]
    whole = np.isfinite(usual.set_kw[:, begins + 4 :]).sum(axis=1) >= 80
    cool = np.flatnonzero(whole & (usual.fleet.ratings.set_c < 59.0))
    assert len(cool) >= 2
    assert (mean[cool, :begins].max(axis=1) < 60.0).all()
    assert (mean[cool, begins : begins + 96].max(axis=1) > 59.7).all()  # but for the probes
    plans = usual.table("heater_plans")
    first = plans["t_ms"] == plans["t_ms"].min()
    assert plans["hygiene_due"][first].any()


# --- people's data ----------------------------------------------------------------------------------------------------


@covers("SUC03.1/GDPR-3", "SUC03.2/GDPR-3")
def test_people_see_correct_and_erase_their_data(usual):
    answers, people = usual.table("data_answers"), usual.party("fsp-heat").memory.people
    done = {
        right: set(answers["owner"][(answers["right"] == right) & answers["done"]])
        for right in ("access", "rectify", "erase")
    }
    assert all(done.values())
    assert (answers["items"][(answers["right"] == "access") & answers["done"]] == 2).all()
    for home in done["erase"]:
        assert home not in people
        assert np.isnan(usual.party("fsp-heat").memory.series["tank"][usual.site.people.names.index(home)]).all()
    for home in done["rectify"] - done["erase"]:
        kept = {one.key: one.value for one in people.access(home, usual.site.timeline.end_ms)}
        assert kept["persons"] == usual.site.people.drawn.persons[usual.site.people.names.index(home)] + 1


@covers("SUC03.1/GDPR-3")
def test_the_erased_cannot_be_resolved_and_are_controlled_no_more(usual):
    gone, people = erased(usual), usual.party("fsp-heat").memory.people
    names = {f"customer-{number:04d}" for number in range(1, HOMES + 1)}
    nobody = [name for name in names if people.resolve(name) is None]
    assert len(nobody) == len(gone)
    for table in ("heater_models", "heater_plans"):
        rows = usual.table(table)
        assert not set(rows["customer"][rows["t_ms"] > max(gone.values())]) & set(nobody), table
    controlled = []
    for home, at_ms in gone.items():
        set_kw, after = usual.set_kw[usual.site.people.names.index(home)], int(at_ms // usual.site.timeline.step_ms) + 3
        controlled.append(np.isfinite(set_kw[:after]).any())
        assert np.isnan(set_kw[after:]).all()
    assert any(controlled)


@covers("SUC03.1/GDPR-3", "SUC03.2/GDPR-3")
def test_nothing_that_the_ems_keeps_names_the_erased(usual):
    """What was learned and planned of them stays, under a name that leads to nobody."""
    ems, gone = usual.party("fsp-heat"), erased(usual)
    kept = {name: one.columns() for name, one in ems.registers.items()}
    assert {"heater_models", "heater_plans", "registrations", "first_values"} <= kept.keys()
    for name, columns in kept.items():
        for column in columns.values():
            assert not [text for text in column.tolist() if str(text).split("/")[0] in gone], name
    assert any(ems.memory.people.resolve(name) is None for name in set(kept["heater_plans"]["customer"]))
    memory = ems.memory
    assert not {device.split("/")[0] for device in memory.heard | memory.stored | memory.device_of.keys()} & gone.keys()
    rows = [memory.row(home) for home in gone]
    assert all(not column[rows].any() for column in ems.model)
    customers = customer_table(usual.site, usual.world)["heater_customers"]
    assert set(customers["owner"]) == set(usual.site.people.names) - gone.keys()
    assert [ems.memory.people.resolve(name) for name in customers["pseudonym"]] == customers["owner"]


@covers("SUC03.1/GDPR-3", "SUC03.2/GDPR-1")
def test_nobody_uses_the_rights_of_another(usual, monkeypatch):
    ems, said = usual.party("fsp-heat"), []
    monkeypatch.setattr(ems, "send_batch", lambda record, columns, *_: said.append(columns))
    people = ems.memory.people
    other, mine = [home for home in people.people() if people.may_process(home, CONTROL, ems.now_ms)][:2]
    sender = ems.numbers([other])
    for right in ("access", "rectify", "restrict", "erase"):
        asked = DataRequest(consumer=mine, right=right, persons=9)
        ems.answer_person(Batch(DataRequest, sender, ems.numbers([ems.name]), columns_of([asked]), ""))
        assert (said[-1]["done"].tolist(), said[-1]["items"].tolist()) == ([False], [()])
    back = columns_of([ConsentWithdrawal(consumer=mine)])
    ems.stop_service(Batch(ConsentWithdrawal, sender, ems.numbers([ems.name]), back, ""))
    assert people.may_process(mine, CONTROL, ems.now_ms)
    refused = usual.table("refused_requests")
    assert "the consumer itself" in refused["reason"][-1]
    assert refused["subject"][-1] == mine


# --- numbers that steps carry ---------------------------------------------------------------------------------------------


def test_numbers_that_steps_carry_are_those_of_the_tables_and_each_equality_can_fail(usual, small):
    tables = conform(small.tables(usual.site, usual.world))
    assert check_provenance(tables, ["SUC03.1", "SUC03.2"]) == {}
    with duckdb.connect() as base:
        for one in (*equalities()["SUC03.1"], *equalities()["SUC03.2"]):
            emptied = {**tables, one.right.table: tables[one.right.table].slice(0, 0)}
            assert fault(one, emptied, base), one.says


# --- physics and knowledge --------------------------------------------------------------------------------------------


def test_energy_of_every_tank_and_day_balances(usual):
    tables = heater_tables(usual.site)
    days = tables["heater_days"]
    true = np.tile(usual.fleet.ratings.loss_kw_per_k, DAYS)
    expected = true * (days["mean_c"] - 18.0) * 24.0
    assert days["lost_kwh"] == pytest.approx(expected, rel=0.03)  # of temperatures at the ends of intervals only


def test_the_model_never_sees_the_truth(usual):
    """No object that the EMS holds is the fleet's, or shares memory with it."""
    ems = usual.party("fsp-heat")
    fleet = usual.fleet
    truth = [column for record in (fleet.ratings, fleet.state) for column in record]
    seen, todo = set(), [ems]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        assert one is not fleet
        assert one is not usual.site
        if isinstance(one, np.ndarray):
            assert not any(np.shares_memory(one, column) for column in truth)
        elif isinstance(one, dict):
            todo += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            todo += list(one)
        elif hasattr(one, "__dict__") and not isinstance(one, type) and not callable(one):
            todo += list(vars(one).values())
