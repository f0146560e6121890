"""Files: every table to look at and to download, the report, and the scenario that makes the same run again."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import streamlit as st

from dashboard import look, shelf
from dashboard.reading import columns, count, rows
from dashboard.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

_SHOWN: Final = 500
_CSV_ROWS: Final = 1_000_000
_REPORT: Final = "report.html"


def show(shown: Sequence[Shown]) -> None:
    """Reproduction of every run, then a table of one of them."""
    st.header("The same again")
    for one in shown:
        _again(one)
    st.header("Tables")
    one = shown[0]
    if len(shown) > 1:
        name = st.radio("Run", [each.name for each in shown], horizontal=True, key="file_run", persist_state="session")
        one = next(each for each in shown if each.name == name)
    _table(one)


def _again(one: Shown) -> None:
    """The scenario file, the command and the report of a run."""
    file = f"{one.name}.yaml"
    st.html(look.run_head(one.name, one.colour, f"digest {one.run.meta.get('digest', '-')}"))
    left, middle, right = st.columns([2, 2, 5], vertical_alignment="center")
    left.download_button("Scenario file", shelf.scenario_text(one.run.meta), file, "application/yaml", on_click="ignore", key=f"scenario-{one.name}",
                         icon=":material/download:", help="Complete, with every default: the same numbers again with this seed")  # fmt: skip
    report = one.run.path / _REPORT
    if report.is_file():
        middle.download_button(
            "Report",
            report.read_bytes,
            f"{one.name}.html",
            "text/html",
            on_click="ignore",
            key=f"report-{one.name}",
            icon=":material/download:",
        )
    right.html(look.command(shelf.command(one.run.meta, file)))


def _table(one: Shown) -> None:
    run = one.run
    names = sorted(run.tables, key=lambda name: ("/" in name, name))
    left, right = st.columns([2, 3], gap="medium", vertical_alignment="bottom")
    table = left.selectbox("Table", names, names.index("figures") if "figures" in names else 0, key=f"table-{one.name}", persist_state="session",
                           format_func=lambda name: f"{name}  ({count(run, name):,} rows)")  # fmt: skip
    known = columns(run, table)
    column = right.selectbox("Only rows of", ["everything", *(each.name for each in known if each.type.startswith(("dictionary", "string")))],
                             key=f"filter-{one.name}-{table}", persist_state="session")  # fmt: skip
    where, parameters = "", []
    if column != "everything":
        values = [
            str(value)
            for value in rows(
                run, f'select distinct "{column}" v from {{{table}}} where "{column}" is not null order by 1 limit 2000'
            )["v"]
        ]
        if values:
            chosen = st.selectbox(
                column, values, key=f"value-{one.name}-{table}-{column}", persist_state="session", width=420
            )
            where, parameters = f' where "{column}" = ?', [chosen]
    frame = rows(run, f"select * from {{{table}}}{where} limit {_SHOWN}", parameters)
    st.dataframe(frame, hide_index=True, key=f"rows-{one.name}-{table}", height=360,
                 column_config={each.name: st.column_config.Column(help=f"{each.about} [{each.unit}]" if each.unit not in ("", "-") else each.about or None) for each in known})  # fmt: skip
    if len(frame) == _SHOWN:
        st.html(look.soft(f"The first {_SHOWN} rows."))
    empty = " None is what is not known, or does not apply in this run." if frame.isna().any(axis=None) else ""
    st.html(look.soft(f"Point at the head of a column for its unit and meaning.{empty}"))
    path = run.path / f"{table}.parquet"
    left, right = st.columns([2, 5])
    left.download_button(
        "Parquet, for programs (all rows)",
        path.read_bytes,
        path.name,
        on_click="ignore",
        key=f"parquet-{one.name}-{table}",
        icon=":material/download:",
    )
    right.download_button("CSV, for spreadsheets (these rows)", lambda: _csv(one, table, where, parameters), f"{path.stem}.csv", "text/csv", on_click="ignore",
                          key=f"csv-{one.name}-{table}", icon=":material/download:", help=f"At most {_CSV_ROWS:,} rows")  # fmt: skip


def _csv(one: Shown, table: str, where: str, parameters: Sequence[str]) -> bytes:
    frame: pd.DataFrame = rows(one.run, f"select * from {{{table}}}{where} limit {_CSV_ROWS}", parameters)
    return frame.to_csv(index=False).encode()
