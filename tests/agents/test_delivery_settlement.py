"""Reports, their checks and the money of delivery in a small world: who reports, who is asked, who pays whom."""

from dataclasses import replace

import numpy as np
import pytest

from environment.channels import Outage
from experiments.covers import covers
from tests.agents.delivery_world import (
    COMPONENTS,
    HOUR_MS,
    LIMIT_KW,
    NIGHT,
    OFFERED_KW,
    DeliveryWorld,
    conformance,
    vector,
)

# --- reports -------------------------------------------------------------------------------------------------------------


@covers("SUC08.4/r03", "SUC08.4/r04")
def test_each_operator_gets_the_report_of_what_concerns_it(honest):
    messages = honest.tables()["messages"].to_pylist()
    got = {}
    for one in honest.tables()["content/PreliminaryReport"].to_pylist():
        got.setdefault(messages[one["row"]]["receiver"], set()).add((one["bsp"], one["perimeter"]))
    everything = {("bsp-1", "P1"), ("bsp-2", "P1"), ("bsp-2", "P3")}
    assert got == {"tso": everything, "dso-a": everything - {("bsp-2", "P3")}, "dso-b": {("bsp-2", "P3")}}


@covers("SUC08.4/r05", "SUC08.4/r06", "SUC08.4/r07", "SUC08.4/r08", "SUC08.4/44", "SUC08.4/45")
def test_a_gap_in_the_own_data_is_asked_about_and_cleared_by_both_operators(gaps):
    for operator in ("tso", "dso-a"):
        asked = gaps.table(operator, "clarifications")
        assert (asked.bsp.tolist(), asked.hours.tolist(), asked.accepted.tolist()) == (["bsp-1"], [1], [1])
    paid = gaps.table("tso", "service_settlements")
    assert paid.delivered_kwh[paid.bsp == "bsp-1"] == pytest.approx(4 * LIMIT_KW / 2)


@covers("SUC08.4/r08")
def test_who_stands_by_a_report_that_the_meter_does_not_bear_out_is_paid_by_the_meter():
    there = DeliveryWorld(times={"bsp-2": 1.5}, insists=("bsp-2",)).run()
    asked = there.table("tso", "clarifications")
    assert (set(asked.bsp.tolist()), asked.accepted.sum()) == ({"bsp-2"}, 0)
    paid = there.table("tso", "service_settlements")
    assert paid.delivered_kwh[paid.bsp == "bsp-2"] == pytest.approx(4 * (LIMIT_KW + OFFERED_KW))
    final = there.tables()["content/FinalReport"].to_pylist()
    assert max(max(one["delivered_kwh"]) for one in final) == pytest.approx(1.5 * OFFERED_KW)


def test_a_provider_that_cannot_report_is_settled_by_the_meter_and_that_is_on_record():
    def down(directory):
        there = np.array([name == "bsp-1" for name in directory.names])
        return (Outage(there, NIGHT + HOUR_MS, NIGHT + 9 * HOUR_MS - 1),)

    there = DeliveryWorld(disturb=down).run()
    assert there.talks()["SUC08.4/1:tso:bsp-1-86400000"] == ("failed", "no report in time of P1")
    paid = there.table("tso", "service_settlements")
    assert paid.delivered_kwh[paid.bsp == "bsp-1"] == pytest.approx(4 * LIMIT_KW)


@covers("SUC08.4/r15", "SUC08.4/22", "SUC08.4/r01")
def test_a_report_that_comes_after_it_was_due_does_not_count():
    there = DeliveryWorld(reports_after_s=7201.0).run()
    late = [reason for reason in there.refusals("tso") if "after it was due" in reason]
    assert len(late) == 3
    assert {outcome for name, (outcome, _) in there.talks().items() if name.startswith("SUC08.4")} == {"failed"}
    paid = there.table("tso", "service_settlements")
    assert paid.delivered_kwh.sum() == pytest.approx(4 * (2 * LIMIT_KW + OFFERED_KW))


# --- money ---------------------------------------------------------------------------------------------------------------


@covers("SUC08.4/r09", "SUC08.4/r11", "SUC08.4/r12")
def test_money_sums_to_zero_and_every_party_agrees(gaps):
    """2 kW up in four hours at 0.30 and energy at 0.10, of which bsp-1 delivered a half: what is missing costs 0.40 (0.30 and the energy)."""
    assert gaps.ledger() == {
        ("tso", "bsp-1", "balancing service"): 1.60, ("bsp-1", "bsp-1-brp", "energy transfer"): 0.40,
        ("bsp-1-brp", "tso", "imbalance"): 1.60, ("bsp-1", "bsp-1-brp", "undelivered"): 1.60,
        ("tso", "bsp-2", "balancing service"): 9.60, ("bsp-2", "bsp-2-brp", "energy transfer"): 2.40,
    }  # fmt: skip
    assert sum(round(100 * eur) for eur in gaps.balances().values()) == 0


@covers("SUC08.4/r10")
def test_the_party_behind_is_left_with_the_value_of_its_energy_alone(gaps):
    kept = gaps.table("bsp-1-brp", "responsible_imbalances")
    assert kept.imbalance_kwh == pytest.approx([-4.0])
    assert gaps.balances()["bsp-1-brp"] == pytest.approx(float(kept.transfer_eur[0]))


@covers("SUC08.4/r11")
def test_who_owes_pays_whoever_it_is():
    """Downward the provider buys energy: at no price for the change it owes the TSO, and starts the payment."""
    down = replace(COMPONENTS[2], direction="down", price_eur_per_kwh=0.0)
    there = DeliveryWorld(
        components=[*COMPONENTS[:1], down], delivers={"home-3/meter": 0.0, "home-4/meter": -OFFERED_KW}
    ).run()
    assert there.ledger()["bsp-2", "tso", "balancing service"] == pytest.approx(4 * OFFERED_KW * 0.1)
    assert there.ledger()["bsp-2-brp", "bsp-2", "energy transfer"] == pytest.approx(4 * OFFERED_KW * 0.1)
    conformance(there)


def test_what_is_delivered_above_a_limit_is_not_paid(honest, ignoring):
    service = [there.ledger()["tso", "bsp-2", "balancing service"] for there in (honest, ignoring)]
    assert service[0] == service[1]


# --- who pays, where DSOs buy (BUC09) -------------------------------------------------------------------------------------------------


def shared(energy, **said):
    """Of the 4 kW that bsp-2 sells in P3 in four hours its DSO bought one, and all of them are delivered."""
    half = replace(COMPONENTS[2], bought_kw={"dso-b": vector(1.0), "tso": vector(OFFERED_KW - 1.0)})
    return DeliveryWorld(components=[COMPONENTS[0], half], delivers={"home-3/meter": 0.0}, energy=energy, **said).run()


@pytest.mark.parametrize(
    ("energy", "to_seller", "tso_pays", "of_imbalance"),
    [("tso", 1.20, 5.20, 0.0), ("buyer", 1.60, 4.80, 0.0), ("imbalance", 1.60, 4.80, 1.60)],
)
def test_each_operator_pays_for_what_it_bought(energy, to_seller, tso_pays, of_imbalance):
    """4 kWh at 0.30 are the DSO's, and where it takes the energy, at 0.10; an imbalance price of 0.40 is what the TSO's own purchases cost."""
    there = shared(energy)
    ledger = there.ledger()
    assert ledger["dso-b", "bsp-2", "purchased service"] == pytest.approx(to_seller)
    assert ledger["tso", "bsp-2", "balancing service"] == pytest.approx(tso_pays)
    assert ledger.get(("tso", "dso-b", "imbalance"), 0.0) == pytest.approx(of_imbalance)
    assert ledger["bsp-2", "bsp-2-brp", "energy transfer"] == pytest.approx(1.60)
    assert sum(round(100 * eur) for eur in there.balances().values()) == 0
    rows = there.table("tso", "service_purchases")
    assert dict(zip(zip(rows.buyer, rows.bsp, strict=True), rows.delivered_kwh, strict=True)) == pytest.approx(
        {("tso", "bsp-1"): 8.0, ("tso", "bsp-2"): 12.0, ("dso-b", "bsp-2"): 4.0}
    )
    if energy == "tso":
        conformance(there)


def test_a_dso_does_not_pay_for_what_was_not_bought_for_it():
    there = shared("tso", told=[])
    assert ("dso-b", "bsp-2", "purchased service") not in there.ledger()
    assert there.refusals("dso-b") == ["4.000 kWh are more than the 0.000 that were bought"]
