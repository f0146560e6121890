"""What becomes of register, platform and verification where something fails or somebody cheats, in a small world of two operators."""

import pytest

from environment.messages.global_market import DsoConstraint, LocalPlan
from environment.messages.traffic_lights import DynamicLight
from experiments.conformance import check
from experiments.covers import covers
from tests.agents.lights_world import World, small


@pytest.fixture(scope="module")
def lived(lights_day):
    return lights_day


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
@pytest.mark.parametrize("cheat", ["bsp-alfa", "bsp-beta"])
def test_verification_finds_every_injected_violation_and_accuses_nobody_else(cheat):
    """In a running world, however much loads stray from their baselines: hours, perimeters and the name are those in which more was asked of members."""
    content = small()
    content["faults"] = [{"party": cheat, "ignores_limits": True}]
    del content["global_market"]["bsps"][1]["updates"]
    there = World(content, until_h=51.0)
    injected, proven = beyond(there)
    assert injected
    assert proven == injected
    assert {bsp for _, bsp, _, _ in proven} == {cheat}
    told = there.table("verification_outcomes")
    named = {one for one, names in zip(told["perimeter"], told["exceeding"], strict=True) if names}
    assert named == {perimeter for perimeter, *_ in injected}
    assert set(told["exceeding"].tolist()) <= {"", cheat}


def test_nobody_who_keeps_his_limits_is_proven_to_exceed_one(lived):
    injected, proven = beyond(lived)
    assert injected == proven == set()
    assert lived.table("verifications")["set_point_kw"].max() > 0
