"""Every kind obeys the device laws, and the laws catch kinds that do not."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.devices import DEVICES, conformance_kit, device_kind

SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("law", conformance_kit.LAWS, ids=lambda law: law.__name__)
@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, n=st.integers(1, 30))
def test_every_kind_obeys_every_law(name, law, seed, n):
    kind = device_kind(name)
    law(kind, conformance_kit.draw(kind, np.random.default_rng(seed), n))


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("n", [1, 7, 1003])
def test_a_batch_is_bit_for_bit_its_single_devices(name, n):
    kind = device_kind(name)
    conformance_kit.many_are_as_many_single_ones(kind, conformance_kit.draw(kind, np.random.default_rng(n), n))


@pytest.mark.parametrize("name", DEVICES)
def test_check_runs_all_laws(name):
    conformance_kit.check(device_kind(name), np.random.default_rng(5))


@pytest.mark.parametrize("name", DEVICES)
def test_scalar_inputs_and_hours_equal_columns_of_them(name):
    kind = device_kind(name)
    case = conformance_kit.draw(kind, np.random.default_rng(3), 9)
    scalars = type(case.inputs)(*(float(column[0]) for column in case.inputs))
    columns = type(case.inputs)(*(np.full(9, column[0]) for column in case.inputs))
    state, power = kind.step(case.ratings, case.state, case.setpoint_kw, scalars, 0.25)
    other, again = kind.step(case.ratings, case.state, case.setpoint_kw, columns, np.full(9, 0.25))
    assert power.tolist() == again.tolist()
    assert [column.tolist() for column in state] == [column.tolist() for column in other]


def _faulty(**replaced):
    """A battery with some of its functions replaced."""
    battery = device_kind("battery")
    names = (
        "KIND",
        "STATE_UNIT",
        "Ratings",
        "State",
        "Inputs",
        "feasible_kw",
        "forced",
        "step",
        "account",
        "implausible",
        "state_value",
        "examples",
    )
    return SimpleNamespace(**{name: getattr(battery, name) for name in names} | replaced)


def _overcharging(ratings, state, setpoint_kw, inputs, hours):
    state, power = device_kind("battery").step(ratings, state, setpoint_kw, inputs, hours)
    return state._replace(energy_kwh=state.energy_kwh + 1e-6 * hours * (1.0 + np.nan_to_num(setpoint_kw))), power


def _clipped_at_once(ratings, state, setpoint_kw, inputs, hours):
    """All or nothing: idle where the set-point cannot be held for the whole step."""
    battery = device_kind("battery")
    low, high = battery.feasible_kw(ratings, state, inputs, hours)
    idle = (setpoint_kw < low) | (setpoint_kw > high)
    return battery.step(ratings, state, np.where(idle, np.nan, setpoint_kw), inputs, hours)


def _leaning_on_the_fleet(ratings, state, setpoint_kw, inputs, hours):
    state, power = device_kind("battery").step(ratings, state, setpoint_kw, inputs, hours)
    return state, power + 1e-15 * power.sum()


def _writing(ratings, state, setpoint_kw, inputs, hours):
    state.energy_kwh += 0.0
    return device_kind("battery").step(ratings, state, setpoint_kw, inputs, hours)


def _promising_too_much(ratings, state, inputs, hours):
    low, high = device_kind("battery").feasible_kw(ratings, state, inputs, hours)
    return low, high + 0.01


def _promising_backwards(ratings, state, inputs, hours):
    low, high = device_kind("battery").feasible_kw(ratings, state, inputs, hours)
    return high + 1.0, low


def _backwards(ratings, state, setpoint_kw, inputs, hours):
    return device_kind("battery").step(ratings, state, -setpoint_kw, inputs, hours)


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ({"step": _overcharging}, conformance_kit.splitting_changes_nothing),
        ({"step": _clipped_at_once}, conformance_kit.splitting_changes_nothing),
        ({"step": _overcharging}, conformance_kit.energy_is_balanced),
        ({"step": _leaning_on_the_fleet}, conformance_kit.many_are_as_many_single_ones),
        ({"feasible_kw": _promising_too_much}, conformance_kit.feasible_is_kept),
        ({"feasible_kw": _promising_backwards}, conformance_kit.feasible_is_a_range),
        ({"step": _backwards}, conformance_kit.more_power_means_more_state),
        ({"step": _backwards}, conformance_kit.power_is_bounded),
        ({"implausible": lambda r: {"small": r.capacity_kwh < 10.0}}, conformance_kit.examples_are_plausible),
    ],
)
def test_a_faulty_kind_is_caught(fault, law):
    kind = _faulty(**fault)
    cases = [conformance_kit.draw(kind, np.random.default_rng(seed), 40) for seed in range(5)]
    if law is not conformance_kit.splitting_changes_nothing:
        cases = [case._replace(hours=np.full(40, 1.0)) for case in cases]
    with pytest.raises(conformance_kit.BrokenLawError, match=r"battery: .* in row"):
        _hold(law, kind, cases)


def _hold(law, kind, cases):
    for case in cases:
        law(kind, case)


def test_a_kind_that_loses_energy_is_caught():
    def leaking(*args):
        account = device_kind("battery").account(*args)
        return account._replace(lost_kwh=account.lost_kwh * 0.5)

    kind = _faulty(account=leaking)
    with pytest.raises(conformance_kit.BrokenLawError, match="energy is balanced"):
        conformance_kit.energy_is_balanced(kind, conformance_kit.draw(kind, np.random.default_rng(1), 40))


def test_a_kind_that_writes_into_its_arguments_is_caught():
    kind = _faulty(step=_writing)
    with pytest.raises(ValueError, match="read-only"):
        conformance_kit.arguments_are_left_alone(kind, conformance_kit.draw(kind, np.random.default_rng(1), 4))
