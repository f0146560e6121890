"""From a pandapower network to plain tables, without importing pandapower: only its tables are read.

What is handled: closed bus-bus switches and closed lines without impedance join their buses; bus-bus switches with an impedance become short
lines; open line switches are kept on their end (the line hangs on the other end and still takes its charging current); open
transformer switches open the transformer; what is out of service is left out, but a line to a bus out of service still takes its charging
current. SimBench networks carry no type of tap changer, which
makes pandapower 3 ignore the tap; here a tap position always changes the ratio.
Whatever cannot be represented is refused by name, never left out silently.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from environment.grid.model import KIND_STORAGE

_REFUSED: Final = {
    "gen": "voltage-controlled generators (make them static generators)",
    "trafo3w": "three-winding transformers (model them as two transformers)",
    "impedance": "impedance elements",
    "ward": "ward equivalents",
    "xward": "extended ward equivalents",
    "dcline": "DC lines",
    "motor": "motors (make them loads)",
    "asymmetric_load": "asymmetric loads (make them loads)",
    "asymmetric_sgen": "asymmetric generators (make them static generators)",
    "svc": "static var compensators",
    "ssc": "static synchronous compensators",
    "tcsc": "series compensators",
    "vsc": "voltage source converters",
}
# A line shorter than this has no impedance worth a branch (pandapower would need it to be a switch).
_NO_IMPEDANCE_OHM: Final = 1e-8
# pandapower's default share of resistance in the impedance of a switch (runpp, switch_rx_ratio = 2).
_SWITCH_R: Final = 2.0 / math.sqrt(5.0)
_SWITCH_X: Final = 1.0 / math.sqrt(5.0)
_ON_LOAD_FROM_KV: Final = (
    60.0  # transformers from high voltage have on-load tap changers, distribution transformers rarely
)

Row = dict[str, Any]


def tables_from_pandapower(net: Any, name: str = "") -> tuple[dict[str, Any], list[str]]:
    """Plain tables of a pandapower network, and what stands in the way of using them.

    Args:
        net: a pandapower network (version 2 or 3 tables).
        name: name of the result; the network's own if empty.
    """
    return _Import(net, name).tables()


class _Import:
    """One conversion: the rows in service, their buses joined, their names made unique."""

    def __init__(self, net: Any, name: str) -> None:
        self.net = net
        self.name = name or str(net.name or "unnamed")
        self.problems: list[str] = []
        self.buses = {row["index"]: row for row in self._rows("bus")}
        self.labels = _unique({i: _label(row, "Bus") for i, row in self.buses.items()})
        self.switches = [row for row in _records(net, "switch") if row["bus"] in self.buses]
        self.at_branch: dict[tuple[str, int], list[Row]] = {}
        for switch in self.switches:
            self.at_branch.setdefault((switch["et"], switch["element"]), []).append(switch)
        self.lines = self._in_service("line", "from_bus", "to_bus")
        self.trafos = self._in_service("trafo", "hv_bus", "lv_bus")
        self.fused = self._fuse()

    def tables(self) -> tuple[dict[str, Any], list[str]]:
        self._refuse()
        names = _unique(
            {("line", row["index"]): _label(row, "Line") for row in self.lines}
            | {("trafo", row["index"]): _label(row, "Transformer") for row in self.trafos}
        )
        lines = [self._line(row, names["line", row["index"]]) for row in self.lines if not self._is_link(row)]
        plain = {
            "name": self.name,
            "frequency_hz": float(self.net.f_hz),
            "slack": self._slack(),
            "buses": _columns(self._bus_rows()),
            "lines": _columns([*lines, *self._switch_lines()]),
            "transformers": _columns([self._trafo(row, names["trafo", row["index"]]) for row in self.trafos]),
            "shunts": _columns(list(self._shunts())),
            "loads": _columns(self._points("load", 1.0)),
            "generators": _columns([*self._points("sgen", 1.0), *self._points("storage", -1.0)]),
            "merged": {self.labels[i]: self.labels[k] for i, k in self.fused.items() if i != k},
        }
        return plain, self.problems

    # ------------------------------------------------------------------------------------------------ buses

    def _rows(self, table: str) -> list[Row]:
        return [row for row in _records(self.net, table) if row.get("in_service", True)]

    def _in_service(self, table: str, *ends: str) -> list[Row]:
        """Rows whose element and whose buses are in service."""
        return [row for row in self._rows(table) if all(row[end] in self.buses for end in ends)]

    def _fuse(self) -> dict[int, int]:
        """Bus -> the bus that stands for it: the lowest number of those joined without impedance."""
        leader = {i: i for i in self.buses}

        def find(i: int) -> int:
            while leader[i] != i:
                i = leader[i]
            return i

        links = [(row["bus"], row["element"]) for row in self.switches if _joins(row) and row["element"] in leader]
        links += [(row["from_bus"], row["to_bus"]) for row in self.lines if self._is_link(row)]
        for a, b in links:
            low, high = sorted((find(a), find(b)))
            leader[high] = low
        return {i: find(i) for i in leader}

    def _bus(self, index: int) -> str:
        return self.labels[self.fused[index]]

    def _bus_rows(self) -> list[Row]:
        places = _places(self.net)
        rows = []
        for i, row in self.buses.items():
            if self.fused[i] == i:
                x, y = places.get(i) or _point(row.get("geo"))
                rows.append({"name": self.labels[i], "kv": row["vn_kv"], "zone": _zone(row), "x": x, "y": y})
        return rows

    def _slack(self) -> Row:
        grids = self._in_service("ext_grid", "bus")
        buses = {self._bus(row["bus"]) for row in grids}
        if len(buses) > 1:
            self.problems.append(
                f"it is fed from {len(buses)} places ({', '.join(sorted(buses))}); keep one external grid"
            )
        return {"bus": self._bus(grids[0]["bus"]), "voltage_pu": float(grids[0]["vm_pu"])} if grids else {}

    # --------------------------------------------------------------------------------------------- branches

    def _open_ends(self, row: Row, element: str, *ends: str) -> list[bool]:
        """For each end of a branch, whether a switch there is open."""
        opened = {switch["bus"] for switch in self.at_branch.get((element, row["index"]), ()) if not switch["closed"]}
        return [row[end] in opened for end in ends]

    def _has_switch(self, row: Row, element: str) -> bool:
        return (element, row["index"]) in self.at_branch

    def _is_link(self, row: Row) -> bool:
        ohm = math.hypot(row["r_ohm_per_km"], row["x_ohm_per_km"]) * row["length_km"]
        return ohm < _NO_IMPEDANCE_OHM and not any(self._open_ends(row, "l", "from_bus", "to_bus"))

    def _line(self, row: Row, name: str) -> Row:
        opened = self._open_ends(row, "l", "from_bus", "to_bus")
        return {
            "name": name,
            "from": self._bus(row["from_bus"]),
            "to": self._bus(row["to_bus"]),
            **{column: float(row[column]) for column in ("length_km", "r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km")},
            "g_us_per_km": _number(row.get("g_us_per_km"), 0.0),
            "parallel": int(_number(row.get("parallel"), 1)),
            "derating": _number(row.get("df"), 1.0),
            "max_i_ka": _number(row.get("max_i_ka"), math.nan),
            "open_from": opened[0],
            "open_to": opened[1],
            "switchable": self._has_switch(row, "l"),
        }

    def _switch_lines(self) -> Iterator[Row]:
        """Bus-bus switches that did not join their buses: open couplers, and those with an impedance."""
        for row in self.switches:
            both = row["et"] == "b" and row["element"] in self.buses
            if not both or _joins(row) or self._bus(row["bus"]) == self._bus(row["element"]):
                continue
            ohm = max(_number(row.get("z_ohm"), 0.0), 1e-3)  # a coupler has a milliohm or so
            yield {
                "name": f"{_label(row, 'Switch')} coupler",
                "from": self._bus(row["bus"]),
                "to": self._bus(row["element"]),
                "length_km": 1.0,
                "r_ohm_per_km": ohm * _SWITCH_R,
                "x_ohm_per_km": ohm * _SWITCH_X,
                "c_nf_per_km": 0.0,
                "g_us_per_km": 0.0,
                "parallel": 1,
                "derating": 1.0,
                "max_i_ka": _number(row.get("in_ka"), 99999.0),
                "open_from": not row["closed"],
                "open_to": not row["closed"],
                "switchable": True,
            }

    def _trafo(self, row: Row, name: str) -> Row:
        if _unusual_tap(row):
            self.problems.append(
                f"transformer {name!r}: phase-shifting, tabular and second tap changers are not supported"
            )
        plates = ("sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw", "i0_percent", "shift_degree")
        on_load = bool(_number(row.get("autoTap"), 0.0) or _number(row.get("oltc"), 0.0))
        has_tap = _number(row.get("tap_step_percent"), 0.0) != 0.0 and row.get("tap_side") in ("hv", "lv")
        neutral = _number(row.get("tap_neutral"), 0.0) if has_tap else 0.0
        position = _number(row.get("tap_pos"), neutral) if has_tap else 0.0
        return {
            "name": name,
            "hv": self._bus(row["hv_bus"]),
            "lv": self._bus(row["lv_bus"]),
            **{column: float(row[column]) for column in plates},
            "parallel": int(_number(row.get("parallel"), 1)),
            "derating": _number(row.get("df"), 1.0),
            "tap_side": row["tap_side"] if has_tap else "hv",
            "tap_neutral": neutral,
            "tap_min": int(_number(row.get("tap_min"), position)) if has_tap else 0,
            "tap_max": int(_number(row.get("tap_max"), position)) if has_tap else 0,
            "tap_step_percent": float(row["tap_step_percent"]) if has_tap else 0.0,
            "tap_position": int(position),
            "on_load": on_load or float(row["vn_hv_kv"]) >= _ON_LOAD_FROM_KV,
            "open": any(self._open_ends(row, "t", "hv_bus", "lv_bus")),
            "switchable": self._has_switch(row, "t"),
        }

    # ------------------------------------------------------------------------------------ customers, refusals

    def _shunts(self) -> Iterator[Row]:
        for row in self._in_service("shunt", "bus"):
            scale = 1000.0 * _number(row.get("step"), 1.0) * (self.buses[row["bus"]]["vn_kv"] / row["vn_kv"]) ** 2
            yield {"bus": self._bus(row["bus"]), "p_kw": row["p_mw"] * scale, "q_kvar": row["q_mvar"] * scale}
        for row in self._rows("line"):
            alive = [end for end in ("from_bus", "to_bus") if row[end] in self.buses]
            if len(alive) == 1 and not any(self._open_ends(row, "l", alive[0])):
                va = self._charging_va(row, self.buses[row[alive[0]]]["vn_kv"])
                yield {"bus": self._bus(row[alive[0]]), "p_kw": va.real / 1000.0, "q_kvar": va.imag / 1000.0}

    def _charging_va(self, row: Row, kv: float) -> complex:
        """What a line to a bus out of service still takes at nominal voltage."""
        parallel = _number(row.get("parallel"), 1)
        siemens = _number(row.get("g_us_per_km"), 0.0) * 1e-6 + 2j * math.pi * self.net.f_hz * row["c_nf_per_km"] * 1e-9
        half = siemens * row["length_km"] * parallel / 2
        ohm = complex(row["r_ohm_per_km"], row["x_ohm_per_km"]) * row["length_km"] / parallel
        return complex((half + half / (1 + ohm * half)) * (1000.0 * kv) ** 2).conjugate()

    def _points(self, table: str, direction: float) -> list[Row]:
        rows = self._in_service(table, "bus")
        names = _unique({row["index"]: _label(row, table.capitalize()) for row in rows})
        result = []
        for row in rows:
            scale = 1000.0 * _number(row.get("scaling"), 1.0) * direction
            if any(_number(row.get(column), 0.0) for column in row if str(column).startswith("const_")):
                self.problems.append(
                    f"{table} {names[row['index']]!r}: depends on voltage; only constant power is supported"
                )
            result.append(
                {
                    "name": names[row["index"]],
                    "bus": self._bus(row["bus"]),
                    "p_kw": float(row["p_mw"]) * scale,
                    "q_kvar": _number(row.get("q_mvar"), 0.0) * scale,
                    "profile": _text(row.get("profile")),
                    "kind": KIND_STORAGE if table == "storage" else _text(row.get("type")),
                }
            )
        return result

    def _refuse(self) -> None:
        for table, what in _REFUSED.items():
            if rows := self._rows(table):
                self.problems.append(f"{what} are not supported: {len(rows)} in table {table!r}")


def _records(net: Any, table: str) -> list[Row]:
    """Rows of a table as mappings, with their number as ``index``; none if the table is missing."""
    frame = net.get(table)
    if frame is None or not len(frame):
        return []
    columns = [frame[column].tolist() for column in frame.columns]
    names = list(frame.columns)
    rows = zip(frame.index.tolist(), *columns, strict=True)
    return [{**dict(zip(names, values, strict=True)), "index": index} for index, *values in rows]


def _unusual_tap(trafo: Row) -> bool:
    """Whether a tap position does anything but change the ratio by equal steps."""
    shifts = _number(trafo.get("tap_step_degree"), 0.0) != 0.0 or trafo.get("tap_changer_type") in ("Ideal", "Tabular")
    return shifts or bool(_number(trafo.get("tap_dependency_table"), 0.0)) or not _missing(trafo.get("tap2_pos"))


def _joins(switch: Row) -> bool:
    return bool(switch["et"] == "b" and switch["closed"] and _number(switch.get("z_ohm"), 0.0) <= 0.0)


def _columns(rows: list[Row]) -> dict[str, list[Any]]:
    return {column: [row[column] for row in rows] for column in rows[0]} if rows else {}


def _missing(value: Any) -> bool:
    return value is None or str(value) in ("<NA>", "None", "nan", "")


def _number(value: Any, otherwise: float) -> float:
    return otherwise if _missing(value) else float(value)


def _text(value: Any) -> str:
    return "" if _missing(value) else str(value)


def _label(row: Row, what: str) -> str:
    return _text(row.get("name")) or f"{what} {row['index']}"


def _unique(names: dict[Any, str]) -> dict[Any, str]:
    """The same names, the second and later of equal ones numbered."""
    seen: dict[str, int] = {}
    result = {}
    for key, name in names.items():
        seen[name] = seen.get(name, 0) + 1
        result[key] = name if seen[name] == 1 else f"{name} #{seen[name]}"
    return result


def _zone(bus: Row) -> str:
    """SimBench's subnet up to the first underscore (the net the bus belongs to), else empty: computed later."""
    return re.split("_", _text(bus.get("subnet")))[0]


def _places(net: Any) -> dict[int, tuple[float, float]]:
    """Coordinates in the table that pandapower 2 used."""
    return {row["index"]: (float(row["x"]), float(row["y"])) for row in _records(net, "bus_geodata")}


def _point(geo: Any) -> tuple[float, float]:
    if _missing(geo):
        return math.nan, math.nan
    x, y = json.loads(geo)["coordinates"][:2]
    return float(x), float(y)
