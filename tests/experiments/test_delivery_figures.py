"""Figures of delivery from the tables of a small world, by hand."""

import numpy as np
import pytest

from experiments.kpis import make_facts
from experiments.kpis.delivery import FIGURES
from experiments.results.schema import table_specs
from tests.agents.delivery_world import LIMIT_KW, OFFERED_KW, DeliveryWorld


def values(there):
    """Every figure of delivery."""
    known = {name: table for name, table in there.tables().items() if name in table_specs()}
    known["ledger"] = known["ledger"].append_column("entry", [np.arange(known["ledger"].num_rows)])
    facts = make_facts(known, {"delivery_start_ms": 0, "delivery_end_ms": 10**9, "scenario": {}})
    return {name: function(facts) for name, function in FIGURES.items()}


@pytest.fixture(scope="module")
def figures():
    """bsp-1 delivered half of its 8 kWh and had a gap; bsp-2 ignored its limit in P1."""
    return values(
        DeliveryWorld(gaps=("bsp-1",), delivers={"home-1/meter": LIMIT_KW / 2, "home-3/meter": OFFERED_KW}).run()
    )


def test_what_was_delivered_and_above_limits(figures):
    assert figures["services_ordered_kwh"] == pytest.approx(4 * (2 * LIMIT_KW + OFFERED_KW))
    assert figures["services_delivered_percent"] == pytest.approx(100 * 28 / 32)
    assert (figures["limits_exceeded"], figures["limits_exceeded_kwh"]) == (1.0, pytest.approx(6.0))
    assert figures["points_unread_percent"] == 0.0


def test_what_was_asked_about(figures):
    """One hour of bsp-1 in P1, by the TSO and by the DSO, of the hours of three perimeters that TSO and DSOs each check."""
    assert figures["reports_questioned_percent"] == pytest.approx(100 * 2 / (6 * 24))


def test_money(figures):
    """28 kWh at 0.30 and 0.10; bsp-1 lacks 4 kWh at 0.40, and 8 kWh too many of bsp-2 are a surplus of the party behind it."""
    assert figures["services_paid_eur"] == pytest.approx(28 * 0.4)
    assert figures["services_undelivered_eur"] == pytest.approx(4 * 0.4)
    assert figures["responsible_imbalance_eur"] == pytest.approx((4 - 8) * 0.4)
    assert figures["services_neutralised_eur"] == pytest.approx(-32 * 0.4)
    assert figures["energy_transferred_eur"] == pytest.approx(2.8)
    assert figures["responsible_left_eur"] == 0.0


def test_without_tables_nothing_is_known():
    facts = make_facts({}, {"delivery_start_ms": 0, "delivery_end_ms": 1, "scenario": {}})
    assert {function(facts) for function in FIGURES.values()} == {None}
