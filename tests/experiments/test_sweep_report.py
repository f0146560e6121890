"""The report of a sweep says what was asked, what came out with its uncertainty, and what it does not say."""

import re

import numpy as np
import pytest

from experiments.statistics import interval
from experiments.sweep import run_sweep
from experiments.sweep.answers import read_answers
from experiments.sweep.design import plan
from experiments.sweep.engine import Local
from experiments.sweep.file import sweep_from
from experiments.sweep.report import sweep_html, write_sweep_report
from tests.experiments import sweep_tasks

FIGURES = ["overload_hours", "homes_enrolled", "bids_hhi"]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Eleven shares of cars, three seeds; hours of overload break at 60 %."""
    out = tmp_path_factory.mktemp("report") / "cars"
    content = {
        "name": "cars", "title": "Cars", "question": "How many cars?", "limits": "Only one village.", "scenario": "district-short",
        "factors": {"ev": {"key": "people.0.devices.ev", "range": [0, 1], "steps": 11}}, "seeds": 3, "figures": FIGURES,
        "reference": {"ev": 0.5},
    }  # fmt: skip
    run_sweep(plan(sweep_from(content)), out, Local(1), task=sweep_tasks.BENT)
    return read_answers(out)


def test_figures_become_arrays_of_points_and_seeds(answers):
    assert answers.values["overload_hours"].shape == (11, 3)
    assert np.all(np.diff(answers.values["overload_hours"], axis=1) > 0.5)
    assert answers.twins["overload_hours"] == pytest.approx(answers.values["overload_hours"] + 1.0)
    assert (answers.reference, answers.kept()) == (5, ["overload_hours"])


def test_the_page_has_question_design_break_numbers_limits_and_the_file_again(answers, tmp_path):
    page = sweep_html(answers)
    for part in (
        "How many cars?",
        "people.0.devices.ev",
        "Only one village.",
        "undefined in every run",
        "4 homes in every run",
    ):
        assert part in page, part
    low, high = map(float, re.search(r"breaking point at ev = [\d.]+ \(([\d.]+) to ([\d.]+)\)", page).groups())
    assert low <= 0.6 <= high
    assert high - low < 0.1
    assert "without coordination" in page, "the dashed line is named in the plot"
    mean = interval(answers.values["overload_hours"][10])
    assert f"{mean.mean:.2f} ± {mean.half_width:.2f}" in page
    (again,) = re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)
    import yaml

    assert (
        plan(sweep_from(yaml.safe_load(again))).sweep.as_data() == plan(sweep_from(dict(answers.sweep))).sweep.as_data()
    )


def test_the_page_needs_nothing_else_and_is_the_same_again(answers):
    first, second = (write_sweep_report(answers.folder).read_text("utf-8") for _ in range(2))
    assert first == second
    assert not re.findall(r'(?:src|href)="(?!#)', first)
