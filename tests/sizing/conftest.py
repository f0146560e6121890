"""Communities for tests: small problems with known numbers, and a study of a few members that runs in seconds."""

import copy

import numpy as np
import pytest

from agents.strategies.sizing_community import Community, Place, Technology
from agents.strategies.sizing_problem import BatteryKind, Days, Plant, Prices, Problem, Store

IDEAL = BatteryKind(1.0, 1.0, 1.0, 1.0, 0.0)


@pytest.fixture(scope="session")
def problem():
    """Make a problem: loads (n, T) kW of days of ``steps`` hours; prices one number, (T,) or (G, T)."""

    def make(load, plants=(), buy=0.2, sell=0.05, inside=0.0, steps=None, weight=None, contracted=1e3, extra=np.inf, group=None, co2=0.2, pools=None, sharing=True, names=None):  # fmt: skip
        load = np.atleast_2d(np.asarray(load, float))
        n, total = load.shape
        steps = steps or total
        weight = np.ones(total // steps) if weight is None else np.asarray(weight, float)
        group = np.zeros(n, np.int64) if group is None else np.asarray(group)
        shape = (int(group.max()) + 1, total)
        prices = Prices(*(np.broadcast_to(np.asarray(one, float), shape).copy() for one in (buy, sell, inside)))
        return Problem(
            Days(weight, steps, 1.0), tuple(names or [f"m{k}" for k in range(n)]), load, np.broadcast_to(np.asarray(contracted, float), n),
            np.broadcast_to(np.asarray(extra, float), n), group, prices, np.broadcast_to(np.asarray(co2, float), total),
            tuple(sorted(plants, key=lambda plant: plant.name)), pools or {}, sharing,
        )  # fmt: skip

    return make


def pv(name, node, annuity, most=100.0, existing=0.0, yield_kw=1.0, total=1, unit=1.0):
    shape = np.broadcast_to(np.asarray(yield_kw, float), total)
    return Plant(name, node, "pv", unit, existing, most / unit, annuity * unit, 0.0, yield_kw=shape)


def battery(name, node, annuity, most=100.0, existing=0.0, kind=IDEAL, unit=1.0):
    return Plant(name, node, "battery", unit, existing, most / unit, annuity * unit, 0.0, battery=kind)


@pytest.fixture(scope="session")
def make_pv():
    return pv


@pytest.fixture(scope="session")
def make_battery():
    return battery


LOSSY = BatteryKind(0.5, 0.93, 0.9, 0.9, 0.0)


@pytest.fixture(scope="session")
def three_sites():
    """A community of three sites on two days: roof and battery, battery and control of a heat pump, nothing."""
    rng = np.random.default_rng(11)
    days = Days(np.array([200.0, 165.0]), 24, 1.0)
    hour = np.tile(np.arange(24), 2)
    base, gain, low, high = (rng.uniform(*span, 48) for span in ((0.2, 1.0), (2.0, 4.0), (-4.0, 0.0), (0.0, 4.0)))
    load = 0.3 + rng.random((3, 48))
    load[1] += base
    buy = np.where((hour >= 18) & (hour < 22), 0.32, np.where(hour < 8, 0.12, 0.2))[None, :]
    places = (
        Place("a/battery", 0, "battery", 0.0, 6.0),
        Place("a/pv", 0, "pv", 0.0, 5.0, np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0)),
        Place("b/battery", 1, "battery", 3.0, 4.0),
        Place("b/control", 1, "control", 0.0, 1.0, None, Store(base, 2.0 - base, base, gain, 0.9, low, high)),
    )
    technologies = {
        "pv": Technology("pv", 1.0, 600.0, 0.0, 0.0, 20.0, 0.0, 0.0, 0.005),
        "battery": Technology("battery", 1.0, 60.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.02, LOSSY),
        "control": Technology("control", 1.0, 1.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0),
    }
    return Community(
        days, ("a", "b", "c"), np.zeros(3, bool), load, np.full(3, 9.0), np.zeros(3), np.zeros(3, np.int64),
        Prices(buy, 0.05 * np.ones_like(buy), 0.0 * buy), np.full(48, 0.2), technologies, places, {}, np.zeros((3, 0)),
    )  # fmt: skip


SMALL = {
    "name": "small",
    "place": {"city": "Malaga"},
    "community": {"type": "REC", "minimum_members": 2},
    "members": [
        {"name": "ana", "contracted_kw": 4.6, "annual_kwh": 2600, "tariff": "es-20td-2025", "pv": {"most_kwp": 3.6}, "battery": {"most_kwh": 5}},
        {"name": "bea", "contracted_kw": 3.45, "annual_kwh": 2100, "tariff": "es-20td-2025", "missing": 0.1, "position": [200, 0]},
        {"name": "cal", "contracted_kw": 10, "who": "sme", "use": "shop", "annual_kwh": 9000, "tariff": "es-flat-2025", "meter": "none", "position": [0, 400]},
        {"name": "dan", "contracted_kw": 4.6, "annual_kwh": 3000, "tariff": "es-20td-2025", "consent": False, "pv": {"most_kwp": 4.5, "tilt_deg": 37}},
    ],
    "assets": [{"name": "hall", "tariff": "es-20td-2025", "connection_kw": 20, "pv": {"most_kwp": 9}, "owners": {"ana": "25%", "bea": "25%", "cal": "50%"}}],
    "business_models": [
        {"name": "together"},
        {"name": "own-use", "objective": "self-consumption"},
        {"name": "investor", "objective": "profit", "ownership": "third-party"},
    ],
    "profiles": {"representative_days": 4},
    "front_points": 3,
    "horizon_years": 12,
}  # fmt: skip


@pytest.fixture(scope="session")
def small():
    """Plain data of a small study; ``changes`` are values by key path, dots as two underscores."""

    def make(**changes):
        content = copy.deepcopy(SMALL)
        for path, value in changes.items():
            target = content
            *keys, last = path.split("__")
            for key in keys:
                target = target[int(key)] if isinstance(target, list) else target.setdefault(key, {})
            target[int(last) if isinstance(target, list) else last] = value
        return content

    return make


@pytest.fixture(scope="session")
def small_run(tmp_path_factory, small):
    """The folder of the small study and its result."""
    from experiments.sizing.run import run_study
    from experiments.sizing.study import study_from

    return run_study(study_from(small()), seed=3, out=tmp_path_factory.mktemp("sizing") / "run")


@pytest.fixture(scope="session")
def small_tables(small_run):
    from experiments.results import open_run

    return open_run(small_run.out).tables
