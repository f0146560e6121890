"""Districts of any size for benchmarks: the low-voltage grid of the default scenario, several times under its medium-voltage grid.

The default scenario puts 200 homes behind one 250 kVA transformer. A larger district repeats that low-voltage grid, each copy under
a medium-voltage bus of its own, in the place of the aggregated low-voltage load and generators there; where its buses do not suffice the
medium-voltage network too stands there several times, at one high-voltage bus. A smaller district has a smaller transformer. So the
homes for each kVA, and with them the loading, stay those of the default scenario, and every copy is a flexibility area.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import data
from experiments.scenario import Scenario, load_scenario

HOMES_A_GRID = 200
"""Homes of the default scenario behind one transformer."""

GRIDS_A_NETWORK = 100
"""Low-voltage grids that one medium-voltage network takes at most; it has room for 110."""

BASE = "district-day"
ZONE = "LV3.202"
_TABLES = ("buses", "lines", "transformers", "loads", "generators")
_NAMING = {"name", "bus", "from", "to", "hv", "lv", "zone"}


def district(homes: int, folder: Path, sets: Iterable[str] = ()) -> Scenario:
    """The default scenario with another number of homes.

    Args:
        homes: their number; more than 200 must be a multiple of 200.
        folder: where the network file of a larger district is written.
        sets: other keys to change, as ``--set`` has them.
    """
    base = load_scenario(BASE)
    copies = max(1, homes // HOMES_A_GRID)
    sets = [f"people.0.homes.count={homes}", *sets]
    if copies > 1:
        file = folder / f"{copies}-grids.json"
        file.write_text(json.dumps(networks(plain_network(base.grid.network), copies)), encoding="utf-8")
        sets.append(f"grid.network={file}")
    else:
        sets.append(f"grid.transformer_rating_factor={base.grid.transformer_rating_factor * homes / HOMES_A_GRID}")
    return load_scenario(BASE, sets)


def plain_network(network: str) -> dict[str, Any]:
    """A shipped network as plain data, by its name."""
    file = Path(data.__file__).parent / "networks" / f"{network}.json"
    plain: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return plain


def networks(plain: dict[str, Any], copies: int) -> dict[str, Any]:
    """A plain network with its low-voltage grid ``copies`` times, on as many medium-voltage networks at one upstream bus as it takes."""
    number = -(-copies // GRIDS_A_NETWORK)
    shares = [copies // number + (k < copies % number) for k in range(number)]
    parts = [repeated(plain, share) for share in shares]
    slack = plain["slack"]["bus"]
    tables = {name: _rows(parts[0][name]) for name in _TABLES}
    for k, part in enumerate(parts[1:], 2):
        for name, rows in tables.items():
            rows += [_numbered(row, k, slack) for row in _rows(part[name]) if row["name"] != slack]
    title = f"{number} medium-voltage networks, {copies} x {ZONE}"
    return {**plain, "name": title, **{name: _columns(rows) for name, rows in tables.items()}}


def _numbered(row: dict[str, Any], number: int, slack: str) -> dict[str, Any]:
    """A row of a further medium-voltage network: everything in it has names of its own, but for the upstream bus."""
    return {key: f"{value} ({number})" if key in _NAMING and value != slack else value for key, value in row.items()}


def repeated(plain: dict[str, Any], copies: int) -> dict[str, Any]:
    """A plain network with its low-voltage grid ``copies`` times.

    Further copies hang at the medium-voltage buses that carry the largest aggregated low-voltage loads; what is aggregated there goes.
    """
    tables = {name: _rows(plain[name]) for name in _TABLES}
    own = {
        name: [row for row in rows if str(row["name"]).startswith(ZONE) or _is_its_transformer(row)]
        for name, rows in tables.items()
    }
    places = _places(tables["loads"], copies - 1)
    for name in ("loads", "generators"):
        tables[name] = [row for row in tables[name] if row["bus"] not in places]
    for number, place in enumerate(places, 2):
        for name, rows in own.items():
            tables[name] += [_copied(row, number, place) for row in rows]
    return {**plain, "name": f"{copies} x {ZONE}", **{name: _columns(rows) for name, rows in tables.items()}}


def _is_its_transformer(row: dict[str, Any]) -> bool:
    return f"-{ZONE}-" in str(row["name"])


def _places(loads: list[dict[str, Any]], wanted: int) -> list[str]:
    """Buses of the largest aggregated low-voltage loads."""
    aggregated = [row for row in loads if str(row["profile"]).startswith("lv_")]
    found = list(dict.fromkeys(row["bus"] for row in sorted(aggregated, key=lambda row: (-row["p_kw"], row["name"]))))
    if len(found) < wanted:
        text = f"the network has {len(found)} aggregated low-voltage grids, {wanted} are to be replaced"
        raise ValueError(text)
    return found[:wanted]


def _copied(row: dict[str, Any], number: int, place: str) -> dict[str, Any]:
    """A row of the low-voltage grid under another name, its transformer at another medium-voltage bus."""
    named = {key: value.replace(ZONE, f"{ZONE}.{number}") if key in _NAMING else value for key, value in row.items()}
    return {**named, "hv": place} if "hv" in row else named


def _rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    n = len(columns["name"])
    full = {key: value if isinstance(value, list) else [value] * n for key, value in columns.items()}
    return [dict(zip(full, values, strict=True)) for values in zip(*full.values(), strict=True)]


def _columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: [row[key] for row in rows] for key in rows[0]}
