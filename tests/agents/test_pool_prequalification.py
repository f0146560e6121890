"""Pools are tested by real activations in a small world of two operators, and points are changed and withdrawn while they are."""

import numpy as np
import pytest

from environment.messages.flexibility_register import (
    PoolTestAnswer,
)
from experiments.covers import covers
from tests.agents.lights_world import World, small


@pytest.fixture(scope="module")
def lived(lights_day):
    return lights_day


@covers("SUC08.1/r24", "SUC08.1/r18", "SUC10.1/r21")
def test_a_pool_is_activated_for_its_test_and_judged_by_its_meters(lived):
    """What both operators hold against an order is the baseline filed before less the meters; members were called, and the hour was measured."""
    tests, orders, site = lived.table("pool_tests"), lived.table("pool_test_orders"), lived.site
    assert tests["qualified"].all()
    assert (orders["members"] > 0).all()
    answers = {}
    for traffic in lived.world.bus.journal.traffic:
        if traffic.batch.record is PoolTestAnswer:
            for one in traffic.batch.records():
                answers[one.pool, one.service, one.direction, one.from_ms] = one
                assert traffic.batch.sent_ms < one.from_ms  # nobody chooses a baseline afterwards
    told = {(one.pool, one.direction, one.from_ms): (one.stated_kw, one.baseline_kw) for one in answers.values()}
    assert all(told[pool, way, at] == (one.stated_kw, one.baseline_kw) for (pool, _, way, at), one in answers.items())
    seen = set()
    for (pool, service, way, from_ms), one in answers.items():
        meters = site.meters.names
        rows = [meters.index(gcp) for gcp in one.points]
        steps = site.timeline.steps(from_ms, from_ms + 3_600_000)
        net_kw = site.living.physics.meters.kw[rows][:, steps].sum(axis=0).mean()
        mine = (tests["pool"] == pool) & (tests["service"] == service) & (tests["t_ms"] > from_ms)
        row = np.flatnonzero(mine)[0]  # decided next
        if one.stated_kw > 0.0:
            assert tests[f"measured_{way}_kw"][row] == pytest.approx(one.baseline_kw - net_kw, abs=1e-6)
            assert abs(tests[f"{way}_kw"][row]) == pytest.approx(one.stated_kw)
            seen.add((way, service))
    assert len(seen) == 4
    ordered = {way: orders["ordered_kw"][orders["direction"] == way].sum() for way in ("up", "down")}
    for way in ordered:  # done once, although two operators ordered it
        assert ordered[way] == pytest.approx(sum(kw for (_, one, _), (kw, _) in told.items() if one == way), abs=1.0)


@covers("SUC08.1/r24")
def test_a_pool_is_tested_in_the_hours_that_its_dso_names(lived):
    """By both operators, whole hours one after the other, told before the test is announced; whoever is registered anew gets later ones."""
    hours, orders = lived.table("pool_test_hours"), lived.table("pool_test_orders")
    assert (hours["from_ms"] % 3_600_000 == 0).all()
    assert (hours["from_ms"] - hours["t_ms"] >= 600_000).all()
    for pool in set(hours["pool"].tolist()):
        begins = np.sort(hours["from_ms"][hours["pool"] == pool])
        assert (np.diff(begins) >= 2 * 3_600_000).all()
        mine = [
            row
            for row, name in enumerate(orders["activation"].tolist())
            if name.split("test/")[1].startswith(f"{pool}/")
        ]
        for row in mine:
            assert orders["t_ms"][row] - 3_600_000 * (orders["direction"][row] == "down") in begins
    assert len(orders["t_ms"])


@pytest.fixture(scope="module")
def morning():
    """The morning of D-1: a provider overstates, another withdraws all of a pool, and both operators change a point by themselves."""
    content = small()
    content["faults"] = [{"party": "bsp-beta", "offers": "250%"}]
    market = content["global_market"]
    market["bsps"][0]["late_points"] = 0  # which would be left for the pool
    market["bsps"][0]["updates"] = [{"at": "09:20 the day before", "dso": "dso-sud", "points": 99, "withdraws": True}]
    del market["bsps"][1]["updates"]
    market["dsos"][0]["updates"] = [{"at": "09:15 the day before", "power": "50%"}]
    market["tso_updates"] = [{"at": "12:10 the day before", "dso": "dso-nord", "tso_perimeter": "IT-CNOR"}]
    return World(content, until_h=15.2)


def test_a_pool_that_overstates_its_power_fails_and_is_not_qualified(morning):
    tests = morning.table("pool_tests")
    false = tests["pool"] == "bsp-beta/dso-nord"
    assert set(tests["service"][false].tolist()) == {"global", "local"}
    assert not tests["qualified"][false].any()
    assert all("devices were set to" in reason for reason in tests["reason"][false].tolist())
    assert tests["qualified"][~false].all()
    ways = ("up", "down")
    assert any((abs(tests[f"set_{way}_kw"]) < 0.7 * abs(tests[f"{way}_kw"]))[false].all() for way in ways)
    assert all((abs(tests[f"set_{way}_kw"]) >= 0.99 * abs(tests[f"{way}_kw"]))[~false].all() for way in ways)
    for name in ("bsp-beta", "dso-nord", "tso"):
        desk = "topology" if name == "tso" else "registration"
        assert not morning.party(name).__dict__[desk].picture.pools["bsp-beta/dso-nord"].qualified("global")
    assert morning.party("bsp-beta").pool._terms.validated_kw() == {}  # nothing of it can be offered


def test_an_application_ends_with_the_last_point_of_its_pool(morning):
    """The conversation of SUC08.3 says why it failed; nobody knows the pool any more whose points are gone."""
    talks = [one for one in morning.world.bus.journal.conversations.values() if one.suc == "SUC08.3"]
    ends = {one.outcome: one.reason for one in talks if "bsp-alfa/dso-sud" in one.name}
    assert ends == {"failed": "all points of the pool were withdrawn"}
    assert "bsp-alfa/dso-sud" not in morning.party("bsp-alfa").registration.picture.pools


@covers("SUC10.1/r18", "SUC08.1/r22")
def test_operators_change_points_by_themselves_and_everybody_takes_it_over(morning):
    """The DSO admits half; the TSO moves the point to another perimeter: register, matrix and provider know, and the pool is tested after each."""
    lights, matrix = morning.table("static_lights"), morning.table("topology_matrix")
    first, second = lights["validated_up_kw"][lights["gcp"] == changed_by_dso(morning)]
    gcp = changed_by_dso(morning)
    assert second == pytest.approx(0.5 * first)
    store = morning.party("flexibility-register").entries.store
    held = store.point(gcp)
    assert held["status"] == "completed"
    assert held["validated_up_kw"] == pytest.approx(second)
    bsp = held["bsp"]
    for name, desk in ((bsp, "registration"), ("tso", "topology"), ("dso-nord", "registration")):
        assert getattr(morning.party(name), desk).picture.static[gcp].validated_up_kw == pytest.approx(second)
    moved = matrix["gcp"][matrix["tso_perimeter"] == "IT-CNOR"].tolist()
    assert len(moved) == 1
    assert store.point(moved[0])["tso_perimeter"] == "IT-CNOR"
    owner = store.point(moved[0])["bsp"]
    assert morning.party(owner).registration.picture.topology[moved[0]].tso_perimeter == "IT-CNOR"
    tests, hours = morning.table("pool_tests"), morning.table("pool_test_hours")
    for of in {bsp, owner}:
        given = hours["pool"] == f"{of}/dso-nord"
        named, begins = hours["t_ms"][given], hours["from_ms"][given]
        assert len(named) == 1 + (of == bsp) + (of == owner)
        decided = begins + 2 * 3_600_000 < np.append(
            named[1:], np.inf
        )  # who is registered anew before is decided on once, with what is new
        times = tests["t_ms"][(tests["pool"] == f"{of}/dso-nord") & (tests["service"] == "global")]
        assert len(times) == decided.sum()
        assert (times > begins[decided] + 2 * 3_600_000).all()
    kinds = {one["what"] for one in store.accesses() if one["subject"] == gcp and one["by"] == "dso-nord"}
    assert "change" in kinds


def changed_by_dso(there):
    """The point whose validated power the DSO changed."""
    gcps = there.table("static_lights")["gcp"].tolist()
    (gcp,) = {one for one in gcps if gcps.count(one) == 2}
    return gcp
