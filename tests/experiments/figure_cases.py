"""Tables of a few rows from which figures are worked out by hand; one interval is an hour."""

from experiments.kpis import figures

H = 3_600_000
META = {
    "delivery_start_ms": 0,
    "delivery_end_ms": 24 * H,
    "scenario": {
        "clock": {"physics_step_s": 3600},
        "grid": {"limits": {"transformer_percent": 100, "line_percent": 80, "voltage_pu": [0.95, 1.05]}},
    },
    "market_step_s": 3600,
}


def branches(loading, p_kw, kind="trafo", branch="T1", t_ms=None, **more):
    n = len(loading)
    t = [i * H for i in range(n)] if t_ms is None else t_ms
    columns = {"t_ms": t, "branch": [branch] * n, "kind": [kind] * n, "loading_percent": loading, "p_kw": p_kw}
    return columns | {"i_ka": [0.1] * n, "q_kvar": [0.0] * n} | more


def value(name, tables, twin=None, meta=META):
    return figures(tables, meta, twin)[name]


def voltage_tables():
    """Two homes of 2 kWh an hour at buses a and b; a is low in hours 1 and 2, b high in hour 2."""
    volts = {"a": [1.0, 0.94, 0.94], "b": [1.0, 1.05, 1.06]}
    return {
        "grid_buses": {"t_ms": [0, H, 2 * H] * 2, "bus": ["a"] * 3 + ["b"] * 3, "v_pu": volts["a"] + volts["b"]},
        "homes": {
            "owner": ["h1", "h2"], "bus": ["a", "b"], "meter": ["m1", "m2"], "tariff": ["t"] * 2, "fsp": ["f", None],
            "consent": [True, True],
        },
        "meters": {
            "t_ms": [0, H, 2 * H] * 2, "meter": ["m1"] * 3 + ["m2"] * 3, "import_kwh": [2.0] * 5 + [0.0],
            "export_kwh": [0.0] * 5 + [3.0],
        },
    }  # fmt: skip


def market():
    """Need of 10 kW twice (stated twice, 8 and 10), bids 6 + 6 + 3, accepted 6 + 2, ordered 8, delivered 5 then 8."""
    bid = {"session": ["s"] * 3, "area": ["T1"] * 3, "direction": ["up"] * 3, "t_ms": [0, 0, 0], "received_ms": [0] * 3}
    return {
        "needs": {
            "need": ["n1", "n2", "n1"], "conversation": ["c"] * 3, "constraint": ["T1"] * 3, "direction": ["up"] * 3,
            "t_ms": [0, 0, H], "quantity_kw": [8.0, 10.0, 10.0], "limit": [100.0] * 3,
        },
        "bids": bid | {
            "bid": ["b1", "b2", "b3"], "fsp": ["f1", "f2", "f2"], "quantity_kw": [6.0, 6.0, 3.0],
            "price_eur_per_kwh": [0.1, 0.2, 0.3], "accepted_kw": [6.0, 2.0, 0.0], "reason": [None, None, "dear"],
        },
        "clearings": {
            "session": ["s"], "t_ms": [0], "constraint": ["T1"], "direction": ["up"], "needed_kw": [10.0],
            "cleared_kw": [8.0], "cost_eur": [1.0], "price_eur_per_kwh": [0.2],
        },
        "activations": {
            "activation": ["a1", "a1"], "conversation": ["c"] * 2, "bid": ["b1"] * 2, "fsp": ["f1"] * 2,
            "area": ["T1"] * 2, "direction": ["up"] * 2, "t_ms": [0, H], "ordered_kw": [8.0, 8.0],
        },
        "deliveries": {
            "settlement": ["s1", "s1"], "activation": ["a1", "a1"], "fsp": ["f1"] * 2, "area": ["T1"] * 2, "t_ms": [0, H],
            "baseline_kw": [20.0, 22.0], "metered_kw": [15.0, 12.0], "ordered_kw": [8.0, 8.0], "delivered_kw": [5.0, 8.0],
            "true_kw": [3.0, 10.0],
        },
        "settlements": {
            "settlement": ["s1"], "conversation": ["c"], "fsp": ["f1"], "ordered_kwh": [16.0], "delivered_kwh": [13.0],
            "remuneration_eur": [3.0], "penalty_eur": [0.4], "net_eur": [2.6], "status": ["approved"],
        },
    }  # fmt: skip
