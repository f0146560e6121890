"""Questions to all runs of a sweep at once, in SQL (DuckDB): every table that it keeps is a view.

Views: ``runs`` (one row a run: run, point, seed, factors), ``figures`` (one row a run and figure: value, twin_value), ``wide`` (one row a
run, one column a figure), ``times`` (seconds, processor seconds and memory), and each table that is kept besides. A run folder has its tables as views.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.errors import CoflexError, did_you_mean
from experiments.results import RUN_FILE
from experiments.sweep.folder import SWEEP_FILE, open_sweep
from experiments.sweep.worker import FIGURES


@dataclass(frozen=True)
class Found:
    """The answer to a query: names of columns, and rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def column(self, name: str) -> list[Any]:
        """The values of one column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


def query(folder: Path | str, sql: str) -> Found:
    """Ask all runs of a sweep, or one run.

    Args:
        folder: of a sweep or a run.
        sql: a query on the views that ``views`` lists.

    Raises:
        CoflexError: the folder is neither, holds no run yet, or the query is wrong.
    """
    import duckdb

    path = Path(folder)
    with duckdb.connect() as connection:
        names = _make_views(connection, path)
        try:
            answer = connection.execute(sql)
            columns = tuple(item[0] for item in answer.description or ())
            return Found(columns, answer.fetchall())
        except duckdb.Error as error:
            text = str(error).splitlines()
            hint = did_you_mean(_unknown_table(text[0]), names) if "Table with name" in text[0] else ""
            msg = f"--sql: {text[0]}{hint}"
            raise CoflexError(msg) from error


def views(folder: Path | str) -> dict[str, tuple[str, ...]]:
    """The views of a folder and their columns.

    Raises:
        CoflexError: the folder is neither that of a sweep nor of a run, or holds no run yet.
    """
    import duckdb

    with duckdb.connect() as connection:
        names = _make_views(connection, Path(folder))
        return {name: tuple(row[0] for row in connection.execute(f'describe "{name}"').fetchall()) for name in names}


def _make_views(connection: Any, path: Path) -> list[str]:
    """Views of every table; returns their names."""
    if (path / RUN_FILE).is_file():
        files = {file.relative_to(path).with_suffix("").as_posix(): file for file in path.rglob("*.parquet")}
        for name, file in files.items():
            _view(connection, name.replace("/", "_"), f"read_parquet({_text(file)})")
        return sorted(name.replace("/", "_") for name in files)
    if not (path / SWEEP_FILE).is_file():
        msg = f"{path} is neither the folder of a sweep ({SWEEP_FILE}) nor of a run ({RUN_FILE})"
        raise CoflexError(msg)
    parts = sorted(path.glob(f"runs/[0-9]*/{FIGURES}.parquet"))
    if not parts:
        msg = f"{path} holds no run that is done yet"
        raise CoflexError(msg)
    said = open_sweep(path)
    names = [FIGURES, *said["sweep"].get("tables", [])]
    made = []
    for name in names:
        if any(path.glob(f"runs/[0-9]*/{name}.parquet")):
            pattern = _text(path / f"runs/[0-9]*/{name}.parquet")
            _view(connection, name.replace("/", "_"), f"read_parquet({pattern}, union_by_name=true)")
            made.append(name.replace("/", "_"))
    factors = [*said["sweep"].get("factors", {})]
    keys = ", ".join(f'"{name}"' for name in ("run", "point", "seed", *factors))
    _view(connection, "runs", f"(select distinct {keys} from figures)", order="run")
    kept = [row[0] for row in connection.execute("select distinct figure from figures order by figure").fetchall()]
    columns = ", ".join(f'max(value) filter (figure = {_text(name)}) as "{name}"' for name in kept)
    _view(connection, "wide", f"(select {keys}, {columns} from figures group by {keys})", order="run")
    made += ["runs", "wide"]
    if (path / "times.jsonl").is_file():
        _view(connection, "times", f"read_json({_text(path / 'times.jsonl')}, format='newline_delimited')")
        made.append("times")
    return sorted(made)


def _view(connection: Any, name: str, source: str, order: str = "") -> None:
    ordered = f" order by {order}" if order else ""
    connection.execute(f'create view "{name}" as select * from {source}{ordered}')


def _text(value: object) -> str:
    """A text in SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def _unknown_table(message: str) -> str:
    return message.partition("Table with name ")[2].partition(" ")[0]


def text_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as plain text, numbers to the right."""
    shown = [[_shown(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[place]) for row in shown)]) for place, name in enumerate(columns)]
    right = [all(isinstance(row[place], int | float | None) for row in rows) for place in range(len(columns))]
    lines = [list(columns), *shown]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to else cell.ljust(width) for cell, width, to in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
