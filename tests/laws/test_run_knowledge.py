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
from experiments import build
from experiments.build_people import People
from experiments.build_world import build_world

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


def parties_of(world):
    return [actor.party for actor in world.agents]


def test_conversations_are_open_when_the_graph_is_walked(evening):
    _, world = evening
    open_ones = {one.suc for one in world.bus.journal.conversations.values() if one.outcome == "open"}
    assert {"SUC05.1", "SUC06.2"} <= open_ones
    assert sum(len(lives_of(party)) for party in parties_of(world)) >= 5
    (attacker,) = (party for party in parties_of(world) if party.name == "attacker-1")
    assert any(isinstance(thing, Heard) for thing, _ in reachable([attacker]).values())


def test_no_party_reaches_the_world_the_truth_or_another_party(evening):
    _, world = evening
    for party in parties_of(world):
        for thing, path in reachable([party, *lives_of(party)]).values():
            assert not isinstance(thing, HIDDEN), " > ".join(path)
            assert not isinstance(thing, Party) or thing is party, " > ".join(path)


def test_no_party_holds_an_array_of_the_truth(evening):
    """True weather, trips, draws and loads to come are in no array that a party can reach."""
    site, world = evening
    hidden = [*site.weather, *(getattr(site.people.cars, name) for name in ("away", "driven_kw", "departure_step"))]
    hidden += [site.people.load_kw, site.people.pv_kw, site.people.draw_kw, site.living.physics.uncontrolled.kw]
    hidden += list(site.living.physics.record.power_kw.values())
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


def test_nobody_sees_readings_of_the_future(evening):
    site, world = evening
    now = site.timeline.index(world.clock.now_ms)
    assert now > site.timeline.index(0)
    stores = [site.living.physics.meters, *site.living.shares.values()]
    for store in stores:
        assert store.known == now
        assert np.isnan(store.kw[:, now:]).all()
        assert np.isfinite(store.kw[:, :now]).all()
    seen = site.living.hems.seen
    assert seen.steps == now
    assert not seen.load_kw[:, now:].any()
    np.testing.assert_array_equal(seen.load_kw[:, :now], site.people.load_kw[:, :now])
    assert all(at_ms <= world.clock.now_ms for at_ms, _ in site.living.scada.history)


# --- causality ------------------------------------------------------------------------------------------------------------


def other_from(step, rng, values):
    """Columns from a step on replaced by those of other instants."""
    changed = values.copy()
    changed[..., step:] = values[..., rng.permutation(np.arange(step, values.shape[-1]))]
    return changed


def people_otherwise(people, step):
    """The same people until a step; afterwards other loads, trips, draws, sun and interventions."""
    rng = np.random.default_rng(7)
    cars = people.cars._replace(
        away=other_from(step, rng, people.cars.away),
        driven_kw=other_from(step, np.random.default_rng(7), people.cars.driven_kw),
    )
    return replace(
        people, cars=cars, load_kw=1.7 * other_from(step, rng, people.load_kw) * _after(people, step) + people.load_kw * ~_after(people, step),
        pv_kw=other_from(step, rng, people.pv_kw), draw_kw=other_from(step, rng, people.draw_kw),
        overrides=other_from(step, rng, people.overrides),
    )  # fmt: skip


def _after(people, step):
    return np.arange(people.load_kw.shape[1]) >= step


@pytest.fixture(scope="module")
def parallel(small, small_scenario):
    """The same day twice: as it is, and with all exogenous inputs replaced from the evening on: [(site, world, tables)] and the instant."""
    lives = []
    at_ms = round(EVENING_H * 3_600_000)
    for otherwise in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if otherwise:
                _replace_inputs(patch, at_ms)
            site = small.site(small_scenario)
        world = small.live(site)
        lives.append((site, small.tables(site, world)))
    return lives, at_ms


def _replace_inputs(patch, at_ms):
    """From an instant on: other people, other true weather; what was forecast of the weather before stays what it was."""
    truth = {}
    make_people, make_weather, make_station = build.build_people, build.weather_for, build.WeatherStation

    def people(scenario, network, calendar, timeline, weather, chance):
        made = make_people(scenario, network, calendar, timeline, truth["weather"], chance)
        return people_otherwise(made, timeline.index(at_ms))

    def weather(place, calendar, timeline, chance):
        truth["weather"] = make_weather(place, calendar, timeline, chance)
        step, rng = timeline.index(at_ms), np.random.default_rng(3)
        return truth["weather"]._replace(
            **{name: other_from(step, rng, column) for name, column in truth["weather"]._asdict().items()}
        )

    patch.setattr(build, "build_people", people)
    patch.setattr(build, "weather_for", weather)
    patch.setattr(build, "WeatherStation", lambda _, *rest: make_station(truth["weather"], *rest))


def test_the_world_after_was_another_one(parallel):
    ((site, _), (other, _)), at_ms = parallel
    step = site.timeline.index(at_ms)
    here, there = site.living.physics.meters.kw, other.living.physics.meters.kw
    assert (here[:, step + 4 :] != there[:, step + 4 :]).mean() > 0.5


def test_what_was_measured_and_set_before_is_the_same(parallel):
    ((site, _), (other, _)), at_ms = parallel
    step = site.timeline.index(at_ms)
    physics, others = site.living.physics, other.living.physics
    np.testing.assert_array_equal(physics.meters.kw[:, :step], others.meters.kw[:, :step])
    for kind, one in physics.installed.items():
        for k in range(physics.first, step):
            told, differently = (
                fleet.set_points.effective(k).copy() for fleet in (one.fleet, others.installed[kind].fleet)
            )
            np.testing.assert_array_equal(told, differently, err_msg=f"{kind} step {k}")
    seen = [[(t, values) for t, values in one.living.scada.history if t < at_ms] for one in (site, other)]
    assert len(seen[0]) == len(seen[1]) > 300
    for (t, values), (u, otherwise) in zip(*seen, strict=True):
        assert t == u
        np.testing.assert_array_equal(values, otherwise)


def test_what_was_said_and_done_before_is_the_same(parallel):
    ((_, tables), (_, others)), at_ms = parallel
    for table, instant, columns in (
        ("messages", "sent_ms", ("message_id", "conversation", "record", "sender", "receiver", "digest", "sent_ms")),
        ("acts", "t_ms", ("act", "actor", "conversation", "t_ms", "reads", "writes")),
        ("conversations", "opened_ms", ("conversation", "opener", "subject", "opened_ms")),
    ):
        rows = [np.flatnonzero(np.asarray(one[table][instant]) < at_ms) for one in (tables, others)]
        assert len(rows[0]) > 0
        for column in columns:
            here, there = (
                [one[table][column][k] for k in kept] for one, kept in zip((tables, others), rows, strict=True)
            )
            assert here == there, (table, column)
