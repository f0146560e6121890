"""Use cases: which of their steps a run made, made late, broke, or did not reach, and why."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import streamlit as st

from dashboard import charts, look
from dashboard.cases import case_name
from dashboard.reading import has, rows
from dashboard.shown import Shown
from experiments.results import Run

if TYPE_CHECKING:
    import pandas as pd

VERDICTS: Final = ("made", "late", "broken", "excused", "not_reached")
_MEANING: Final = {
    "made": "the journal shows it", "late": "made, but after its time", "broken": "missing, of the wrong sender, out of order or hollow",
    "excused": "the run gave no cause for it, or it cannot be simulated", "not_reached": "its scenario was never begun, or ended before",
}  # fmt: skip
_MOST: Final = 400


def show(shown: Sequence[Shown]) -> None:
    """Counts by use case and run, then every finding."""
    there = charts.of_those(
        shown, lambda run: has(run, "conformance"), lambda _: "its journal was not checked against the catalogue."
    )
    if not there:
        return
    st.header("Steps of use cases")
    st.html(look.soft("; ".join(f"{verdict.replace('_', ' ')}: {text}" for verdict, text in _MEANING.items()) + "."))
    for one in charts.panels(there):
        st.html(_counts(one))
    st.header("Step by step")
    left, right = st.columns([2, 4], gap="medium")
    cases = sorted(
        {str(suc) for one in there for suc in rows(one.run, "select distinct suc from {conformance}")["suc"]}
    )
    suc = left.selectbox("Use case", ["all", *cases], key="case", persist_state="session")
    wanted = right.pills("Verdicts", list(VERDICTS), selection_mode="multi", default=["late", "broken", "excused", "not_reached"],
                         format_func=lambda one: one.replace("_", " "), key="verdicts", persist_state="session")  # fmt: skip
    for one in charts.panels(there):
        _findings(one, suc, list(wanted or VERDICTS))


def _counts(one: Shown) -> str:
    frame = rows(one.run, "select suc, verdict, count(distinct step) n from {conformance} group by 1, 2 order by 1")
    counts = {(str(suc), str(verdict)): int(n) for suc, verdict, n in frame.itertuples(index=False)}
    cases = list(dict.fromkeys(suc for suc, _ in counts))
    lines = [[case_name(suc), *(str(counts.get((suc, verdict), 0)) for verdict in VERDICTS)] for suc in cases]
    marks = [
        [
            "",
            *(
                verdict if verdict in ("made", "late", "broken") and counts.get((suc, verdict)) else ""
                for verdict in VERDICTS
            ),
        ]
        for suc in cases
    ]
    return look.table(["use case", *(verdict.replace("_", " ") for verdict in VERDICTS)], lines, range(1, 6), marks)


def _findings(one: Shown, suc: str, wanted: Sequence[str]) -> None:
    frame = findings(one.run, suc, wanted)
    if frame.empty:
        charts.nothing("No step with these verdicts.")
        return
    frame = frame.fillna("")
    if "why" in frame:
        frame["why"] = [by_the_clock(one.run, str(text)) for text in frame["why"]]
    told = frame[[name for name in frame.columns if (frame[name] != "").any()]]
    st.html(f'<div class="cf-tall">{look.table(list(told.columns), told.astype(str).to_numpy().tolist())}</div>')
    if len(frame) == _MOST:
        charts.nothing(f"The first {_MOST}.")


def by_the_clock(run: Run, text: str) -> str:
    """Instants in seconds of the world as local time."""
    return re.sub(r"\bat (\d+\.\d{3}) s\b", lambda found: f"at {run.local(round(1000 * float(found[1]))):%d %b %H:%M:%S}", text)  # fmt: skip


def findings(run: Run, suc: str, wanted: Sequence[str]) -> "pd.DataFrame":
    """Findings with these verdicts, the worst first; steps of which the same is said stand in one row."""
    places = ", ".join("?" for _ in wanted)
    query = f"""select suc "use case", string_agg(step, ', ' order by step) steps, replace(verdict, '_', ' ') verdict, conversation,
        case when verdict = 'not_reached' and coalesce(detail, '') = '' then 'nothing in this run begins the scenario of these steps, or it ended before' else detail end why
        from {{conformance}} where verdict in ({places}) and (? = 'all' or suc = ?) group by suc, verdict, conversation, detail
        order by case verdict when 'broken' then 0 when 'late' then 1 when 'excused' then 2 when 'not_reached' then 3 else 4 end, suc, steps
        limit {_MOST}"""
    return rows(run, query, [*wanted, suc, suc])
