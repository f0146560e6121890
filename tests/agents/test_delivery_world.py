"""Measurement and verification of limits in a small world of delivery: every step, what gateways tell, who is found and who is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.messages.delivery import (
    MeteringOrder,
    SetPointReading,
)
from environment.platforms.measurements import first_false
from experiments.covers import covers
from tests.agents.delivery_world import (
    CALLED,
    COMPONENTS,
    FROM_MS,
    HOUR_MS,
    HOURS,
    LIMIT_KW,
    OFFERED_KW,
    POINTS,
    DeliveryWorld,
    component,
    conformance,
    pgui,
    said_by,
)

# --- steps ---------------------------------------------------------------------------------------------------------------


@covers("SUC10.4/r02", "SUC10.4/r03", "SUC10.4/r04", "SUC10.4/r05", "SUC08.4/r02", "SUC08.4/r13")
def test_every_step_is_made_and_4_only_where_data_do_not_match(honest, gaps):
    found = conformance(honest)
    assert found["SUC10.4"].not_reached == ()
    assert (found["SUC08.4"].not_reached, [one.step for one in found["SUC08.4"].excused]) == ((), ["4"])
    found = conformance(gaps)
    assert (found["SUC08.4"].not_reached, found["SUC08.4"].excused) == ((), ())


@covers("SUC10.4/r07", "SUC10.4/r08", "SUC10.4/r14", "SUC10.4/6", "SUC10.4/16", "SUC08.4/37")
def test_what_the_register_holds_is_what_the_meters_showed(honest):
    kept = honest.table("flexibility-register", "measurements")
    assert len(kept.t_ms) == len(POINTS) * HOURS
    for gcp, hour_ms, consumed, produced in zip(
        kept.gcp, kept.t_ms, kept.consumption_kwh, kept.production_kwh, strict=True
    ):
        kw = honest.meters.read([gcp], hour_ms, hour_ms + HOUR_MS)
        assert consumed - produced == pytest.approx(kw.mean())


@covers("SUC10.4/r09")
def test_each_dso_reads_its_own_points_with_perimeter_and_bsp(honest):
    told = honest.tables()["content/PointMeasurements"].to_pylist()
    messages = {row["row"]: row for row in honest.tables()["messages"].to_pylist()}
    for one in told:
        assert (one["bsp"], one["perimeter"]) == POINTS[one["gcp"]]
    got = {
        dso: sorted(one["gcp"] for one in told if messages[one["row"]]["receiver"] == dso) for dso in ("dso-a", "dso-b")
    }
    assert got == {"dso-a": ["home-1/meter", "home-2/meter", "home-3/meter"], "dso-b": ["home-4/meter"]}


# --- limits --------------------------------------------------------------------------------------------------------------


@covers("SUC10.4/r12")
def test_there_is_an_outcome_for_each_perimeter(honest):
    assert honest.outcomes() == {"P1": "", "P2": "", "P3": ""}


@covers("SUC10.4/r01", "SUC10.4/r10", "SUC10.4/r11")
def test_who_ignores_a_limit_is_found_and_nobody_else_is_accused(ignoring):
    assert ignoring.outcomes() == {"P1": "bsp-2", "P2": "", "P3": ""}
    told = ignoring.table("tso", "verification_outcomes")
    over = told.metered_over_kwh[told.perimeter == "P1"]
    assert over == pytest.approx([(OFFERED_KW - LIMIT_KW - 0.5) * (CALLED.stop - CALLED.start)])
    assert told.planned_over_kwh.sum() == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_load_that_strays_from_its_baseline_accuses_nobody(seed):
    there = DeliveryWorld(noise=0.4, seed=seed).run(days=2.2)
    assert there.outcomes() == {"P1": "", "P2": "", "P3": ""}


@covers("SUC10.4/r01", "SUC10.4/r14")
@pytest.mark.parametrize(("times", "found"), [(1.1, False), (1.2, True), (1.5, True)])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_gateways_saw_of_orders_proves_what_meters_of_noisy_loads_cannot(times, found, seed):
    """A fifth too much is less than the load strays by itself; a tenth is what every provider asks in reserve."""
    kw = times * LIMIT_KW
    there = DeliveryWorld(noise=2.0, seed=seed, delivers={"home-3/meter": kw}, sets={"home-3/meter": kw}).run(days=2.2)
    assert there.outcomes() == {"P1": "bsp-2" if found else "", "P2": "", "P3": ""}
    told = there.table("tso", "verification_outcomes")
    assert told.metered_over_kwh.sum() == 0
    over = (kw - 1.15 * LIMIT_KW) * (CALLED.stop - CALLED.start) if found else 0.0
    assert told.set_over_kwh.sum() == pytest.approx(over)


@covers("SUC10.4/r01", "SUC10.4/r14")
@settings(max_examples=5, deadline=None)
@given(
    times=st.lists(st.floats(0.0, 1.12) | st.floats(1.18, 3.0), min_size=2, max_size=2), free_kw=st.floats(0.0, 9.0),
    noise=st.floats(0.5, 4.0), seed=st.integers(1, 1000),
)  # fmt: skip
def test_whoever_exceeds_a_limit_by_whatever_is_named_and_nobody_beside_him(times, free_kw, noise, seed):
    """Neither provider, one of them or both, by any amount, whatever the loads do; the points where nothing is limited do as they like."""
    kw = {"home-1/meter": times[0] * LIMIT_KW, "home-3/meter": times[1] * LIMIT_KW, "home-4/meter": free_kw}
    there = DeliveryWorld(noise=noise, seed=seed, delivers=kw, sets=kw).run(days=2.2)
    guilty = {name for name, many in zip(("bsp-1", "bsp-2"), times, strict=True) if many > 1.15}
    found = there.outcomes()
    assert set(found.pop("P1").split(", ")) - {""} == guilty
    assert set(found.values()) == {""}


@covers("SUC10.4/r01", "SUC10.4/r10")
@pytest.mark.parametrize(("noise", "found"), [(0.0, True), (2.0, False)])
def test_who_goes_round_the_gateways_is_found_by_meters_alone(honest, noise, found):
    """Set-points say that the limit is kept, and meters that it is not: what loads stray by hides it, and what is above the limit is not paid."""
    kw, shown = {"home-3/meter": OFFERED_KW}, {"home-3/meter": LIMIT_KW}
    there = DeliveryWorld(noise=noise, delivers=kw, sets=shown).run()
    assert there.outcomes() == {"P1": "bsp-2" if found else "", "P2": "", "P3": ""}
    assert there.table("tso", "verification_outcomes").set_over_kwh.sum() == 0
    if not noise:  # else loads stray, and so does what counts as delivered elsewhere
        service = [one.ledger()["tso", "bsp-2", "balancing service"] for one in (honest, there)]
        assert service[0] == service[1]


def test_a_gateway_hears_of_its_own_resources_only():
    there = DeliveryWorld()
    stranger = SetPointReading(activation="x", direction="up", from_ms=FROM_MS, to_ms=FROM_MS + HOUR_MS, change_kw=9.0)
    there.homes.strange = [("home-1/der", stranger, pgui("home-3/meter"))]
    there.run(days=2.2)
    assert there.outcomes() == {"P1": "", "P2": "", "P3": ""}
    assert there.table("gateways", "refused_requests").subject.tolist() == ["x"]


@covers("SUC10.4/r06")
def test_without_baselines_the_plan_is_checked_and_nobody_is_accused_by_measurement():
    kept = {"home-3/meter": LIMIT_KW}  # it was not set to what it gave
    there = DeliveryWorld(baselines={}, delivers={"home-3/meter": OFFERED_KW}, sets=kept).run(days=2.2)
    assert there.outcomes() == {"P1": "", "P2": "", "P3": ""}
    above = [component("bsp-1", "P1", accepted=LIMIT_KW + 1.0), *COMPONENTS[1:]]
    there = DeliveryWorld(baselines={}, components=above).run(days=2.2)
    assert there.outcomes() == {"P1": "bsp-1", "P2": "", "P3": ""}


# --- measurements ----------------------------------------------------------------------------------------------------


@covers("SUC10.4/r07", "SUC10.4/r08")
def test_six_hours_are_told_at_once_with_one_signature_and_prove_the_same(honest):
    """Every hour is chained as before; the register holds the same, in four reports a day."""
    seldom = DeliveryWorld(every_h=6).run()
    reports = {
        there: there.world.bus.journal.messages()["record"].tolist().count("MeasurementReport")
        for there in (honest, seldom)
    }
    assert (reports[honest], reports[seldom]) == (24 * len(POINTS), 4 * len(POINTS))
    for gcp, rows in seldom.store.measured().items():
        assert [row.hash for row in rows] == [row.hash for row in honest.store.measured()[gcp]]
        assert [index for index, row in enumerate(rows) if row.signature] == [5, 11, 17, 23]
        assert first_false(gcp, rows, seldom.verifier) is None
        broken = [row._replace(consumption_kwh=9.0) if index == 7 else row for index, row in enumerate(rows)]
        assert first_false(gcp, broken, seldom.verifier) == 7


def test_an_order_that_ends_between_two_reports_is_told_at_its_end():
    """The day's order goes to its midnight; a test in the afternoon is over at four."""
    until_ms = FROM_MS + 16 * HOUR_MS
    order = MeteringOrder(gcps=("home-1/meter",), from_ms=until_ms - 2 * HOUR_MS, to_ms=until_ms)
    there = said_by("dso-a", order, "flexibility-register", every_h=24)
    there.world.run(until_ms + HOUR_MS // 2)
    known = there.store.measured()
    assert set(known) == {"home-1/meter"}
    assert [row.hour_ms for row in known["home-1/meter"]] == list(range(FROM_MS, until_ms, HOUR_MS))


def test_meters_count_both_directions_of_an_hour_apart():
    there = DeliveryWorld()
    there.meters.kw[0, : 4 * 48] = np.tile([3.0, -1.0, 3.0, -1.0], 48)
    there.world.run(FROM_MS + 2 * HOUR_MS)
    kept = there.table("flexibility-register", "measurements")
    mine = kept.gcp == "home-1/meter"
    assert kept.consumption_kwh[mine] == pytest.approx([1.5])
    assert kept.production_kwh[mine] == pytest.approx([0.5])
