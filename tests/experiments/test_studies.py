"""Studies: their sweeps can be run, their pages say what their runs say, and wrong options are one clear line."""

import itertools
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

import data
from environment.grid.network import load_network
from experiments.errors import CoflexError
from experiments.kpis import catalogue
from experiments.scenario import load_scenario
from experiments.scenario.library import RULES
from experiments.studies.boundaries import countries, markets, networks
from experiments.studies.replicability import CURVES, OTHERS, sra_study, verdicts
from experiments.studies.rules import KEYS, rules_study
from experiments.studies.sensitivity import indices, sensitivity_study
from experiments.studies.study import make_study
from experiments.sweep.answers import Answers, read_answers
from experiments.sweep.design import changed, plan, scenario_of
from experiments.sweep.engine import Local
from experiments.sweep.report import own_scenario, result_sections
from tests.experiments import sweep_tasks

SCENARIO = "district-short"


FEW = ("overload_hours", "overload_kwh")


def made(study, out):
    """A study whose runs take no time, with two of its figures: (page, answers by part)."""
    parts = {name: sweep.model_copy(update={"figures": FEW}) for name, sweep in study.parts.items()}
    study = replace(study, parts=parts)
    make_study(study, out, Local(1), task=sweep_tasks.EVERY)
    return (out / "report.html").read_text("utf-8"), {part: read_answers(out / part) for part in study.parts}


@pytest.fixture(scope="module")
def sensitivity(tmp_path_factory):
    return made(sensitivity_study(SCENARIO, budget=70), tmp_path_factory.mktemp("study") / "sensitivity")


def test_screening_finds_the_assumption_that_decides(sensitivity):
    """The figure is 3 times the share of cars (0.1 to 0.9), a tenth of that of panels (0 to 0.6), and nothing else."""
    page, answers = sensitivity
    found = indices(answers["assumptions"], "overload_hours")
    effect = dict(zip(found["factors"], found["mu_star"], strict=True))
    assert effect["ev_share"] == pytest.approx(2.4, abs=0.01)
    assert effect["pv_share"] == pytest.approx(0.06, abs=0.01)
    assert max(value for name, value in effect.items() if name not in ("ev_share", "pv_share")) < 0.01
    assert "most decisive is homes with a car" in page
    assert "Most decisive, of 2 figures: homes with a car for 2." in page
    assert "uniform, 0.1 to 0.9" in page
    assert "paired difference" not in page, "points of a screening say nothing one by one"


def test_sobol_indices_share_the_variance_as_they_should(tmp_path):
    """Of a sum of independent uniform numbers each has the part of its variance: (3 x 0.8)^2 against (0.1 x 0.6)^2."""
    _, answers = made(sensitivity_study(SCENARIO, budget=14 * 16, method="sobol"), tmp_path / "sobol")
    found = indices(answers["assumptions"], "overload_hours")
    total = dict(zip(found["factors"], found["ST"], strict=True))
    assert total["ev_share"] == pytest.approx(1.0, abs=0.2)
    assert max(value for name, value in total.items() if name != "ev_share") < 0.01


def test_rules_are_all_combined_and_compared_with_the_scenarios_own(tmp_path):
    page, answers = made(rules_study(SCENARIO, seeds=2), tmp_path / "rules")
    found = answers["rules"]
    combinations = 1
    for kind in KEYS:
        combinations *= len(RULES[kind])
    assert len(found.points) + len(found.said["left_out"]) == combinations
    assert not found.said["left_out"]
    own = found.points[found.reference]
    assert dict(own) == {
        "clearing": "network-aware", "pricing": "pay-as-bid", "baseline": "declared-schedule", "settlement": "linear-with-grace",
    }  # fmt: skip
    assert "network-aware (own)" in page
    assert "merit-order in place of network-aware" in page


def test_the_page_of_rules_says_which_choice_decides_and_where_there_was_no_market():
    """Cost depends on the pricing alone; nothing is cleared with the second seed."""
    names = {kind: list(RULES[kind])[:2] for kind in KEYS}
    points = [dict(zip(names, chosen, strict=True)) for chosen in itertools.product(*names.values())]
    cost = np.array([[5.0 if one["pricing"] == "uniform" else 3.0] * 2 for one in points])
    cleared = np.array([[4.0, 0.0]] * len(points))
    asked = {"scenario": SCENARIO, "seeds": {"count": 2}, "design": {"kind": "full-factorial"}}
    said = {"sweep": {"factors": {key: {} for key in KEYS}, "reference": points[0], **asked}, "runs": []}
    values = {"flexibility_cleared_kwh": cleared, "flexibility_cost_eur": cost}
    verdict = rules_study(SCENARIO).read({"rules": Answers(Path(), said, tuple(points), values, values)})[0].html
    assert "In 16 of 32 runs nothing was cleared" in verdict
    assert "no figure depends on: clearing, baseline, settlement." in verdict
    assert "pricing (100 %)" in verdict
    assert f"3.00: {', '.join(points[0].values())}" in verdict
    assert "5.00: network-aware, uniform" in verdict
    drawn = next(
        one.html for one in result_sections(Answers(Path(), said, tuple(points), values, values)) if one.id == "figures"
    )
    assert drawn.count("<figcaption>") == 1, "cost over pricing, and nothing that the choice does not change"
    assert "no factor changes in any run (1)" in drawn
    cost[:, 1] += 9.0
    cost[0, 1] = np.nan  # a run that failed, of a dearer day
    verdict = rules_study(SCENARIO).read({"rules": Answers(Path(), said, tuple(points), values, values)})[0].html
    assert "pricing (100 %)" in verdict


def test_a_page_of_ones_own_scenario_has_it_whole(tmp_path):
    """Who has only the page can run it again."""
    own = tmp_path / "mine.yaml"
    own.write_text(yaml.safe_dump(load_scenario(SCENARIO).as_data() | {"name": "mine", "title": "Mine alone"}))
    study = rules_study(str(own), seeds=1)
    said = {
        "sweep": study.parts["rules"].as_data(),
        "scenario": load_scenario(str(own)).as_data(),
        "runs": [],
        "versions": {},
    }
    answers = Answers(tmp_path, said, (study.parts["rules"].reference,), {}, {})
    assert "Mine alone" in own_scenario(answers)
    shipped = {**said, "sweep": {**said["sweep"], "scenario": SCENARIO}}
    assert own_scenario(replace(answers, said=shipped)) == ""


def test_scalability_has_a_verdict_for_each_figure_and_factor(tmp_path):
    study = sra_study(SCENARIO, seeds=2, parts=("cars", "loss", "networks", "countries"))
    page, answers = made(study, tmp_path / "sra")
    found = verdicts({name: answers[name] for name in ("cars", "loss")})
    assert re.match(r"linear: \+3(\.0\d*)? h for each unit of cars", found["overload_hours", "cars"].text("cars", "h"))
    assert re.match(r"linear \+3(\.0\d)?$", found["overload_hours", "cars"].short)
    assert found["overload_kwh", "loss"].short.startswith("no effect")
    for part in (
        "Verdicts",
        "Replicability: networks",
        "Replicability: countries",
        "functional",
        "ICT",
        "Sweden",
        "urban",
        "[M]",
    ):
        assert part in page, part
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_every_part_of_scalability_can_be_run_in_the_shipped_district():
    study = sra_study("district-day")
    assert set(study.parts) == {*CURVES, *OTHERS}
    for part, sweep in study.parts.items():
        made_plan = plan(sweep, where=part)
        assert not made_plan.left_out, part
        assert len(made_plan.points) >= 3


def test_enrolment_keeps_the_proportions_of_providers():
    points = plan(sra_study("district-day").parts["enrolled"]).points
    half = next(point for point in points if point.levels["enrolled"] == 0.4).changes["people.0.served_by"]
    assert sum(half.values()) == pytest.approx(1.0)
    assert half["nobody"] == pytest.approx(0.6)
    assert half["fsp-sol"] / half["fsp-mar"] == pytest.approx(0.45 / 0.35)


def test_other_networks_have_as_many_homes_for_each_kva_and_plants_above_them():
    """The district has 200 homes on 400 kVA; in a rural network of 160 kVA live 80, in a commercial one of 630 kVA 315."""
    found = networks(load_scenario("district-day"))
    homes = {name: changes["people.0.homes.count"] for name, changes in found.items()}
    assert homes == {"rural": 80, "semi-urban": 200, "urban": 315, "commercial": 315}
    for changes in found.values():
        network = load_network(changes["grid.network"])
        assert network.bus_kv[network.bus_index(changes["people.1.mv_plant.bus"])] > 1.0


def test_a_part_of_which_no_point_can_be_run_is_left_out_and_named():
    """A planned outage names a line of the scenario's own network, which no other has."""
    study = sra_study("district-outage")
    assert "networks" not in study.parts
    assert "Left out is the factor networks: no point of the design can be run: events[0].outage_of" in study.limits


def test_countries_bring_product_deadlines_and_rules_of_sharing():
    district, community = load_scenario("district-day"), load_scenario("community-day")
    found = {name: scenario_of(changed(district.as_data(), changes)) for name, changes in markets(district).items()}
    sweden, france = found["Sweden"], found["France"]
    assert str(sweden.actors.lfmo.gate) == "13:00 on the day"  # three hours before its window opens at 16:00
    assert str(sweden.actors.dso.procures) == "12:00 on the day"
    assert (sweden.product.capacity_min_kw, sweden.rules.settlement.floor) == (100.0, 0.75)
    assert sweden.product.service_window == district.product.service_window
    assert (france.product.remuneration, france.rules.settlement.rule) == ("both", "availability-and-activation")
    lived = {name: scenario_of(changed(district.as_data(), changes)) for name, changes in countries(district).items()}
    assert {one.product.capacity_min_kw for one in lived.values()} == {district.product.capacity_min_kw}
    assert lived["Sweden"].place.country == "SE"
    shared = {
        name: scenario_of(changed(community.as_data(), changes)) for name, changes in countries(community).items()
    }
    rules = {name: [one.regulation for one in made.actors.communities] for name, made in shared.items()}
    assert rules == {"Italy": ["it"], "Sweden": [], "Spain": ["es"], "France": ["fr"]}


def test_boundary_conditions_and_assumptions_have_sources():
    for name, said in {**data.read_yaml("boundaries.yaml"), **data.read_yaml("assumptions.yaml")}.items():
        assert said["source"].strip(), name
    titles = [said["title"] for said in data.read_yaml("assumptions.yaml").values()]
    assert len(set(titles)) == len(titles)
    for said in data.read_yaml("boundaries.yaml").values():
        assert "[V" in said["source"]
        assert "[M" in said["source"]
        assert "[V" in said["market_source"]


def test_figures_of_studies_exist():
    for study in (sra_study(SCENARIO), rules_study(SCENARIO), sensitivity_study(SCENARIO)):
        for sweep in study.parts.values():
            assert sweep.figures
            assert set(sweep.figures) <= set(catalogue())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: sra_study("district-shirt"), "did you mean 'district-short'?"),
        (lambda: sra_study(SCENARIO, parts=("car",)), "--part: there is no part 'car'; did you mean 'cars'?"),
        (
            lambda: sra_study("homes-flex", parts=("least_bid",)),
            "--part: homes-flex has no market, and so no least_bid; it has cars",
        ),
        (
            lambda: sensitivity_study(SCENARIO, budget=20),
            "20 runs are too few for 12 assumptions with morris; give at least 52",
        ),
    ],
)
def test_a_wrong_study_is_one_clear_line(make, said):
    with pytest.raises(CoflexError) as error:
        make()
    assert said in str(error.value)


def test_a_study_whose_runs_all_fail_says_why(tmp_path):
    study = replace(sra_study(SCENARIO, seeds=1), parts={"cars": sra_study(SCENARIO, seeds=1).parts["cars"]})
    with pytest.raises(
        CoflexError, match=r"every run of .*cars failed; the first \(seed 1\): AttributeError: .*; its scenario is in"
    ):
        make_study(study, tmp_path / "none", Local(1), task="tests.experiments.sweep_tasks:nothing_of_that_name")
