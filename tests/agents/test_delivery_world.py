"""Delivery from meter to money in a small world: verification of limits, reports and their checks, settlement, trust."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environment.channels import Outage
from environment.messages.delivery import (
    MeasurementQuery,
    MeasurementReport,
    MeteringOrder,
    PerimeterBaseline,
    PointMeasurements,
    SetPointReading,
    SettlementNotification,
    VerificationOutcome,
    VerificationRequest,
)
from environment.platforms.measurements import first_false
from experiments.conformance import check, report_text
from experiments.covers import covers
from tests.agents.delivery_world import (
    CALLED,
    COMPONENTS,
    DAY_MS,
    FROM_MS,
    HOUR_MS,
    HOURS,
    LIMIT_KW,
    OFFERED_KW,
    POINTS,
    DeliveryWorld,
    component,
    pgui,
    vector,
)
from tests.environment.kernel_cases import plain

NIGHT = FROM_MS + DAY_MS


@pytest.fixture(scope="module")
def honest():
    """Everybody delivers what was accepted."""
    return DeliveryWorld().run()


@pytest.fixture(scope="module")
def gaps():
    """The provider's own data have a gap in an hour in which its battery gave only a half."""
    return DeliveryWorld(gaps=("bsp-1",), delivers={"home-1/meter": LIMIT_KW / 2}).run()


@pytest.fixture(scope="module")
def ignoring():
    """bsp-2 delivers in P1 what it bid, although less was admitted."""
    return DeliveryWorld(delivers={"home-3/meter": OFFERED_KW}).run()


def conformance(there):
    report = check(there.tables(), usecases=["SUC10.4", "SUC08.4"], provenance=True)
    assert report.is_clean, report_text(report)
    return report.usecases


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


def test_what_is_delivered_above_a_limit_is_not_paid(honest, ignoring):
    service = [there.ledger()["tso", "bsp-2", "balancing service"] for there in (honest, ignoring)]
    assert service[0] == service[1]


# --- reports -------------------------------------------------------------------------------------------------------------


@covers("SUC08.4/r03", "SUC08.4/r04")
def test_each_operator_gets_the_report_of_what_concerns_it(honest):
    messages = honest.tables()["messages"].to_pylist()
    got = {}
    for one in honest.tables()["content/PreliminaryReport"].to_pylist():
        got.setdefault(messages[one["row"]]["receiver"], set()).add((one["bsp"], one["perimeter"]))
    everything = {("bsp-1", "P1"), ("bsp-2", "P1"), ("bsp-2", "P3")}
    assert got == {"tso": everything, "dso-a": everything - {("bsp-2", "P3")}, "dso-b": {("bsp-2", "P3")}}


@covers("SUC08.4/r05", "SUC08.4/r06", "SUC08.4/r07", "SUC08.4/r08", "SUC08.4/44", "SUC08.4/45")
def test_a_gap_in_the_own_data_is_asked_about_and_cleared_by_both_operators(gaps):
    for operator in ("tso", "dso-a"):
        asked = gaps.table(operator, "clarifications")
        assert (asked.bsp.tolist(), asked.hours.tolist(), asked.accepted.tolist()) == (["bsp-1"], [1], [1])
    paid = gaps.table("tso", "service_settlements")
    assert paid.delivered_kwh[paid.bsp == "bsp-1"] == pytest.approx(4 * LIMIT_KW / 2)


@covers("SUC08.4/r08")
def test_who_stands_by_a_report_that_the_meter_does_not_bear_out_is_paid_by_the_meter():
    there = DeliveryWorld(times={"bsp-2": 1.5}, insists=("bsp-2",)).run()
    asked = there.table("tso", "clarifications")
    assert (set(asked.bsp.tolist()), asked.accepted.sum()) == ({"bsp-2"}, 0)
    paid = there.table("tso", "service_settlements")
    assert paid.delivered_kwh[paid.bsp == "bsp-2"] == pytest.approx(4 * (LIMIT_KW + OFFERED_KW))
    final = there.tables()["content/FinalReport"].to_pylist()
    assert max(max(one["delivered_kwh"]) for one in final) == pytest.approx(1.5 * OFFERED_KW)


def test_a_provider_that_cannot_report_is_settled_by_the_meter_and_that_is_on_record():
    def down(directory):
        there = np.array([name == "bsp-1" for name in directory.names])
        return (Outage(there, NIGHT + HOUR_MS, NIGHT + 9 * HOUR_MS - 1),)

    there = DeliveryWorld(disturb=down).run()
    assert there.talks()["SUC08.4/1:tso:bsp-1-86400000"] == ("failed", "no report in time of P1")
    paid = there.table("tso", "service_settlements")
    assert paid.delivered_kwh[paid.bsp == "bsp-1"] == pytest.approx(4 * LIMIT_KW)


@covers("SUC08.4/r15", "SUC08.4/22", "SUC08.4/r01")
def test_a_report_that_comes_after_it_was_due_does_not_count():
    there = DeliveryWorld(reports_after_s=7201.0).run()
    late = [reason for reason in _refusals(there, "tso") if "after it was due" in reason]
    assert len(late) == 3
    assert {outcome for name, (outcome, _) in there.talks().items() if name.startswith("SUC08.4")} == {"failed"}
    paid = there.table("tso", "service_settlements")
    assert paid.delivered_kwh.sum() == pytest.approx(4 * (2 * LIMIT_KW + OFFERED_KW))


@covers("SUC10.4/r06")
def test_without_baselines_the_plan_is_checked_and_nobody_is_accused_by_measurement():
    kept = {"home-3/meter": LIMIT_KW}  # it was not set to what it gave
    there = DeliveryWorld(baselines={}, delivers={"home-3/meter": OFFERED_KW}, sets=kept).run(days=2.2)
    assert there.outcomes() == {"P1": "", "P2": "", "P3": ""}
    above = [component("bsp-1", "P1", accepted=LIMIT_KW + 1.0), *COMPONENTS[1:]]
    there = DeliveryWorld(baselines={}, components=above).run(days=2.2)
    assert there.outcomes() == {"P1": "bsp-1", "P2": "", "P3": ""}


# --- money ---------------------------------------------------------------------------------------------------------------


def balances(there):
    found = {}
    for (debtor, creditor, _), eur in there.ledger().items():
        found[debtor] = round(found.get(debtor, 0.0) - eur, 2)
        found[creditor] = round(found.get(creditor, 0.0) + eur, 2)
    return found


@covers("SUC08.4/r09", "SUC08.4/r11", "SUC08.4/r12")
def test_money_sums_to_zero_and_every_party_agrees(gaps):
    """2 kW up in four hours at 0.30 and energy at 0.10, of which bsp-1 delivered a half: what is missing costs 0.40 (0.30 and the energy)."""
    assert gaps.ledger() == {
        ("tso", "bsp-1", "balancing service"): 1.60, ("bsp-1", "bsp-1-brp", "energy transfer"): 0.40,
        ("bsp-1-brp", "tso", "imbalance"): 1.60, ("bsp-1", "bsp-1-brp", "undelivered"): 1.60,
        ("tso", "bsp-2", "balancing service"): 9.60, ("bsp-2", "bsp-2-brp", "energy transfer"): 2.40,
    }  # fmt: skip
    assert sum(round(100 * eur) for eur in balances(gaps).values()) == 0


@covers("SUC08.4/r10")
def test_the_party_behind_is_left_with_the_value_of_its_energy_alone(gaps):
    kept = gaps.table("bsp-1-brp", "responsible_imbalances")
    assert kept.imbalance_kwh == pytest.approx([-4.0])
    assert balances(gaps)["bsp-1-brp"] == pytest.approx(float(kept.transfer_eur[0]))


@covers("SUC08.4/r11")
def test_who_owes_pays_whoever_it_is():
    """Downward the provider buys energy: at no price for the change it owes the TSO, and starts the payment."""
    down = replace(COMPONENTS[2], direction="down", price_eur_per_kwh=0.0)
    there = DeliveryWorld(
        components=[*COMPONENTS[:1], down], delivers={"home-3/meter": 0.0, "home-4/meter": -OFFERED_KW}
    ).run()
    assert there.ledger()["bsp-2", "tso", "balancing service"] == pytest.approx(4 * OFFERED_KW * 0.1)
    assert there.ledger()["bsp-2-brp", "bsp-2", "energy transfer"] == pytest.approx(4 * OFFERED_KW * 0.1)
    conformance(there)


# --- trust ---------------------------------------------------------------------------------------------------------------


def test_measurements_that_were_tampered_with_prove_nothing(honest):
    there = DeliveryWorld(delivers={"home-3/meter": OFFERED_KW})
    there.world.run(NIGHT + HOUR_MS)
    with there.store._engine.begin() as connection:
        from sqlalchemy import text

        connection.execute(
            text("update measurements set consumption_kwh = 9.0 where gateway = 'home-3/meter' and number = 5")
        )
    there.reopen()
    there.run()
    shown = [one for one in there.tables()["content/PointMeasurements"].to_pylist() if one["gcp"] == "home-3/meter"]
    assert {one["tampered_at"] for one in shown} == {5}
    assert {sum(one["is_missing"]) for one in shown} == {HOURS - 5}
    assert there.outcomes()["P1"] == ""


def test_an_outage_of_the_register_loses_nothing():
    def down(directory):
        there = np.array([name == "flexibility-register" for name in directory.names])
        return (
            Outage(there, FROM_MS + 5 * HOUR_MS, FROM_MS + 9 * HOUR_MS),
            Outage(there, NIGHT - HOUR_MS, NIGHT + HOUR_MS),
        )

    there = DeliveryWorld(disturb=down)
    there.world.run(FROM_MS + 7 * HOUR_MS)
    there.reopen()
    there.run()
    kept = there.table("flexibility-register", "measurements")
    assert len(set(zip(kept.gcp, kept.t_ms, strict=True))) == len(kept.t_ms) == len(POINTS) * HOURS
    assert there.outcomes() == {"P1": "", "P2": "", "P3": ""}


def _said_by(name, record, to, conversation="x", **world):
    """Let a party of the world say something that it should not, at noon of the day."""

    def life(party):
        yield party.until(FROM_MS + 12 * HOUR_MS)
        party.send(record, to, conversation)

    there = DeliveryWorld(**world)
    party = next(actor.party for actor in there.world.agents if actor.party.name == name)
    own = party.processes
    party.processes = lambda: [*own(), life(party)]
    return there


def _refusals(there, name):
    table = there.table(name, "refused_requests")
    return [] if table is None else table.reason.tolist()


@pytest.mark.parametrize(
    ("record", "to"),
    [
        (plain(VerificationOutcome), "tso"),
        (plain(MeasurementReport), "flexibility-register"),
        (plain(PointMeasurements), "tso"),
        (plain(SettlementNotification, final_eur=-5.0, service_eur=0.0), "bsp-2"),
        (plain(VerificationRequest), "tso"),
        (plain(MeteringOrder), "home-1/pgui"),
    ],
)
@covers("SUC10.4/26", "SUC10.4/43", "SUC10.4/38")
def test_a_provider_says_nothing_that_is_not_its_to_say(record, to):
    there = _said_by("bsp-1", record, to)
    there.world.run(FROM_MS + 13 * HOUR_MS)
    (row,) = [row for row in there.tables()["messages"].to_pylist() if row["conversation"] == "x"]
    assert (row["status"], row["reason"].split(":")[0]) == ("refused", "role")


@pytest.mark.parametrize(
    ("who", "record", "to", "reason"),
    [
        ("dso-b", VerificationRequest(dso="dso-b", perimeters=("P1",), bsps=(), from_ms=FROM_MS, to_ms=NIGHT), "tso", "P1 is not dso-b's"),
        ("dso-b", plain(VerificationOutcome, perimeter="P1"), "tso", "it is not dso-b's"),
        ("dso-b", MeteringOrder(gcps=("home-1/meter",), from_ms=FROM_MS, to_ms=NIGHT), "flexibility-register", "dso-b may not see it"),
        ("bsp-1", PerimeterBaseline(perimeter="P1", bsp="bsp-2", from_ms=2 * FROM_MS, step_s=3600.0, net_kw=np.zeros(HOURS)), "tso",
         "bsp-1 files no baseline of bsp-2"),
        ("bsp-1", PerimeterBaseline(perimeter="P1", bsp="bsp-1", from_ms=FROM_MS, step_s=3600.0, net_kw=np.zeros(HOURS)), "tso",
         "it came after its day had begun"),
    ],
)  # fmt: skip
def test_nobody_speaks_for_another_or_too_late(who, record, to, reason):
    there = _said_by(who, record, to)
    there.world.run(FROM_MS + 13 * HOUR_MS)
    assert _refusals(there, to) == [reason]


def test_who_may_not_see_a_point_is_told_so_and_that_is_on_record():
    there = _said_by(
        "dso-b", MeasurementQuery(gcp="home-1/meter", from_ms=FROM_MS, to_ms=NIGHT), "flexibility-register"
    )
    there.world.run(FROM_MS + 13 * HOUR_MS)
    (told,) = there.tables()["content/QueryRefusal"].to_pylist()
    assert told["reason"] == "dso-b may not see it"
    assert [one["reason"] for one in there.store.accesses() if not one["admitted"]] == ["dso-b may not see it"]


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
    there = _said_by("dso-a", order, "flexibility-register", every_h=24)
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


# --- who pays, where DSOs buy (BUC09) -------------------------------------------------------------------------------------------------


def shared(energy, **said):
    """Of the 4 kW that bsp-2 sells in P3 in four hours its DSO bought one, and all of them are delivered."""
    half = replace(COMPONENTS[2], bought_kw={"dso-b": vector(1.0), "tso": vector(OFFERED_KW - 1.0)})
    return DeliveryWorld(components=[COMPONENTS[0], half], delivers={"home-3/meter": 0.0}, energy=energy, **said).run()


@pytest.mark.parametrize(
    ("energy", "to_seller", "tso_pays", "of_imbalance"),
    [("tso", 1.20, 5.20, 0.0), ("buyer", 1.60, 4.80, 0.0), ("imbalance", 1.60, 4.80, 1.60)],
)
def test_each_operator_pays_for_what_it_bought(energy, to_seller, tso_pays, of_imbalance):
    """4 kWh at 0.30 are the DSO's, and where it takes the energy, at 0.10; an imbalance price of 0.40 is what the TSO's own purchases cost."""
    there = shared(energy)
    ledger = there.ledger()
    assert ledger["dso-b", "bsp-2", "purchased service"] == pytest.approx(to_seller)
    assert ledger["tso", "bsp-2", "balancing service"] == pytest.approx(tso_pays)
    assert ledger.get(("tso", "dso-b", "imbalance"), 0.0) == pytest.approx(of_imbalance)
    assert ledger["bsp-2", "bsp-2-brp", "energy transfer"] == pytest.approx(1.60)
    assert sum(round(100 * eur) for eur in balances(there).values()) == 0
    rows = there.table("tso", "service_purchases")
    assert dict(zip(zip(rows.buyer, rows.bsp, strict=True), rows.delivered_kwh, strict=True)) == pytest.approx(
        {("tso", "bsp-1"): 8.0, ("tso", "bsp-2"): 12.0, ("dso-b", "bsp-2"): 4.0}
    )
    if energy == "tso":
        conformance(there)


def test_a_dso_does_not_pay_for_what_was_not_bought_for_it():
    there = shared("tso", told=[])
    assert ("dso-b", "bsp-2", "purchased service") not in there.ledger()
    assert _refusals(there, "dso-b") == ["4.000 kWh are more than the 0.000 that were bought"]
