"""Reading of runs: only the rows and columns that are shown, by SQL over the Parquet files, each answer kept for a while."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiments.results import RUN_FILE, Run
from experiments.results.schema import ResultsError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

KEPT: Final = 256
"""Answers kept; the largest are some thousand rows."""
_TABLE: Final = re.compile(r"\{([A-Za-z_]\w*(?:/[A-Za-z_]\w*)?)\}")
_LOCK: Final = threading.Lock()


def rows(run: Run, query: str, parameters: Sequence[Any] = ()) -> "pd.DataFrame":
    """Rows of a run by SQL.

    Args:
        run: whose.
        query: SQL in which ``{grid_branches}`` or ``{twin/meters}`` stands for a table.
        parameters: of the question marks in it.

    Returns:
        A data frame that others see too: not to be changed.

    Raises:
        KeyError: the run has no such table.
        ResultsError: a table is damaged, or another version of coflex wrote it.
    """
    named = sorted(set(_TABLE.findall(query)))
    missing = [name for name in named if name not in run.tables]
    if missing:
        raise KeyError(missing[0])
    return _answer(run.path, _stamp(run.path), query, tuple(parameters))


def write(run: Run, query: str, parameters: Sequence[Any], file: Path) -> None:
    """Rows of a run by SQL as ``rows`` takes it, written to a Parquet file."""
    target = str(file).replace("'", "''")
    sql = f"copy ({_TABLE.sub(lambda found: _source(run.path, found[1]), query)}) to '{target}' (format parquet)"
    cursor = _connection().cursor()
    try:
        cursor.execute(sql, list(parameters))
    finally:
        cursor.close()


def has(run: Run, *tables: str) -> bool:
    """Whether the run has all of these tables, with rows in them."""
    return all(table in run.tables and count(run, table) > 0 for table in tables)


def count(run: Run, table: str) -> int:
    """Number of rows of a table, from the foot of its file."""
    return _count(run.path / f"{table}.parquet", _stamp(run.path))


@lru_cache(maxsize=1024)
def _count(file: Path, stamp: int) -> int:
    del stamp  # only there so that a run written again is counted again
    with _readable(file) as parquet:
        return int(parquet.read_metadata(file).num_rows)


@contextmanager
def _readable(file: Path) -> Iterator[Any]:
    """Parquet as pyarrow reads it, errors in words."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        yield pq
    except (pa.ArrowException, OSError) as error:
        text = f"{file} cannot be read: {str(error).splitlines()[0]}"
        raise ResultsError(text) from error


def columns(run: Run, table: str) -> list["Column"]:
    """The columns of a table as its file describes them."""
    file = run.path / f"{table}.parquet"
    with _readable(file) as parquet:
        schema = parquet.read_schema(file)
    return [_column(schema.field(name)) for name in schema.names]


@dataclass(frozen=True)
class Column:
    """A column of a table: its type, unit and meaning."""

    name: str
    type: str
    unit: str
    about: str


def _column(field: Any) -> Column:
    told = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    return Column(field.name, str(field.type), told.get("unit", ""), told.get("about", ""))


def _stamp(folder: Path) -> int:
    """Changes when the run in a folder is replaced."""
    return (folder / RUN_FILE).stat().st_mtime_ns


@lru_cache(maxsize=KEPT)
def _answer(folder: Path, stamp: int, query: str, parameters: tuple[Any, ...]) -> "pd.DataFrame":
    del stamp
    import duckdb

    sql = _TABLE.sub(lambda found: _source(folder, found[1]), query)
    cursor = _connection().cursor()
    try:
        found: pd.DataFrame = cursor.execute(sql, list(parameters)).df()
        return found
    except duckdb.Error as error:
        named = ", ".join(sorted(set(_TABLE.findall(query))))
        text = f"{folder}: {named} cannot be read as this version of coflex writes it ({str(error).splitlines()[0]})"
        raise ResultsError(text) from error
    finally:
        cursor.close()


def _source(folder: Path, table: str) -> str:
    file = str(folder / f"{table}.parquet").replace("'", "''")
    return f"read_parquet('{file}', hive_partitioning=false)"


@lru_cache(maxsize=1)
def _shared() -> "duckdb.DuckDBPyConnection":
    import duckdb

    return duckdb.connect(config={"threads": 2, "memory_limit": "1GB"})


def _connection() -> "duckdb.DuckDBPyConnection":
    with _LOCK:
        return _shared()
