"""SR1 of DOMAIN.md 8: n copies without interaction make n times of everything that can be counted, and leave every ratio as it is."""

import pytest

from experiments.figures import catalogue
from experiments.run import live_scenario
from experiments.scenario import scenario_from

HOMES = 16
COUNTED = (
    "messages", "acts", "conversations", "forecasts", "needs", "bids", "clearings", "activations", "deliveries", "settlements", "ledger",
    "meters", "devices", "grid_branches", "grid_buses", "homes", "addresses", "scada", "comfort", "departures",
)  # fmt: skip
INTENSIVE_UNITS = {"%", "p.u.", "-", "EUR/kWh", "EUR/message", "1/kWh", "ms", "p.u. h", "d/a", "steps"}
"""Shares, prices, waits, depths of the worst bus, and which steps of use cases were made (not how often)."""
INTENSIVE = {
    "overload_hours", "voltage_violation_hours", "avoided_overload_hours", "avoided_voltage_violation_hours", "distinct_home_schedules",
}  # fmt: skip
"""Hours in which something is wrong anywhere, and how many schedules differ: clones live as their originals."""


@pytest.fixture(scope="module")
def lived(small):
    """Copies -> what their run came to, of three without twin; messages are lost on the way, so that draws on the bus matter."""
    lossy = {"loss": 0.1}
    content = small.content(
        HOMES, clock__history_days=3, platforms={"gdbn": lossy, "market": lossy, "direct": {"loss": 0.05}}
    )
    content["grid"]["transformer_rating_factor"] = 0.24
    scenarios = {n: scenario_from(content | {"copies": n}) for n in (1, 2, 3)}
    return {n: live_scenario(one, seed=1, twin=n < 3).whole for n, one in scenarios.items()}


@pytest.mark.parametrize("n", [2, 3])
def test_counts_are_exactly_n_times(lived, n):
    one, many = lived[1].tables, lived[n].tables
    assert one["activations"].num_rows
    counted = [*COUNTED, *(name for name in one if name.startswith("content/"))]
    assert {name: many[name].num_rows for name in counted} == {name: n * one[name].num_rows for name in counted}


@pytest.mark.parametrize("n", [2, 3])
def test_sums_are_n_times_and_ratios_as_they_were(lived, n):
    one, many = lived[1].figures, lived[n].figures
    assert one["messages_retried"] > 0
    assert one["flexibility_cost_eur"] != 0.0
    if n == 2:
        assert {key for key, value in one.items() if value is None} == {
            key for key, value in many.items() if value is None
        }
        check(n, lived[1].twin_figures, lived[n].twin_figures)
    check(n, one, many)


def check(n, one, many):
    """Figures of n copies against those of one; of those without twin what needs one is left out, and forecasts and peak, whose truth is the twin's."""
    # a balance is the small difference of large sums
    money = sum(abs(value) for key, value in one.items() if key.startswith("money_") and value)
    for key, value in one.items():
        spec = catalogue()[key]
        if many[key] is None or (n == 3 and (spec.theme == "forecasts" or key == "available_percent")):
            continue
        mean = key.endswith("_rmse_kw") or (key.startswith("home_") and key.endswith("_eur"))
        intensive = spec.unit in INTENSIVE_UNITS or key in INTENSIVE or mean
        expected = value if intensive else n * value
        near = pytest.approx(expected, rel=1e-12, abs=1e-12 * max(1.0, money if key.startswith("money_") else 0.0))
        assert many[key] == (expected if spec.unit in ("messages", "homes") else near), key


def test_clones_live_as_their_original(lived):
    """Meter by meter and message by message, bit for bit; only names differ."""
    frame = lived[3].tables["meters"].to_pandas().pivot(index="meter", columns="t_ms", values="import_kwh")
    for copy in (2, 3):
        clone = frame[frame.index.str.startswith(f"copy-{copy}:")]
        mine = frame.loc[clone.index.str.removeprefix(f"copy-{copy}:")]
        assert len(clone) >= HOMES
        assert (clone.to_numpy() == mine.to_numpy()).all()
    sent = lived[3].tables["messages"].to_pandas()
    assert sent["message_id"].is_unique
    arrivals = [
        sorted(sent.loc[sent.sender.str.startswith(f"copy-{copy}:"), "delivered_ms"].fillna(-1)) for copy in (2, 3)
    ]
    assert arrivals[0] == arrivals[1]


def test_copies_do_not_write_to_each_other(lived):
    for name, ends in (("messages", ("sender", "receiver")), ("ledger", ("debtor", "creditor"))):
        frame = lived[2].tables[name].to_pandas()
        first, second = (frame[end].astype(str).str.startswith("copy-2:") for end in ends)
        assert (first == second).all()
        assert 0 < first.sum() < len(first)
