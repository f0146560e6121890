"""Where the numbers of a step come from (CONFORMANCE C11): equalities between messages and result tables, as data.

``data/usecases/provenance.yaml`` lists for each use case pairs of table expressions that must agree row by row. An equality whose left side has no
rows says nothing; one whose right side is missing or differs is a fault.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

import data
from experiments.conformance.verdicts import Finding

_TOLERANCE = 1e-6


class Join(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A second table, called ``other`` in expressions."""

    table: str
    matching: str


class Side(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One side of an equality; see the head of the data file."""

    table: str
    value: str
    keys: dict[str, str]
    profile: str = ""
    members: str = ""
    where: str = ""
    message: bool = False
    join: Join | None = None


class Equality(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a step carries equals the table it came from."""

    step: str
    says: str
    left: Side
    right: Side
    tolerance: float = _TOLERANCE
    both: bool = False


@cache
def equalities() -> dict[str, tuple[Equality, ...]]:
    """The equalities of each use case."""
    found: dict[str, tuple[Equality, ...]] = msgspec.convert(
        data.read_yaml("usecases", "provenance.yaml"), dict[str, tuple[Equality, ...]]
    )
    return found


def check_provenance(tables: Mapping[str, pa.Table], usecases: Sequence[str] | None = None) -> dict[str, list[Finding]]:
    """The equalities that do not hold in a run.

    Args:
        tables: the tables of the run by name.
        usecases: ids to look at; None for all.

    Returns:
        Use case -> findings (their ``conversation`` is empty); use cases without a fault are left out.
    """
    import duckdb

    tables = _taken_in(tables)
    faults: dict[str, list[Finding]] = {}
    with duckdb.connect() as base:
        for suc in equalities() if usecases is None else usecases:
            for one in equalities().get(suc, ()):
                why = fault(one, tables, base)
                if why:
                    faults.setdefault(suc, []).append(Finding(one.step, "", f"{one.says}: {why}"))
    return faults


def _taken_in(tables: Mapping[str, pa.Table]) -> Mapping[str, pa.Table]:
    """The tables without the content of messages that were refused: what nobody took in says nothing."""
    messages = tables.get("messages")
    if messages is None or "status" not in messages.column_names:
        return tables
    refused = messages.filter(pc.equal(messages["status"].cast(pa.string()), "refused"))["row"]
    if not len(refused):
        return tables
    contents = {name: table for name, table in tables.items() if name.startswith("content/")}
    kept = {
        name: table.filter(pc.invert(pc.is_in(table["row"], value_set=refused.combine_chunks())))
        for name, table in contents.items()
    }
    return dict(tables) | kept


def fault(one: Equality, tables: Mapping[str, pa.Table], base: Any) -> str:
    """Why an equality does not hold, by queries on the connection ``base``; empty if it holds, or if nothing was said."""
    import duckdb

    if one.left.table not in tables:
        return ""
    missing = [name for name in _tables(one) if name not in tables]
    if missing:
        return f"the run has no table {' or '.join(missing)}" if _says_something(one.left, tables, base) else ""
    for name in _tables(one):
        base.register(name, tables[name])
    try:
        return _told(one, base.execute(_difference(one)).fetchall())
    except duckdb.Error as error:
        return str(error).splitlines()[0]


def _says_something(side: Side, tables: Mapping[str, pa.Table], base: Any) -> bool:
    """Whether a side has rows that count; one whose own tables are missing is not asked."""
    needed = {side.table} | ({side.join.table} if side.join else set()) | ({"messages"} if side.message else set())
    if not needed <= tables.keys():
        return True
    for name in needed:
        base.register(name, tables[name])
    return bool(base.execute(f"SELECT count(*) FROM ({_select(side)})").fetchall()[0][0])


def _told(one: Equality, rows: list[tuple[Any, ...]]) -> str:
    if not rows:
        return ""
    *keys, low, high, right = rows[0]
    where = ", ".join(f"{name} {value}" for name, value in zip(one.left.keys, keys, strict=True))
    said = _number(low) if low == high else f"{_number(low)} to {_number(high)}"
    return f"at {where} {one.left.table} says {said}, {one.right.table} {_number(right)}; {len(rows)} of such rows"


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.9g}"


def _tables(one: Equality) -> list[str]:
    sides = (one.left, one.right)
    names = {side.table for side in sides} | {side.join.table for side in sides if side.join}
    return sorted(names | ({"messages"} if any(side.message for side in sides) else set()))


def _difference(one: Equality) -> str:
    """The query for rows in which the sides disagree, ordered by key."""
    keys = ", ".join(f'"{name}"' for name in one.left.keys)
    join = "FULL JOIN" if one.both else "LEFT JOIN"
    return f"""
        WITH l AS (SELECT {keys}, min(v) AS low, max(v) AS high FROM ({_select(one.left)}) GROUP BY {keys}),
             r AS (SELECT {keys}, sum(v) AS total FROM ({_select(one.right)}) GROUP BY {keys})
        SELECT {keys}, low, high, total FROM l {join} r USING ({keys})
        WHERE low IS NULL OR total IS NULL OR abs(low - total) > {one.tolerance!r} OR abs(high - total) > {one.tolerance!r}
        ORDER BY {keys}"""


def _select(side: Side) -> str:
    keys = ", ".join(f'{_expression(one)} AS "{name}"' for name, one in side.keys.items())
    where = f"WHERE {side.where}" if side.where else ""
    join = f'JOIN "{side.join.table}" AS other ON {side.join.matching}' if side.join else ""
    return f"SELECT {keys}, CAST({side.value} AS DOUBLE) AS v FROM ({_rows(side)}) {join} {where}"


def _expression(text: str) -> str:
    """A column's name quoted (it may be a word of the language), anything else as it stands."""
    return f'"{text}"' if text.isidentifier() else text


def _rows(side: Side) -> str:
    """The rows of a side: of the table, of its profiles, of its members."""
    rows = f'SELECT * FROM "{side.table}"'
    if side.message:
        rows = f"SELECT * FROM ({rows}) JOIN messages USING (row)"
    if side.profile:
        listed = f"SELECT *, unnest({side.profile}) AS item, unnest(range(len({side.profile}))) AS place FROM ({rows})"
        rows = f"SELECT *, from_ms + CAST(round(place * step_s * 1000) AS BIGINT) AS at_ms FROM ({listed})"
    if side.members:
        rows = f"SELECT *, unnest({side.members}) AS member FROM ({rows})"
    return rows
