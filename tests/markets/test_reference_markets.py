"""Reference cases of the market rules: folders tests/reference/market_*/case.yaml with input, expectation, source."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import yaml

from experiments.rules import run_rule
from experiments.scenario.library import rule
from markets.baselines import x_of_y
from markets.bids import Bid, BidColumns, NeedColumns, Sensitivities
from markets.pricing import pay_as_bid, uniform

FOLDERS = sorted(Path(__file__).parents[1].glob("reference/market_*"))


def read(folder):
    """The case of a folder."""
    return yaml.safe_load((folder / "case.yaml").read_text())


def close(found, expected, case):
    np.testing.assert_allclose(found, expected, rtol=0, atol=case["tolerance"])


def check_clearing(case):
    bids = BidColumns.of(msgspec.convert(row, Bid) for row in case["bids"])
    network = case["network"]
    grid = Sensitivities(tuple(network["constraints"]), tuple(network["areas"]), np.array(network["kw_per_kw"], float))
    expected = case["expected"]
    for name in case["rules"]:
        outcome = rule("clearing", name)(
            bids,
            NeedColumns.of(map(tuple, case["needs"])),
            grid,
            hours=case["hours"],
            unmet_eur_per_kwh=case["unmet_eur_per_kwh"],
            headrooms=NeedColumns.of(map(tuple, case["headrooms"])),
        )
        for quantity in expected.keys() - {"uniform_eur_per_kwh"}:
            close(getattr(outcome, quantity), expected[quantity], case)
        if "uniform_eur_per_kwh" in expected:
            close(uniform.prices(outcome, grid), expected["uniform_eur_per_kwh"], case)
        paid = pay_as_bid.prices(outcome) * outcome.accepted_kw * outcome.hours
        close(paid.sum(), expected["cost_eur"], case)


def check_settlement(case):
    settle = rule("settlement", case.get("settlement", "linear-with-grace"))
    columns = [case[name] for name in ("ordered_kw", "delivered_kw", "price_eur_per_kwh")]
    found = settle(*columns, hours=case["hours"], **case["parameters"])
    for name, expected in case["expected"].items():
        close(getattr(found, name), expected, case)


def check_x_of_y(case):
    days = np.array(case["history_kw"], float)[:, None]
    for k in case["cases"]:
        base = x_of_y.baseline_kw(days, np.ones(1, bool), np.ones(10, bool), x=k["x"], y=k["y"], pick=k["pick"])
        close(base, [k["expected_kw"]], case)
    adjust = case["adjustment"]
    window = (adjust["measured_kw"], adjust["baseline_kw"])
    close(x_of_y.multiplicative(adjust["on_kw"], *window, cap=adjust["cap"]), adjust["multiplicative_kw"], case)
    close(x_of_y.additive(adjust["on_kw"], *window), adjust["additive_kw"], case)


def check_baseline_errors(case):
    close(x_of_y.rrmse(case["baseline_kw"], case["actual_kw"]), case["expected"]["rrmse"], case)
    close(x_of_y.are(case["baseline_kw"], case["actual_kw"]), case["expected"]["are"], case)


def check_records(case):
    """A rule by its name on plain records, as ``coflex rules NAME --input`` runs it; expectations by path: ``bids.paid_eur_per_kwh``."""
    said = run_rule(case["name"], case["input"])
    for path, expected in case["expected"].items():
        table, _, column = path.partition(".")
        found = said["accounts"] if table == "accounts" else said["result"][table]
        if isinstance(found, list):
            found = [row[column] for row in found]
        elif column:
            found = found[column]
        if isinstance(expected, list) and isinstance(expected[0], str):
            assert found == expected
        else:
            close(found, expected, case)


CHECKS = {
    "records": check_records,
    "clearing": check_clearing,
    "settlement": check_settlement,
    "x-of-y": check_x_of_y,
    "baseline-errors": check_baseline_errors,
}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_reference_case(folder):
    case = read(folder)
    CHECKS[case["rule"]](case)


def test_every_case_names_title_and_source():
    assert len(FOLDERS) >= 7
    for folder in FOLDERS:
        assert read(folder).keys() >= {"title", "source", "rule", "tolerance"}
