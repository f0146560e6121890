"""A provider's check of what the DSO says that it earned: it objects to less than it works out itself, with the reason."""

from functools import partial

import numpy as np
import pytest

from agents.aggregator_settlement import objection
from environment.calendar import Timeline
from environment.instruments import MeterStore
from environment.messages.settlement import RemunerationAndPenalty
from markets.settlement import linear_with_grace
from markets.settlement.blocks import Block
from tests.agents.test_platform_provider import BASELINE, FROM_MS, FSP, STEP_MS, declaration, order
from tests.environment.kernel_cases import plain

BLOCKS = {"contract": [Block(0.5)]}


def meters(kw):
    """Two meters that share what is given, from the start of the order on."""
    timeline = Timeline(FROM_MS, STEP_MS, len(kw))
    store = MeterStore(("m1", "m2"), timeline)
    for step, value in enumerate(kw):
        store.record(step, np.array([value / 2, value / 2]))
    return store


def judged(net_eur, kw=(6.0, 4.0), orders=None, declared=None, activation="act", **rule):
    record = plain(RemunerationAndPenalty, activation=activation, settlement="s", fsp=FSP, net_eur=net_eur)
    return objection(
        record, [order()] if orders is None else orders, BLOCKS, [declaration()] if declared is None else declared, meters(kw),
        partial(linear_with_grace.settle, **rule),
    )  # fmt: skip


def test_full_delivery_at_the_contract_price_is_accepted():
    assert judged(1.5) == ""


@pytest.mark.parametrize("net_eur", [1.52, 99.0])
def test_nobody_objects_to_being_paid_more(net_eur):
    assert judged(net_eur) == ""


def test_a_cent_less_is_rounding_two_are_disputed():
    assert judged(1.49) == ""
    assert judged(1.48) == "own meters and baseline give 1.50 EUR, not 1.48"


def test_a_penalty_that_is_due_is_accepted_and_a_larger_one_is_not():
    due = judged(0.0, kw=BASELINE, penalty_eur_per_kwh=1.0)
    assert due == ""
    assert "not -5.00" in judged(-5.0, kw=BASELINE, penalty_eur_per_kwh=1.0)


def test_what_earlier_orders_took_is_not_claimed_again():
    """6 and 8 kW were delivered; the earlier order took 4 and 8 of it."""
    orders = [order(), order(np.array([3.0, 1.0]), "more")]
    assert judged(0.0, kw=BASELINE - [6.0, 8.0], orders=orders, activation="more") != ""
    assert judged(0.0, kw=BASELINE - [4.0, 8.0], orders=orders, activation="more") == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"orders": []}, "no order 'act' was accepted"), ({"declared": []}, "no baseline of fsp-a in A stands")],
)
def test_what_it_knows_nothing_of_is_disputed(changes, words):
    assert judged(1.5, **changes) == words
