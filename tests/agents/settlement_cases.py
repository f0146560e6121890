"""A settlement by the platform's provider: the others are puppets whose records and answers are given."""

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np

from agents.platform_provider import PlatformProvider, ProviderTerms
from agents.settlement import Service
from environment.calendar import Calendar
from environment.messages.activation import ActivationRequest
from environment.messages.procurement import BaselineDeclaration, EngagementRequest
from environment.messages.settlement import (
    MeterData,
    SettlementDecision,
)
from markets.baselines.declared import freeze
from markets.baselines.method import Method
from markets.settlement import linear_with_grace
from tests.environment.kernel_cases import plain

DAY_MS = 86_400_000
FROM_MS = 72_000_000
GATE_MS = 36_000_000
STEP_MS = 900_000
ORDERED = np.array([4.0, 8.0])
BASELINE = np.array([10.0, 12.0])
PRICE = 0.5
ROME = ZoneInfo("Europe/Rome")
CALENDAR = Calendar(datetime(2016, 1, 18, 12, tzinfo=ROME), ROME)
GDBN, DESK, METERS, FSP = "gdbn-1", "dso-1/dso-settlement-service", "dso-1/dso-database", "fsp-a"


def declaration(power_kw=BASELINE, **changes):
    t_ms = FROM_MS + STEP_MS * np.arange(len(power_kw), dtype=np.int64)
    frozen = freeze("base", FSP, "A", t_ms, power_kw, 0)
    given = {
        "baseline": "base", "session": "s", "fsp": FSP, "area": "A", "from_ms": FROM_MS, "step_s": 900.0, "power_kw": power_kw,
        "method": "declared-schedule", "parameters": (), "eligible": (), "meters": ("m1", "m2"), "sha256": frozen.sha256,
    }  # fmt: skip
    return plain(BaselineDeclaration, **(given | changes))


def engagement():
    return plain(
        EngagementRequest, session="s", contract="contract", bid="b", fsp=FSP, area="A", direction="up", from_ms=FROM_MS,
        step_s=900.0, engaged_kw=np.array([10.0, 10.0]), price_eur_per_kwh=PRICE, availability_eur_per_kw_h=0.0,
    )  # fmt: skip


def order(ordered_kw=ORDERED, activation="act"):
    return plain(
        ActivationRequest, activation=activation, contract="contract", dso="dso-1", fsp=FSP, area="A", direction="up", from_ms=FROM_MS,
        to_ms=FROM_MS + 2 * STEP_MS, step_s=900.0, ordered_kw=ordered_kw,
    )  # fmt: skip


def readings(metered_kw, missing=0):
    return lambda puppet, batch: [
        plain(
            MeterData,
            meters=one.meters,
            from_ms=one.from_ms,
            step_s=900.0,
            metered_kw=np.array(metered_kw),
            missing=missing,
        )
        for one in batch.records()
    ]


def decide(approved=True):
    def reply(puppet, batch):
        for record in batch.records():
            decision = plain(
                SettlementDecision, settlement=record.settlement, approved=approved, reason="" if approved else "no"
            )
            puppet.send(decision, f"{GDBN}/settlement", batch.conversation, system="desk")

    return reply


def service(platforms, penalty=0.0):
    return Service(
        "gdbn", "dso-1", METERS, METERS, DESK, platforms, partial(linear_with_grace.settle, penalty_eur_per_kwh=penalty)
    )


FULL = readings([6.0, 4.0])
APPROVED = decide()


def settled(stage, kept=None, metered=FULL, decision=APPROVED, penalty=0.0, first_ms=0, settles=True, method=Method()):  # noqa: B008
    """One activation through the settlement of the day after it: what the others send and answer is given."""
    names = ["dpp-1", GDBN, f"{GDBN}/settlement", "dso-1", METERS, DESK, FSP, f"{FSP}/platform"]
    there = stage(*names, actors={f"{GDBN}/settlement": ("gdbn",), DESK: ("desk",)}, parties={
        f"{GDBN}/settlement": "dpp-1", METERS: "database", DESK: "desk",
    })  # fmt: skip
    records = [declaration(), engagement(), order()] if kept is None else kept
    lines = [
        (first_ms + 1000 * row, lambda puppet, one=one: puppet.send(one, f"{GDBN}/settlement", "call"))
        for row, one in enumerate(records)
    ]
    there.puppet(GDBN, *lines)
    there.database = there.puppet("database", MeterDataRequest=metered)
    there.desk = there.puppet("desk", RemunerationAndPenalty=decision)
    there.fsp = there.puppet(FSP)
    terms = ProviderTerms(
        days_ms=[(0, DAY_MS)], gates_ms=[GATE_MS], cycle_before_ms=0, settle_after_ms=3_600_000, settles=settles, dso="dso-1",
        settlement_desk=DESK, aggregators=[], service=service({FSP: f"{FSP}/platform"}, penalty), method=method,
    )  # fmt: skip
    there.provider = there.agent(PlatformProvider, "dpp-1", CALENDAR, terms)
    return there.run(2 * 86_400)


def table(there, name):
    return there.provider.registers[name].columns() if name in there.provider.registers else {}
