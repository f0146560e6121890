"""A small, physically plausible run for tests: one LV feeder behind one transformer, twelve homes, two providers, one evening.

Everything follows from a handful of numbers, so that expectations can be worked out by hand: homes draw a base, cars charge from
18:00, the transformer is overloaded without coordination, the providers shift the charging of their homes to later.
"""

from experiments.kpis import figure_columns, figures, twin_figures
from experiments.results import write_run
from tests.experiments.synthetic_day import (
    DELIVERY_END_MS,
    DELIVERY_START_MS,
    FSPS,
    HOMES,
    HOUR_MS,
    T_MS,
    N,
    addresses,
    base_kw,
    car_kw,
    fsp_of,
    homes,
    network,
    physics,
    portfolio,
    shifts,
)
from tests.experiments.synthetic_market import market
from tests.experiments.synthetic_talk import acts, actuals, conformance, conversations, forecasts, ledger, messages

__all__ = [
    "DELIVERY_START_MS",
    "FSPS",
    "HOMES",
    "HOUR_MS",
    "T_MS",
    "N",
    "bare_tables",
    "base_kw",
    "car_kw",
    "complete_tables",
    "complete_twin_tables",
    "fsp_of",
    "ledger",
    "market",
    "messages",
    "meta",
    "network",
    "physics",
    "portfolio",
    "shifts",
    "tables",
    "twin_tables",
    "write",
]


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


def bare_tables(*names):
    """Only the required tables and these, with their figures."""
    required = ("addresses", "conversations", "messages", "grid_branches", "grid_buses", "meters")
    own = {name: table for name, table in tables().items() if name in required + names}
    return own | {"figures": figure_columns(figures(own, meta()))}


def write(folder, **changes):
    """The synthetic run with its twin, written to a folder."""
    return write_run(folder, complete_tables(), meta(**changes), complete_twin_tables())
