"""A provider that inflates its baselines where it bids is paid for nothing, and the figures for a regulator catch it."""

import pytest

from experiments.kpis.complete import complete
from experiments.kpis.facts import Facts
from experiments.kpis.regulator import gaming_by_provider
from experiments.run.tables import physical_tables
from experiments.scenario.faults import Fault

GAMER = "fsp-sol"


@pytest.fixture(scope="module")
def judged(small, small_begun):
    """Honest or not -> a run of the small district, against one twin."""
    twin = small.again(small_begun, coordination=False)
    small.live(twin)
    days = small_begun.days_ms
    meta = {
        "delivery_start_ms": days[0][0], "delivery_end_ms": days[-1][1], "scenario": small_begun.scenario.as_data(),
        "begins": small_begun.calendar.local(0).isoformat(), "zone": str(small_begun.calendar.zone),
    }  # fmt: skip
    found = {}
    for name, faults in {"honest": (), "gaming": (Fault(party=GAMER, inflates=1.5),)}.items():
        site = small.again(small_begun, faults=faults)
        tables = small.tables(site, small.live(site))
        found[name] = complete(tables, meta, physical_tables(twin))
    return {name: (whole, Facts(whole.tables, whole.twin_tables, meta)) for name, whole in found.items()}


def test_a_provider_that_inflates_its_baselines_is_caught(judged):
    honest, gaming = (judged[name][0].figures for name in ("honest", "gaming"))
    assert gaming["baseline_gaming_percent"] > honest["baseline_gaming_percent"] + 15
    assert gaming["baseline_called_bias_percent"] > honest["baseline_called_bias_percent"] + 5
    assert gaming["paid_untrue_kwh"] > honest["paid_untrue_kwh"]
    assert gaming["flexibility_delivered_kwh"] > honest["flexibility_delivered_kwh"]
    by = {name: gaming_by_provider(facts) for name, (_, facts) in judged.items()}
    assert by["gaming"][GAMER][0] - by["honest"][GAMER][0] == pytest.approx(50, abs=25)
    others = set(by["gaming"]) - {GAMER}
    assert others
    for other in others:  # nobody else is accused
        assert by["gaming"][other][0] == pytest.approx(by["honest"][other][0], abs=10)


def test_what_the_twin_would_have_taken_does_not_depend_on_what_is_declared(judged):
    first, second = (
        judged[name][0].tables["baselines"].to_pandas().set_index(["fsp", "area", "t_ms"])
        for name in ("honest", "gaming")
    )
    assert (first["without_kw"] == second["without_kw"]).all()
    assert first["without_kw"].notna().all()
    more = second["power_kw"] - first["power_kw"]
    assert (more >= -1e-9).all()
    assert (more[more.index.get_level_values("fsp") != GAMER] == 0).all()
    assert (more > 0).any()
