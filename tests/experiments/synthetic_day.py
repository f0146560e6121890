"""The synthetic run's people and physics: base load, cars that charge from 18:00, one transformer, and who is who."""

import numpy as np

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


def columns(names, rows):
    """Rows of tuples as columns by name."""
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}
