"""What a report says in words: the cost of a stronger grid, and who refused."""

from experiments.report_refusals import counted
from experiments.report_sections import _against_reinforcement


def test_flexibility_is_compared_with_a_stronger_grid():
    values = {"reinforcement_eur_per_year": 583.0, "breakeven_days_per_year": 186.2, "flexibility_cost_eur": 3.14}
    assert "on up to 186 days a year" in _against_reinforcement(values)
    assert "on every day of the year" in _against_reinforcement(values | {"breakeven_days_per_year": 366.0})
    assert _against_reinforcement(values | {"reinforcement_eur_per_year": None}) == ""
    voltages = {"reinforcement_eur_per_year": None, "avoided_voltage_violation_hours": 3.0}
    assert "worked out for overloads alone" in _against_reinforcement(values | voltages)


def test_many_who_refuse_for_one_reason_are_counted_not_named():
    signals = [("ActivationSignal", "fsp-sol", f"home-{number:04}", 0.0, "signature") for number in range(4)]
    orders = [("ActivationRequest", "dso-1", by, 2.5, "signature") for by in ("gdbn-1", "fsp-sol", "gdbn-1")]
    assert counted([*signals, *orders]) == {
        ("ActivationSignal", "fsp-sol", "4 receivers", "signature"): [0.0] * 4,
        ("ActivationRequest", "dso-1", "gdbn-1", "signature"): [2.5, 2.5],
        ("ActivationRequest", "dso-1", "fsp-sol", "signature"): [2.5],
    }
