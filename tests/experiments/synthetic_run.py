"""A small, physically plausible run for tests: one LV feeder behind one transformer, twelve homes, two providers, one evening.

Everything follows from a handful of numbers, so that expectations can be worked out by hand: homes draw a base, cars charge from
18:00, the transformer is overloaded without coordination, the providers shift the charging of their homes to later.
"""

import math

import numpy as np

from experiments.kpis import figure_columns, figures, twin_figures
from experiments.results import write_run

STEP_MS = 900_000
HOUR_MS = 3_600_000
N = 192  # 48 h: noon the day before to noon the day after
DELIVERY_START_MS = 12 * HOUR_MS
DELIVERY_END_MS = 36 * HOUR_MS
RATING_KVA = 40.0
HOMES = [f"home-{i:04d}" for i in range(1, 13)]
FSPS = ["fsp-mar", "fsp-sol"]
CAR_KW = 3.7
T_MS = STEP_MS * np.arange(N, dtype=np.int64)
HOUR = (12 + T_MS / HOUR_MS) % 24  # local hour of day
WINDOW = (T_MS >= 30 * HOUR_MS) & (T_MS < 32 * HOUR_MS)  # 18:00 to 20:00 of the delivery day


def meta(**changes):
    scenario = {
        "title": "A winter evening on one feeder",
        "about": "Twelve homes behind a small transformer; cars charge at 18:00.",
        "clock": {"physics_step_s": 900},
        "grid": {"network": "synthetic", "limits": {"transformer_percent": 100, "voltage_pu": [0.95, 1.05]}},
    }
    base = {
        "name": "synthetic-day",
        "scenario": scenario,
        "seed": 7,
        "versions": {"coflex": "0.1.0", "python": "3.11"},
        "begins": "2016-01-18T12:00:00+01:00",
        "zone": "Europe/Rome",
        "delivery_start_ms": DELIVERY_START_MS,
        "delivery_end_ms": DELIVERY_END_MS,
        "wall_s": {"setup": 1.0, "run": 1.5, "twin": 1.0, "write": 0.3},
        "notices": ["Contains information from SimBench, which is made available here under the ODbL."],
    }
    return base | changes


def base_kw():
    """Household load, shape (homes, steps), each home its own size."""
    evening = 0.4 + 1.6 * np.exp(-0.5 * ((HOUR - 19.5) / 1.8) ** 2)
    size = 0.7 + 0.05 * np.arange(len(HOMES))
    return size[:, None] * evening[None, :]


def car_kw(shift_steps):
    """Cars charge 3 h from 18:00; home h begins ``shift_steps[h]`` steps later."""
    power = np.zeros((len(HOMES), N))
    first = int(30 * HOUR_MS / STEP_MS)
    for home, shift in enumerate(shift_steps):
        power[home, first + shift : first + shift + 12] = CAR_KW
    return power


def shifts(coordinated):
    """Homes of the providers (the first eight) move by two hours when coordinated."""
    return [8 if coordinated and home < 8 else home % 3 for home in range(len(HOMES))]


def physics(coordinated=True):
    """Grid, device and meter tables."""
    base, cars = base_kw(), car_kw(shifts(coordinated))
    total = base + cars
    feeder = total.sum(axis=0)
    loss = 0.0005 * feeder**2
    q = 0.2 * feeder
    loading = np.hypot(feeder, q) / RATING_KVA * 100
    volts = {"mv": np.full(N, 1.0), "lv": 1.0 - 0.0006 * feeder, "end": 1.0 - 0.0011 * feeder}
    branches = [("T1", "trafo", loading, feeder, q), ("L1", "line", 0.6 * loading, 0.5 * feeder, 0.5 * q)]
    long = np.tile(T_MS, 2)
    devices = {
        "t_ms": np.tile(T_MS, 2 * len(HOMES)),
        "owner": np.repeat([*HOMES, *HOMES], N),
        "kind": np.repeat(["load"] * 12 + ["ev"] * 12, N),
        "power_kw": np.concatenate([base.ravel(), cars.ravel()]),
        "state": [None] * (12 * N) + list(np.cumsum(cars, axis=1).ravel() * 0.25),
    }
    meters = {
        "t_ms": np.tile(T_MS, len(HOMES)),
        "meter": np.repeat([f"{home}/meter" for home in HOMES], N),
        "import_kwh": total.ravel() * 0.25,
        "export_kwh": np.zeros(12 * N),
    }
    return {
        "grid_branches": {
            "t_ms": long,
            "branch": np.repeat([b[0] for b in branches], N),
            "kind": np.repeat([b[1] for b in branches], N),
            "loading_percent": np.concatenate([b[2] for b in branches]),
            "i_ka": np.concatenate([b[2] for b in branches]) / 1000,
            "p_kw": np.concatenate([b[3] for b in branches]),
            "q_kvar": np.concatenate([b[4] for b in branches]),
            "loss_kw": np.concatenate([loss, 0.2 * loss]),
        },
        "grid_buses": {
            "t_ms": np.tile(T_MS, 3),
            "bus": np.repeat(list(volts), N),
            "v_pu": np.concatenate(list(volts.values())),
        },
        "devices": devices,
        "meters": meters,
        "unserved": {"t_ms": T_MS, "power_kw": np.zeros(N)},
        "comfort": {
            "t_ms": [int(DELIVERY_START_MS)],
            "owner": ["home-0001"],
            "kind": ["heat_pump"],
            "violation_c": [0.8 if coordinated else 0.0],
        },
        "departures": {
            "t_ms": [35 * HOUR_MS] * 2,
            "owner": HOMES[:2],
            "missing_kwh": [1.5, 0.0] if coordinated else [0.0, 0.0],
        },
    }


def addresses():
    rows = [
        ("dso-1", "dso-1", ["dso"], "dso-1", False),
        ("dso-1/derms", "dso-1", ["derms"], "dso-1", False),
        ("dso-1/dso-activation-system", "dso-1", ["dso-activation-system"], "dso-1", False),
        ("dso-1/dso-settlement-service", "dso-1", ["dso-settlement-service"], "dso-1", False),
        ("lfmo-1", "lfmo-1", ["lfmo"], "lfmo-1", False),
        ("lfmo-1/flexibility-market-platform", "lfmo-1", ["flexibility-market-platform"], "lfmo-1", False),
        ("gdbn-1", "dpp-1", ["gdbn"], "dpp-1", False),
        ("retailer-1", "retailer-1", ["retailer"], "retailer-1", False),
        ("state", "state", ["state"], "state", False),
    ]
    for fsp in FSPS:
        rows.append((fsp, fsp, ["fsp", "aggregator"], fsp, False))
        rows.append((f"{fsp}/fsp-technical-platform", fsp, ["fsp-technical-platform"], fsp, False))
    for home in HOMES:
        rows.append((home, home, ["prosumer"], home, False))
        rows.append((f"{home}/der", home, ["der"], home, True))
    return dict(
        zip(("address", "party", "actors", "operator", "device"), map(list, zip(*rows, strict=True)), strict=True)
    )


def fsp_of(home):
    """Provider of each home: four each, four without contract."""
    return FSPS[home // 4] if home < 8 else None


def homes():
    n = len(HOMES)
    return {
        "owner": HOMES,
        "bus": ["lv"] * 6 + ["end"] * 6,
        "meter": [f"{home}/meter" for home in HOMES],
        "tariff": ["it-flat"] * n,
        "fsp": [fsp_of(i) for i in range(n)],
        "consent": [i != 3 for i in range(n)],
        "automatic": [True] * n,
        "contracted_kw": [4.5] * n,
    }


def portfolio(kw, fsp):
    return kw[[i for i in range(len(HOMES)) if fsp_of(i) == fsp]].sum(axis=0)


def market():
    """Needs, bids, clearings, baselines, activations, deliveries, settlements of the evening window."""
    steps = np.flatnonzero(WINDOW)
    t = T_MS[steps]
    k = len(steps)
    with_kw, without_kw = base_kw() + car_kw(shifts(True)), base_kw() + car_kw(shifts(False))
    needed = np.full(k, 20.0)
    rows = {"bid": [], "fsp": [], "price": [], "quantity": [], "accepted": []}
    book = [
        ("bid-1", "fsp-mar", 0.20, 12.0, 12.0),
        ("bid-2", "fsp-sol", 0.30, 12.0, 8.0),
        ("bid-3", "fsp-sol", 0.55, 4.0, 0.0),
    ]
    for bid, fsp, price, quantity, accepted in book:
        for key, value in zip(rows, (bid, fsp, price, quantity, accepted), strict=True):
            rows[key] += [value] * k
    bids = {
        "bid": rows["bid"],
        "session": ["session-1"] * 3 * k,
        "fsp": rows["fsp"],
        "area": ["T1"] * 3 * k,
        "direction": ["up"] * 3 * k,
        "t_ms": np.tile(t, 3),
        "quantity_kw": rows["quantity"],
        "price_eur_per_kwh": rows["price"],
        "received_ms": [2 * HOUR_MS] * 3 * k,
        "accepted_kw": rows["accepted"],
        "reason": [None] * 2 * k + ["dearer than needed"] * k,
    }
    cost = (12 * 0.20 + 8 * 0.30) * 0.25
    baselines, activations, deliveries = [], [], []
    for number, (fsp, ordered) in enumerate((("fsp-mar", 12.0), ("fsp-sol", 8.0)), 1):
        for step in steps:
            stated = float(portfolio(without_kw, fsp)[step]) * 1.02
            metered, twin = float(portfolio(with_kw, fsp)[step]), float(portfolio(without_kw, fsp)[step])
            baselines.append((f"baseline-{number}", fsp, "T1", int(T_MS[step]), stated, f"h{number}", HOUR_MS))
            activations.append(
                (f"activation-{number}", "c-2", f"bid-{number}", fsp, "T1", "up", int(T_MS[step]), ordered)
            )
            delivered = min(max(stated - metered, 0.0), ordered)
            deliveries.append(
                (
                    f"settlement-{number}",
                    f"activation-{number}",
                    fsp,
                    "T1",
                    int(T_MS[step]),
                    stated,
                    metered,
                    ordered,
                    delivered,
                    twin - metered,
                )
            )
    settled = []
    for number, (fsp, price) in enumerate((("fsp-mar", 0.20), ("fsp-sol", 0.30)), 1):
        own = [row for row in deliveries if row[2] == fsp]
        delivered = sum(row[8] for row in own) * 0.25
        settled.append(
            (
                f"settlement-{number}",
                "c-3",
                fsp,
                sum(r[7] for r in own) * 0.25,
                delivered,
                delivered * price,
                0.1,
                delivered * price - 0.1,
                "approved",
            )
        )
    return {
        "needs": {
            "need": ["need-1"] * k,
            "conversation": ["c-1"] * k,
            "constraint": ["T1"] * k,
            "direction": ["up"] * k,
            "t_ms": t,
            "quantity_kw": needed,
            "limit": [100.0] * k,
        },
        "bids": bids,
        "clearings": {
            "session": ["session-1"] * k,
            "t_ms": t,
            "constraint": ["T1"] * k,
            "direction": ["up"] * k,
            "needed_kw": needed,
            "cleared_kw": [20.0] * k,
            "cost_eur": [cost] * k,
            "price_eur_per_kwh": [0.30] * k,
        },
        "baselines": _columns(("baseline", "fsp", "area", "t_ms", "power_kw", "hash", "frozen_ms"), baselines),
        "activations": _columns(
            ("activation", "conversation", "bid", "fsp", "area", "direction", "t_ms", "ordered_kw"), activations
        ),
        "deliveries": _columns(
            (
                "settlement",
                "activation",
                "fsp",
                "area",
                "t_ms",
                "baseline_kw",
                "metered_kw",
                "ordered_kw",
                "delivered_kw",
                "true_kw",
            ),
            deliveries,
        ),
        "settlements": _columns(
            (
                "settlement",
                "conversation",
                "fsp",
                "ordered_kwh",
                "delivered_kwh",
                "remuneration_eur",
                "penalty_eur",
                "net_eur",
                "status",
            ),
            settled,
        ),
    }


def _columns(names, rows):
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


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
    return _columns(
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
    return _columns(names, rows)


def acts():
    rows = [
        (i, "start_delivery", f"{HOMES[i]}/der", "c-2", 30 * HOUR_MS, ["ActivationSignal"], [f"devices/{HOMES[i]}"])
        for i in range(7)
    ]
    return _columns(("row", "act", "actor", "conversation", "t_ms", "reads", "writes"), rows)


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
    return _columns(("entry", "t_ms", "debtor", "creditor", "eur", "purpose", "message_id"), rows)


def network():
    return {
        "network_buses": {
            "bus": ["mv", "lv", "end"],
            "x": [0.0, 1.0, 2.0],
            "y": [0.0, 0.0, 0.5],
            "vn_kv": [20.0, 0.4, 0.4],
            "zone": ["MV1", "LV1", "LV1"],
        },
        "network_branches": {
            "branch": ["T1", "L1"],
            "kind": ["trafo", "line"],
            "from_bus": ["mv", "lv"],
            "to_bus": ["lv", "end"],
            "limit": [100.0, 100.0],
        },
    }


def conformance():
    rows = [("SUC06.2", "1", step, "made", "", "") for step in ("1.1", "1.2", "1.3")]
    rows += [
        ("SUC06.2", "1", "1.4", "late", "c-2", "took 61 s"),
        ("SUC06.2", "1", "1.6", "broken", "c-2", "missing"),
        ("SUC06.2", "1", "1.7", "not_reached", "", ""),
    ]
    rows += [("SUC06.2", "2", "2.1", "excused", "", "alternative")]
    return _columns(("suc", "scenario", "step", "verdict", "conversation", "detail"), rows)


def tables():
    """Every table of the run but figures."""
    parts = {
        "addresses": addresses(),
        "homes": homes(),
        "conversations": conversations(),
        "messages": messages(),
        "acts": acts(),
        "forecasts": forecasts(),
        "actuals": actuals(),
        "ledger": ledger(),
        "conformance": conformance(),
        "content/Bid": {
            "row": [1, 2],
            "bid": ["bid-1", "bid-2"],
            "quantity_kw": [[12.0] * 8, [12.0] * 8],
            "price": [0.2, 0.3],
        },
        "scada": {
            "t_ms": T_MS,
            "point": ["T1"] * N,
            "quantity": ["p_kw"] * N,
            "value": (base_kw() + car_kw(shifts(True))).sum(axis=0),
        },
    }
    return physics() | network() | market() | parts


def complete_tables():
    """Every table of the run, figures too, as ``write_run`` wants them."""
    return tables() | {"figures": figure_columns(figures(tables(), meta(), twin_tables()))}


def complete_twin_tables():
    """Every table of the twin, figures too."""
    return twin_tables() | {"figures": figure_columns(twin_figures(tables(), meta(), twin_tables()))}


def twin_tables():
    """Tables of the same day without coordination."""
    return physics(coordinated=False) | {"ledger": ledger(coordinated=False)}


def write(folder, **changes):
    """The synthetic run with its twin, written to a folder."""
    return write_run(folder, complete_tables(), meta(**changes), complete_twin_tables())
