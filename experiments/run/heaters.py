"""Retrofitted water heaters -> tables: who they are, what became of them, their states, and their days by the true energy balance."""

from typing import Any

import numpy as np

from data.arrays import F64, I64
from environment.devices import stratified_heater
from environment.world import World
from experiments.assembly.heaters import MODULES
from experiments.assembly.site import Site
from experiments.assembly.tanks import KIND, around

Table = dict[str, Any]


def heater_tables(site: Site) -> dict[str, Table]:
    """What a run and its twin keep of tanks with layers; nothing where there are none."""
    if site.scenario.heaters is None:
        return {}
    physics = site.living.physics
    one, first = physics.installed[KIND], physics.first
    steps = physics.meters.known - first
    fleet, rows = one.fleet, one.owner
    outside = around(site.scenario, site.people, site.timeline, site.chance)
    run = slice(first, first + steps)
    hours = site.timeline.hours
    kwh = physics.record.power_kw[KIND][:, :steps] * hours
    missing = physics.record.inner[KIND]["missing_kwh"][:, :steps]
    drawn = outside.draw_kw[rows, run] * hours - np.diff(missing, axis=1, prepend=0.0)
    outlet, mean = physics.record.state[KIND][:, :steps], physics.record.inner[KIND]["mean_c"][:, :steps]
    commanded = physics.record.set_kw[KIND][:, :steps]
    t_ms = site.timeline.starts_ms[run]
    least = site.scenario.heaters.comfort_c
    tables = {
        "heaters": {
            "owner": list(fleet.owners),
            "litres": fleet.ratings.volume_l,
            "heater_kw": fleet.ratings.heater_kw,
            "loss_kw_per_k": fleet.ratings.loss_kw_per_k,
            "set_c": fleet.ratings.set_c,
        },
        "heater_days": _days(site, kwh, drawn, missing, outlet, mean, commanded, outside.loss_factor[rows, run], least)
        | _household_days(site, rows, run),
    }
    if site.scenario.results.detail == "full":
        tables["heater_states"] = {
            "t_ms": np.tile(t_ms, fleet.n),
            "owner": np.repeat(np.array(fleet.owners, object), steps),
            "outlet_c": np.ascontiguousarray(outlet).ravel(),
            "mean_c": np.ascontiguousarray(mean).ravel(),
            "kwh": np.ascontiguousarray(kwh).ravel(),
            "drawn_kwh": np.ascontiguousarray(drawn).ravel(),
            "commanded": _commanded(commanded),
        }
    return tables


def _commanded(set_kw: F64) -> list[bool | None]:
    return [None if np.isnan(kw) else kw > 0.0 for kw in set_kw.ravel().tolist()]


def _days(
    site: Site, kwh: F64, drawn: F64, missing: F64, outlet: F64, mean: F64, commanded: F64, factor: F64, least_c: float
) -> Table:  # fmt: skip
    """Energy balance and comfort of every tank and day of delivery."""
    fleet = site.living.physics.installed[KIND].fleet
    capacity = stratified_heater.capacity_kwh_per_k(fleet.ratings)[:, None]
    begin = (fleet.ratings.set_c - 0.5 * fleet.ratings.dead_band_k)[:, None]
    stored = np.diff(np.concatenate([begin, mean], axis=1), axis=1) * capacity
    lacked = np.diff(missing, axis=1, prepend=0.0)
    days = []
    index = site.timeline.index
    for start_ms, end_ms in site.days_ms:
        span = slice(index(start_ms) - index(0), index(end_ms) - index(0))
        draws = drawn[:, span] > 0.0
        cold = draws & (outlet[:, span] < least_c)
        days.append({
            "t_ms": np.full(fleet.n, start_ms, np.int64), "owner": np.array(fleet.owners, object),
            "kwh": kwh[:, span].sum(axis=1), "drawn_kwh": drawn[:, span].sum(axis=1),
            "stored_kwh": stored[:, span].sum(axis=1),
            "draws": draws.sum(axis=1), "cold_draws": cold.sum(axis=1),
            "cold_kwh": np.where(cold, drawn[:, span], 0.0).sum(axis=1), "missing_kwh": lacked[:, span].sum(axis=1),
            "controlled_h": np.isfinite(commanded[:, span]).sum(axis=1) * site.timeline.hours,
            "mean_c": mean[:, span].mean(axis=1), "loss_factor": factor[:, span].mean(axis=1),
        })  # fmt: skip
    table = {name: np.concatenate([day[name] for day in days]) for name in days[0]}
    table["lost_kwh"] = table["kwh"] - table["drawn_kwh"] - table["stored_kwh"]
    return table


def _household_days(site: Site, rows: I64, run: slice) -> Table:
    """What the homes of the tanks had at the meter on every day of delivery, in the order of ``_days``."""
    said, people, index = site.scenario.heaters, site.people, site.timeline.index
    assert said is not None
    net_kw, hours = site.living.physics.meters.kw[rows, run], site.timeline.hours
    buy, sell = (
        np.array([getattr(people.prices[k], side)[run] for k in people.tariff[rows]])
        for side in ("buy_eur_per_kwh", "sell_eur_per_kwh")
    )
    limit_kw = said.peak_limit * people.contracted_kw[rows, None]
    columns: dict[str, list[F64]] = {name: [] for name in ("cost_eur", "fed_in_kwh", "above_limit_kwh", "peak_kw")}
    for start_ms, end_ms in site.days_ms:
        span = slice(index(start_ms) - index(0), index(end_ms) - index(0))
        net = net_kw[:, span]
        bought, fed = np.maximum(net, 0.0) * hours, np.maximum(-net, 0.0) * hours
        columns["cost_eur"].append((bought * buy[:, span] - fed * sell[:, span]).sum(axis=1))
        columns["fed_in_kwh"].append(fed.sum(axis=1))
        columns["above_limit_kwh"].append(np.maximum(net - limit_kw, 0.0).sum(axis=1) * hours)
        columns["peak_kw"].append(net.max(axis=1))
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def customer_table(site: Site, world: World) -> dict[str, Table]:
    """Who is a customer at the end, under which pseudonym, and with what: as the EMS was told, no truth in it."""
    if site.scenario.heaters is None or not site.scenario.coordination:
        return {}
    parties = {actor.party.name: actor.party for actor in world.agents}
    ems, modules = parties[site.scenario.heaters.operator], parties[MODULES]
    memory = ems.memory
    rows = np.array([memory.row(name) for name in memory.people.people()], np.int64)
    return {
        "heater_customers": {
            "owner": memory.people.people(),
            "pseudonym": memory.pseudonyms(rows),
            "approved": memory.approved[rows],
            "two_probes": modules.hardware.two_probes[rows],
            "household_meter": memory.metered[rows],
            "own_generation": memory.generation[rows],
            "tariff": [memory.tariff[row] for row in rows.tolist()],
        }
    }
