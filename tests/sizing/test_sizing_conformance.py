"""SUC01.1 as a conversation: every step made, none broken; what is tampered with is noticed; numbers come from their tables."""

import numpy as np
import pyarrow.compute as pc
import pytest

from environment.messages import digest_rows
from experiments.conformance import check
from experiments.conformance.mutations import check_law
from experiments.conformance.provenance import check_provenance
from experiments.covers import covers
from experiments.errors import CoflexError
from experiments.sizing.run import REGISTERED


@pytest.fixture(scope="module")
def case(small_tables):
    return check(small_tables, digest_rows=digest_rows, provenance=True).usecases["SUC01.1"]


@covers("SUC01.1/r01", "SUC01.1/r02", "SUC01.1/r13", "SUC01.1/r21", "SUC01.1/r33", "SUC01.1/QoS-2", "SUC01.1/F-10")
def test_all_ten_steps_are_made_and_none_is_broken(case):
    assert case.made == tuple(str(number) for number in range(1, 11))
    assert not case.broken
    assert not case.late
    assert not case.excused
    assert case.unmatched == 0
    assert case.conversations == {"completed": 1, "refused": 0, "failed": 0, "open": 0}


@covers("SUC01.1/r01")
def test_mutation_law(small_tables):
    assert check_law(small_tables, digest_rows) == {}


@covers("SUC01.1/r17", "SUC01.1/r18", "SUC01.1/r19", "SUC01.1/r20")
def test_numbers_come_from_their_tables(small_tables):
    assert check_provenance(small_tables, ["SUC01.1"]) == {}


@pytest.mark.parametrize(
    ("table", "column", "step"),
    [("sizes", "capacity", "10"), ("investments", "capital_eur", "10"), ("completions", "annual_kwh", "6"), ("transactions", "traded_kwh", "10"), ("flexibility", "up_kw", "10")],
)  # fmt: skip
def test_a_number_that_was_changed_breaks_its_step(small_tables, table, column, step):
    own = small_tables[table]
    changed = own.set_column(own.column_names.index(column), column, pc.add(own[column], 1.0))
    faults = check_provenance({**small_tables, table: changed}, ["SUC01.1"])
    assert {one.step for one in faults["SUC01.1"]} == {step}


@covers("SUC01.1/r34", "SUC01.1/O-1", "SUC01.1/O-4", "SUC01.1/C-2")
def test_a_member_without_consent_leaves_no_trace_but_its_name(small_tables):
    """dan withholds consent: no message but its own refusal carries its data, and no result names it."""
    told = small_tables["content/MemberData"].to_pylist()
    withheld = [one for one in told if one["consent"] == "none"]
    assert len(told) == 4
    assert len(withheld) == 1
    assert withheld[0]["annual_kwh"] == 0.0
    assert not any(withheld[0]["metered_kw"])
    for name in ("ConsumptionHistory", "CompletedProfile"):
        assert "dan" not in small_tables[f"content/{name}"]["member"].to_pylist()
    assert "dan" not in small_tables["content/CommunityDefinition"]["members"].to_pylist()[0]
    assert "dan" not in small_tables["investments"]["account"].to_pylist()
    assert "dan" not in small_tables["content/DerDataAndCosts"]["sites"].to_pylist()[0]
    for table in set(REGISTERED) & set(small_tables) - {"study_members"}:
        values = {str(value) for row in small_tables[table].to_pylist() for value in row.values()}
        assert not any(value == "dan" or value.startswith("dan/") for value in values), table


@covers("SUC01.1/r03", "SUC01.1/F-1", "SUC01.1/F-2", "SUC01.1/r06", "SUC01.1/F-3", "SUC01.1/F-4", "SUC01.1/F-5")
def test_the_sizing_is_told_definition_costs_and_prices(small_tables):
    definition = small_tables["content/CommunityDefinition"].to_pylist()[0]
    assert (definition["community_type"], definition["minimum_members"], definition["maximum_distance_m"]) == (
        "REC",
        2,
        2000.0,
    )
    assert definition["share"] == [0.25, 0.25, 0.5]
    assert definition["objectives"] == ["total-cost", "self-consumption", "profit"]
    costs = small_tables["content/DerDataAndCosts"].to_pylist()[0]
    assert costs["technologies"] == ["pv", "battery"]
    assert costs["capex_eur"] == [1100.0, 450.0]
    assert set(costs["plants"]) == {"ana/pv", "ana/battery", "hall/pv"}
    buy, sell = (
        np.array(costs[name]).reshape(len(costs["tariffs"]), -1) for name in ("buy_eur_per_kwh", "sell_eur_per_kwh")
    )
    assert (sell < buy).all()


def test_no_one_but_the_right_microservice_may_send(small_tables):
    from environment.messages import sources
    from experiments.usecases import permissions

    allowed = permissions(sources())
    assert allowed["DerSize"] == {"der-sizing-microservice"}
    assert allowed["ConsumptionHistory"] == {"integration-microservice"}
    assert "integration-microservice" not in allowed["MemberData"]
    assert "consumer" in allowed["MemberData"]


def refused(content, tmp_path):
    from experiments.sizing.run import run_study
    from experiments.sizing.study import study_from

    study = study_from(content)
    with pytest.raises(CoflexError) as caught:
        run_study(study, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    return str(caught.value)


@covers("SUC01.1/r10")
def test_a_meter_that_missed_too_much_ends_the_study_with_the_way_out(small, tmp_path):
    """By chance more is missing than was expected: the study is refused by scenario preparation, with its reason."""
    content = small(
        members__1__missing=0.2, profiles__most_missing=0.201, business_models=[{"name": "one"}], front_points=0
    )
    import experiments.sizing.history as history

    kept = history._known
    history._known = lambda member, year, chance: np.arange(year.timeline.n) % 2 == 0
    try:
        text = refused(content, tmp_path)
    finally:
        history._known = kept
    assert "the study was refused" in text
    assert "50% of the readings are missing" in text
    assert "meter: none" in text


def test_a_business_model_that_cannot_be_ends_the_study_with_the_way_out(small, tmp_path):
    models = [{"name": "cheap", "objective": "emissions", "cost_limit": 0.01}]
    text = refused(small(business_models=models, front_points=0), tmp_path)
    assert "business model cheap: nothing that may be built leads to at most" in text
    assert "allow more" in text
