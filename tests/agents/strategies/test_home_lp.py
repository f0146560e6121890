import numpy as np
import pyomo.environ as pyo
import pytest

from agents.strategies.home_lp import reference, reference_cost
from agents.strategies.home_model import cost_eur, house, simulate, tank
from agents.strategies.home_plan import plan
from agents.strategies.home_view import take


def second_opinion(view, i: int) -> float:
    """Home i written down once more, from the view and the models' coefficients alone, as a readable programme."""
    m, h = view.m, view.hours
    model = pyo.ConcreteModel()
    model.t = pyo.RangeSet(0, m - 1)
    powers = {
        "buy": np.inf,
        "sell": np.inf,
        "take": view.battery_kw[i],
        "give": view.battery_kw[i],
        "heat": view.heater_kw[i],
        "hp": view.hp_kw[i],
    }
    for name, most in powers.items():
        setattr(model, name, pyo.Var(model.t, bounds=(0, None if np.isinf(most) else float(most))))
    model.ev = pyo.Var(model.t, bounds=lambda _, t: (0, float(view.ev_kw[i] * view.ev_plugged[i, t])))
    for name in ("soc", "car", "water", "warmth"):
        setattr(model, name, pyo.Var(model.t))
    model.rules = pyo.ConstraintList()
    wanted = float(view.ev_target_share[i] * view.ev_kwh_capacity[i])
    water, warm = tank(view), house(view)
    for t in range(m):
        flexible = model.take[t] - model.give[t] + model.ev[t] + model.heat[t] + model.hp[t]
        model.rules.add(model.buy[t] - model.sell[t] == float(view.load_kw[i, t] - view.pv_kw[i, t]) + flexible)
        model.rules.add(model.buy[t] <= float(view.contracted_kw[i]))
        soc, car = (
            (model.soc[t - 1], model.car[t - 1]) if t else (float(view.battery_soc_kwh[i]), float(view.ev_kwh[i]))
        )
        was_water, was_warm = (
            (model.water[t - 1], model.warmth[t - 1]) if t else (float(view.heater_c[i]), float(view.house_c[i]))
        )
        stored = float(view.battery_eta_charge[i]) * model.take[t] - model.give[t] / float(
            view.battery_eta_discharge[i]
        )
        model.rules.add(model.soc[t] == soc + h * stored)
        model.rules.add(
            model.car[t] == car + h * float(view.ev_eta_charge[i]) * model.ev[t] - float(view.ev_drive_kwh[i, t])
        )
        model.rules.add(
            model.water[t]
            == float(water.keep[i]) * was_water + float(water.drift[i, t]) + float(water.gain[i, t]) * model.heat[t]
        )
        model.rules.add(
            model.warmth[t]
            == float(warm.keep[i]) * was_warm + float(warm.drift[i, t]) + float(warm.gain[i, t]) * model.hp[t]
        )
        model.rules.add(pyo.inequality(float(view.battery_min_kwh[i]), model.soc[t], float(view.battery_max_kwh[i])))
        leaves = t + 1 < m and view.ev_plugged[i, t] and not view.ev_plugged[i, t + 1]
        if view.ev_kw[i] > 0:
            model.rules.add(pyo.inequality(wanted if leaves else 0.0, model.car[t], wanted))
        if view.heater_kw[i] > 0:
            model.rules.add(pyo.inequality(float(view.heater_low_c[i]), model.water[t], float(view.heater_high_c[i])))
        if view.hp_kw[i] > 0:
            nxt = min(t + 1, m - 1)
            low = float(max(view.house_low_c[i, t], view.house_low_c[i, nxt]))
            high = float(min(view.house_high_c[i, t], view.house_high_c[i, nxt]))
            model.rules.add(pyo.inequality(low, model.warmth[t], high))
    ends = (
        (model.soc, view.battery_end_kwh, view.battery_kw),
        (model.car, np.minimum(view.ev_end_kwh, wanted), view.ev_kw),
    )
    heats = ((model.water, view.heater_end_c, view.heater_kw), (model.warmth, view.house_end_c, view.hp_kw))
    for content, end, rated in ends + heats:
        if rated[i] > 0:
            model.rules.add(content[m - 1] >= float(end[i]))
    sell = np.minimum(view.sell_eur_per_kwh[i], view.buy_eur_per_kwh[i])
    wear = float(view.battery_wear_eur_per_kwh[i])
    model.cost = pyo.Objective(
        expr=sum(
            h
            * (float(view.buy_eur_per_kwh[i, t]) * model.buy[t] - float(sell[t]) * model.sell[t] + wear * model.give[t])
            for t in range(m)
        )
    )
    found = pyo.SolverFactory("appsi_highs").solve(model)
    pyo.assert_optimal_termination(found)
    return float(pyo.value(model.cost))


def clean(view):
    """Homes for which everything asked can be had, so that both programmes have the same limits."""
    found = reference(view)
    return (found.beyond_kwh < 1e-7) & (found.missing_kwh < 1e-7)


def test_two_programmes_written_apart_agree(population):
    view = population(12, 48, 5, ev_end_kwh=0.0, ev_target_share=0.95, heater_draw_kwh=0.05, contracted_kw=15.0)
    rows = np.flatnonzero(clean(view))
    assert len(rows) >= 8
    opinions = [second_opinion(view, int(i)) for i in rows]
    np.testing.assert_allclose(
        reference_cost(view, rows), opinions, atol=2e-4
    )  # the tie cost moves the optimum this much


def test_the_reference_is_a_plan(population):
    view = population(20, 48, 1)
    found = reference(view)
    assert (found.plan.net_kw <= view.contracted_kw[:, None] + 1e-6)[found.beyond_kwh < 1e-9].all()
    held = simulate(view, found.plan).battery_kwh[view.battery_kw > 0]
    assert (held >= view.battery_min_kwh[view.battery_kw > 0, None] - 1e-6).all()


def test_a_home_alone_has_the_cost_it_has_among_others(population):
    """Hot starts may choose among equally cheap plans; the cost is the same to the tie cost."""
    view = population(10, 32, 9)
    together = reference_cost(view)
    alone = [reference_cost(take(view, slice(i, i + 1)))[0] for i in range(10)]
    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_population_plan_is_within_a_per_cent_of_the_optimum(population, share):
    view = population(100, 96, 17, share=share)
    rows = np.flatnonzero(clean(view))
    assert len(rows) > 80
    part = take(view, rows)
    optimum, reached = reference_cost(part), cost_eur(part, plan(part))
    assert (reached >= optimum - 1e-4).all()
    assert reached.sum() <= 1.01 * optimum.sum()
    gap = (reached - optimum) / np.maximum(np.abs(optimum), 1.0)
    assert np.median(gap) <= 0.01


def test_missing_comfort_and_power_are_told(population):
    cold = population(3, 12, 2, share=1.0, contracted_kw=0.1, pv_kw=0.0)
    found = reference(cold)
    assert (found.beyond_kwh > 0).all()
    assert not found.missing_kwh.any()
    stranded = cold._replace(ev_kwh=np.full(3, 1.0), ev_drive_kwh=np.full((3, 12), 2.0))
    assert (reference(stranded).missing_kwh > 0).all()
