"""The central schedule of a community written down once more, from the view and the models' coefficients alone, in pyomo."""

import numpy as np
import pyomo.environ as pyo

from agents.strategies.home_model import house, tank


def optimum_eur(of, high_kw=None, by_net=False):
    """Least cost of all members, energy, grid tariff and wear [EUR]; every member has all kinds of devices, some of rating zero.

    Args:
        of: the community; comfort and contracts can be kept.
        high_kw: limit of the community's net load (m,).
        by_net: the net load decides who may sell (binaries), else own generation may be sold at any time.
    """
    view, h = of.view, of.view.hours
    model = pyo.ConcreteModel()
    model.i, model.t = pyo.RangeSet(0, of.n - 1), pyo.RangeSet(0, of.m - 1)
    for name in ("supply", "surplus", "bought", "sold", "take", "give", "ev", "heat", "hp"):
        setattr(model, name, pyo.Var(model.i, model.t, domain=pyo.NonNegativeReals))
    for name in ("soc", "car", "water", "warmth"):
        setattr(model, name, pyo.Var(model.i, model.t))
    model.rules = pyo.ConstraintList()
    for i in range(of.n):
        _member(model, view, i)
        for t in range(of.m):
            made = float(view.pv_kw[i, t]) + model.give[i, t]
            model.rules.add(model.sold[i, t] + model.surplus[i, t] <= made)
    for t in range(of.m):
        model.rules.add(sum(model.bought[i, t] for i in model.i) == sum(model.sold[i, t] for i in model.i))
        if high_kw is not None and np.isfinite(high_kw[t]):
            model.rules.add(sum(model.supply[i, t] - model.surplus[i, t] for i in model.i) <= float(high_kw[t]))
    if by_net:
        _sides(model, of)
    model.cost = pyo.Objective(
        expr=h
        * sum(
            float(view.buy_eur_per_kwh[i, t]) * model.supply[i, t]
            - float(view.sell_eur_per_kwh[i, t]) * model.surplus[i, t]
            + float(of.share_eur_per_kwh[i, t]) * model.bought[i, t]
            + float(view.battery_wear_eur_per_kwh[i]) * model.give[i, t]
            for i in model.i
            for t in model.t
        )
    )
    pyo.assert_optimal_termination(pyo.SolverFactory("appsi_highs").solve(model))
    return float(pyo.value(model.cost))


def _sides(model, of):
    model.buys = pyo.Var(model.i, model.t, domain=pyo.Binary)
    for i in range(of.n):
        most = float(of.view.contracted_kw[i])
        for t in range(of.m):
            made = float(of.view.pv_kw[i, t] + of.view.battery_kw[i])
            model.rules.add(model.supply[i, t] + model.bought[i, t] <= most * model.buys[i, t])
            model.rules.add(model.surplus[i, t] + model.sold[i, t] <= made * (1 - model.buys[i, t]))


def _member(model, view, i):
    h, wanted = view.hours, float(view.ev_target_share[i] * view.ev_kwh_capacity[i])
    water, warm = tank(view), house(view)
    for t in range(view.m):
        last = t - 1
        flexible = model.take[i, t] - model.give[i, t] + model.ev[i, t] + model.heat[i, t] + model.hp[i, t]
        net = float(view.load_kw[i, t] - view.pv_kw[i, t]) + flexible
        model.rules.add(model.supply[i, t] + model.bought[i, t] - model.surplus[i, t] - model.sold[i, t] == net)
        model.rules.add(model.supply[i, t] + model.bought[i, t] <= float(view.contracted_kw[i]))
        rated = (("take", view.battery_kw), ("give", view.battery_kw), ("heat", view.heater_kw), ("hp", view.hp_kw))
        for name, kw in rated:
            model.rules.add(getattr(model, name)[i, t] <= float(kw[i]))
        model.rules.add(model.ev[i, t] <= float(view.ev_kw[i] * view.ev_plugged[i, t]))
        soc = model.soc[i, last] if t else float(view.battery_soc_kwh[i])
        car = model.car[i, last] if t else float(view.ev_kwh[i])
        was_water = model.water[i, last] if t else float(view.heater_c[i])
        was_warm = model.warmth[i, last] if t else float(view.house_c[i])
        charged = float(view.battery_eta_charge[i]) * model.take[i, t]
        model.rules.add(
            model.soc[i, t] == soc + h * (charged - model.give[i, t] / float(view.battery_eta_discharge[i]))
        )
        driven = float(view.ev_drive_kwh[i, t])
        model.rules.add(model.car[i, t] == car + h * float(view.ev_eta_charge[i]) * model.ev[i, t] - driven)
        for store, content, was, power in (
            (water, model.water, was_water, model.heat),
            (warm, model.warmth, was_warm, model.hp),
        ):
            by_power = float(store.gain[i, t]) * power[i, t]
            model.rules.add(content[i, t] == float(store.keep[i]) * was + float(store.drift[i, t]) + by_power)
        if view.battery_kw[i] > 0:
            limits = float(view.battery_min_kwh[i]), float(view.battery_max_kwh[i])
            model.rules.add(pyo.inequality(limits[0], model.soc[i, t], limits[1]))
        leaves = t + 1 < view.m and view.ev_plugged[i, t] and not view.ev_plugged[i, t + 1]
        if view.ev_kw[i] > 0:
            model.rules.add(pyo.inequality(wanted if leaves else 0.0, model.car[i, t], wanted))
        if view.heater_kw[i] > 0:
            model.rules.add(
                pyo.inequality(float(view.heater_low_c[i]), model.water[i, t], float(view.heater_high_c[i]))
            )
        if view.hp_kw[i] > 0:
            nxt = min(t + 1, view.m - 1)
            low = float(max(view.house_low_c[i, t], view.house_low_c[i, nxt]))
            high = float(min(view.house_high_c[i, t], view.house_high_c[i, nxt]))
            model.rules.add(pyo.inequality(low, model.warmth[i, t], high))
    ends = (
        (model.soc, view.battery_end_kwh, view.battery_kw),
        (model.car, np.minimum(view.ev_end_kwh, wanted), view.ev_kw),
        (model.water, view.heater_end_c, view.heater_kw),
        (model.warmth, view.house_end_c, view.hp_kw),
    )
    for content, end, rating in ends:
        if rating[i] > 0:
            model.rules.add(content[i, view.m - 1] >= float(end[i]))
