"""The market of the synthetic run: what was needed, bid, cleared, activated, delivered and settled."""

import numpy as np

from tests.experiments.synthetic_day import HOUR_MS, T_MS, WINDOW, base_kw, car_kw, columns, portfolio, shifts


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
            baselines.append(
                (f"baseline-{number}", fsp, "T1", int(T_MS[step]), stated, "declared-schedule", f"h{number}", HOUR_MS)
            )
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
        "baselines": columns(("baseline", "fsp", "area", "t_ms", "power_kw", "method", "hash", "frozen_ms"), baselines),
        "activations": columns(
            ("activation", "conversation", "bid", "fsp", "area", "direction", "t_ms", "ordered_kw"), activations
        ),
        "deliveries": columns(
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
        "settlements": columns(
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
