"""Nobody of a small world of delivery says what is not its to say, and what was stored proves itself."""

import numpy as np
import pytest

from environment.channels import Outage
from environment.messages.delivery import (
    MeasurementQuery,
    MeasurementReport,
    MeteringOrder,
    PerimeterBaseline,
    PointMeasurements,
    SettlementNotification,
    VerificationOutcome,
    VerificationRequest,
)
from experiments.covers import covers
from tests.agents.delivery_world import (
    FROM_MS,
    HOUR_MS,
    HOURS,
    NIGHT,
    OFFERED_KW,
    POINTS,
    DeliveryWorld,
    said_by,
)
from tests.environment.kernel_cases import plain


def test_measurements_that_were_tampered_with_prove_nothing():
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
    there = said_by("bsp-1", record, to)
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
    there = said_by(who, record, to)
    there.world.run(FROM_MS + 13 * HOUR_MS)
    assert there.refusals(to) == [reason]


def test_who_may_not_see_a_point_is_told_so_and_that_is_on_record():
    there = said_by("dso-b", MeasurementQuery(gcp="home-1/meter", from_ms=FROM_MS, to_ms=NIGHT), "flexibility-register")
    there.world.run(FROM_MS + 13 * HOUR_MS)
    (told,) = there.tables()["content/QueryRefusal"].to_pylist()
    assert told["reason"] == "dso-b may not see it"
    assert [one["reason"] for one in there.store.accesses() if not one["admitted"]] == ["dso-b may not see it"]
