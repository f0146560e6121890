"""The catalogue is consistent in itself, and so are our readings of it."""

import subprocess
import sys

import pytest

import data
from environment.messages import records, sources
from experiments.conformance.plan import plan
from experiments.conformance.provenance import equalities
from experiments.usecases import (
    CatalogueError,
    actors,
    carries,
    catalogue_table,
    ids,
    operators,
    permissions,
    plays,
    read_step,
    readings,
    usecase,
    usecase_text,
)

BUILT = {"SUC01.1": ("1",), "SUC05.1": ("1",), "SUC06.1": ("2",), "SUC06.2": ("1",), "SUC06.3": ("1",)}
"""Use cases with readings, and the scenarios whose records exist."""

ALL = [usecase(name) for name in ids()]


def test_catalogue_has_29_use_cases_and_480_steps():
    assert len(ALL) == 29
    assert sum(len(case.steps) for case in ALL) == 480


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_steps_name_what_the_file_lists(case):
    known = {actor.id for actor in case.actors}
    information = {one.id for one in case.information}
    requirements = {one.id for one in case.requirements}
    for step in case.steps:
        assert {*step.producer, *step.receiver} <= known, step.id
        assert set(step.information) <= information, step.id
        for missing in set(step.requirements) - requirements:
            assert any(missing in note and "never defined" in note for note in case.notes), (step.id, missing)
    assert len({step.id for step in case.steps}) == len(case.steps)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_actors_are_in_the_catalogue_of_actors(case):
    assert {actor.id for actor in case.actors} <= set(actors())


def test_systems_are_operated_by_roles():
    for actor in actors().values():
        assert actor.operated_by is None or actors()[actor.operated_by].kind == "role", actor.id


def test_services_and_business_cases_name_use_cases_that_exist():
    listed = data.read_yaml("usecases", "bucs.yaml")["bucs"]
    assert {name for one in listed for name in one["sucs"]} == set(ids())
    numbers = {one["id"] for one in data.read_yaml("usecases", "services.yaml")["services"]}
    assert {number for case in ALL for number in case.services} <= numbers


# --- readings ----------------------------------------------------------------------------------------------------------


def odd(step, earlier):
    """Why a step cannot be taken as its row stands; empty if it can."""
    kind = step.operation.upper()
    reasons = []
    if not step.receiver:
        reasons.append("no receiver")
    if not step.information:
        reasons.append("no information")
    if "EXECUTE" in kind and not step.is_act:
        reasons.append("EXECUTE to somebody else")
    if "EXECUTE" not in kind and step.is_act:
        reasons.append("a self-step that is not EXECUTE")
    if "GET" in kind and not step.is_act:
        reasons.append("GET, in which direction?")
    if (step.producer, step.receiver, step.information) in earlier:
        reasons.append("repeats an earlier step")
    return reasons


@pytest.mark.parametrize("name", sorted(BUILT))
def test_every_odd_step_has_a_reading_with_a_reason(name):
    for scenario in usecase(name).scenarios:
        earlier = set()
        for step in scenario.steps:
            if odd(step, earlier):
                assert readings(name).steps[step.id].reason.strip(), (name, step.id, odd(step, earlier))
            earlier.add((step.producer, step.receiver, step.information))


@pytest.mark.parametrize("name", sorted(BUILT))
def test_acts_have_a_name(name):
    for step in usecase(name).steps:
        if step.is_act:
            assert readings(name).steps[step.id].act, step.id


@pytest.mark.parametrize("name", sorted(BUILT))
def test_readings_name_what_exists(name):
    case, read = usecase(name), readings(name)
    scenario_of = {step.id: scenario for scenario in case.scenarios for step in scenario.steps}
    assert set(read.steps) <= set(scenario_of)
    for step, reading in read.steps.items():
        same = {one.id for one in scenario_of[step].steps}
        cited = {
            *(reading.after or ()),
            *([reading.repeats] if reading.repeats else []),
            *([reading.group.step] if reading.group else []),
        }
        assert cited <= same - {step}, step
        assert set(reading.information or ()) <= {one.id for one in case.information}, step
        assert {*(reading.producer or ()), *(reading.receiver or ())} <= set(actors()), step
    for extra in read.extra:
        assert {*extra.producer, *extra.receiver} <= set(actors())
        assert set(extra.after) <= {one.id for one in case.scenario(extra.scenario).steps}
        assert set(extra.records) <= set(records()) | {"BaselineRequest"}


@pytest.mark.parametrize("name", sorted(BUILT))
def test_records_named_by_readings_carry_the_information(name):
    for number in BUILT[name]:
        for raw in usecase(name).scenario(number).steps:
            step, reading = read_step(name, raw), readings(name).steps.get(raw.id)
            for record in (reading and reading.records) or ():
                carried = {item for suc, item in sources()[record] if suc == name}
                assert set(step.information) <= carried, (name, raw.id, record)


@pytest.mark.parametrize(("name", "number"), [(name, number) for name, numbers in BUILT.items() for number in numbers])
def test_every_step_of_a_built_scenario_can_be_made(name, number):
    for one in plan(name, number, sources()).expectations:
        for slot in one.slots:
            assert slot.names, (name, one.step, slot.label)


@pytest.mark.parametrize("name", sorted(BUILT))
def test_causes_come_before_their_effects_in_the_plan(name):
    for scenario in usecase(name).scenarios:
        for place, one in enumerate(plan(name, scenario.id, sources()).expectations):
            assert all(cause < place for cause in one.after), one.step


@pytest.mark.parametrize("name", sorted(BUILT))
def test_steps_that_one_row_could_make_are_declared_as_repeats(name):
    for scenario in usecase(name).scenarios:
        expected = plan(name, scenario.id, sources()).expectations
        for place, one in enumerate(expected):
            for other in expected[:place]:
                if one.counted and any(alike(a, b) for a in one.slots for b in other.slots):
                    assert readings(name).steps[one.step].repeats == other.step, (name, one.step, other.step)


def alike(a, b):
    return bool(a.names & b.names and a.sender & b.sender and a.receiver & b.receiver)


def test_readings_are_shown_beside_the_original():
    text = usecase_text("SUC06.2")
    assert "1.2    dso-activation-system -> gdbn  [I2]" in text
    assert "read: dso-activation-system -> gdbn, fsp-technical-platform  [I2]; receivers any" in text


def test_provenance_names_steps_that_exist():
    for name, listed in equalities().items():
        assert {one.step for one in listed} <= {step.id for step in usecase(name).steps}
        for one in listed:
            assert set(one.left.keys) == set(one.right.keys), one.says


# --- questions to the catalogue ----------------------------------------------------------------------------------------


def test_get_between_two_actors_is_a_pair_unless_read_otherwise():
    steps = {step.id: step for step in usecase("SUC06.3").steps}
    assert carries("SUC06.3", steps["1.1"]) == "forward"
    assert carries("SUC06.3", steps["1.6"]) == "push"
    assert carries("SUC06.3", steps["1.2"]) == "push"
    other = next(step for step in usecase("SUC12.2").steps if step.operation == "GET" and not step.is_act)
    assert carries("SUC12.2", other) == "forward"


def test_role_is_played_by_the_systems_it_operates_and_a_system_by_itself():
    assert plays("dso-scada", "SUC06.2") == {"dso-scada"}
    assert {"dso", "derms", "dso-scada", "dso-database"} <= plays("dso", "SUC06.2")
    assert "gdbn" not in plays("dso", "SUC06.2")
    assert plays("der", "SUC06.2") == {"der"}


def test_operator_of_a_system_may_differ_by_use_case():
    assert operators("SUC05.1")["vpp"] == "aggregator"
    assert operators("SUC06.1")["vpp"] == "fsp"
    assert operators("SUC06.1")["flexibility-market-platform"] == "lfmo"


def test_permissions_follow_from_the_steps():
    allowed = permissions(sources())
    assert allowed["ActivationRequest"] == {"dso-activation-system", "gdbn", "derms"}
    assert allowed["AssetTelemetry"] == {"der"}
    assert allowed["MeterData"] == {"dso-database"}
    assert allowed["MeterDataRequest"] == {"gdbn", "dso-settlement-service"}
    assert allowed["SettlementDecision"] == {"dso-settlement-service"}
    assert "fsp" in allowed["Bid"]
    assert not allowed["Bid"] & {"lfmo", "dso", "gdbn", "der"}
    assert "gdbn" in allowed["BaselineDeclaration"]
    assert "RetailBill" not in allowed


def test_permissions_of_other_records_follow_from_their_source_alone():
    allowed = permissions({"PotentialCurve": (("SUC11.1", usecase("SUC11.1").information[0].id),)})["PotentialCurve"]
    item = usecase("SUC11.1").information[0].id
    producers = {
        actor
        for step in usecase("SUC11.1").steps
        if item in step.information and not step.is_act
        for actor in step.producer
    }
    assert producers <= allowed


def test_unknown_use_case_is_refused_with_what_was_meant():
    with pytest.raises(CatalogueError, match=r"there is no use case 'SUC6\.2'; did you mean 'SUC06\.2'"):
        usecase("SUC6.2")
    with pytest.raises(CatalogueError, match=r"SUC06\.2 has no scenario '9'"):
        usecase("SUC06.2").scenario("9")


def test_rule_keys_are_numbered():
    keys = usecase("SUC06.3").rule_keys()
    assert keys["SUC06.3/r07"] == usecase("SUC06.3").rules[6]
    assert keys["SUC06.3/QoS-2"].endswith("messages arrive within 1-2 s")


def test_table_lists_every_use_case():
    lines = catalogue_table().splitlines()
    assert lines[-1] == "29 use cases, 480 steps"
    assert [line.split()[0] for line in lines[2:31]] == list(ids())


def test_catalogue_needs_no_heavy_library():
    """``coflex usecases`` must be quick: neither pandas, matplotlib, duckdb nor the grid are imported for it."""
    code = (
        "import sys; from experiments.usecases import catalogue_table, usecase_text; catalogue_table(); usecase_text('SUC06.1');"
        "print([m for m in ('pandas', 'matplotlib', 'duckdb', 'pandapower', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=data.path().parent
    )
    assert done.stdout.strip() == "[]"
