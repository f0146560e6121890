"""The file of a sweep and its design: points as they should lie, and every mistake in one clear line."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.errors import CoflexError
from experiments.sweep.design import plan, quantile
from experiments.sweep.file import Distribution, load_sweep, sweep_from, sweep_names

EV = {"key": "people.0.devices.ev", "range": [0.0, 1.0], "steps": 3}
PV = {"key": "people.0.devices.pv", "values": ["0%", "100%"]}


def sweep(**content):
    return sweep_from({"name": "s", "scenario": "district-short", **content})


def levels(**content):
    return [tuple(point.levels.values()) for point in plan(sweep(**content)).points]


def test_a_full_factorial_design_has_every_combination_once():
    found = levels(factors={"ev": EV, "pv": PV})
    assert found == [(0.0, 0.0), (0.0, 1.0), (0.5, 0.0), (0.5, 1.0), (1.0, 0.0), (1.0, 1.0)]


def test_a_paired_design_takes_values_together():
    price = {"key": "people.0.devices.heat_pump", "values": ["10%", "20%", "30%"]}
    assert levels(factors={"ev": EV, "hp": price}, design="paired") == [(0.0, 0.1), (0.5, 0.2), (1.0, 0.3)]


@pytest.mark.parametrize("points", [1, 7, 16])
def test_a_latin_hypercube_has_one_point_in_each_slice_of_each_factor(points):
    factors = {"ev": EV, "pv": {"key": "people.0.devices.pv", "distribution": {"uniform": [0.2, 0.6]}}}
    found = levels(factors=factors, design={"kind": "latin-hypercube", "points": points})
    assert sorted(int(ev * points) for ev, _ in found) == list(range(points))
    assert sorted(int((pv - 0.2) / 0.4 * points) for _, pv in found) == list(range(points))
    assert found == levels(factors=factors, design={"kind": "latin-hypercube", "points": points})
    assert points == 1 or found != levels(
        factors=factors, design={"kind": "latin-hypercube", "points": points, "seed": 2}
    )


def test_a_sobol_design_is_balanced_in_every_half():
    found = levels(
        factors={"ev": EV, "pv": {**EV, "key": "people.0.devices.pv"}}, design={"kind": "sobol", "points": 16}
    )
    quarters = [(ev < 0.5, pv < 0.5) for ev, pv in found]
    assert {quarters.count(one) for one in set(quarters)} == {4}


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_quantiles_are_those_of_their_distribution(first, second):
    wide = {
        "uniform": ([2.0, 5.0], stats.uniform(2, 3)),
        "log_uniform": ([0.1, 10.0], stats.loguniform(0.1, 10)),
        "triangular": ([1.0, 2.0, 5.0], stats.triang(0.25, 1, 4)),
        "normal": ([4.0, 0.5], stats.truncnorm(-3, 3, 4, 0.5)),
    }
    for kind, (parameters, truth) in wide.items():
        distribution = Distribution.model_validate({kind: parameters})
        low, high = quantile(distribution, min(first, second)), quantile(distribution, max(first, second))
        assert low <= high
        assert math.isclose(low, truth.ppf(min(first, second)), rel_tol=1e-9)


def test_common_seeds_are_the_same_at_every_point_and_others_are_nobodys_twice():
    common = plan(sweep(factors={"ev": EV}, seeds={"first": 5, "count": 2})).runs
    own = plan(sweep(factors={"ev": EV}, seeds={"first": 5, "count": 2, "common": False})).runs
    assert [run.seed for run in common] == [5, 6] * 3
    assert [run.seed for run in own] == [5, 6, 7, 8, 9, 10]


def test_an_alternative_sets_all_its_keys_and_levels_are_of_one_type():
    rules = {"alternatives": {"dear": {"rules.pricing": "uniform", "actors.dso.margin_percent": 9}, "plain": {}}}
    made = plan(sweep(factors={"rules": rules, "margin": {"key": "actors.dso.asks_again_times", "values": [1, 2]}}))
    content = made.content(made.points[0])
    assert (content["rules"]["pricing"], content["actors"]["dso"]["margin_percent"]) == ("uniform", 9)
    assert made.points[2].levels == {"rules": "plain", "margin": 1.0}


def test_the_reference_is_the_point_of_its_levels_or_the_first():
    factors = {"ev": EV, "pv": PV}
    assert plan(sweep(factors=factors)).reference.number == 0
    assert plan(sweep(factors=factors, reference={"pv": "100%", "ev": 0.5})).reference.number == 3
    with pytest.raises(CoflexError, match=r"the design has no point with .'ev': 0.7."):
        plan(sweep(factors=factors, reference={"ev": 0.7}))


MISTAKES = [
    ({"factor": {}}, "factor: unknown key; did you mean 'factors'?"),
    ({"factors": {"ev": {"key": "people.0.devices.evs", "values": [1]}}}, "people[0].devices.evs: unknown key; did you mean 'ev'?"),
    ({"factors": {"ev": {"key": "people.0.devices.ev", "values": []}}}, "factors.ev: it has no values, so that the design is empty"),
    ({"factors": {"ev": {"key": "people.0.devices.ev", "values": ["60"]}}}, "people[0].devices.ev: '60' is not a share; write 60% or 0.6"),
    ({"factors": {"ev": {"values": [0.1]}}}, "factors.ev: key is needed"),
    ({"factors": {"ev": {**EV, "values": [0.1]}}}, "factors.ev: say exactly one of values, range, distribution, alternatives"),
    ({"factors": {"ev": {**EV, "range": [1, 0]}}}, "range: [from, to] needs from below to"),
    ({"factors": {"Ev": EV}}, "small letters"),
    ({"factors": {"seed": EV}}, "factors.seed: this name is that of a column of every sweep"),
    ({"factors": {"ev": {"key": "people.9.devices.ev", "values": [0.1]}}}, "people.9.devices.ev: there is no 'people.9'"),
    ({"factors": {"ev": EV, "pv": PV}, "design": "paired"}, "not equally many: ev 3, pv 2"),
    ({"design": {"kind": "sobol", "points": 12}}, "12 is no power of two, which a Sobol design needs; write 8 or 16"),
    ({"design": "factorial"}, "'factorial' is not known here; did you mean 'full-factorial'?"),
    ({"figures": ["overload_hour"]}, "figures: there is no figure 'overload_hour'; did you mean 'overload_hours'?"),
    ({"tables": ["ledgers"]}, "tables: there is no table 'ledgers'; did you mean 'ledger'?"),
    ({"set": {"clock.history": 3}}, "clock.history: unknown key"),
    ({"reference": {"evs": 1}, "factors": {"ev": EV}}, "reference: there is no factor 'evs'; did you mean 'ev'?"),
    ({"seeds": {"count": 0}}, "seeds.count: 0 is out of range; it must be at least 1"),
    ({"factors": {"ev": {**EV, "steps": 1000}, "pv": {**EV, "key": "people.0.devices.pv", "steps": 1000}}}, "are more than 100,000 runs"),
    ({"scenario": "district-shirt"}, "unknown scenario 'district-shirt'; did you mean 'district-short'?"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "said"), MISTAKES, ids=[said[:40] for _, said in MISTAKES])
def test_a_mistake_is_one_clear_line(content, said):
    with pytest.raises(CoflexError) as error:
        plan(sweep(**content))
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("name", sweep_names())
def test_shipped_sweeps_can_be_run_and_ask_something(name):
    found = plan(load_sweep(name))
    assert len(found.runs) > 1
    assert found.sweep.question.endswith("?")
    assert found.sweep.limits


def test_a_scenario_is_no_sweep_and_a_sweep_that_is_not_there_is_named():
    with pytest.raises(CoflexError, match="is a scenario, not a sweep; run it with: coflex run district-day"):
        load_sweep("district-day")
    with pytest.raises(CoflexError, match="unknown sweep 'ev-shares'; did you mean 'ev-share'"):
        load_sweep("ev-shares")


def test_an_empty_file_is_told_as_an_empty_sweep(tmp_path):
    (tmp_path / "mine.yaml").write_text("# nothing yet\n")
    with pytest.raises(CoflexError, match=r"mine.yaml: the sweep is empty; say which scenario, and what is varied"):
        load_sweep(tmp_path / "mine.yaml")
