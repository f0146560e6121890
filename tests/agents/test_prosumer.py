"""Homes alone with a puppet as their FSP: when they look at their post, whom they obey, what stays above an order."""

import numpy as np
import pytest

from agents.prosumer import LOOK_MS, SHOWS_AFTER_S
from environment.messages.activation import ActivationSignal, DeliveryMeasurement
from experiments.assembly.world import build_world
from experiments.covers import covers
from experiments.scenario.people import NOBODY
from tests.agents.conftest import Puppet

HOUR = 3_600_000
SENT_MS = 30 * HOUR + 2_000
FROM_MS = 30 * HOUR + 900_000
STEPS = 4
PLATFORM = "fsp-technical-platform"


@pytest.fixture(scope="module")
def told(small, small_begun):
    """The small site without market, its homes told by ``fsp-sol`` at six in the evening to leave out ``kw``: split in ``parts``."""

    def run(rows, kw=1.0, parts=1, by_hand=(), sent_ms=SENT_MS, from_ms=FROM_MS, called=None):
        site = small.again(small_begun, coordination=False)
        if called is not None:
            site.living.hems.called = np.zeros((site.people.n, site.timeline.n))
            site.living.hems.called[:, called] = 1.0
        overrides = site.people.overrides.copy()
        for row, step in by_hand:
            overrides[row, step] = True
        world = build_world(site)
        homes = next(actor.party for actor in world.agents if actor.party.name == "homes")
        homes._overrides = overrides

        def line(puppet):
            for chosen in np.array_split(np.asarray(rows), parts):
                n = len(chosen)
                columns = {
                    "activation": np.array(["act"] * n, object), "direction": np.array(["up"] * n, object),
                    "from_ms": np.full(n, from_ms, np.int64), "step_s": np.full(n, 900.0), "change_kw": np.full((n, STEPS), kw),
                }  # fmt: skip
                receiver = puppet.numbers([f"{site.people.names[row]}/der" for row in chosen])
                puppet.send_batch(ActivationSignal, columns, puppet.numbers([puppet.at(PLATFORM)]), receiver, "call")

        world.add(Puppet(world.seat("fsp-sol"), [(sent_ms, line)] if len(rows) else []))
        seen = _watched(site.living.physics)
        world.run(site.timeline.end_ms)
        measured = [
            (traffic.batch.sent_ms, "measured", len(traffic.batch))
            for traffic in world.bus.journal.traffic
            if traffic.batch.record is DeliveryMeasurement
        ]
        return site, [*seen, *measured, *((now_ms, "refused", reason) for now_ms, reason in _refused(homes))]

    return run


def _refused(homes):
    columns = homes.register("refused_requests").columns()
    return zip(columns.get("t_ms", ()), columns.get("reason", ()), strict=True)


def reasons(seen):
    return [reason for _, what, reason in seen if what == "refused"]


def _watched(physics):
    """Instants and kinds of the orders that are laid over the schedules."""
    seen, carry_out = [], physics.carry_out

    def watch(now_ms, controls=None):
        seen.extend(
            (now_ms, request.kind, request.name) for request in physics.controls.pending if request.what == "order"
        )
        carry_out(now_ms, controls)

    physics.carry_out = watch
    return seen


@pytest.fixture(scope="module")
def quiet(told):
    """The same evening without any signal."""
    return told([])[0]


@pytest.fixture(scope="module")
def able(small_begun):
    """Automatic homes of the provider with something to leave out."""
    people = small_begun.people
    return np.flatnonzero(
        (np.array(people.fsp) == "fsp-sol")
        & people.automatic
        & (people.owns["ev"] | people.owns["heat_pump"] | people.owns["battery"])
    )


def kw(site):
    return site.living.physics.meters.kw[: site.people.n]


def test_cars_that_come_otherwise_than_planned_charge_outside_the_steps_in_which_their_community_is_called(told, quiet):
    evening = quiet.timeline.steps(FROM_MS, FROM_MS + 4 * HOUR)
    called, _ = told([], called=evening)
    less = kw(quiet)[:, evening].sum(axis=1) - kw(called)[:, evening].sum(axis=1)
    assert less.max() > 1.0
    assert less.min() > -1e-6


def test_signals_take_effect_when_the_hems_looks_at_its_post(told, able):
    _, seen = told(able)
    instants = {now_ms for now_ms, _, name in seen if name == "act"}
    assert instants
    assert all(now_ms % LOOK_MS == 0 and now_ms > SENT_MS for now_ms in instants)


def test_homes_that_are_told_lower_their_load_and_nobody_else_changes(told, able, quiet):
    site, _ = told(able)
    first = site.timeline.index(FROM_MS)
    window = slice(first, first + STEPS)
    saved = kw(quiet)[able, window].sum() - kw(site)[able, window].sum()
    assert 0 < saved <= len(able) * STEPS * 1.0 * 1.05
    others = np.setdiff1d(np.arange(site.people.n), able)
    np.testing.assert_array_equal(kw(site)[others], kw(quiet)[others])
    np.testing.assert_array_equal(kw(site)[:, :first], kw(quiet)[:, :first])


@pytest.mark.parametrize("parts", [2, 7])
def test_any_split_of_the_signals_gives_the_same_lives(told, able, parts):
    np.testing.assert_array_equal(kw(told(able, parts=parts)[0]), kw(told(able)[0]))


def test_a_home_told_alone_does_what_it_does_when_all_are_told(told, able):
    row = able[:1]
    np.testing.assert_array_equal(kw(told(row)[0])[row], kw(told(able)[0])[row])


def test_delivery_is_measured_where_something_is_ordered_first(told, able):
    """A call may ask for nothing at its begin, and of each home at another time."""
    at_once, later = (
        [(at_ms, n) for at_ms, what, n in told(able, kw=np.array(kw))[1] if what == "measured"]
        for kw in ([1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0])
    )
    shows_ms = round(SHOWS_AFTER_S * 1000)
    assert [at_ms for at_ms, _ in at_once] == [FROM_MS + shows_ms]
    assert [at_ms for at_ms, _ in later] == [FROM_MS + 2 * 900_000 + shows_ms]
    assert later[0][1] > 0


def test_manual_homes_take_no_orders(told, quiet):
    rows = np.flatnonzero(~quiet.people.automatic)
    assert len(rows)
    site, _ = told(rows)
    np.testing.assert_array_equal(kw(site), kw(quiet))


@covers("SUC06.2/SEC-1")
def test_homes_follow_their_own_provider_alone(told, quiet):
    """Those of another provider, and those of none, refuse on record and live as if nothing had come."""
    fsp = np.array(quiet.people.fsp)
    rows = np.flatnonzero(fsp != "fsp-sol")
    assert set(fsp[rows]) == {"fsp-mar", NOBODY}
    site, seen = told(rows)
    np.testing.assert_array_equal(kw(site), kw(quiet))
    assert not [name for _, _, name in seen if name == "act"]
    assert reasons(seen) == ["not from the home's own provider"] * len(rows)


@pytest.mark.parametrize(
    "from_ms", [FROM_MS + 1, FROM_MS + 400 * HOUR, -(10**12)], ids=["between steps", "after all", "long ago"]
)
def test_a_signal_about_steps_that_no_plan_has_is_refused(told, able, quiet, from_ms):
    site, seen = told(able, from_ms=from_ms)
    np.testing.assert_array_equal(kw(site), kw(quiet))
    assert reasons(seen) == ["not about steps that the home has planned"] * len(able)


def test_a_signal_that_comes_twice_is_followed_twice(told, able):
    """Whether one may come twice is for the receiver's door; both change the plan, one after the other."""
    once, twice = told(able, kw=0.5)[0], told(np.repeat(able, 2), kw=0.5)[0]
    first = once.timeline.index(FROM_MS)
    window = slice(first, first + STEPS)
    assert kw(twice)[able, window].sum() < kw(once)[able, window].sum() - 0.5


def test_what_people_do_by_hand_lies_above_an_order(told, able, quiet):
    """The car charges at full power although its home was told to leave out what it can."""
    people = quiet.people
    row = next(k for k in able if people.owns["ev"][k] and people.fsp[k] != NOBODY)
    step = quiet.timeline.index(FROM_MS) + 1
    site, _ = told(able, by_hand=[(row, step)])
    one = site.living.physics.installed["ev"]
    place = one.owner.tolist().index(row)
    for k in (step, step + 1):
        assert one.fleet.set_points.effective(k)[place] == site.living.hems.book.ev["kw"][row]
    before = one.fleet.set_points.effective(step - 1)[place]
    assert before <= site.living.hems.book.ev["kw"][row]
