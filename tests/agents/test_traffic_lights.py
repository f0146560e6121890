"""Register, lights and pools as a small world of two operators: every step made, every operator sees its own, no light looser than static."""

import copy

import numpy as np
import pytest

from agents.strategies.static_lights import Study
from environment.grid.connection_power import ACCURACY_KW
from environment.grid.limits import find_violations
from environment.messages.base import Batch, columns_of
from environment.messages.flexibility_register import (
    GcpRegistration,
    PointChange,
    PointWithdrawal,
    PoolTestAnswer,
    StaticLight,
)
from environment.messages.global_market import DsoConstraint, LocalPlan
from environment.messages.traffic_lights import DynamicLight
from experiments.assembly.global_market import own_grid
from experiments.assembly.site import build_site
from experiments.assembly.world import build_world
from experiments.conformance import check
from experiments.covers import covers
from experiments.kpis import lights as kpis_lights
from experiments.kpis.facts import Facts
from experiments.results.schema import conform
from experiments.run.tables import party_tables, physical_tables, registered, static_tables
from experiments.scenario import load_scenario, scenario_from
from markets.registers.grid_element import read_grid_element


def small(**market):
    """Two operators, two providers, some twenty homes, a cable out of service."""
    content = copy.deepcopy(load_scenario("traffic-light-day").as_data())
    content["clock"] |= {"history_days": 2, "tail_h": 12}
    nord, sud = (group for group in content["people"] if "homes" in group)
    nord["homes"]["count"], sud["homes"]["count"] = 24, 6
    nord["served_by"], sud["served_by"] = {"bsp-alfa": 0.5, "bsp-beta": 0.5}, {"bsp-alfa": 1.0}
    content["grid"]["limits"]["transformer_percent"] = 28.0
    content["people"] = [nord, sud]
    content["global_market"]["bsps"] = content["global_market"]["bsps"][:2]
    content["global_market"]["dsos"][0]["n1"] = [
        {"outage_of": "MV cable 2", "opens": ["Transformer B"], "closes": ["Tie A2-B1", "Tie A3-B2"]}
    ]
    content["global_market"]["dsos"][1]["network"] = "simbench/1-LV-rural1--0-sw"
    content["global_market"] |= market
    return content


class World:
    """A lived world."""

    def __init__(self, content, until_h=None):
        self.site = build_site(scenario_from(content), 1, lambda *_: None)
        self.world = build_world(self.site)
        self.world.run(self.site.timeline.end_ms if until_h is None else round(until_h * 3_600_000))

    def table(self, name):
        return registered(self.world, name)

    def party(self, name):
        return next(actor.party for actor in self.world.agents if actor.party.name == name)

    def tables(self):
        site, world = self.site, self.world
        return conform(physical_tables(site) | static_tables(site, world) | party_tables(site, world))


@pytest.fixture(scope="module")
def lived():
    return World(small())


@pytest.fixture(scope="module")
def tables(lived):
    return lived.tables()


@covers(
    "SUC08.1/r01", "SUC08.1/r05", "SUC08.1/r06", "SUC08.1/r23", "SUC08.3/r02", "SUC08.3/r04", "SUC08.3/r15", "SUC10.1/r21",
    "SUC10.2/r17", "SUC10.2/r18",
)  # fmt: skip
@pytest.mark.parametrize("suc", ["SUC08.1", "SUC08.3", "SUC10.1", "SUC10.2"])
def test_every_step_is_made(tables, suc):
    case = check(tables, usecases=[suc], provenance=True).usecases[suc]
    assert case.broken == ()
    assert case.made == case.steps
    assert case.unmatched == 0


@covers("SUC10.1/r11")
def test_each_operator_sees_only_points_with_its_name(lived):
    for name in ("dso-nord", "dso-sud"):
        known = lived.party(name).registration.picture.static.values()
        assert known
        assert {one.dso for one in known} == {name}


@covers("SUC08.1/r13", "SUC10.1/r13")
def test_static_lights_bear_the_outages_that_the_operator_states(lived):
    """Clean in normal operation and in every stated outage, a little more is not; and without the outages some points would get more."""
    site, lights = lived.site, lived.table("static_lights")
    said = site.scenario.global_market.dsos[0]
    grid = own_grid(site, said)
    assert len(grid.states) == 1 + len(said.n1) > 1
    mine = np.flatnonzero((lights["dso"] == said.name) & (lights["t_ms"] == lights["t_ms"].min()))
    known = site.timeline.index(int(lights["t_ms"][mine[0]]))
    loads = grid.model.to_buses(np.nan_to_num(grid.meters.kw[:, :known])).T
    study = Study(grid.states, grid.model.limits, loads, grid.model.kvar_per_kw, grid.bus_perimeter)

    def is_clean(row, power_kw, states):
        bus = grid.bus_of[lights["gcp"][row]]
        cases = study.cases_kw(int(grid.bus_perimeter[bus]))
        p = cases.copy()
        p[:, bus] -= power_kw
        flows = [(one, one.solve(p, cases * study.kvar_per_kw)) for one in states]
        return not any(find_violations(one, flow, study.limits).steps.any() for one, flow in flows)

    limited = 0
    for way in ("up", "down"):
        for row in mine:
            found, asked = float(lights[f"validated_{way}_kw"][row]), float(lights[f"{way}_kw"][row])
            assert found == 0.0 or is_clean(row, found, grid.states)
            if abs(found) < abs(asked) and is_clean(row, 0.0, grid.states):
                more = found + 2 * ACCURACY_KW * np.sign(asked)
                assert not is_clean(row, more, grid.states)
                limited += is_clean(row, more, grid.states[:1])
    assert limited > 0


@covers("SUC10.2/r09", "SUC10.2/r01", "SUC10.2/r04", "SUC08.3/r11", "SUC08.3/r12", "SUC08.3/r13")
def test_no_dynamic_light_is_looser_than_static(lived):
    lights = lived.table("dynamic_lights")
    assert (lights["capability_kw"] <= lights["static_kw"]).all()
    green, red = lights["colour"] == "green", lights["colour"] == "red"
    assert (lights["capability_kw"][green] == lights["static_kw"][green]).all()
    assert (lights["capability_kw"][red] == 0.0).all()
    assert np.isin(lights["colour"], ["green", "yellow", "red"]).all()


@covers("SUC10.1/r12", "SUC08.1/r08", "SUC08.1/r09", "SUC08.1/r10")
def test_perimeters_have_codes_of_their_operator(lived):
    lights = lived.table("static_lights")
    operators = {one.name: one for one in lived.site.scenario.global_market.dsos}
    for dso, code in zip(lights["dso"].tolist(), lights["grid_element"].tolist(), strict=True):
        element = read_grid_element(code)
        assert (element.dso_eic, element.municipality) == (operators[dso].eic, operators[dso].municipality)
    assert len(set(lights["grid_element"].tolist())) == 3


@covers("SUC10.2/r10", "SUC10.2/r11", "SUC08.3/r06", "SUC08.3/r09", "SUC08.3/r20")
def test_lights_are_there_before_their_deadline_and_kept_up_in_hours_that_are_left(lived):
    lights, (start_ms, end_ms) = lived.table("dynamic_lights"), lived.site.days_ms[0]
    made = np.unique(lights["made_ms"])
    assert made[0] < lights["due_ms"][0] < start_ms
    assert len(made) > 2
    assert (made < end_ms).all()
    hours = set(range(start_ms, end_ms, 3_600_000))
    key = list(
        zip(lights["perimeter"], lights["direction"], lights["t_ms"].tolist(), lights["made_ms"].tolist(), strict=True)
    )
    kw = dict(zip(key, lights["capability_kw"].tolist(), strict=True))
    assert {hour for _, _, hour, _ in key} == hours
    for perimeter, direction, hour, at in key:
        before = max(
            (one for *_, one in (k for k in key if k[:3] == (perimeter, direction, hour)) if one < at), default=None
        )
        if before is not None and hour < at + 3_600_000:
            assert kw[perimeter, direction, hour, at] == kw[perimeter, direction, hour, before]


@covers("SUC10.2/r08", "SUC10.2/r14")
def test_static_values_are_told_where_a_perimeter_bears_them_and_dynamic_ones_where_it_does_not(lived):
    journal, number = lived.world.bus.journal, lived.world.directory.number
    told = {"StaticLight": set(), "DynamicLight": set()}
    for traffic in journal.traffic:
        batch = traffic.batch
        if batch.record.__name__ in told and batch.conversation.startswith("SUC10.2"):
            mine = (batch.receiver == number("cbp")) & np.isin(
                batch.sender, [number("dso-nord/derms"), number("dso-sud/derms")]
            )
            field = "grid_element" if batch.record is StaticLight else "perimeter"
            told[batch.record.__name__] |= {(batch.conversation, one) for one in batch[field][mine]}
    assert told["StaticLight"]
    assert told["DynamicLight"]
    assert not told["StaticLight"] & told["DynamicLight"]


# --- updates and who may change what -----------------------------------------------------------------------------------------


@covers("SUC10.1/r10", "SUC10.1/r18", "SUC08.1/r22", "SUC08.1/r21")
def test_a_changed_point_is_examined_completed_and_pooled_anew(lived):
    registered_, lights = lived.table("registered_points"), lived.table("static_lights")
    points = registered_["gcp"].tolist()
    changed = sorted({gcp for gcp in points if points.count(gcp) == 2})
    assert len(changed) == 2
    for gcp in changed:
        first, second = registered_["up_kw"][registered_["gcp"] == gcp]
        assert second == pytest.approx(0.6 * first)
        assert (lights["gcp"] == gcp).sum() == 2
        matrix = lived.table("topology_matrix")
        versions = matrix["version"][matrix["gcp"] == gcp]
        assert versions[1] > versions[0]
        held = lived.party("flexibility-register").entries.store.point(gcp)
        assert held["status"] == "completed"
        assert held["up_kw"] == pytest.approx(second)
        assert held["validated_up_kw"] <= held["up_kw"]
    tests = lived.table("pool_tests")
    assert ((tests["pool"] == "bsp-alfa/dso-nord") & (tests["service"] == "global")).sum() == 2
    assert ((tests["pool"] == "bsp-beta/dso-nord") & (tests["service"] == "global")).sum() == 2  # it withdraws a point


@covers("SUC08.1/r22", "SUC08.1/r21", "SUC10.1/r18")
def test_a_withdrawn_point_is_gone_everywhere_and_its_pool_is_qualified_without_it(lived):
    matrix = lived.table("topology_matrix")
    gone = matrix["taken_out"].astype(bool)
    (gcp,) = matrix["gcp"][gone].tolist()
    assert matrix["version"][gone][0] > matrix["version"][(matrix["gcp"] == gcp) & ~gone].max()
    store = lived.party("flexibility-register").entries.store
    assert store.point(gcp)["status"] == "withdrawn"
    assert "withdraw" in {one["what"] for one in store.accesses() if one["subject"] == gcp and one["admitted"]}
    pools = {pool: (points, services) for pool, _, points, services in store.pools()}
    points, services = pools["bsp-beta/dso-nord"]
    assert points
    assert gcp not in points
    assert set(services.values()) == {"qualified"}
    for name, desk in (("bsp-beta", "registration"), ("dso-nord", "registration"), ("tso", "topology")):
        picture = getattr(lived.party(name), desk).picture
        assert gcp not in picture.topology
        assert gcp not in picture.pools["bsp-beta/dso-nord"].points
        assert set(points) <= set(picture.topology)
    measured = lived.table("measurements")
    asked = measured["gcp"][measured["t_ms"] >= lived.site.days_ms[0][0]].tolist()
    assert set(points) <= set(asked)
    assert gcp not in asked


def test_nobody_withdraws_what_is_not_its_own(lived):
    """The register and the TSO, each for itself, to a withdrawal that the platform was made to pass on."""
    gcp = lived.party("bsp-alfa").registration.picture.pools["bsp-alfa/dso-nord"].points[0]
    batch = sent(lived, PointWithdrawal, by="bsp-beta", gcp=gcp)
    desk = lived.party("tso").topology
    before = len(lived.table("refused_requests").get("t_ms", ()))
    assert list(desk.take_out(batch)) == []
    assert gcp in desk.picture.topology
    assert len(lived.table("refused_requests")["t_ms"]) == before + 1


@covers("SUC10.1/r19")
def test_every_row_of_the_matrix_is_acknowledged_by_both_whom_it_concerns(lived):
    matrix, taken = lived.table("topology_matrix"), lived.table("topology_acknowledgements")
    for side in ("bsp", "dso"):
        for name in set(matrix[side].tolist()):
            assert (matrix[side] == name).sum() == taken["rows"][taken["party"] == name].sum()


def sent(lived, record, **columns):
    """A message as the platform passes it on to the register."""
    one = record(**columns)
    number = lived.world.directory.number
    batch = Batch(
        record, np.array([number("cbp")]), np.array([number("flexibility-register")]), columns_of([one]), "SUC08.1/1:x"
    )
    batch.ids = np.zeros(1, np.uint64)
    return batch


@covers("SUC08.1/r22", "SUC10.1/r11", "SUC08.3/r21")
@pytest.mark.parametrize(
    ("by", "field", "value", "reason"),
    [
        ("bsp-beta", "up_kw", 1.0, "may not change a point of bsp-alfa"),
        ("dso-sud", "validated_up_kw", 1.0, "may not change a point in the network of dso-nord"),
        ("bsp-alfa", "validated_up_kw", 99.0, "a bsp may not write validated_up_kw"),
        ("tso", "up_kw", 1.0, "a tso may not write up_kw"),
        ("dso-nord", "validated_up_kw", 99.0, "more power is admitted than offered"),
        ("somebody", "up_kw", 1.0, "may not write up_kw"),
    ],
)
def test_nobody_changes_what_is_not_its_own(lived, by, field, value, reason):
    desk = lived.party("flexibility-register").entries
    gcp = next(row["gcp"] for row in desk.store.points(bsp="bsp-alfa", dso="dso-nord", status="completed"))
    before = desk.store.point(gcp)
    desk._take_change(sent(lived, PointChange, gcp=gcp, by=by, field=field, value=value, text=""))
    assert desk.store.point(gcp) == before
    logged = desk.store.accesses()[-1]
    assert not logged["admitted"]
    assert reason in logged["reason"]
    assert (logged["by"], logged["subject"]) == (by, gcp)
    lived.party("flexibility-register").outbox.clear()


def test_points_that_cannot_be_are_not_registered(lived):
    desk = lived.party("flexibility-register").entries
    wrong = {"gcp": "new/meter", "bsp": "bsp-alfa", "dso": "dso-nord", "kind": "consumption", "latitude": 45.0, "longitude": 9.0,
             "up_kw": 3.0, "down_kw": 3.0, "nominal_kw": 3.0, "services": ("global",)}  # fmt: skip
    desk._take_registration(sent(lived, GcpRegistration, **wrong))
    assert desk.store.point("new/meter") is None
    assert "it is written as a negative number" in desk.store.accesses()[-1]["reason"]
    lived.party("flexibility-register").outbox.clear()


@covers("SUC08.1/r02")
def test_the_platform_passes_on_nothing_in_the_name_of_another(lived):
    relay = lived.party("cbp").relay
    batch = sent(lived, PointWithdrawal, gcp="nord-0001/meter", by="bsp-alfa")
    batch.sender = np.array([lived.world.directory.number("bsp-beta/platform")])
    assert len(relay._own(batch, "by")) == 0
    batch.sender = np.array([lived.world.directory.number("bsp-alfa/platform")])
    assert len(relay._own(batch, "by")) == 1


# --- tests of pools ----------------------------------------------------------------------------------------------------------


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
    assert all("kW measured of" in reason for reason in tests["reason"][false].tolist())
    assert tests["qualified"][~false].all()
    ways = ("up", "down")
    assert any((abs(tests[f"measured_{way}_kw"]) < 0.7 * abs(tests[f"{way}_kw"]))[false].all() for way in ways)
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
    tests = morning.table("pool_tests")
    for of in {bsp, owner}:
        times = tests["t_ms"][(tests["pool"] == f"{of}/dso-nord") & (tests["service"] == "global")]
        assert len(times) == 1 + (of == bsp) + (of == owner)
    kinds = {one["what"] for one in store.accesses() if one["subject"] == gcp and one["by"] == "dso-nord"}
    assert "change" in kinds


def changed_by_dso(there):
    """The point whose validated power the DSO changed."""
    gcps = there.table("static_lights")["gcp"].tolist()
    (gcp,) = {one for one in gcps if gcps.count(one) == 2}
    return gcp


# --- faults ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def faulty():
    """The register is down while points are examined, and in the day of delivery, and begins anew; the platform is down over the market's gate."""
    content = small()
    content["faults"] = [
        {"party": "flexibility-register", "silent": {"from": "day 0 06:05", "to": "day 0 06:40"}},
        {"party": "flexibility-register", "silent": {"from": "day 1 09:50", "to": "day 1 12:30"}},
    ]
    content["events"] = [*content["events"], {"from": "day 0 15:20", "to": "day 0 17:20", "platform_down": "cbp"}]
    return World(content)


def test_a_restart_of_the_register_loses_nothing(faulty, lived):
    restarts = faulty.table("register_restarts")
    assert len(restarts["t_ms"]) == 2
    assert (restarts["points"] == restarts["points_before"]).all()
    assert (restarts["pools"] == restarts["pools_before"]).all()
    assert restarts["points"].min() > 0
    points = faulty.party("flexibility-register").entries.store.points()
    assert [row["status"] for row in points].count("completed") == len(points) - 1  # one was withdrawn
    kept = ("gcp", "status", "grid_element", "validated_up_kw", "validated_down_kw", "tso_perimeter")
    calm = {row["gcp"]: row for row in lived.party("flexibility-register").entries.store.points()}
    for row in points:
        assert {name: row[name] for name in kept} == {name: calm[row["gcp"]][name] for name in kept}
    pools = faulty.party("flexibility-register").entries.store.pools()
    assert all(set(services.values()) == {"qualified"} for *_, services in pools)


def test_what_was_stated_and_cleared_while_the_platform_was_down_is_there_afterwards(faulty):
    """Constraints come late and the conversations say so; results are registered once there is a platform."""
    journal = faulty.world.bus.journal
    cbp = faulty.world.directory.number("cbp")
    for record in (DsoConstraint, LocalPlan):
        said = [
            traffic
            for traffic in journal.traffic
            if traffic.batch.record is record and (traffic.batch.receiver == cbp).all()
        ]
        stated = {one for traffic in said for one in _keys(traffic.batch)}
        assert stated == {one for traffic in said for one in _keys(traffic.batch.take(traffic.delivered_ms >= 0))}
    kept = faulty.table("registered_quantities")
    assert set(kept["bid"]) == set(faulty.table("component_messages")["bid"])
    assert set(kept["what"]) == {"validated", "accepted"}
    failed = {one.reason for one in journal.conversations.values() if one.suc == "SUC08.2" and one.outcome == "failed"}
    assert failed == {"the platform was not there before the gate", "the platform did not answer in time"}


def _keys(batch):
    return [(one.perimeter, one.direction, one.from_ms) for one in batch.records()]


def test_a_restart_in_the_day_of_delivery_leaves_no_hour_unmeasured(faulty, lived):
    """What gateways could not deliver comes with the next report, and the chains go on where the database stands."""
    store, calm = (one.party("flexibility-register").entries.store for one in (faulty, lived))
    start_ms = faulty.site.days_ms[0][0]
    hours, calmly = (
        {gcp: [row.hour_ms for row in rows if row.hour_ms >= start_ms] for gcp, rows in one.measured().items()}
        for one in (store, calm)
    )
    assert hours == calmly
    assert {len(set(of_point)) for of_point in hours.values()} == {
        24,
        0,
    }  # of the point that was withdrawn only its tests were measured
    assert [store.tampered(gcp) for gcp in hours] == [None] * len(hours)
    late = faulty.table("measurements")
    down = (late["t_ms"] >= faulty.site.days_ms[0][0] + 9 * 3_600_000) & (
        late["t_ms"] < faulty.site.days_ms[0][0] + 11 * 3_600_000
    )
    assert (late["stored_ms"][down] > faulty.site.days_ms[0][0] + 12.5 * 3_600_000).all()


@covers("SUC10.2/r07")
def test_an_outage_of_the_platform_over_the_gate_leaves_the_static_values_in_force_and_loses_nothing(faulty):
    calendar, days = faulty.site.calendar, faulty.site.days_ms
    gate_ms = faulty.site.scenario.global_market.gate.on(calendar, calendar.local(days[0][0]).date())
    journal = faulty.world.bus.journal
    came = [
        int(at)
        for traffic in journal.traffic
        if traffic.batch.record is DynamicLight
        for at, receiver in zip(traffic.delivered_ms, traffic.batch.receiver, strict=True)
        if receiver == faulty.world.directory.number("cbp") and at >= 0
    ]
    assert came
    assert not [at for at in came if at < gate_ms]
    lights = faulty.table("dynamic_lights")
    told = faulty.party("tso").topology.picture.lights
    assert {perimeter for perimeter, _ in told} == set(lights["perimeter"].tolist())
    for suc in ("SUC08.1", "SUC08.3", "SUC10.1", "SUC10.2"):
        case = check(faulty.tables(), usecases=[suc]).usecases[suc]
        assert case.broken == ()
        assert case.conversations["open"] == 0


# --- a provider that ignores limits ------------------------------------------------------------------------------------------------


def beyond(there):
    """(perimeter, provider, direction, hour) in which members were asked for more than was admitted and what every provider asks in reserve."""
    limits = there.table("verifications")
    asked = {}
    for row in range(len(there.table("bsp_orders")["t_ms"])):
        perimeter, bsp, way, t_ms, kw = (
            there.table("bsp_orders")[name][row] for name in ("perimeter", "bsp", "direction", "t_ms", "expected_kw")
        )
        asked[perimeter, bsp, way, int(t_ms)] = asked.get((perimeter, bsp, way, int(t_ms)), 0.0) + float(kw)
    keys = list(zip(limits["perimeter"], limits["bsp"], limits["direction"], limits["t_ms"].tolist(), strict=True))
    limit = dict(zip(keys, limits["limit_kw"].tolist(), strict=True))
    limited = dict(zip(keys, limits["is_limited"].tolist(), strict=True))
    injected = {key for key, kw in asked.items() if limited.get(key) and kw > max(1.15 * limit[key], limit[key] + 0.1)}
    proven = limits["set_over_kw"] > 0
    return injected, {key for key, one in zip(keys, proven.tolist(), strict=True) if one}


@covers("SUC10.4/r01", "SUC10.4/r12", "SUC10.4/r14")
def test_verification_finds_every_injected_violation_and_accuses_nobody_else():
    """In a running world, however much loads stray from their baselines: hours, perimeters and the name are those in which more was asked of members."""
    content = small()
    content["faults"] = [{"party": "bsp-beta", "ignores_limits": True}]
    del content["global_market"]["bsps"][1]["updates"]
    there = World(content, until_h=51.0)
    injected, proven = beyond(there)
    assert injected
    assert proven == injected
    assert {bsp for _, bsp, _, _ in proven} == {"bsp-beta"}
    told = there.table("verification_outcomes")
    named = {one for one, names in zip(told["perimeter"], told["exceeding"], strict=True) if names}
    assert named == {perimeter for perimeter, *_ in injected}
    assert set(told["exceeding"].tolist()) <= {"", "bsp-beta"}


def test_nobody_who_keeps_his_limits_is_proven_to_exceed_one(lived):
    injected, proven = beyond(lived)
    assert injected == proven == set()
    assert lived.table("verifications")["set_point_kw"].max() > 0


# --- figures and report ------------------------------------------------------------------------------------------------------


def test_figures_say_what_the_tables_say(tables, lived):
    facts = Facts(
        tables, None, {"delivery_start_ms": lived.site.days_ms[0][0], "delivery_end_ms": lived.site.days_ms[0][1]}
    )
    found = {name: figure(facts) for name, figure in kpis_lights.FIGURES.items()}
    assert found["register_points"] == len(lived.table("registered_points")["gcp"]) - 2  # two were changed
    assert found["register_qualified_percent"] == 100.0
    assert found["lights_late"] == 0.0
    lights = lived.table("dynamic_lights")
    newest = {dso: lights["made_ms"][lights["dso"] == dso].max() for dso in set(lights["dso"].tolist())}
    last = lights["made_ms"] == np.array([newest[dso] for dso in lights["dso"].tolist()])
    there = last & (lights["static_kw"] > 0)
    for colour in ("yellow", "red"):
        share = 100.0 * (lights["colour"][there] == colour).mean()
        assert found[f"lights_{colour}_percent"] == pytest.approx(share)
    assert found["lights_yellow_percent"] + found["lights_red_percent"] > 0.0
    up = last & (lights["direction"] == "up")
    usable = 100.0 * lights["capability_kw"][up].sum() / lights["static_kw"][up].sum()
    assert found["lights_usable_up_percent"] == pytest.approx(usable)
