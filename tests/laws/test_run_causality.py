"""Causality (law 6), for every shipped scenario: replace every exogenous input after t, and what was said, done and set before t is the same.

Each is lived twice up to t, in the middle of its need, with a short history: the law does not ask how much a forecast has learned from.
"""

from dataclasses import replace

import numpy as np
import pytest

from environment.grid import control_area
from experiments.assembly import site as build
from experiments.assembly.world import build_world

HOUR_MS = 3_600_000
AT_H = {
    "district-day": 30.5, "district-direct": 30.5, "district-hostile": 30.5, "district-outage": 30.5, "district-short": 30.5,
    "district-voltage": 24.5, "community-day": 30.5, "community-market": 30.5, "tso-balancing": 18.5,
}  # fmt: skip
"""From noon of the day before to half past six in the evening, or half past twelve, or half past six in the morning."""
HISTORY_DAYS = 3
COMMUNITY = ({"SUC02.1"}, "DerForecast")
STOPPED = {"homes-flex": "pilot_evening", "heaters-retrofit": "retrofit_morning"}
"""Scenarios that are lived small up to an instant for other laws too, by their fixtures."""
CASES = {
    "homes-flex": ({"SUC13.1"}, "ActivationCall"), "community-day": COMMUNITY, "community-market": COMMUNITY,
    "heaters-retrofit": ({"SUC03.1", "SUC03.2"}, "SwitchCommand"), "tso-balancing": ({"SUC05.2"}, "ReserveSetPoint"),
}  # fmt: skip
"""Use cases that are begun before the instant, and what has been said by then; those of a district day if not named."""


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
    after = np.arange(people.load_kw.shape[1]) >= step
    return replace(
        people, cars=cars, load_kw=1.7 * other_from(step, rng, people.load_kw) * after + people.load_kw * ~after,
        pv_kw=other_from(step, rng, people.pv_kw), draw_kw=other_from(step, rng, people.draw_kw),
        overrides=other_from(step, rng, people.overrides),
    )  # fmt: skip


def replace_inputs(patch, at_ms):
    """From an instant on: other people, other true weather; what was forecast of the weather before stays what it was."""
    truth = {}
    make_people, make_weather, make_station = build.build_people, build.weather_for, build.WeatherStation

    def people(scenario, network, calendar, timeline, weather, chance, histories):
        made = make_people(scenario, network, calendar, timeline, truth["weather"], chance, histories)
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


def area_otherwise(patch, at_ms):
    """From an instant on: another frequency, another imbalance of the control area."""

    def other(make):
        def signal(chance, from_ms, ticks, tick_s, *rest):
            begins = -(-(at_ms - from_ms) // round(1000 * tick_s))
            return other_from(begins, np.random.default_rng(5), make(chance, from_ms, ticks, tick_s, *rest))

        return signal

    for name in ("frequency_hz", "imbalance_kw"):
        patch.setattr(control_area, name, other(getattr(control_area, name)))


def few_pools(content):
    """The shipped balancing of the transmission system with ten homes on a feeder and set-points every five minutes."""
    content["clock"] |= {"lead_h": 12, "tail_h": 2}
    content["grid"] = {"network": "simbench/1-LV-rural1--0-sw", "scada": {"period_s": 3600}}
    content["people"][0]["homes"] |= {"count": 10, "spread": "even"}
    content["people"][0]["devices"] |= {"battery": 1.0}
    content["balancing"]["signals"] |= {"imbalance_kw": 10, "cycle_s": 300}
    for product in ("fcr", "afrr", "mfrr"):
        content["balancing"][product] |= {"min_bid_kw": 2, "granularity_kw": 1}


SMALLER = {"tso-balancing": few_pools}
"""Scenarios that are lived smaller than they are shipped."""


def names():
    from experiments.scenario.library import scenario_names

    return [*(name for name in scenario_names() if name.startswith("district-")), *CASES]


@pytest.fixture(scope="module", params=names())
def parallel(small, request):
    """A shipped day twice, up to the instant: as it is, and with all exogenous inputs replaced from then on: [(site, world)], instant."""
    from experiments.scenario import load_scenario, scenario_from

    if request.param in STOPPED:
        here = request.getfixturevalue(STOPPED[request.param])
        at_ms = here[1].clock.now_ms
        return [here, lived_otherwise(small, here[0].scenario, at_ms)], at_ms
    content = load_scenario(request.param).as_data()
    content["clock"]["history_days"] = HISTORY_DAYS
    SMALLER.get(request.param, lambda _: None)(content)
    scenario, at_ms = scenario_from(content), round(AT_H[request.param] * HOUR_MS)
    site = small.site(scenario)
    world = build_world(site)
    world.run(at_ms)
    return [(site, world), lived_otherwise(small, scenario, at_ms)], at_ms


def lived_otherwise(small, scenario, at_ms):
    """A scenario with all exogenous inputs replaced from an instant on, lived up to it."""
    with pytest.MonkeyPatch.context() as patch:
        replace_inputs(patch, at_ms)
        area_otherwise(patch, at_ms)
        site = small.site(scenario)
        world = build_world(site)
        world.run(at_ms)
    return site, world


def test_the_world_after_is_another_one(parallel):
    ((site, _), (other, _)), at_ms = parallel
    step = site.timeline.index(at_ms)
    here, there = site.people.load_kw, other.people.load_kw
    np.testing.assert_array_equal(here[:, :step], there[:, :step])
    assert (here[:, step:] != there[:, step:]).mean() > 0.5
    assert (site.weather.temp_c[step:] != other.weather.temp_c[step:]).mean() > 0.5


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
    assert len(seen[0]) == len(seen[1])
    assert len(seen[0]) > 250 or site.scenario.name in CASES  # nobody reads a SCADA there
    for (t, values), (u, otherwise) in zip(*seen, strict=True):
        assert t == u
        np.testing.assert_array_equal(values, otherwise)


def said_before(world, at_ms):
    """What was said, opened and done before an instant, as plain rows."""
    journal = world.bus.journal
    said = [
        (
            traffic.batch.record.__name__, traffic.batch.conversation, traffic.batch.sent_ms, traffic.batch.sender.tolist(),
            traffic.batch.receiver.tolist(), traffic.batch.ids.tolist(), traffic.digest.tolist(), traffic.delivered_ms.tolist(),
        )
        for traffic in journal.traffic
        if traffic.batch.sent_ms < at_ms
    ]  # fmt: skip
    done = [
        (one.act, one.actors.tolist(), one.conversation, one.t_ms, one.reads, one.writes)
        for one in journal.acts
        if one.t_ms < at_ms
    ]
    opened = [
        (one.name, one.opener, one.subject, one.opened_ms)
        for one in journal.conversations.values()
        if one.opened_ms < at_ms
    ]
    return said, done, opened


def test_what_was_said_and_done_before_is_the_same(parallel):
    ((site, world), (_, other)), at_ms = parallel
    here, there = said_before(world, at_ms), said_before(other, at_ms)
    cases, said = CASES.get(site.scenario.name, ({"SUC05.1", "SUC06.1", "SUC06.2"}, "ActivationSignal"))
    assert cases <= {name.partition("/")[0] for name, *_ in here[2]}
    assert any(record == said for record, *_ in here[0])
    for mine, yours in zip(here, there, strict=True):
        assert mine == yours
