"""Trades, coefficients and compensations of a community, and what its operator accepts of them."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dso_coefficients import MemberDay, energies, faults, provisional
from agents.ec_manager_accounts import table, trade, transactions
from environment.messages.community import MemberFiling
from environment.messages.community_settlement import (
    AllocationCoefficients,
    EnergyBid,
)
from experiments.covers import covers
from experiments.scenario.library import RULES, rule
from markets.allocation.coefficients import Periods, coefficients
from markets.allocation.energies import whole
from markets.community.settlement import Flexibility, Terms, settle

STEP_S = 900.0
volumes = st.lists(st.floats(-5.0, 5.0), min_size=2, max_size=6)


def bid(member, volume, price):
    volume, price = np.atleast_1d(np.asarray(volume, float)), np.atleast_1d(np.asarray(price, float))
    taken, given_ = np.maximum(volume, 0.0), np.maximum(-volume, 0.0)
    return EnergyBid(
        member=member, from_ms=0, step_s=STEP_S, volume_kwh=volume, price_eur_per_kwh=price, flexibility_kwh=np.zeros(len(volume)),
        withdrawal_kwh=taken, given_kwh=given_, consumption_kwh=taken,
    )  # fmt: skip


def bids_of(volume):
    return [bid(f"home-{row}", kwh, 0.20 if kwh > 0.0 else 0.05) for row, kwh in enumerate(volume)]


def shares_of(name, made):
    """Coefficients of every member and period by a rule, all members alike."""
    energy = (table(made, column) for column in ("given_kwh", "withdrawal_kwh", "bought_kwh", "sold_kwh"))
    alike = np.ones(len(made))
    return coefficients(name, rule("allocation", name), Periods(*energy, alike, alike.astype(int)))


@covers("SUC02.1/r31", "SUC02.1/r09")
@pytest.mark.parametrize("name", sorted(set(RULES["internal-price"]) - {"intermediate-rate"}))
@given(volume=volumes)
def test_what_is_bought_is_sold_in_whole_mwh_and_nobody_beyond_its_offer(name, volume):
    made = trade(bids_of(volume), rule("internal-price", name))
    bought, sold = (np.rint(table[:, 0] * 1e6).astype(np.int64) for table in (made.bought_kwh, made.sold_kwh))
    assert bought.sum() == sold.sum()
    offered = np.rint(np.abs(np.array(volume)) * 1e6).astype(np.int64)
    assert (bought <= np.where(np.array(volume) > 0.0, offered, 0)).all()
    assert (sold <= np.where(np.array(volume) < 0.0, offered, 0)).all()
    assert made.lowest_eur_per_kwh[0] <= made.price_eur_per_kwh[0] <= made.highest_eur_per_kwh[0]


@covers("SUC02.1/r10")
def test_mid_market_rate_of_different_retailers_takes_the_least_buying_and_the_greatest_selling_price():
    bids = [bid("a", 2.0, 0.30), bid("b", 1.0, 0.20), bid("c", -1.5, 0.04), bid("d", -0.5, 0.06)]
    assert trade(bids, rule("internal-price", "mid-market-rate")).price_eur_per_kwh[0] == pytest.approx(0.13)


@covers("SUC02.1/r11")
def test_intermediate_rate_weighs_the_two():
    bids = [bid("a", 2.0, 0.30), bid("c", -1.5, 0.06)]
    made = trade(bids, partial(rule("internal-price", "intermediate-rate"), weight=0.25))
    assert made.price_eur_per_kwh[0] == pytest.approx(0.06 + 0.25 * 0.24)


def member_day(name, taken, fed, owned=0.0):
    filing = MemberFiling(
        community="ec-1",
        member=name,
        meter=f"{name}/meter",
        hems=f"{name}/hems",
        assets=(),
        ownership_share=np.zeros(0),
        from_ms=0,
        to_ms=0,
    )
    return MemberDay(filing, 0, STEP_S, np.array([taken - fed]), np.array([owned]), None, None)


def filed(day, share, **changes):
    fields = {"member": day.filing.member, "meter": day.filing.meter, "from_ms": 0} | changes
    return AllocationCoefficients(
        rule="x",
        step_s=STEP_S,
        coefficient=np.atleast_1d(np.asarray(share, float)),
        flexibility_kwh=np.zeros(np.size(share)),
        **fields,
    )


@pytest.fixture
def days():
    return [member_day("a", 4.0, 0.0), member_day("b", 1.0, 0.0), member_day("c", 0.0, 5.0)]


@covers("SUC02.1/r35")
def test_energies_follow_from_coefficients(days):
    """DOMAIN EC7 with the generation at a member of its own: A = (2.5, 1.5, 1), SC = (2.5, 1, 0), SUP = (1.5, 0, 0)."""
    shares = {day.filing.member: filed(day, share) for day, share in zip(days, (0.5, 0.3, 0.2), strict=True)}
    assert faults(days, shares) == ""
    found = energies(days, shares, "")
    assert [one.allocated_kwh[0] for one in found] == [2.5, 1.5, 1.0]
    assert [one.self_consumed_kwh[0] for one in found] == [2.5, 1.0, 0.0]
    assert [one.supplied_kwh[0] for one in found] == [1.5, 0.0, 0.0]
    assert [one.surplus_kwh[0] for one in found] == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda shares, days: shares.pop("a"), "no coefficients of a"),
        (
            lambda shares, days: shares.update(a=filed(days[0], 0.6)),
            "the coefficients of period 0 sum to 1.1, not to 1",
        ),
        (
            lambda shares, days: shares.update(a=filed(days[0], 0.5, meter="b/meter")),
            "not about this day and metering point",
        ),
        (
            lambda shares, days: shares.update(a=filed(days[0], 0.5, from_ms=900_000)),
            "not about this day and metering point",
        ),
        (
            lambda shares, days: shares.update({d.filing.member: filed(d, [0.5, 0.5]) for d in days}),
            "2 coefficients for 1 settlement periods",
        ),
    ],
)
def test_coefficients_that_do_not_hold_are_refused_and_the_meter_counts(days, change, why):
    shares = {day.filing.member: filed(day, share) for day, share in zip(days, (0.5, 0.3, 0.2), strict=True)}
    change(shares, days)
    assert why in faults(days, shares)
    alone = energies(days, {}, faults(days, shares))
    assert [one.supplied_kwh[0] for one in alone] == [4.0, 1.0, 0.0]
    assert [one.surplus_kwh[0] for one in alone] == [0.0, 0.0, 5.0]
    assert not any(one.valid for one in alone)


@covers("SUC02.1/r28")
def test_the_provisional_key_is_consumption(days):
    key = provisional(days)
    assert key["imputed_kwh"][:, 0].tolist() == [4.0, 1.0, 0.0]
    assert key["shared_kwh"][:, 0].tolist() == [0.0, 0.0, 5.0]


def test_the_owners_part_of_a_plant_is_its_own_generation():
    days = [member_day("a", 1.0, 0.0, owned=3.0), member_day("b", 1.0, 0.0, owned=1.0)]
    found = energies(days, {}, "")
    assert [one.generation_kwh[0] for one in found] == [3.0, 1.0]
    assert [one.self_consumed_kwh[0] for one in found] == [1.0, 1.0]
    assert [one.surplus_kwh[0] for one in found] == [2.0, 0.0]


@covers("SUC02.1/r34")
@pytest.mark.parametrize("name", sorted(RULES["allocation"]))
@given(volume=volumes)
def test_coefficients_of_every_rule_are_accepted_by_the_operator(name, volume):
    bids = bids_of(volume)
    made = transactions("ec-1", bids, trade(bids, rule("internal-price", "mid-market-rate")))
    found = shares_of(name, made)
    listed = [member_day(one.member, float(one.withdrawal_kwh[0]), float(one.given_kwh[0])) for one in bids]
    shares = {day.filing.member: filed(day, found[row]) for row, day in enumerate(listed)}
    assert faults(listed, shares) == ""


@covers("SUC02.1/r36")
@given(volume=volumes, earned=st.floats(0.0, 5.0))
def test_internal_payments_sum_to_zero_and_nobody_pays_more_for_energy_than_alone(volume, earned):
    bids = bids_of(volume)
    trades = trade(bids, rule("internal-price", "mid-market-rate"))
    found = shares_of("transaction-coefficients", transactions("ec-1", bids, trades))
    listed = [member_day(one.member, float(one.withdrawal_kwh[0]), float(one.given_kwh[0])) for one in bids]
    rows = energies(listed, {day.filing.member: filed(day, found[row]) for row, day in enumerate(listed)}, "")
    mwh = (whole(table(rows, f"{name}_kwh")) for name in ("generation", "consumption", "allocated"))
    price = np.where(trades.price_eur_per_kwh > 0.0, trades.price_eur_per_kwh, 0.05)
    shape = (len(bids), 1)
    given_, committed = np.zeros((2, *shape))
    given_[0], committed[0] = 0.2, 0.3
    settled = settle(
        *mwh, Terms(np.full(shape, 0.22), np.full(shape, 0.05), 0.02, price, 0.1), Flexibility.of(earned, given_, committed)
    )  # fmt: skip
    assert settled.internal_eur.sum() == pytest.approx(0.0, abs=1e-9)
    assert settled.flexibility_eur.sum() == pytest.approx(earned)
    assert settled.shortfall_eur[0] == pytest.approx(0.01)
    assert (settled.energy_eur <= settled.alone_eur + 1e-4).all()
