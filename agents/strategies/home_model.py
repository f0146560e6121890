"""The model a HEMS has of its own house: four first-order stores, stepped exactly, and the controls the devices have built in.

Every store obeys, over a step with constant inputs,

    x+ = keep x + drift + gain p        p: mean electrical power [kW]

EV and battery: keep = 1, x the stored energy [kWh], gain = eta_charge h (a discharging battery loses h / eta_discharge per kW).
Tank (one node) and building (1R1C): x the temperature, C dT/dt = heat - UA (T - T_around), so

    keep = exp(-UA h / C),  gain = COP (1 - keep) / UA,  drift = (1 - keep) (T_around + other heat / UA).

Between two instants of a step the temperature moves in one direction, so bounds that hold at the ends hold within.
"""

from typing import NamedTuple

import numpy as np

from agents.strategies.home_view import HomePlan, HomeView
from data.arrays import F64


class Linear(NamedTuple):
    """x+ = keep x + drift + gain p: ``keep`` (n,), ``drift`` and ``gain`` (n, m), per kW over one step."""

    keep: F64
    drift: F64
    gain: F64


class States(NamedTuple):
    """Stored energies [kWh] and temperatures [degC] at the m + 1 instants of the horizon, (n, m + 1)."""

    ev_kwh: F64
    battery_kwh: F64
    heater_c: F64
    house_c: F64


def thermal(capacity_kwh_per_k: F64, loss_kw_per_k: F64, hours: float) -> tuple[F64, F64]:
    """Share of the temperature difference kept over a step, and kelvins per kW of heat over it; (n,) each, also without losses."""
    exponent = loss_kw_per_k * hours / capacity_kwh_per_k
    safe = np.where(exponent > 1e-12, exponent, 1.0)
    shape = np.where(exponent > 1e-12, -np.expm1(-safe) / safe, 1.0)
    return np.exp(-exponent), shape * hours / capacity_kwh_per_k


def tank(view: HomeView) -> Linear:
    """The water heater: drift by standing loss and by the expected draw, spread over its step."""
    keep, per_kw = thermal(view.heater_kwh_per_k, view.heater_ua_kw_per_k, view.hours)
    drift = ((1.0 - keep) * view.heater_ambient_c)[:, None] - per_kw[:, None] * (view.heater_draw_kwh / view.hours)
    return Linear(keep, drift, np.repeat(per_kw[:, None], view.m, axis=1))


def house(view: HomeView) -> Linear:
    """The building: drift by weather and gains, one kW of the heat pump gives COP kW of heat."""
    keep, per_kw = thermal(view.house_kwh_per_k, view.house_loss_kw_per_k, view.hours)
    drift = (1.0 - keep)[:, None] * view.temp_out_c + per_kw[:, None] * view.gains_kw
    return Linear(keep, drift, per_kw[:, None] * view.hp_cop)


def simulate(view: HomeView, plan: HomePlan) -> States:
    """What the model expects of a plan that is carried out as written; a car that drives further than its energy arrives empty."""
    return States(
        ev_kwh=_run_ev(view, plan.ev_kw),
        battery_kwh=_run_battery(view, plan.battery_kw),
        heater_c=_run(tank(view), view.heater_c, plan.heater_kw),
        house_c=_run(house(view), view.house_c, plan.heat_pump_kw),
    )


def _run(store: Linear, start: F64, power_kw: F64) -> F64:
    state = np.empty((len(start), power_kw.shape[1] + 1))
    state[:, 0] = start
    for t in range(power_kw.shape[1]):
        state[:, t + 1] = store.keep * state[:, t] + store.drift[:, t] + store.gain[:, t] * power_kw[:, t]
    return state


def _run_ev(view: HomeView, power_kw: F64) -> F64:
    state = np.empty((view.n, view.m + 1))
    state[:, 0] = view.ev_kwh
    for t in range(view.m):
        change = view.ev_eta_charge * view.hours * power_kw[:, t] - view.ev_drive_kwh[:, t]
        state[:, t + 1] = np.maximum(state[:, t] + change, 0.0)
    return state


def _run_battery(view: HomeView, power_kw: F64) -> F64:
    gain = np.where(power_kw > 0, view.battery_eta_charge[:, None], 1.0 / view.battery_eta_discharge[:, None])
    return np.cumsum(np.concatenate([view.battery_soc_kwh[:, None], gain * power_kw * view.hours], axis=1), axis=1)


def own_controls(view: HomeView) -> HomePlan:
    """What the devices do without a HEMS: the car charges on arrival, thermostats hold their set temperature, the battery rests."""
    ev_kw = _plug_and_charge(view)
    heater_kw = _thermostat(
        tank(view), view.heater_c, np.repeat(view.heater_set_c[:, None], view.m, axis=1), view.heater_kw
    )
    heat_pump_kw = _thermostat(house(view), view.house_c, view.house_set_c, view.hp_kw)
    return with_net(view, ev_kw, np.zeros((view.n, view.m)), heater_kw, heat_pump_kw)


def with_net(view: HomeView, ev_kw: F64, battery_kw: F64, heater_kw: F64, heat_pump_kw: F64) -> HomePlan:
    """The plan of these device powers, with the net load they and the forecasts make."""
    net_kw = view.load_kw - view.pv_kw + heat_pump_kw + heater_kw + ev_kw + battery_kw
    return HomePlan(ev_kw, battery_kw, heater_kw, heat_pump_kw, net_kw)


def _plug_and_charge(view: HomeView) -> F64:
    power_kw = np.empty((view.n, view.m))
    energy, wanted = view.ev_kwh, view.ev_target_share * view.ev_kwh_capacity
    per_kw = view.ev_eta_charge * view.hours
    for t in range(view.m):
        limit = np.where(view.ev_plugged[:, t], view.ev_kw, 0.0)
        power_kw[:, t] = np.minimum(np.maximum(wanted - energy, 0.0) / per_kw, limit)
        energy = np.maximum(energy + per_kw * power_kw[:, t] - view.ev_drive_kwh[:, t], 0.0)
    return power_kw


def _thermostat(store: Linear, start: F64, set_c: F64, rated_kw: F64) -> F64:
    power_kw = np.empty(set_c.shape)
    state = start
    for t in range(set_c.shape[1]):
        free = store.keep * state + store.drift[:, t]
        power_kw[:, t] = np.minimum(np.maximum((set_c[:, t] - free) / store.gain[:, t], 0.0), rated_kw)
        state = free + store.gain[:, t] * power_kw[:, t]
    return power_kw


def cost_eur(view: HomeView, plan: HomePlan) -> F64:
    """Energy bought less energy sold, and battery wear, over the horizon (n,) [EUR]; the tie cost is not money."""
    sell = np.minimum(view.sell_eur_per_kwh, view.buy_eur_per_kwh)
    energy = np.maximum(plan.net_kw, 0.0) * view.buy_eur_per_kwh + np.minimum(plan.net_kw, 0.0) * sell
    wear = np.maximum(-plan.battery_kw, 0.0) * view.battery_wear_eur_per_kwh[:, None]
    return np.cumsum((energy + wear) * view.hours, axis=1)[:, -1]
