"""The common optimum of a community: against a model written apart, its laws, and coordination by prices against one programme."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.strategies import community_prices
from agents.strategies.community_lp import TIE_EUR_PER_KWH
from agents.strategies.community_schedule import Scheduler, alone, schedule
from agents.strategies.community_view import coefficients, community, limited, members, priced
from agents.strategies.home_lp import reference
from agents.strategies.home_model import simulate
from agents.strategies.home_view import homes, take
from experiments.covers import covers
from tests.agents.strategies.community_reference import optimum_eur

STEPS = 24


def names_of(n):
    return tuple(f"member-{k:03d}" for k in range(n))


@pytest.fixture(scope="module")
def village(population):
    """`village(n, seed, cheaper=0.0)`: members on a horizon of 6 hours from noon; every other one has another retailer if asked."""

    def make(n, seed, cheaper=0.0, m=STEPS, **columns):
        peak = np.where(np.arange(m) >= m // 2, 0.30, 0.18)
        buy = peak - cheaper * (np.arange(n) % 2)[:, None]
        drawn = {
            "sell_eur_per_kwh": 0.05,
            "ev_end_kwh": 0.0,
            "ev_target_share": 0.95,
            "heater_draw_kwh": 0.05,
        } | columns
        view = population(n + 6, m, seed, **(drawn | {"buy_eur_per_kwh": peak}))
        alone = reference(view)
        kept = np.flatnonzero((alone.beyond_kwh < 1e-7) & (alone.missing_kwh < 1e-7))[:n]  # comfort that can be kept
        assert len(kept) == n
        part = take(view, kept)
        part = part._replace(load_kw=part.load_kw + 0.6, buy_eur_per_kwh=np.array(np.broadcast_to(buy, (n, m))))
        return community(names_of(n), part, share_eur_per_kwh=0.02)

    return make


def money(of, found):
    """What all pay to retailers and grid, and wear [EUR], recomputed from energies."""
    traded = found.trades
    wear = np.maximum(-found.plan.battery_kw, 0.0) * of.view.battery_wear_eur_per_kwh[:, None] * of.view.hours
    paid = traded.supply_kwh * of.view.buy_eur_per_kwh - traded.surplus_kwh * of.view.sell_eur_per_kwh
    return float((paid + traded.bought_kwh * of.share_eur_per_kwh + wear).sum())


def tie_bound(of, found):
    moved = sum(np.abs(power).sum() for power in found.plan[:4]) * of.view.hours
    return (TIE_EUR_PER_KWH + 1e-6 * of.m * of.view.hours) * float(moved) + 1e-6


@covers("SUC02.1/r08")
@pytest.mark.parametrize("seed", [1, 2])
def test_the_common_optimum_is_that_of_a_model_written_apart(village, seed):
    of = village(6, seed)
    found = schedule(of)
    assert found.missing_kwh.sum() + found.beyond_kwh.sum() < 1e-6
    best = optimum_eur(of)
    assert money(of, found) == pytest.approx(best, abs=1e-4 * abs(best) + tie_bound(of, found))
    assert money(of, found) >= best - 1e-6


def test_fifty_members_equal_the_monolithic_model(village):
    of = village(50, 5, m=6)
    found, best = schedule(of), optimum_eur(of)
    assert money(of, found) == pytest.approx(best, rel=1e-4)


def test_with_different_retailers_both_readings_of_selling_are_bounded_by_their_models(village):
    """By generation the programme is exact; by net load a model with binaries tells how far the sides taken are from the best."""
    of = village(5, 3, cheaper=0.06, m=16)
    by_generation = Scheduler(of, sides="generation").schedule()
    best = optimum_eur(of)
    assert money(of, by_generation) == pytest.approx(best, abs=1e-4 * abs(best) + tie_bound(of, by_generation))
    by_net, least = schedule(of), optimum_eur(of, by_net=True)
    assert least >= best - 1e-6
    assert money(of, by_net) >= least - 1e-4
    assert money(of, by_net) <= least + by_net.sides_gap * abs(by_net.relaxed) + tie_bound(of, by_net) + 1e-4


@covers("SUC02.1/r12", "SUC02.1/r33")
@settings(max_examples=5)
@given(seed=st.integers(0, 10**6), cheaper=st.sampled_from([0.0, 0.05]))
def test_energies_balance_and_nobody_sells_what_it_does_not_generate(village, seed, cheaper):
    of = village(5, seed, cheaper, m=12)
    found, traded = schedule(of), schedule(of).trades
    net = found.plan.net_kw * of.view.hours
    np.testing.assert_allclose(
        traded.supply_kwh + traded.bought_kwh - traded.surplus_kwh - traded.sold_kwh, net, atol=1e-9
    )
    np.testing.assert_allclose(traded.bought_kwh.sum(axis=0), traded.sold_kwh.sum(axis=0), atol=1e-9)
    assert min(float(part.min()) for part in traded) >= -1e-12
    assert (traded.sold_kwh <= np.maximum(-net, 0.0) + 1e-9).all()
    assert (traded.bought_kwh <= np.maximum(net, 0.0) + 1e-9).all()


@settings(max_examples=4)
@given(seed=st.integers(0, 10**6))
def test_schedules_keep_every_devices_limits(village, seed):
    of = village(5, seed, m=16)
    found = schedule(of)
    view, plan = of.view, found.plan
    made = view.load_kw - view.pv_kw + found.curtailed_kw + sum(plan[:4])
    np.testing.assert_allclose(plan.net_kw, made, atol=1e-8)
    assert (plan.ev_kw <= np.where(view.ev_plugged, view.ev_kw[:, None], 0.0) + 1e-9).all()
    assert (np.abs(plan.battery_kw) <= view.battery_kw[:, None] + 1e-9).all()
    held = simulate(view, plan)
    own = view.battery_kw > 0
    assert (held.battery_kwh[own] >= view.battery_min_kwh[own, None] - 1e-6).all()
    assert (held.battery_kwh[own] <= view.battery_max_kwh[own, None] + 1e-6).all()
    assert (held.battery_kwh[own, -1] >= view.battery_end_kwh[own] - 1e-6).all()


@settings(max_examples=4)
@given(seed=st.integers(0, 10**6))
def test_together_costs_no_more_than_apart(village, seed):
    of = village(6, seed, m=16)
    found = schedule(of)
    assert money(of, found) <= alone(of).cost_eur.sum() + tie_bound(of, found)


@settings(max_examples=4)
@given(seed=st.integers(0, 10**6), order=st.permutations(range(5)))
def test_permuting_members_permutes_the_schedule(village, seed, order):
    of, rows = village(5, seed, m=12), np.array(order)
    one, other = schedule(of), schedule(members(of, rows))
    for part, same in zip(one.plan, other.plan, strict=True):
        np.testing.assert_array_equal(part[rows], same)


@settings(max_examples=5)
@given(seed=st.integers(0, 10**6), more=st.floats(1.1, 3.0))
def test_more_storage_never_costs_more(village, seed, more):
    of = village(5, seed, m=16)
    view = of.view
    larger = view._replace(battery_max_kwh=more * view.battery_max_kwh, battery_kw=more * view.battery_kw)
    little, much = schedule(of), schedule(of._replace(view=larger))
    assert much.value <= little.value + tie_bound(of, much)


def test_one_optimum_from_any_start(village):
    """After other needs, or from nothing: the same schedule."""
    of = village(8, 11)
    scheduler = Scheduler(of)
    first = scheduler.schedule()
    paid = np.where(np.arange(STEPS) >= 12, np.inf, 0.0)
    scheduler.schedule(priced(first.net_kw, up_kw=paid, up_eur_per_kwh=0.4))
    again, fresh = scheduler.schedule(), schedule(of)
    for part, back, new in zip(first.plan, again.plan, fresh.plan, strict=True):
        np.testing.assert_allclose(back, part, atol=1e-6)
        np.testing.assert_allclose(new, part, atol=1e-6)


@covers("SUC02.1/r20")
def test_a_limit_of_the_net_load_is_kept_at_least_cost_or_told(village):
    of = village(6, 4)
    scheduler = Scheduler(of)
    free = scheduler.schedule()
    peak = float(free.net_kw.max())
    kept = scheduler.schedule(limited(STEPS, high_kw=0.9 * peak))
    assert kept.over_kw.sum() == pytest.approx(0.0, abs=1e-6)
    assert kept.net_kw.max() <= 0.9 * peak + 1e-6
    best = optimum_eur(of, np.full(STEPS, 0.9 * peak))
    assert money(of, kept) == pytest.approx(best, abs=1e-4 * abs(best) + tie_bound(of, kept))
    hard = scheduler.schedule(limited(STEPS, high_kw=-100.0))
    np.testing.assert_allclose(hard.over_kw, hard.net_kw + 100.0, atol=1e-6)


def test_objectives_reach_what_they_are_for(village):
    of = village(8, 6)._replace(emissions_kg_per_kwh=np.where(np.arange(STEPS) < 12, 0.1, 0.4))
    found = {one: Scheduler(of, one).schedule() for one in ("total-cost", "self-consumption", "emissions")}
    supplied = {one: each.trades.supply_kwh.sum() for one, each in found.items()}
    emitted = {
        one: float((each.trades.supply_kwh.sum(axis=0) * of.emissions_kg_per_kwh).sum()) for one, each in found.items()
    }
    assert supplied["self-consumption"] <= min(supplied.values()) + 1e-3
    assert emitted["emissions"] <= min(emitted.values()) + 1e-3
    assert money(of, found["total-cost"]) <= min(money(of, each) for each in found.values()) + tie_bound(
        of, found["total-cost"]
    )
    assert supplied["self-consumption"] < supplied["total-cost"] - 0.1


def test_the_profit_of_chosen_members_is_theirs(village):
    of = village(6, 8)
    owner = of.names[int(np.argmax(of.view.pv_kw.sum(axis=1)))]
    row = of.names.index(owner)
    price = np.full(STEPS, 0.10)
    for_all = schedule(of)
    for_one = Scheduler(of, "member-profit", chosen=(owner,), internal_eur_per_kwh=price).schedule()

    def pays(found):
        traded = found.trades
        energy = traded.supply_kwh * of.view.buy_eur_per_kwh - traded.surplus_kwh * of.view.sell_eur_per_kwh
        inside = traded.bought_kwh * (of.share_eur_per_kwh + price) - traded.sold_kwh * price
        return float((energy + inside)[row].sum())

    assert pays(for_one) <= pays(for_all) + 1e-6
    with pytest.raises(ValueError, match="chosen are nobody-7"):
        coefficients(of, "member-profit", ("nobody-7",))


@pytest.mark.parametrize("cheaper", [0.0, 0.05])
def test_coordination_comes_within_half_a_per_cent_of_the_optimum(village, monkeypatch, cheaper):
    """Prices of a few so that ten members are coordinated like a thousand."""
    monkeypatch.setattr(community_prices, "SAMPLE", 4)
    of = village(16, 7, cheaper)
    one, many = Scheduler(of).schedule(), Scheduler(of, most_together=1).schedule()
    assert many.gap < 0.005
    assert many.bound <= one.bound + 1e-6
    assert many.relaxed >= one.bound - 1e-6
    assert many.value == pytest.approx(one.value, rel=0.005)
    assert money(of, many) == pytest.approx(many.value, abs=tie_bound(of, many))


def test_coordination_answers_needs(village):
    of = village(16, 9)
    one, many = Scheduler(of), Scheduler(of, most_together=1)
    base = one.schedule().net_kw
    asked = np.where((np.arange(STEPS) >= 14) & (np.arange(STEPS) < 18), np.inf, 0.0)
    for need in (priced(base, up_kw=asked, up_eur_per_kwh=0.5), limited(STEPS, high_kw=0.85 * base.max())):
        exact, found = one.schedule(need), many.schedule(need)
        assert found.gap < 0.005
        assert found.value == pytest.approx(exact.value, rel=0.005, abs=1e-3)


def test_what_cannot_be_planned_is_named():
    view = homes(2, 4, 0.25, buy_eur_per_kwh=0.2, sell_eur_per_kwh=[[0.05] * 4, [0.05, 0.05, 0.3, 0.05]])
    with pytest.raises(
        ValueError, match=r"b: in period 2 its retailer pays 0\.3 EUR/kWh and asks 0\.2; selling must not beat"
    ):
        community(("a", "b"), view)
    with pytest.raises(ValueError, match="2 homes"):
        community(("a",), view)
    with pytest.raises(ValueError, match="'a' is given twice"):
        community(("a", "a"), homes(2, 4, 0.25, buy_eur_per_kwh=0.2))
    holes = homes(1, 4, 0.25, buy_eur_per_kwh=0.2, load_kw=[[1.0, np.nan, 1.0, 1.0]])
    with pytest.raises(ValueError, match="a: load_kw is missing in period 1; complete the profile"):
        community(("a",), holes)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"hp_kw": 2.0, "house_low_c": [[20.0, 20.0, 23.0, 20.0]], "house_high_c": 22.0},
            "a: in period 2 its rooms may be no colder than 23 and no warmer than 22 degC; widen the band",
        ),
        (
            {"heater_kw": 2.0, "heater_low_c": 70.0, "heater_high_c": 65.0},
            "a: its tank is to hold 70 degC, its limit is 65; want less or raise the limit",
        ),
        (
            {"ev_kw": 7.0, "ev_kwh_capacity": 40.0, "ev_end_kwh": 50.0},
            "a: its car is to hold 50 kWh at the end and takes 40; want less",
        ),
    ],
)
def test_comfort_that_no_schedule_keeps_is_named(changes, text):
    view = homes(1, 4, 0.25, buy_eur_per_kwh=0.2, **changes)
    with pytest.raises(ValueError, match=text):
        community(("a",), view)
    owned = {name: 0.0 for name in ("hp_kw", "heater_kw", "ev_kw") if name in changes}
    assert community(("a",), homes(1, 4, 0.25, buy_eur_per_kwh=0.2, **(changes | owned))).n == 1
