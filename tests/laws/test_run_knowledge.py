"""What parties can know (law 6): nothing but their own, and nothing of the future."""

import gc
import types
from collections import deque
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import simpy

from environment.bus import Bus
from environment.devices.fleet import Fleet
from environment.journal import Journal, Traffic
from environment.party import Party
from environment.physics import GridSide, Physics, Uncontrolled
from environment.weather.records import Weather
from environment.weather.station import WeatherStation
from environment.wiretap import Heard
from environment.world import World
from experiments.assembly import site as build
from experiments.assembly.people import People
from experiments.assembly.world import build_world
from experiments.covers import covers

EVENING_H = 30.5
"""From noon of the day before to half past six, in the middle of the need."""

HIDDEN = (
    World, simpy.Environment, simpy.Event, Bus, Journal, Traffic, Physics, GridSide, Uncontrolled, Fleet, People, WeatherStation,
    build.Site, build.Living,
)  # fmt: skip


# --- the object graph ----------------------------------------------------------------------------------------------------


def parts_of(thing):
    """What can be reached from a thing by attributes, items, closures, bound methods and frames of suspended generators."""
    if isinstance(thing, types.GeneratorType):
        return list(thing.gi_frame.f_locals.values()) if thing.gi_frame is not None else []
    if isinstance(thing, types.FunctionType):
        cells = [cell.cell_contents for cell in thing.__closure__ or ()]
        return [*cells, *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    if isinstance(thing, types.MethodType):
        return [thing.__self__, thing.__func__]
    if isinstance(thing, types.BuiltinMethodType):
        return [thing.__self__]
    if isinstance(thing, partial):
        return [thing.func, thing.args, thing.keywords]
    if isinstance(thing, dict):
        return [*thing.keys(), *thing.values()]
    if isinstance(thing, list | tuple | set | frozenset | deque):
        return list(thing)
    if isinstance(thing, np.ndarray):
        return [thing.base, *(thing.ravel().tolist() if thing.dtype == object else [])]
    slots = [getattr(thing, name) for kind in type(thing).__mro__ for name in _slots(kind) if hasattr(thing, name)]
    return [*getattr(thing, "__dict__", {}).values(), *slots]


def _slots(kind):
    names = kind.__dict__.get("__slots__", ())
    return [names] if isinstance(names, str) else [name for name in names if name not in ("__dict__", "__weakref__")]


def reachable(roots):
    """Everything that can be reached, with the path to it: id -> (thing, path)."""
    found, left = {}, [(root, (type(root).__name__,)) for root in roots]
    while left:
        thing, path = left.pop()
        if (
            id(thing) in found
            or thing is None
            or isinstance(thing, str | bytes | int | float | type | types.ModuleType)
        ):
            continue
        found[id(thing)] = (thing, path)
        left.extend((part, (*path, type(part).__name__)) for part in parts_of(thing))
    return found


def lives_of(party):
    """The suspended processes of a party: generators whose frame has it as self."""
    return [
        thing
        for thing in gc.get_objects()
        if isinstance(thing, types.GeneratorType)
        and thing.gi_frame is not None
        and thing.gi_frame.f_locals.get("self") is party
    ]


@pytest.fixture(scope="module")
def evening(small, small_begun):
    """The small world stopped in the middle of its first activation, with an attacker that has heard and replayed."""
    calls = small.live(small.again(small_begun)).bus.journal.conversations.values()
    begun_ms, ended_ms = next((one.opened_ms, one.ended_ms) for one in calls if one.suc == "SUC06.2")
    replays = [
        {"replay": "HomePlanReport", "as": name, "from": "day 0 13:00", "to": "day 0 16:00"}
        for name in ("home-0001", "home-0002")
    ]
    site = replace(small.again(small_begun), scenario=small.scenario(faults=replays))
    world = build_world(site)
    world.run((begun_ms + ended_ms) // 2)
    return site, world


@pytest.fixture(scope="module")
def communal(small):
    """A small community that is operated centrally, stopped in the evening."""
    one = {"name": "ec-1", "members": "home"}
    site = small.site(
        small.scenario(
            8, people__0__served_by="nobody", actors__fsps=[], actors__communities=[one], clock__history_days=3
        )
    )
    world = build_world(site)
    world.run(round(EVENING_H * 3_600_000))
    return site, world


@pytest.fixture(params=["evening", "pilot_evening", "communal", "retrofit_morning"])
def stopped(request):
    """Worlds stopped while somebody is called: a market's, a service's for households, a community's, and that of water heaters under control."""
    return request.getfixturevalue(request.param)


def parties_of(world):
    return [actor.party for actor in world.agents]


def test_conversations_are_open_when_the_graph_is_walked(evening):
    _, world = evening
    open_ones = {one.suc for one in world.bus.journal.conversations.values() if one.outcome == "open"}
    assert {"SUC05.1", "SUC06.2"} <= open_ones
    assert sum(len(lives_of(party)) for party in parties_of(world)) >= 5
    (attacker,) = (party for party in parties_of(world) if party.name == "attacker-1")
    assert any(isinstance(thing, Heard) for thing, _ in reachable([attacker]).values())


def test_no_party_reaches_the_world_the_truth_or_another_party(stopped):
    _, world = stopped
    for party in parties_of(world):
        for thing, path in reachable([party, *lives_of(party)]).values():
            assert not isinstance(thing, HIDDEN), " > ".join(path)
            assert not isinstance(thing, Party) or thing is party, " > ".join(path)


def test_no_party_holds_an_array_of_the_truth(stopped):
    """True weather, trips, draws and loads to come are in no array that a party can reach."""
    site, world = stopped
    hidden = [*site.weather, *(getattr(site.people.cars, name) for name in ("away", "driven_kw", "departure_step"))]
    hidden += [site.people.load_kw, site.people.pv_kw, site.people.draw_kw, site.living.physics.uncontrolled.others_kw]
    hidden += list(site.living.physics.record.power_kw.values())
    if site.scenario.heaters:  # who learns tanks from their measurements knows no parameter and no state of them
        tanks = site.living.physics.installed["stratified_heater"].fleet
        hidden += [*tanks.ratings, *tanks.state, *site.living.physics.record.inner["stratified_heater"].values()]
    hidden = [array for array in hidden if isinstance(array, np.ndarray)]
    assert len(hidden) > 8
    for party in parties_of(world):
        for thing, path in reachable([party, *lives_of(party)]).values():
            assert not isinstance(thing, Weather) or thing is not site.weather, " > ".join(path)
            if isinstance(thing, np.ndarray) and thing.dtype != object and thing.size:
                assert not any(np.shares_memory(thing, array) for array in hidden), " > ".join(path)


def test_the_walk_finds_what_is_hidden_in_closures_and_frames(evening):
    """A law that could not fail would be none: a smuggled reference is found wherever it is kept."""
    _, world = evening

    class Spy:
        def __init__(self):
            self.look = lambda: world

        def life(self):
            physics = world.physics
            yield physics

    spy = Spy()
    assert any(isinstance(thing, World) for thing, _ in reachable([spy]).values())
    life = spy.life()
    next(life)
    assert any(isinstance(thing, Physics) for thing, _ in reachable([life]).values())


# --- history --------------------------------------------------------------------------------------------------------------


def test_nobody_sees_readings_of_the_future(stopped):
    site, world = stopped
    now = site.timeline.index(world.clock.now_ms)
    assert now > site.timeline.index(0)
    stores = [site.living.physics.meters, *site.living.shares.values()]
    for store in stores:
        assert store.known == now
        assert np.isnan(store.kw[:, now:]).all()
        assert np.isfinite(store.kw[:, :now]).all()
    seen = site.living.hems.seen
    steps = 0 if site.scenario.heaters else now  # no home there has a management of its own
    assert seen.steps == steps
    assert not seen.load_kw[:, steps:].any()
    np.testing.assert_array_equal(seen.load_kw[:, :steps], site.people.load_kw[:, :steps])
    assert all(at_ms <= world.clock.now_ms for at_ms, _ in site.living.scada.history)


@covers("SUC13.1/GDPR-2")
def test_measurements_are_deleted_where_they_have_been_kept_long_enough(pilot_evening):
    """In the database by the hour, where plans are made by the day; what is younger is there, and plans go on."""
    site, world = pilot_evening
    parties = {party.name: party for party in parties_of(world)}
    database, planner = parties["cloud-1"], parties["agg-1"].planner
    oldest = site.timeline.index(world.clock.now_ms - 3 * 86_400_000)
    day_begin = site.timeline.index(site.days_ms[0][0] - 3 * 86_400_000)
    assert day_begin > 0
    load, seen = database.history["load_kw"], planner.seen
    assert np.isnan(load[:, : oldest - 4]).all()
    assert (~np.isnan(load[:, oldest + 1 : seen.steps])).any(axis=0).all()
    assert seen.first >= day_begin
    for column in (seen.load_kw, seen.pv_kw, seen.driven_kwh, seen.draw_kwh):
        assert not column[:, : seen.first].any()
    assert (seen.load_kw[:, seen.first + 1 : seen.steps] > 0.0).any(axis=0).all()
