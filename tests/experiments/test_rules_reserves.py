"""Rules of balancing reserves on plain records: the cases TD2 and TD3 worked by hand, an auction, a call, a settlement."""

import pytest

from experiments.rules import find_rule, run_rule


def said(name, **changes):
    return run_rule(name, dict(find_rule(name).face.example) | changes)["result"]


def test_the_droop_of_one_megawatt():
    found = {row["at"]: row["due_kw"] for row in said("frequency-droop")["rows"]}
    assert found == {"-200": 1000.0, "-100": 500.0, "-50": 250.0, "-250": 1000.0, "20": -100.0, "10": 0.0}


def test_a_set_point_is_followed_in_five_minutes_and_left_in_five():
    due = [row["due_kw"] for row in said("followed-set-point")["rows"]]
    assert due == pytest.approx([20, 40, 60, 80, 100, 100, 80, 60])


def test_a_block_is_due_after_twelve_and_a_half_minutes():
    due = [row["due_kw"] for row in said("ramped-block")["rows"]]
    assert due == pytest.approx([0, 25, 50, 50, 50, 25, 0])


def test_an_auction_is_paid_the_dearest_and_refuses_who_is_too_small():
    rows = {row["offer"]: (row["accepted_kw"], row["price_eur_per_kw_h"]) for row in said("reserve-auction")["offers"]}
    assert rows == {"small pool": (0.0, 0.0), "pool": (2000.0, 0.02), "hydro": (1000.0, 0.02), "gas": (0.0, 0.0)}
    as_bid = said("reserve-auction", pays_as_cleared=False)["offers"]
    assert [row["price_eur_per_kw_h"] for row in as_bid if row["accepted_kw"]] == [0.01, 0.02]


def test_energy_is_called_cheapest_first():
    found = said("energy-merit-order")
    assert [(row["called_kw"], row["price_eur_per_kwh"]) for row in found["reserves"]] == [
        (30, 0.14),
        (50, 0.14),
        (0, 0),
    ]
    assert said("energy-merit-order", wanted_kw=200.0)["unmet_kw"] == 30.0


def test_accuracy_and_money():
    rows = said("reserve-delivery")["intervals"]
    assert [row["accuracy"] for row in rows] == pytest.approx([1.0, 0.7, 0.7, 0.4])
    assert [row["missing_kw"] for row in rows] == pytest.approx([0, 20, 0, 50])
    money = said("reserve-pay")["intervals"]
    assert [row["net_eur"] for row in money] == pytest.approx([2 + 5 + 2.5, 1.6 + 2 - 0.8 + 1, 2 + 5 + 2.5, 1 - 2])


def test_what_was_activated_is_nobodys_imbalance():
    rows = said("imbalance-adjustment")["parties"]
    assert [(row["imbalance_kwh"], row["paid_eur"]) for row in rows] == [(-10.0, 2.0), (0.0, 0.0)]
