"""Reference cases of the sizing: folders tests/reference/sizing_*/case.yaml with input, expectation, source."""

from pathlib import Path

import pytest
import yaml

from agents.strategies.sizing import Sizing
from agents.strategies.sizing_problem import BatteryKind
from markets import investment

FOLDERS = sorted(Path(__file__).parents[1].glob("reference/sizing_*"))


def check_investment(case):
    found = {
        "crf": lambda i: investment.capital_recovery_factor(i["interest"], i["years"]),
        "payback_years": lambda i: investment.payback_years(i["capex_eur"], i["saving_eur"]),
        "discounted_payback_years": lambda i: investment.payback_years(i["capex_eur"], i["saving_eur"], i["interest"]),
    }
    for name, expected in case["expected"].items():
        assert found[name](case["input"]) == pytest.approx(expected, abs=case["tolerance"])


@pytest.fixture(name="check_sizing")
def sizing_checker(problem, make_pv, make_battery):
    def check(case):
        given = case["input"]
        total = len(given["load_kw"][0])
        plants = [make_pv(p["name"], p["node"], p["annuity"], p["most"], p.get("existing", 0.0), p["yield_kw"], total) for p in given.get("pv", ())]  # fmt: skip
        for p in given.get("battery", ()):
            kind = BatteryKind(p["kw_per_kwh"], p["efficiency"], p["efficiency"], 1.0, 0.0)
            plants.append(make_battery(p["name"], p["node"], p["annuity"], p["most"], p.get("existing", 0.0), kind))
        one = problem(given["load_kw"], plants, given["buy"], given["sell"], given.get("inside", 0.0), weight=given["weight"], steps=given.get("steps"))  # fmt: skip
        found = Sizing(one).solve()
        names = [plant.name for plant in one.plants]
        for name, expected in case["expected"].items():
            value = found.cost_eur if name == "cost_eur" else found.units[names.index(name)]
            assert value == pytest.approx(expected, abs=case["tolerance"]), name

    return check


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_reference_case(folder, check_sizing):
    case = yaml.safe_load((folder / "case.yaml").read_text())
    {"investment": check_investment, "sizing": check_sizing}[case["kind"]](case)


def test_every_case_names_title_and_source():
    assert len(FOLDERS) >= 9
    for folder in FOLDERS:
        assert yaml.safe_load((folder / "case.yaml").read_text()).keys() >= {"title", "source", "kind", "tolerance"}
