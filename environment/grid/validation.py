"""What is wrong with the tables of a network, in the words of somebody who plans grids; one line a rule.

Every rule looks at all rows and reports once, naming the rows; all rules run, so all errors are seen at once.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

Columns = Mapping[str, list[Any]]
Tables = Mapping[str, Columns]

# A transformer plate may differ from the nominal voltages of its buses by taps and habits (21 kV on a 20 kV bus), not more.
_PLATE_TOLERANCE: Final = 0.25
_POSITIVE: Final = {
    "buses": ("kv",),
    "lines": ("length_km", "parallel", "derating"),
    "transformers": ("sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "parallel", "derating"),
}
_OPTIONAL: Final = {("buses", "x"), ("buses", "y"), ("lines", "max_i_ka")}


def problems_of(tables: Tables, slack: Mapping[str, Any]) -> list[str]:
    """Every problem of completed tables; an empty list if the network can be built and solved."""
    problems = [problem for rule in (_names, _references, _numbers, _positive) for problem in rule(tables)]
    problems += _slack(tables, slack)
    if problems:  # the rules below take the references and numbers for granted
        return problems
    rules: tuple[Callable[[Tables], list[str]], ...] = (_limits, _impedances, _levels, _taps)
    problems = [problem for rule in rules for problem in rule(tables)]
    return problems + _unconnected(tables, slack["bus"])


def listed(names: Iterable[Any], most: int = 8) -> str:
    """Names for a sentence, the first few and how many there are."""
    names = [str(name) for name in names]
    return ", ".join(names[:most]) + (f" ... ({len(names)} in all)" if len(names) > most else "")


def _names(tables: Tables) -> list[str]:
    problems = []
    branches = [*tables["lines"]["name"], *tables["transformers"]["name"]]
    points = {table: tables[table]["name"] for table in ("buses", "loads", "generators")}
    for what, names in {**points, "branches": branches}.items():
        double = [name for name, count in Counter(names).items() if count > 1]
        if double:
            problems.append(f"{what}: names used more than once: {listed(double)}")
    if not tables["buses"]["name"]:
        problems.append("it has no buses")
    return problems


def _references(tables: Tables) -> list[str]:
    buses = set(tables["buses"]["name"])
    ends = (
        ("lines", "from"),
        ("lines", "to"),
        ("transformers", "hv"),
        ("transformers", "lv"),
        ("shunts", "bus"),
        ("loads", "bus"),
        ("generators", "bus"),
    )
    problems = []
    for table, column in ends:
        names = tables[table].get("name", tables[table]["bus"] if table == "shunts" else [])
        wrong = [f"{name} -> {bus}" for name, bus in zip(names, tables[table][column], strict=True) if bus not in buses]
        if wrong:
            problems.append(f"{table}: {column!r} is not a bus of the network: {listed(wrong)}")
    return problems


def _numbers(tables: Tables) -> list[str]:
    problems = []
    for table, columns in tables.items():
        labels = columns.get("name", columns.get("bus", []))
        for column, values in columns.items():
            wrong = [label for label, value in zip(labels, values, strict=True) if _not_a_number(value)]
            if wrong and (table, column) not in _OPTIONAL:
                problems.append(f"{table}: {column!r} is not a number: {listed(wrong)}")
    return problems


def _not_a_number(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _positive(tables: Tables) -> list[str]:
    problems = []
    for table, columns in _POSITIVE.items():
        for column in columns:
            rows = zip(tables[table]["name"], tables[table][column], strict=True)
            wrong = [f"{name} ({value})" for name, value in rows if not _not_a_number(value) and value <= 0]
            if wrong:
                problems.append(f"{table}: {column!r} must be greater than zero: {listed(wrong)}")
    return problems


def _slack(tables: Tables, slack: Mapping[str, Any]) -> list[str]:
    if slack.get("bus") is None:
        return ["it has no slack: say which bus the upstream grid feeds (an external grid in pandapower)"]
    if slack["bus"] not in tables["buses"]["name"]:
        return [f"slack: {slack['bus']!r} is not a bus of the network"]
    voltage = slack.get("voltage_pu")
    if _not_a_number(voltage) or not 0.5 <= float(voltage or 0.0) <= 1.5:
        return [f"slack: voltage_pu is {voltage}, expected a number near 1"]
    return []


def _limits(tables: Tables) -> list[str]:
    lines = tables["lines"]
    wrong = [name for name, limit in zip(lines["name"], lines["max_i_ka"], strict=True) if not (limit or 0.0) > 0.0]
    if wrong:
        return [f"lines: the rated current max_i_ka is missing or not positive: {listed(wrong)}"]
    return []


def _impedances(tables: Tables) -> list[str]:
    lines, trafos = tables["lines"], tables["transformers"]
    rows = zip(lines["name"], lines["r_ohm_per_km"], lines["x_ohm_per_km"], strict=True)
    nothing = [name for name, r, x in rows if r == 0 and x == 0]
    rows = zip(trafos["name"], trafos["vkr_percent"], trafos["vk_percent"], strict=True)
    more = [name for name, vkr, vk in rows if abs(vkr) > vk]
    problems = [f"lines: r and x are both zero; join the two buses instead: {listed(nothing)}"] if nothing else []
    return problems + ([f"transformers: vkr_percent exceeds vk_percent: {listed(more)}"] if more else [])


def _levels(tables: Tables) -> list[str]:
    kv = dict(zip(tables["buses"]["name"], tables["buses"]["kv"], strict=True))
    lines, trafos = tables["lines"], tables["transformers"]
    rows = zip(lines["name"], lines["from"], lines["to"], strict=True)
    across = [
        f"{name} ({kv[a]:g} to {kv[b]:g} kV)" for name, a, b in rows if not math.isclose(kv[a], kv[b], rel_tol=0.05)
    ]
    problems = [f"lines: between buses of different voltage: {listed(across)}"] if across else []
    for side in ("hv", "lv"):
        plates = zip(trafos["name"], trafos[side], trafos[f"vn_{side}_kv"], strict=True)
        off = [
            f"{name} ({vn:g} kV on {kv[b]:g} kV)" for name, b, vn in plates if abs(vn / kv[b] - 1) > _PLATE_TOLERANCE
        ]
        if off:
            problems.append(f"transformers: the {side} plate does not fit its bus: {listed(off)}")
    return problems


def _taps(tables: Tables) -> list[str]:
    trafos = tables["transformers"]
    rows = zip(trafos["name"], trafos["tap_min"], trafos["tap_position"], trafos["tap_max"], strict=True)
    out = [f"{name} ({low} <= {now} <= {high})" for name, low, now, high in rows if not low <= now <= high]
    sides = [name for name, side in zip(trafos["name"], trafos["tap_side"], strict=True) if side not in ("hv", "lv")]
    problems = [f"transformers: the tap is outside its range: {listed(out)}"] if out else []
    return problems + ([f"transformers: tap_side must be 'hv' or 'lv': {listed(sides)}"] if sides else [])


def _unconnected(tables: Tables, slack: str) -> list[str]:
    """Buses that no switching could ever feed from the slack."""
    around: dict[str, list[str]] = {name: [] for name in tables["buses"]["name"]}
    for table, start, end in (("lines", "from", "to"), ("transformers", "hv", "lv")):
        for a, b in zip(tables[table][start], tables[table][end], strict=True):
            around[a].append(b)
            around[b].append(a)
    reached, stack = {slack}, [slack]
    while stack:
        for other in around[stack.pop()]:
            if other not in reached:
                reached.add(other)
                stack.append(other)
    alone = [name for name in around if name not in reached]
    if alone:
        return [f"buses: no line or transformer leads from the slack {slack!r} to: {listed(alone)}"]
    return []
