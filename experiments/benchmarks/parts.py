"""The parts of a world, each alone: rates per second of processor time, the best of a few repetitions."""

import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from agents.strategies import bidding
from agents.strategies.home_plan import plan
from agents.strategies.home_view import HomeView, charged_at_end, homes, keep_start
from environment.addresses import Address, Directory
from environment.bus import Bus, KeyRing
from environment.calendar import Calendar, Timeline
from environment.chance import Chance
from environment.devices import DEVICES, device_kind
from environment.devices.fleet import Fleet
from environment.grid.network import load_network
from environment.grid.power_flow import PowerFlow
from environment.messages.aggregation import AssetTelemetry
from environment.messages.base import Batch
from environment.people import household
from environment.weather.pv_yield import pv_available_kw_per_kwp
from environment.weather.records import Site
from environment.weather.sources import weather_for
from environment.world import garbage_left_alone

NETWORK = "simbench/1-MVLV-semiurb-3.202-0-sw"
STEPS_A_DAY = 96
STEP_H = 0.25
REPEATS = 3


def rate(count: int, work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Things per second of processor time: ``work`` does ``count`` of them; the best of some repetitions, the first warms up."""
    best = np.inf
    for _ in range(repeats + 1):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return count / max(best, 1e-9)


def messages(count: int, batch: int) -> float:
    """Messages/s through the bus: ids, digest, signature, transmission, acknowledgement, checks at the door, journal.

    The batches are made before, and garbage is collected as in a world.

    Args:
        count: number of messages.
        batch: how many are sent at once.
    """
    best = 0.0
    for _ in range(REPEATS + 1):
        bus, ring, receiver = _bus(batch)
        batches = [_telemetry(batch, receiver) for _ in range(count // batch)]

        def send(bus: Bus = bus, ring: KeyRing = ring, batches: list[Batch[AssetTelemetry]] = batches) -> None:
            for number, one in enumerate(batches):
                bus.post(one, ring, 1000 * number)

        with garbage_left_alone():
            best = max(best, rate(count // batch * batch, send, repeats=0))
    return best


def _bus(devices: int) -> tuple[Bus, KeyRing, int]:
    addresses = [Address(f"home-{k:06d}/der", "homes", ("der",), f"home-{k:06d}", device=True) for k in range(devices)]
    directory = Directory([*addresses, Address("the-aggregator", "aggregator", ("aggregator",), "aggregator")])
    bus = Bus(directory, Chance(1), {"AssetTelemetry": frozenset({"der"})})
    return bus, bus.key_ring(directory.parties.index("homes")), directory.number("the-aggregator")


def _telemetry(n: int, receiver: int) -> Batch[AssetTelemetry]:
    columns = {
        "active_kw": np.linspace(0.0, 3.0, n), "reactive_kvar": np.zeros(n), "voltage_pu": np.ones(n),
        "connected": np.ones(n, bool), "communicating": np.ones(n, bool),
    }  # fmt: skip
    return Batch(AssetTelemetry, np.arange(n), np.full(n, receiver), columns, "SUC05.1/1:benchmark")


def device_steps(devices: int, steps: int = STEPS_A_DAY) -> dict[str, float]:
    """Device-steps/s of every kind in a fleet of its examples, half of them under a set-point."""
    return {kind: _fleet_rate(kind, devices, steps) for kind in DEVICES}


def _fleet_rate(kind: str, devices: int, steps: int) -> float:
    module = device_kind(kind)
    ratings, state, inputs = module.examples(np.random.default_rng(1), devices)
    timeline = Timeline(0, round(STEP_H * 3_600_000), steps)
    names = [f"device-{k}" for k in range(devices)]

    def live() -> None:
        fleet = Fleet(module, names, ratings, state, lambda _: inputs, timeline)
        fleet.schedule(0, np.arange(0, devices, 2), 0, np.full((1, steps), 0.5))
        for step in range(steps):
            fleet.advance((step + 1) * timeline.step_ms)
            fleet.step_energy(step)

    return rate(devices * steps, live)


def schedules(count: int) -> float:
    """Home schedules/s: the cheapest day of homes with photovoltaics, battery, car, water heater and heat pump."""
    view = example_homes(count)
    return rate(count, lambda: plan(view))


def example_homes(n: int, m: int = STEPS_A_DAY) -> HomeView:
    """Homes with all devices at plausible ratings, a tariff with an evening peak, a car away at work."""
    rng, hour = np.random.default_rng(1), np.arange(m) * STEP_H % 24.0
    sun = np.maximum(np.sin((hour - 7.0) / 10.0 * np.pi), 0.0) * ((hour > 7.0) & (hour < 17.0))
    away = (hour > 8.0) & (hour < 17.5)
    view = homes(
        n, m, STEP_H, buy_eur_per_kwh=np.where((hour >= 17.0) & (hour < 21.0), 0.35, 0.22), sell_eur_per_kwh=0.08,
        contracted_kw=6.0, load_kw=rng.uniform(0.1, 1.2, (n, m)), pv_kw=rng.uniform(2.0, 6.0, (n, 1)) * sun,
        battery_kwh=8.0, battery_kw=4.0, battery_eta_charge=0.95, battery_eta_discharge=0.95,
        battery_soc_kwh=rng.uniform(0.0, 8.0, n), battery_max_kwh=8.0, battery_wear_eur_per_kwh=0.02,
        ev_kw=3.7, ev_kwh_capacity=50.0, ev_eta_charge=0.9, ev_kwh=rng.uniform(20.0, 45.0, n), ev_target_share=0.8,
        ev_plugged=~away, ev_drive_kwh=np.where(away, 0.2, 0.0),
        heater_kw=1.5, heater_kwh_per_k=0.116, heater_ua_kw_per_k=0.0015, heater_c=rng.uniform(50.0, 60.0, n),
        heater_low_c=45.0, heater_high_c=70.0, heater_set_c=58.0, heater_ambient_c=18.0,
        heater_draw_kwh=np.where((hour > 6.5) & (hour < 8.0), 0.3, 0.02),
        hp_kw=3.0, hp_cop=3.0, house_kwh_per_k=8.0, house_loss_kw_per_k=0.2, house_c=rng.uniform(19.5, 21.0, n),
        house_low_c=19.0, house_high_c=22.0, house_set_c=20.5, temp_out_c=5.0, gains_kw=0.3,
    )  # fmt: skip
    return charged_at_end(keep_start(view))


def people_and_sun(count: int, days: int) -> dict[str, float]:
    """What set-up and history are made of: loads of households and yields of photovoltaic plants, each with a slope of its own, in steps/s."""
    zone = ZoneInfo("Europe/Rome")
    calendar = Calendar(datetime(2016, 1, 18, tzinfo=zone), zone)
    timeline, chance = Timeline(0, round(STEP_H * 3_600_000), days * STEPS_A_DAY), Chance(1)
    place = Site("Rome", 41.89, 12.50, 49.0)
    weather = weather_for(place, calendar, timeline, chance)
    people = household.homes(chance, [f"home-{k:06d}" for k in range(count)])

    def live() -> None:
        household.household_load_kw(
            chance, people.names, people.persons, people.annual_kwh, calendar, timeline, weather, people.shift_h, people.level
        )  # fmt: skip

    tilt, azimuth = np.linspace(5.0, 45.0, count), np.linspace(90.0, 270.0, count)
    return {
        "home-steps/s, load of households": rate(count * timeline.n, live),
        "plant-steps/s, yield of photovoltaics": rate(
            count * timeline.n, lambda: pv_available_kw_per_kwp(place, calendar, timeline, weather, tilt, azimuth)
        ),
    }


def orders(count: int) -> float:
    """Homes/s to which a provider's call of an hour in fifty areas is handed on."""
    rng = np.random.default_rng(1)
    names = np.char.add("home-", np.arange(count).astype("U6"))
    homes_of = bidding.Homes(names, rng.integers(0, 50, count), rng.choice([0.1, 0.2, 0.3], count), np.zeros(count))
    potential, call = rng.uniform(0, 3, (count, 4)), np.full((50, 4), count / 100.0)
    return rate(count, lambda: bidding.disaggregate(homes_of, potential, call))


def power_flows(steps: int) -> dict[str, float]:
    """Power flows/s of the default network of 243 buses, one by one as SCADA does and in one batch as the results do."""
    network = load_network(NETWORK)
    flow = PowerFlow(network)
    p_kw = np.bincount(network.loads.bus, network.loads.p_kw, network.n_bus)
    table = p_kw * np.random.default_rng(1).uniform(0.2, 0.6, (steps, 1))
    return {
        "power flows/s, one by one": rate(steps, lambda: [flow.solve(row, 0.3 * row).loading_percent for row in table]),
        "power flows/s, in one batch": rate(steps, lambda: flow.solve(table, 0.3 * table).loading_percent),
    }


def all_rates(*, quick: bool) -> dict[str, float]:
    """Everything per second, by what it is."""
    few = 20 if quick else 1
    found = {
        "messages/s through the bus, singly": messages(4000 // few, 1),
        "messages/s through the bus, in batches of 100": messages(200_000 // few, 100),
        "messages/s through the bus, in batches of 10 000": messages(1_000_000 // (5 * few), 10_000),
    }
    for devices in (200, 10_000 // few):
        for kind, steps in device_steps(devices, STEPS_A_DAY // (4 if quick else 1)).items():
            found[f"device-steps/s, {kind}, fleet of {devices}"] = steps
    found["home schedules/s (96 steps, all devices)"] = schedules(1000 // few)
    found["homes/s that a call in 50 areas is handed on to"] = orders(100_000 // few)
    return found | people_and_sun(200 // few, 30 // (5 if quick else 1)) | power_flows(200 // few)
