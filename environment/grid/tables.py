"""The plain form of a network (what a shipped JSON file holds) and the network made from it.

A plain network is a mapping::

    name, title, notice, frequency_hz
    slack         bus, voltage_pu
    buses         name, kv, zone, x, y                     (x, y may be missing: a tidy drawing is computed)
    lines         name, from, to, length_km, r_ohm_per_km, x_ohm_per_km, c_nf_per_km, g_us_per_km, parallel, derating,
                  max_i_ka, open_from, open_to, switchable
    transformers  name, hv, lv, sn_mva, vn_hv_kv, vn_lv_kv, vk_percent, vkr_percent, pfe_kw, i0_percent, shift_degree, parallel,
                  derating, tap_side, tap_neutral, tap_min, tap_max, tap_step_percent, tap_position, on_load, open, switchable
    shunts        bus, p_kw, q_kvar                        (at nominal voltage, consuming)
    loads         name, bus, p_kw, q_kvar, profile, kind
    generators    name, bus, p_kw, q_kvar, profile, kind   (p_kw produced)

Each table is a mapping of column name to list; buses are named, never numbered. Columns with a usual value (``DEFAULTS``) may be
missing, and a list of equal values may be given as that one value.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from data.arrays import F64, I64
from environment.grid.elements import line_pi, transformer_pi
from environment.grid.layout import tree_layout
from environment.grid.model import BASE_KW, LINE, TRAFO, Branches, Network, NetworkError, Points, Transformers
from environment.grid.validation import problems_of
from environment.grid.zones import zones

_PLATE_NUMBERS: Final = (
    *("sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw", "i0_percent", "shift_degree"),
    *("parallel", "derating", "tap_neutral", "tap_step_percent"),
)

Plain = Mapping[str, Any]
Columns = dict[str, list[Any]]

_POINT: Final = {"name": None, "bus": None, "p_kw": None, "q_kvar": 0.0, "profile": "", "kind": ""}
# Column -> usual value; None = must be given.
DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "buses": {"name": None, "kv": None, "zone": "", "x": float("nan"), "y": float("nan")},
    "lines": {
        "name": None,
        "from": None,
        "to": None,
        "length_km": None,
        "r_ohm_per_km": None,
        "x_ohm_per_km": None,
        "c_nf_per_km": 0.0,
        "g_us_per_km": 0.0,
        "parallel": 1,
        "derating": 1.0,
        "max_i_ka": float("nan"),
        "open_from": False,
        "open_to": False,
        "switchable": True,
    },
    "transformers": {
        "name": None,
        "hv": None,
        "lv": None,
        "sn_mva": None,
        "vn_hv_kv": None,
        "vn_lv_kv": None,
        "vk_percent": None,
        "vkr_percent": None,
        "pfe_kw": 0.0,
        "i0_percent": 0.0,
        "shift_degree": 0.0,
        "parallel": 1,
        "derating": 1.0,
        "tap_side": "hv",
        "tap_neutral": 0.0,
        "tap_min": 0,
        "tap_max": 0,
        "tap_step_percent": 0.0,
        "tap_position": 0,
        "on_load": False,
        "open": False,
        "switchable": True,
    },
    "shunts": {"bus": None, "p_kw": 0.0, "q_kvar": 0.0},
    "loads": _POINT,
    "generators": _POINT,
}


def network_from_tables(plain: Plain, problems: Sequence[str] = ()) -> Network:
    """The network of a plain form.

    Args:
        plain: see the module's docstring.
        problems: what went wrong before, reported together with what is found here.

    Raises:
        NetworkError: with every problem of the network, one a line.
    """
    tables, shape_problems = _complete(plain)
    found = [*problems, *shape_problems]
    if not shape_problems:
        found += problems_of(tables, plain.get("slack") or {})
    if found:
        raise NetworkError(f"network {plain.get('name', '?')!r}: {problem}" for problem in found)
    return _build(plain, tables)


def _complete(plain: Plain) -> tuple[dict[str, Columns], list[str]]:
    """Every table with every column as a list of one length, and what could not be completed."""
    problems: list[str] = []
    tables: dict[str, Columns] = {}
    for table, defaults in DEFAULTS.items():
        given = plain.get(table) or {}
        problems += [f"{table}: unknown column {column!r}" for column in given if column not in defaults]
        length = max((len(values) for values in given.values() if isinstance(values, list)), default=0)
        tables[table] = {}
        for column, usual in defaults.items():
            values = given.get(column, usual)
            if values is None and length:
                problems.append(f"{table}: column {column!r} is missing")
            values = values if isinstance(values, list) else [values] * length
            if len(values) != length:
                problems.append(f"{table}: column {column!r} has {len(values)} values, other columns {length}")
            tables[table][column] = values
    return tables, problems


def _build(plain: Plain, tables: dict[str, Columns]) -> Network:
    buses = tables["buses"]
    index = {name: i for i, name in enumerate(buses["name"])}
    kv = _floats(buses["kv"])
    branches, transformers = _branches(tables, index, kv, float(plain.get("frequency_hz", 50.0)))
    slack = index[plain["slack"]["bus"]]
    shunt = np.zeros(len(kv), np.complex128)
    for bus, p, q in zip(tables["shunts"]["bus"], tables["shunts"]["p_kw"], tables["shunts"]["q_kvar"], strict=True):
        shunt[index[bus]] += (p - 1j * q) / BASE_KW
    xy = np.column_stack([_floats(buses["x"]), _floats(buses["y"])])
    geographic = not np.isnan(xy).any()
    return Network(
        name=plain["name"],
        title=plain.get("title", ""),
        notice=plain.get("notice", ""),
        bus_names=tuple(buses["name"]),
        bus_kv=kv,
        bus_zone=_zones(buses["zone"], kv, branches, slack),
        bus_shunt=shunt,
        coordinates=xy
        if geographic
        else tree_layout(len(kv), branches.from_bus, branches.to_bus, branches.closed, slack),
        geographic=geographic and bool(plain.get("geographic", True)),
        slack=slack,
        slack_pu=float(plain["slack"]["voltage_pu"]),
        branches=branches,
        transformers=transformers,
        loads=_points(tables["loads"], index),
        generators=_points(tables["generators"], index),
        merged=MappingProxyType(dict(plain.get("merged") or {})),
    )


def _zones(given: list[str], kv: F64, branches: Branches, slack: int) -> tuple[str, ...]:
    """The zones given; computed if a bus has none."""
    if all(given):
        return tuple(given)
    ends = branches.from_bus, branches.to_bus, branches.closed
    return zones(kv, branches.names, branches.kind, *ends, slack)


def _branches(
    tables: dict[str, Columns], index: dict[str, int], kv: F64, frequency_hz: float
) -> tuple[Branches, Transformers]:
    line, trafo = tables["lines"], tables["transformers"]
    n_line = len(line["name"])
    start = _rows(line["from"] + trafo["hv"], index)
    end = _rows(line["to"] + trafo["lv"], index)
    plate = _transformers(trafo, n_line)
    lines = _line_pi(line, kv[start[:n_line]], frequency_hz)
    trafos = transformer_pi(plate, kv[start[n_line:]], kv[end[n_line:]], plate.tap_position)
    series, shunt_from, shunt_to, tap = (np.concatenate(pair) for pair in zip(lines, trafos, strict=True))
    line_limit = _floats(line["max_i_ka"]) * _floats(line["derating"]) * _floats(line["parallel"])
    trafo_limit = plate.sn_mva * plate.parallel * plate.derating / np.sqrt(3.0)
    branches = Branches(
        names=(*line["name"], *trafo["name"]),
        kind=(LINE,) * n_line + (TRAFO,) * len(trafo["name"]),
        from_bus=start,
        to_bus=end,
        series=series,
        shunt_from=shunt_from,
        shunt_to=shunt_to,
        tap=tap,
        limit_from_ka=np.concatenate([line_limit, trafo_limit / plate.vn_hv_kv]),
        limit_to_ka=np.concatenate([line_limit, trafo_limit / plate.vn_lv_kv]),
        length_km=np.concatenate([_floats(line["length_km"]), np.zeros(len(trafo["name"]))]),
        open_from=np.array(line["open_from"] + trafo["open"], bool),
        open_to=np.array(line["open_to"] + trafo["open"], bool),
        switchable=np.array(line["switchable"] + trafo["switchable"], bool),
    )
    return branches, plate


def _line_pi(line: Columns, kv: F64, frequency_hz: float) -> tuple[Any, ...]:
    length, parallel = _floats(line["length_km"]), _floats(line["parallel"])
    return line_pi(
        kv,
        r_ohm=_floats(line["r_ohm_per_km"]) * length / parallel,
        x_ohm=_floats(line["x_ohm_per_km"]) * length / parallel,
        c_nf=_floats(line["c_nf_per_km"]) * length * parallel,
        g_us=_floats(line["g_us_per_km"]) * length * parallel,
        frequency_hz=frequency_hz,
    )


def _transformers(trafo: Columns, first: int) -> Transformers:
    return Transformers(
        branch=first + np.arange(len(trafo["name"])),
        tap_side=tuple(trafo["tap_side"]),
        tap_min=np.array(trafo["tap_min"], np.int64),
        tap_max=np.array(trafo["tap_max"], np.int64),
        tap_position=np.array(trafo["tap_position"], np.int64),
        on_load=np.array(trafo["on_load"], bool),
        **{column: _floats(trafo[column]) for column in _PLATE_NUMBERS},
    )


def _points(table: Columns, index: dict[str, int]) -> Points:
    return Points(
        names=tuple(table["name"]),
        bus=_rows(table["bus"], index),
        p_kw=_floats(table["p_kw"]),
        q_kvar=_floats(table["q_kvar"]),
        profile=tuple(table["profile"]),
        kind=tuple(table["kind"]),
    )


def _rows(names: list[str], index: dict[str, int]) -> I64:
    return np.array([index[name] for name in names], np.int64)


def _floats(values: list[Any]) -> F64:
    return np.array(values, np.float64)
