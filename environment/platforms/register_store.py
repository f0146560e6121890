"""The database behind the Flexibility Register: points, pools, dynamic lights, chained measurements, and a log of every access.

It keeps what it is given and decides nothing; the life cycle is ``markets.registers.flexibility_register``. SQLite in memory or in a file by default, any
other database that SQLAlchemy reaches by its URL. Every change is one transaction: after a crash a change is there as a whole or not at all, and a
reopened register goes on with what it held.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.pool import StaticPool

from environment.hash_chain import GENESIS, first_fault, linked

METADATA = MetaData()

POINTS = Table(
    "points", METADATA,
    Column("gcp", String, primary_key=True), Column("bsp", String, index=True), Column("dso", String, index=True), Column("kind", String),
    Column("latitude", Float), Column("longitude", Float), Column("up_kw", Float), Column("down_kw", Float), Column("nominal_kw", Float),
    Column("status", String), Column("grid_element", String, index=True), Column("validated_up_kw", Float), Column("validated_down_kw", Float),
    Column("treatment", String), Column("tso_perimeter", String), Column("market_zone", String), Column("version", Integer),
)  # fmt: skip
"""Grid connection points, a row each, as they stand."""

POOLS = Table("pools", METADATA, Column("pool", String, primary_key=True), Column("bsp", String, index=True))
POOL_POINTS = Table(
    "pool_points", METADATA, Column("pool", String, primary_key=True), Column("gcp", String, primary_key=True)
)
POOL_SERVICES = Table(
    "pool_services", METADATA,
    Column("pool", String, primary_key=True), Column("service", String, primary_key=True), Column("qualification", String),
)  # fmt: skip

LIGHTS = Table(
    "dynamic_lights", METADATA,
    Column("perimeter", String, primary_key=True), Column("hour_ms", Integer, primary_key=True), Column("direction", String, primary_key=True),
    Column("colour", String), Column("capability_kw", Float), Column("sent_ms", Integer, primary_key=True),
)  # fmt: skip
"""Every dynamic light that was ever sent; the last one before a gate counts there."""

MEASUREMENTS = Table(
    "measurements", METADATA,
    Column("gateway", String, primary_key=True), Column("number", Integer, primary_key=True), Column("gcp", String, index=True),
    Column("hour_ms", Integer), Column("consumption_kwh", Float), Column("production_kwh", Float), Column("content", LargeBinary),
    Column("hash", LargeBinary), Column("signature", LargeBinary),
    Column("set_up_kwh", Float), Column("set_down_kwh", Float),
)  # fmt: skip
"""Hourly measurements in the order in which each gateway sent them, with the content that was hashed, its link of the chain and, where a report ended, the
gateway's signature."""

ACCESSES = Table(
    "accesses", METADATA,
    Column("number", Integer, primary_key=True), Column("at_ms", Integer), Column("by", String), Column("role", String), Column("what", String),
    Column("subject", String), Column("admitted", Boolean), Column("reason", String),
)  # fmt: skip
"""Who looked at or changed what, or tried to."""


class Access(NamedTuple):
    """One look or change, or an attempt that was refused.

    Attributes:
        at_ms: when.
        by: name of the party.
        role: in which role.
        what: the operation.
        subject: the point, pool or perimeter.
        admitted: whether the rules admitted it.
        reason: why not; empty if so.
    """

    at_ms: int
    by: str
    role: str
    what: str
    subject: str
    admitted: bool = True
    reason: str = ""


class Measured(NamedTuple):
    """One hourly measurement as a gateway sent it.

    Attributes:
        gcp: the metering point.
        hour_ms: start of the hour.
        consumption_kwh: taken from the grid.
        production_kwh: given to the grid.
        content: the bytes whose hash is linked.
        hash: link of the gateway's chain.
        signature: of the gateway, over all up to here; empty within a report.
        set_up_kwh: net load that set-points were to leave out.
        set_down_kwh: net load that they were to add.
    """

    gcp: str
    hour_ms: int
    consumption_kwh: float
    production_kwh: float
    content: bytes
    hash: bytes
    signature: bytes = b""
    set_up_kwh: float = 0.0
    set_down_kwh: float = 0.0


_NUMBERED = ("gateway", "number", *Measured._fields)


class RegisterStore:
    """An open database.

    Args:
        url: as SQLAlchemy writes it; ``sqlite://`` is in memory, ``sqlite:///register.db`` a file, ``postgresql+psycopg://...`` a server.
    """

    def __init__(self, url: str = "sqlite://") -> None:
        self.url = url
        in_memory = url in {"sqlite://", "sqlite:///:memory:"}
        self._engine: Engine = create_engine(url, **({"poolclass": StaticPool} if in_memory else {}))
        if url.startswith("sqlite:") and not in_memory:
            event.listen(self._engine, "connect", _log_ahead)
        METADATA.create_all(self._engine)
        self._open: Connection | None = None
        self._points = {row["gcp"]: row for row in self.points()}
        self._measured = self._counts()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write everything within as one transaction: all of it is there afterwards, or nothing."""
        with self._engine.begin() as connection:
            self._open = connection
            try:
                yield
            finally:
                self._open = None

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self._open is not None:
            yield self._open
            return
        with self._engine.begin() as connection:
            yield connection

    # --- points -----------------------------------------------------------------------------------------------------------

    def point(self, gcp: str) -> Mapping[str, Any] | None:
        """A point as it stands, column -> value; None: unknown."""
        row = self._points.get(gcp)
        return dict(row) if row else None

    def points(self, **where: Any) -> list[dict[str, Any]]:
        """Points whose columns have given values, by id."""
        conditions = [POINTS.c[column] == value for column, value in where.items()]
        with self._engine.connect() as connection:
            found = connection.execute(select(POINTS).where(*conditions).order_by(POINTS.c.gcp)).mappings()
            return [dict(row) for row in found]

    def put_points(self, rows: Sequence[Mapping[str, Any]], accesses: Sequence[Access]) -> None:
        """Write new or changed points and the accesses that led to them, together."""
        with self._writing() as connection:
            fresh, changed = _parted(rows, self._points.keys())
            if fresh:
                connection.execute(insert(POINTS), fresh)
            if changed:
                where = update(POINTS).where(POINTS.c.gcp == bindparam("known"))
                connection.execute(where, [{"known": row["gcp"], **row} for row in changed])
            _log(connection, accesses)
        for row in (*fresh, *changed):
            self._points[row["gcp"]] = {**self._points.get(row["gcp"], {}), **row}

    # --- pools ------------------------------------------------------------------------------------------------------------

    def put_pool(self, pool: str, bsp: str, points: Iterable[str], services: Mapping[str, str], access: Access) -> None:
        """Write a pool as it stands, and the access that led to it, together."""
        with self._writing() as connection:
            for table in (POOLS, POOL_POINTS, POOL_SERVICES):
                connection.execute(delete(table).where(table.c.pool == pool))
            connection.execute(insert(POOLS), {"pool": pool, "bsp": bsp})
            members = [{"pool": pool, "gcp": gcp} for gcp in points]
            wanted = [{"pool": pool, "service": name, "qualification": str(state)} for name, state in services.items()]
            for table, rows in ((POOL_POINTS, members), (POOL_SERVICES, wanted)):
                if rows:
                    connection.execute(insert(table), rows)
            _log(connection, [access])

    def pools(self) -> list[tuple[str, str, tuple[str, ...], dict[str, str]]]:
        """All pools: id, BSP, points, services with their qualification; by id."""
        with self._engine.connect() as connection:
            whose = dict(connection.execute(select(POOLS.c.pool, POOLS.c.bsp)).tuples().all())
            members: dict[str, list[str]] = {pool: [] for pool in whose}
            for pool, gcp in connection.execute(select(POOL_POINTS).order_by(POOL_POINTS.c.gcp)).tuples():
                members[pool].append(gcp)
            services: dict[str, dict[str, str]] = {pool: {} for pool in whose}
            for pool, service, state in connection.execute(
                select(POOL_SERVICES).order_by(POOL_SERVICES.c.service)
            ).tuples():
                services[pool][service] = state
        return [(pool, whose[pool], tuple(members[pool]), services[pool]) for pool in sorted(whose)]

    # --- dynamic lights ---------------------------------------------------------------------------------------------------

    def put_lights(self, rows: Sequence[Mapping[str, Any]], accesses: Sequence[Access]) -> None:
        """Add dynamic lights; one that was sent before stays as it is."""
        with self._writing() as connection:
            if rows:
                connection.execute(insert(LIGHTS), [dict(row) for row in rows])
            _log(connection, accesses)

    def lights_before(self, gate_ms: int) -> dict[tuple[str, int, str], tuple[str, float | None]]:
        """What counts at a gate: (perimeter, hour, direction) -> colour and capability of the last light sent before it."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(LIGHTS).where(LIGHTS.c.sent_ms < gate_ms).order_by(LIGHTS.c.sent_ms)
            ).mappings()
            return {
                (row["perimeter"], row["hour_ms"], row["direction"]): (row["colour"], row["capability_kw"])
                for row in rows
            }

    # --- measurements -----------------------------------------------------------------------------------------------------

    def put_measurements(self, gateway: str, rows: Sequence[Measured], access: Access) -> int | None:
        """Append what a gateway sent, if it continues the gateway's chain.

        Returns:
            None if it was stored; else the index of the first row that does not continue the chain, and nothing is stored.
        """
        with self._writing() as connection:
            last = connection.execute(
                select(MEASUREMENTS.c.number, MEASUREMENTS.c.hash)
                .where(MEASUREMENTS.c.gateway == gateway).order_by(MEASUREMENTS.c.number.desc()).limit(1)
            ).one_or_none()  # fmt: skip
            number, before = (last.number + 1, last.hash) if last else (0, GENESIS)
            fault = first_fault([row.content for row in rows], [row.hash for row in rows], before)
            if fault is None and rows:
                _insert(
                    connection, MEASUREMENTS, _NUMBERED, [(gateway, number + k, *row) for k, row in enumerate(rows)]
                )
            _log(connection, [access])
        if fault is None:
            self._measured[gateway] = number + len(rows)
        return fault

    def append_measurements(self, blocks: Mapping[str, Sequence[Measured]], accesses: Sequence[Access]) -> None:
        """Append what gateways sent and was found to continue their chains, all of it together (``environment.platforms.measurements.examine``)."""
        numbered = []
        for gateway, rows in blocks.items():
            first = self._measured.get(gateway, 0)
            numbered += [(gateway, first + k, *row) for k, row in enumerate(rows)]
        with self._writing() as connection:
            _insert(connection, MEASUREMENTS, _NUMBERED, numbered)
            _log(connection, accesses)
        for gateway, rows in blocks.items():
            self._measured[gateway] = self._measured.get(gateway, 0) + len(rows)

    def _counts(self) -> dict[str, int]:
        """How many measurements are stored of each gateway."""
        with self._engine.connect() as connection:
            counted = select(MEASUREMENTS.c.gateway, func.count()).group_by(MEASUREMENTS.c.gateway)
            return dict(connection.execute(counted).tuples().all())

    def measured(self) -> dict[str, list[Measured]]:
        """All that is stored of every gateway, oldest first."""
        columns = [MEASUREMENTS.c[name] for name in ("gateway", *Measured._fields)]
        found: dict[str, list[Measured]] = {}
        with self._engine.connect() as connection:
            rows = connection.execute(select(*columns).order_by(MEASUREMENTS.c.gateway, MEASUREMENTS.c.number))
            for gateway, *values in rows.tuples():
                found.setdefault(gateway, []).append(Measured._make(values))
        return found

    def measurements(self, gcps: Sequence[str], from_ms: int, to_ms: int) -> list[dict[str, Any]]:
        """Measurements of some points in [from_ms, to_ms), by point and hour."""
        columns = [MEASUREMENTS.c[name] for name in ("gcp", "hour_ms", "consumption_kwh", "production_kwh")]
        wanted = select(*columns).where(MEASUREMENTS.c.hour_ms >= from_ms, MEASUREMENTS.c.hour_ms < to_ms)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(MEASUREMENTS.c.gcp, MEASUREMENTS.c.hour_ms)).mappings()
            inside = set(gcps)
            return [dict(row) for row in rows if row["gcp"] in inside]

    def tampered(self, gateway: str) -> int | None:
        """The number of the first measurement of a gateway that is not what was chained; None: all are."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(MEASUREMENTS.c.number, MEASUREMENTS.c.content, MEASUREMENTS.c.hash)
                .where(MEASUREMENTS.c.gateway == gateway).order_by(MEASUREMENTS.c.number)
            ).all()  # fmt: skip
        before = GENESIS
        for place, row in enumerate(rows):
            if row.number != place or linked(before, row.content) != row.hash:
                return place
            before = row.hash
        return None

    # --- the log ----------------------------------------------------------------------------------------------------------

    def log(self, accesses: Sequence[Access]) -> None:
        """Add accesses that changed nothing."""
        with self._writing() as connection:
            _log(connection, accesses)

    def accesses(self) -> list[dict[str, Any]]:
        """The whole log, in its order."""
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(ACCESSES).order_by(ACCESSES.c.number)).mappings()]


def _log_ahead(connection: Any, _: Any) -> None:
    """A file of SQLite writes its log ahead and waits for no disk at every transaction: after a crash of the program all of it is there."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _parted(
    rows: Sequence[Mapping[str, Any]], known: Container[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    parts: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    for row in rows:
        parts[row["gcp"] in known].append(dict(row))
    return parts


def _log(connection: Connection, accesses: Sequence[Access]) -> None:
    _insert(connection, ACCESSES, Access._fields, accesses)


def _insert(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Add rows of plain values; where the driver takes them by position it is given them as they are, which takes half the time of as many mappings."""
    if not rows:
        return
    statement = _by_position(connection.dialect, table, tuple(names))
    if statement:
        connection.exec_driver_sql(statement, list(rows))
    else:
        connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


@lru_cache(8)
def _by_position(dialect: Dialect, table: Table, names: tuple[str, ...]) -> str:
    """The statement that adds rows of these columns; empty where the driver does not take them by position."""
    statement = insert(table).compile(dialect=dialect, column_keys=list(names))
    return str(statement) if statement.positiontup == list(names) else ""
