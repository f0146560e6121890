"""Homes do not notice each other (laws 4, 10, 11): one more, another group, alone or together, each home lives the same life."""

import numpy as np
import pytest

from agents import prosumer_day
from experiments.assembly.days import service_windows
from experiments.assembly.people import People
from experiments.scenario.people import HomesGroup

COLUMNS = ("load_kw", "pv_kw", "draw_kw", "overrides", "contracted_kw", "consent", "automatic", "bus")


@pytest.fixture(scope="module")
def alone(small, small_begun):
    """The small site lived without coordination."""
    site = small_begun.twin()
    small.live(site)
    return site


def lived_without(small, scenario):
    site = small.site(scenario.without_coordination())
    small.live(site)
    return site


def same_people(people: People, rows, other: People, other_rows):
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(people, name)[rows], getattr(other, name)[other_rows], err_msg=name)
    for name in ("away", "driven_kw", "departure_step"):
        np.testing.assert_array_equal(
            getattr(people.cars, name)[rows], getattr(other.cars, name)[other_rows], err_msg=name
        )
    for kind, owns in people.owns.items():
        np.testing.assert_array_equal(owns[rows], other.owns[kind][other_rows], err_msg=kind)
    for kind, columns in people.ratings.items():
        for name, column in columns.items():
            np.testing.assert_array_equal(column[rows], other.ratings[kind][name][other_rows], err_msg=f"{kind}.{name}")
    assert [people.fsp[k] for k in rows] == [other.fsp[k] for k in other_rows]
    assert [people.tariff_names[people.tariff[k]] for k in rows] == [
        other.tariff_names[other.tariff[k]] for k in other_rows
    ]


def same_lives(site, rows, other, other_rows):
    """Meters from the beginning of history to the end, and every device's power and state, bit for bit."""
    meters, others = site.living.physics.meters, other.living.physics.meters
    np.testing.assert_array_equal(meters.kw[rows], others.kw[other_rows])
    place = dict(zip(rows, other_rows, strict=True))
    for kind, one in site.living.physics.installed.items():
        mine = [k for k, owner in enumerate(one.owner.tolist()) if owner in place]
        owners = other.living.physics.installed[kind].owner.tolist()
        theirs = [owners.index(place[int(one.owner[k])]) for k in mine]
        record, others_record = site.living.physics.record, other.living.physics.record
        np.testing.assert_array_equal(record.power_kw[kind][mine], others_record.power_kw[kind][theirs], err_msg=kind)
        np.testing.assert_array_equal(record.state[kind][mine], others_record.state[kind][theirs], err_msg=kind)


def test_one_more_home_leaves_all_others_as_they_were(small, alone):
    more = lived_without(small, small.scenario(alone.people.n + 1))
    rows = list(range(alone.people.n))
    assert more.people.names[:-1] == alone.people.names
    same_people(alone.people, rows, more.people, rows)
    same_lives(alone, rows, more, rows)


def test_another_group_leaves_the_homes_of_a_group_as_they_were(small, alone):
    """The second group comes first by name and has other tariffs, devices and contracts: rows move, lives do not."""
    content = small.content()
    other = small.content(homes=5)["people"][0]
    other["homes"] |= {"prefix": "annex", "tariff": {"it-f1f2f3-2025": 1.0}, "spread": "even"}
    other["devices"] = {"ev": 1.0, "battery": 1.0}
    other["served_by"] = {"fsp-mar": 1.0}
    from experiments.scenario import scenario_from

    rows = list(range(alone.people.n))
    for people in ([content["people"][0], other], [other, content["people"][0]]):
        both = lived_without(small, scenario_from(content | {"people": people}))
        moved = [both.people.names.index(name) for name in alone.people.names]
        assert moved != rows
        same_people(alone.people, rows, both.people, moved)
        same_lives(alone, rows, both, moved)


@pytest.mark.parametrize("chosen", [[0], [7], [16], list(range(12)), list(range(1, 24, 3))], ids=len)
def test_homes_alone_live_as_they_do_together(small, alone, chosen, monkeypatch):
    """A population equals its parts, run singly (n = 1), as a half and as a strided slice."""
    names = [alone.people.names[row] for row in chosen]
    monkeypatch.setattr(HomesGroup, "names", property(lambda group: names))
    part = lived_without(small, small.scenario(len(names)))
    assert list(part.people.names) == names
    same_people(part.people, list(range(len(names))), alone.people, chosen)
    same_lives(part, list(range(len(names))), alone, chosen)


def test_a_twin_is_the_same_world_again(small, small_begun, alone):
    """Two lives of one site do not touch each other, nor what they share."""
    before = small_begun.living.physics.meters.known
    other = small_begun.twin()
    small.live(other)
    same_lives(alone, list(range(alone.people.n)), other, list(range(alone.people.n)))
    assert small_begun.living.physics.meters.known == before
    assert np.isnan(small_begun.living.physics.meters.kw[:, before:]).all()


def test_what_homes_know_when_the_world_begins_is_what_was_lived(small_begun):
    site, steps = small_begun, small_begun.timeline.index(0)
    seen, people = site.living.hems.seen, site.people
    assert seen.steps == steps - 1  # the last step of history ends when the world begins
    np.testing.assert_array_equal(seen.load_kw[:, : seen.steps], people.load_kw[:, : seen.steps])
    np.testing.assert_array_equal(seen.pv_kw[:, : seen.steps], people.pv_kw[:, : seen.steps])
    assert not seen.load_kw[:, steps:].any()
    for store in (site.living.physics.meters, *site.living.shares.values()):
        assert store.known == steps
        assert np.isfinite(store.kw[:, :steps]).all()
        assert np.isnan(store.kw[:, steps:]).all()
    whole = site.living.physics.meters
    for store in site.living.shares.values():
        np.testing.assert_array_equal(store.kw[:, :steps], whole.kw[whole.rows(store.names), :steps])


def test_history_is_without_coordination(small, small_begun):
    """The same people lived the same days before, whoever is to serve them later."""
    other = small.site(small.scenario(people__0__served_by={"fsp-mar": 0.5, "fsp-sol": 0.5}))
    assert other.people.fsp != small_begun.people.fsp
    np.testing.assert_array_equal(small_begun.living.physics.meters.kw, other.living.physics.meters.kw)


def test_plans_made_in_blocks_are_the_same(small_begun, monkeypatch):
    """However many homes are planned at once: plan, what it expects, and what could be left out of it."""
    made = []
    for together in (7, 10_000):
        monkeypatch.setattr(prosumer_day, "TOGETHER", together)
        site = small_begun.twin()
        hems, readings, now = site.living.hems, site.living.physics.readings, site.timeline.index(0)
        assert hems.book.n > 2 * 7
        hems.windows = service_windows(small_begun)
        hems.observe(now - 1, readings)
        made.append(hems.plan_next(now, readings))
    few, many = made
    assert few.offered is not None
    assert many.offered is not None
    assert many.offered.up_kw.any()
    for name in ("buy_eur_per_kwh", "pv_kw", "ev_plugged", "ev_drive_kwh", "ev_kwh"):
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name))
    for one, other in zip((*few.plan, *few.offered), (*many.plan, *many.offered), strict=True):
        np.testing.assert_array_equal(one, other)
