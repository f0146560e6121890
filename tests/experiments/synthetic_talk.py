"""What was said, forecast, paid and found in the synthetic run."""

import math

import numpy as np

from tests.experiments.synthetic_day import (
    DELIVERY_END_MS,
    DELIVERY_START_MS,
    FSPS,
    HOMES,
    HOUR_MS,
    STEP_MS,
    T_MS,
    N,
    base_kw,
    car_kw,
    columns,
    fsp_of,
    shifts,
)


def conversations():
    rows = [
        ("c-1", "SUC06.1", "2", None, "T1", "dso-1/derms", HOUR_MS, 5 * HOUR_MS, "completed", None),
        (
            "c-2",
            "SUC06.2",
            "1",
            "c-1",
            "T1",
            "dso-1/dso-activation-system",
            29 * HOUR_MS,
            33 * HOUR_MS,
            "completed",
            None,
        ),
        ("c-3", "SUC06.3", "1", "c-2", "T1", "gdbn-1", 37 * HOUR_MS, 38 * HOUR_MS, "completed", None),
    ]
    return columns(
        (
            "conversation",
            "suc",
            "scenario",
            "parent",
            "subject",
            "opener",
            "opened_ms",
            "ended_ms",
            "outcome",
            "reason",
        ),
        rows,
    )


def messages():
    """(conversation, record, sender, receiver, sent, delay, back, attempts, status)."""
    fmp, gdbn = "lfmo-1/flexibility-market-platform", "gdbn-1"
    plan = [("c-1", "SessionRequest", "dso-1/derms", fmp, HOUR_MS)]
    plan += [("c-1", "Bid", fsp, fmp, 2 * HOUR_MS) for fsp in FSPS]
    plan += [("c-2", "ActivationRequest", "dso-1/dso-activation-system", gdbn, 29 * HOUR_MS)]
    plan += [("c-2", "ActivationRequest", gdbn, f"{fsp}/fsp-technical-platform", 29 * HOUR_MS + 3000) for fsp in FSPS]
    plan += [
        ("c-2", "ActivationSignal", f"{fsp_of(i)}/fsp-technical-platform", f"{HOMES[i]}/der", 29 * HOUR_MS + 6000)
        for i in range(8)
    ]
    rows = []
    for row, (conversation, record, sender, receiver, sent) in enumerate(plan):
        lost, again = row == 13, row == 12
        delivered = None if lost else sent + 1000 + 100 * row + (60_000 if again else 0)
        acknowledged = None if lost else delivered + 1000
        status = "lost" if lost else "acknowledged"
        rows.append(
            (
                row,
                1000 + row,
                conversation,
                record,
                sender,
                receiver,
                sent,
                delivered,
                acknowledged,
                2 if again else 3 if lost else 1,
                0,
                status,
                "no acknowledgement" if lost else None,
                17 * row,
                None,
            )
        )
    names = (
        "row",
        "message_id",
        "conversation",
        "record",
        "sender",
        "receiver",
        "sent_ms",
        "delivered_ms",
        "acknowledged_ms",
        "attempts",
        "duplicates",
        "status",
        "reason",
        "digest",
        "answer_to",
    )
    return columns(names, rows)


def acts():
    rows = [
        (i, "start_delivery", f"{HOMES[i]}/der", "c-2", 30 * HOUR_MS, ["ActivationSignal"], [f"devices/{HOMES[i]}"])
        for i in range(7)
    ]
    return columns(("row", "act", "actor", "conversation", "t_ms", "reads", "writes"), rows)


def forecasts():
    feeder = (base_kw() + car_kw(shifts(False))).sum(axis=0)
    day = np.flatnonzero((T_MS >= DELIVERY_START_MS) & (T_MS < DELIVERY_END_MS))
    wiggle = np.array([1.05 if step % 2 else 0.95 for step in day])
    return {
        "made_ms": [HOUR_MS] * len(day),
        "t_ms": T_MS[day],
        "party": ["dso-1"] * len(day),
        "subject": ["T1"] * len(day),
        "value_kw": feeder[day] * wiggle,
        "horizon_h": (T_MS[day] - HOUR_MS) / HOUR_MS,
    }


def actuals():
    week = np.arange(-168 * 4, N, dtype=np.int64)
    feeder = (base_kw() + car_kw(shifts(False))).sum(axis=0)
    values = [feeder[step] if step >= 0 else 12 + 6 * math.sin(step / 96 * 2 * math.pi) for step in week]
    return {"t_ms": week * STEP_MS, "subject": ["T1"] * len(week), "value_kw": values}


def ledger(coordinated=True):
    rows = [(i, 40 * HOUR_MS, home, "retailer-1", 2.5, "retail energy", 1000 + i % 14) for i, home in enumerate(HOMES)]
    rows += [
        (100, 40 * HOUR_MS, "retailer-1", "dso-1", 9.0, "grid tariff", 1001),
        (101, 40 * HOUR_MS, "retailer-1", "state", 5.0, "taxes", 1001),
    ]
    if coordinated:
        rows += [(110 + i, 39 * HOUR_MS, "dso-1", fsp, 4.0 + i, "flexibility", 1002) for i, fsp in enumerate(FSPS)]
        rows += [(120 + i, 39 * HOUR_MS, fsp_of(i), HOMES[i], 0.5, "share of flexibility", 1003) for i in range(8)]
    return columns(("entry", "t_ms", "debtor", "creditor", "eur", "purpose", "message_id"), rows)


def conformance():
    rows = [("SUC06.2", "1", step, "made", "", "") for step in ("1.1", "1.2", "1.3")]
    rows += [
        ("SUC06.2", "1", "1.4", "late", "c-2", "took 61 s"),
        ("SUC06.2", "1", "1.6", "broken", "c-2", "missing"),
        ("SUC06.2", "1", "1.7", "not_reached", "", ""),
    ]
    rows += [("SUC06.2", "2", "2.1", "excused", "", "alternative")]
    return columns(("suc", "scenario", "step", "verdict", "conversation", "detail"), rows)
