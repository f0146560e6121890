"""World -> tables: what a run keeps, as columns (data/tables.yaml documents them)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.prosumer_book import TANK_LOW_C
from data.arrays import F64, I64
from data.copies import original
from environment.devices import device_kind
from environment.grid.flow import Flow
from environment.grid.limits import Limits
from environment.physics import Physics
from environment.world import World
from experiments.assembly.people import HOMES, PLANTS, People
from experiments.assembly.site import Site
from experiments.run.attacks import attack_table
from experiments.run.balancing import balancing_tables
from experiments.run.events import grid_events
from experiments.run.global_market import register_tables
from experiments.run.heaters import customer_table, heater_tables
from experiments.scenario.people import NOBODY

Table = dict[str, Any]

REGISTERED = (
    "forecasts", "actuals", "needs", "bids", "clearings", "baselines", "activations", "deliveries", "settlements",
    "measures", "unmet", "availability", "refused_baselines", "refused_requests", "overrides", "shortfalls", "comparisons",
    "admissions", "installation_plans", "installers", "installations", "plan_decisions", "consents", "data_requests", "rights", "modes",
    "resolves", "corrections", "home_bids", "home_commitments", "home_activations", "home_settlements", "feeder_needs", "simulated_markets", "service_figures",
    "community_members", "community_needs", "community_markets", "community_prices", "community_energies", "community_settlements", "community_flexibility",
    "asm_bids", "component_messages", "excluded_bids", "perimeter_limits", "perimeter_evaluations", "bid_components",
    "line_limits", "line_reliefs", "perimeter_nodes", "system_needs", "global_bids", "global_clearings",
    "global_results", "registered_quantities", "limitation_notices", "bsp_orders", "late_constraints", "global_schedules",
    "measurements", "associations", "refused_measurements", "filed_baselines", "verifications", "verification_outcomes", "collected_deliveries",
    "report_checks", "clarifications", "delivered_services", "service_settlements", "service_purchases", "operator_purchases", "commercial_purchases", "responsible_imbalances",
    "virtual_assets", "pool_baselines", "pool_allocations", "pool_offers", "joined_offers", "reserve_auctions", "area_signals", "reserve_orders",
    "reserve_deliveries", "reserve_reports", "reserve_imbalances",
    "retrofits", "heater_models", "heater_plans", "withdrawals", "data_answers", "registrations", "first_values",
    "registered_points", "static_lights", "dynamic_lights", "topology_matrix", "topology_acknowledgements", "pool_tests", "pool_test_orders",
    "pool_test_hours", "register_restarts",
)  # fmt: skip
"""Tables that parties write in registers of their own."""
ASKED = ("needs", "clearings", "activations", "overrides", "shortfalls")
"""Tables that conformance asks whether something happened at all: kept without rows too, so that "nothing" differs from "not kept"."""


def physical_tables(site: Site) -> dict[str, Table]:
    """Grid, devices, meters and how people fared: the tables that a twin keeps as well."""
    physics = site.living.physics
    steps = physics.meters.known - physics.first
    t_ms = site.timeline.starts_ms[physics.first : physics.meters.known]
    tables = _grid(physics, t_ms)
    if site.scenario.results.detail == "full":
        tables["devices"] = _devices(site, physics, t_ms, steps)
    tables["meters"] = _meters(physics, t_ms)
    tables["comfort"] = _comfort(site.people, physics, t_ms, steps)
    tables["departures"] = _departures(site, physics, steps)
    return tables | heater_tables(site) | balancing_tables(site)


def _long(values: F64) -> F64:
    """(items, steps) -> one column, item by item."""
    return np.ascontiguousarray(values).ravel()


def _names(names: Any, steps: int) -> NDArray[Any]:
    return np.repeat(np.array(names, object), steps)


def _grid(physics: Physics, t_ms: I64) -> dict[str, Table]:
    batches = physics.flows()
    network = batches[0][1].network
    branches = network.branches
    steps = len(t_ms)

    def of(attribute: str) -> F64:
        return np.concatenate([getattr(flow, attribute) for _, flow in batches]).T

    volts = np.concatenate([np.where(flow.energised, flow.v_pu, np.nan) for _, flow in batches]).T

    return {
        "grid_branches": {
            "t_ms": np.tile(t_ms, len(branches)),
            "branch": _names(branches.names, steps),
            "kind": _names(branches.kind, steps),
            "loading_percent": _finite(_long(of("loading_percent"))),
            "i_ka": _finite(_long(of("i_ka"))),
            "p_kw": _finite(_long(of("p_from_kw"))),
            "q_kvar": _finite(_long(of("q_from_kvar"))),
            "loss_kw": _finite(_long(of("branch_losses_kw"))),
        },
        "grid_buses": {
            "t_ms": np.tile(t_ms, network.n_bus),
            "bus": _names(network.bus_names, steps),
            "v_pu": _finite(_long(volts)),
        },
        "idle_voltages": _idle(physics, [int(t_ms[begin]) for begin, _ in batches]),
        "unserved": {"t_ms": t_ms, "power_kw": np.nan_to_num(_unserved(batches))},
        "events": grid_events(physics, batches, t_ms),
    }


def _idle(physics: Physics, starts_ms: list[int]) -> Table:
    """Voltages in each switching state were nothing connected: how far loads and generation move a bus is told from them."""
    network = physics.grid.states[0][1].network
    nothing = np.zeros((1, network.n_bus))
    flows = [physics.grid.at(at).solve(nothing, nothing) for at in starts_ms]
    volts = np.concatenate([np.where(flow.energised, flow.v_pu, np.nan) for flow in flows])
    return {
        "from_ms": np.repeat(np.array(starts_ms, np.int64), network.n_bus),
        "bus": np.tile(np.array(network.bus_names, object), len(starts_ms)),
        "v_pu": _finite(_long(volts)),
    }


def _unserved(batches: list[tuple[int, Flow]]) -> F64:
    return np.concatenate([flow.unserved_kw for _, flow in batches])


def _finite(values: F64) -> Any:
    """Unknown values (a flow without solution, the voltage of a bus without supply) as None."""
    return values if np.isfinite(values).all() else [value if np.isfinite(value) else None for value in values.tolist()]


def _devices(site: Site, physics: Physics, t_ms: I64, steps: int) -> Table:
    first = physics.first
    owners = [_names(site.people.names, steps)]
    kinds = [np.full(site.people.n * steps, "load", object)]
    power = [_long(site.people.load_kw[:, first : first + steps])]
    state = [np.full(site.people.n * steps, np.nan)]
    for kind, one in physics.installed.items():
        owners.append(_names(one.fleet.owners, steps))
        kinds.append(np.full(one.fleet.n * steps, kind, object))
        power.append(_long(physics.record.power_kw[kind][:, :steps]))
        unit = device_kind(kind).STATE_UNIT
        values = _long(physics.record.state[kind][:, :steps])
        state.append(values if unit else np.full(len(values), np.nan))
    count = sum(len(part) for part in power) // max(steps, 1)
    return {
        "t_ms": np.tile(t_ms, count),
        "owner": np.concatenate(owners),
        "kind": np.concatenate(kinds),
        "power_kw": np.concatenate(power),
        "state": _nullable(np.concatenate(state)),
    }


def _nullable(values: F64) -> Any:
    import pyarrow as pa

    return pa.array(values, mask=~np.isfinite(values))


def _meters(physics: Physics, t_ms: I64) -> Table:
    store = physics.meters
    kwh = store.kw[:, physics.first : store.known] * store.timeline.hours
    return {
        "t_ms": np.tile(t_ms, len(store.names)),
        "meter": _names(store.names, len(t_ms)),
        "import_kwh": _long(np.maximum(kwh, 0.0)),
        "export_kwh": _long(np.maximum(-kwh, 0.0)),
    }


def _comfort(people: People, physics: Physics, t_ms: I64, steps: int) -> Table:
    """Distance of rooms and tanks outside the band that their homes asked for; a row where there is one, and one of each at least."""
    parts: list[tuple[list[str], str, F64]] = []
    pump = physics.installed["heat_pump"]
    low = people.drawn.comfort_c - people.drawn.comfort_width_k
    rooms = np.maximum(low[pump.owner, None] - physics.record.state["heat_pump"][:, :steps], 0.0)
    parts.append(([people.names[k] for k in pump.owner], "heat_pump", rooms))
    tank = physics.installed["water_heater"]
    cold = np.maximum(TANK_LOW_C - physics.record.state["water_heater"][:, :steps], 0.0)
    parts.append(([people.names[k] for k in tank.owner], "water_heater", cold))
    table: Table = {"t_ms": [], "owner": [], "kind": [], "violation_c": []}
    for names, kind, distance in parts:
        keep = distance > 0.0
        if len(names):
            keep[:, 0] = True
        rows, columns = np.nonzero(keep)
        table["t_ms"].append(t_ms[columns])
        table["owner"].append(np.array(names, object)[rows] if len(names) else np.array([], object))
        table["kind"].append(np.full(len(rows), kind, object))
        table["violation_c"].append(distance[rows, columns])
    return {name: np.concatenate(parts) for name, parts in table.items()}


def _departures(site: Site, physics: Physics, steps: int) -> Table:
    """Every departure of a car in the run and what its battery lacked against the level asked for."""
    cars, first, people = physics.installed["ev"], physics.first, site.people
    away = people.cars.away[cars.owner, first : first + steps]
    earlier = people.cars.away[cars.owner, first - 1 : first] if first else away[:, :1]
    leaves = away & ~np.concatenate([earlier, away[:, :-1]], axis=1)
    rows, columns = np.nonzero(leaves)
    energy = physics.record.state["ev"]
    target = people.ratings["ev"]["target_share"][cars.owner] * people.ratings["ev"]["kwh"][cars.owner]
    before = np.where(columns > 0, energy[rows, np.maximum(columns - 1, 0)], target[rows])
    return {
        "t_ms": site.timeline.starts_ms[first + columns],
        "owner": np.array([people.names[k] for k in cars.owner], object)[rows],
        "missing_kwh": np.maximum(target[rows] - before, 0.0).round(9),
    }


def static_tables(site: Site, world: World) -> dict[str, Table]:
    """Who is who, where they are connected, and the network's geometry."""
    people, network = site.people, site.network
    addresses = world.directory.addresses
    loading = Limits(site.scenario.grid.limits.transformer_percent, site.scenario.grid.limits.line_percent)
    end = network.branches
    return {
        "addresses": {
            "address": [one.name for one in addresses],
            "party": [
                one.operator if one.device or original(one.party) in (HOMES, PLANTS) else one.party for one in addresses
            ],
            "actors": [list(one.actors) for one in addresses],
            "operator": [one.operator for one in addresses],
            "device": [one.device for one in addresses],
        },
        "homes": {
            "owner": list(people.names),
            "bus": [network.bus_names[bus] for bus in people.bus],
            "meter": [f"{name}/meter" for name in people.names],
            "tariff": [people.tariff_names[k] for k in people.tariff],
            "fsp": [None if fsp == NOBODY else fsp for fsp in people.fsp],
            "consent": people.consent,
            "automatic": people.automatic,
            "contracted_kw": people.contracted_kw,
        },
        "network_buses": {
            "bus": list(network.bus_names),
            "x": network.coordinates[:, 0],
            "y": network.coordinates[:, 1],
            "vn_kv": network.bus_kv,
            "zone": list(network.bus_zone),
        },
        "network_branches": {
            "branch": list(end.names),
            "kind": list(end.kind),
            "from_bus": [network.bus_names[bus] for bus in end.from_bus],
            "to_bus": [network.bus_names[bus] for bus in end.to_bus],
            "limit": loading.percent(network),
            "length_km": end.length_km,
        },
    }


def party_tables(site: Site, world: World) -> dict[str, Table]:
    """What parties said, did and kept: the journal and their registers."""
    journal = world.bus.journal
    tables: dict[str, Table] = {
        "conversations": journal.conversation_table(),
        "messages": journal.messages(),
        "acts": journal.act_table(),
        "scada": scada_table(site),
    }
    tables |= {name: {} for name in ASKED}
    tables |= {f"content/{name}": columns for name, columns in journal.contents().items()}
    for name in REGISTERED:
        columns = registered(world, name)
        if columns:
            tables[name] = columns
    tried = registered(world, "attacks")
    if tried:
        tables["attacks"] = attack_table(tried, journal)
    return tables | customer_table(site, world) | register_tables(site, world) | ledger_table(world)


def registered(world: World, name: str) -> Table:
    """A register of that name, of all parties together, by name of the party."""
    parts = [actor.party.registers[name].columns() for actor in _census(world) if name in actor.party.registers]
    parts = [part for part in parts if part]
    return {column: np.concatenate([part[column] for part in parts]) for column in parts[0]} if parts else {}


def ledger_table(world: World) -> dict[str, Table]:
    """All payments, numbered in order of booking and names."""
    columns = registered(world, "ledger")
    if not columns:
        return {}
    order = np.lexsort((columns["creditor"].astype(str), columns["debtor"].astype(str), columns["t_ms"]))
    table = {name: column[order] for name, column in columns.items()}
    return {"ledger": {"entry": np.arange(len(order), dtype=np.int64), **table}}


def _census(world: World) -> list[Any]:
    return sorted(world.agents, key=lambda actor: actor.party.name)


def scada_table(site: Site) -> Table:
    """What the control room of a site was shown."""
    site.living.physics.show_snapshots()
    view = site.living.scada
    times = np.array([at_ms for at_ms, _ in view.history], np.int64)
    values = np.array([values for _, values in view.history], np.float64).reshape(len(times), len(view.points))
    element, quantity = zip(*(point.rsplit(".", 1) for point in view.points), strict=True)
    return {
        "t_ms": np.tile(times, len(view.points)),
        "point": _names(element, len(times)),
        "quantity": _names(quantity, len(times)),
        "value": _long(values.T),
    }
