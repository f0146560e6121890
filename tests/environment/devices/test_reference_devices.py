"""Reference cases ``tests/reference/device_*``: input, expected, tolerance, source; read and compared, one test a folder.

A case either runs one device through ``steps`` (set-point null = own control) or makes ``calls`` of functions. Results of a run: the state's
fields (``energy_kwh_state`` for stored energy), ``energy_kwh`` net from the grid, ``taken_kwh`` and ``given_kwh`` apart, ``lost_kwh``
by the device's own account, ``cost_eur`` at the steps' prices.
"""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import yaml

from environment.devices import device_kind

CASES = sorted((Path(__file__).parents[2] / "reference").glob("device_*/case.yaml"))


def _columns(record, values):
    return record(**{name: np.array([float(value)]) for name, value in values.items()})


def _run(given):
    kind = device_kind(given["kind"])
    ratings, inputs = _columns(kind.Ratings, given["ratings"]), _columns(kind.Inputs, given["inputs"])
    state = _columns(kind.State, given["state"])
    found = dict.fromkeys(("energy_kwh", "taken_kwh", "given_kwh", "lost_kwh", "cost_eur"), 0.0)
    for step in given["steps"]:
        setpoint = np.array([np.nan if step["setpoint_kw"] is None else float(step["setpoint_kw"])])
        arguments = (ratings, state, setpoint, inputs, float(step["hours"]))
        found["lost_kwh"] += kind.account(*arguments).lost_kwh[0]
        state, power = kind.step(*arguments)
        energy = power[0] * step["hours"]
        found["energy_kwh"] += energy
        found["taken_kwh"] += max(energy, 0.0)
        found["given_kwh"] += max(-energy, 0.0)
        found["cost_eur"] += energy * step.get("price_eur_per_kwh", 0.0)
    values = {name: column[0] for name, column in state._asdict().items()}
    return {("energy_kwh_state" if name == "energy_kwh" else name): v for name, v in values.items()} | found


def _call(calls):
    found = {}
    for name, call in calls.items():
        module, _, function = call["function"].partition(":")
        found[name] = getattr(import_module(module), function)(**call["arguments"])
    return found


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_the_reference_case_is_met(path):
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    found = _call(case["input"]["calls"]) if "calls" in case["input"] else _run(case["input"])
    for name, expected in case["expected"].items():
        assert found[name] == pytest.approx(expected, abs=float(case["tolerance"][name])), name


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_the_reference_case_is_complete(path):
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(case) == {"title", "source", "input", "expected", "tolerance"}
    assert set(case["expected"]) == set(case["tolerance"])
    assert len(case["source"]) > 20


def test_the_cases_are_found():
    assert len(CASES) >= 15
