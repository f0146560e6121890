"""Money: who pays whom what for, and the account of any party."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import streamlit as st

from dashboard import charts, look
from dashboard.reading import has, rows
from dashboard.sankey import Flow, sankey
from dashboard.shown import Shown
from experiments.kpis.facts import Facts
from experiments.kpis.parties import party_kinds
from experiments.plots.market import KIND_COLOURS, KIND_NAMES
from experiments.results import RUN_FILE, Run, open_run


def show(shown: Sequence[Shown]) -> None:
    """The flows of every run, then a party's account."""
    there = [one for one in shown if has(one.run, "ledger")]
    if not there:
        charts.nothing("Nobody paid anybody in these runs.")
        return
    st.header("Who pays whom")
    wide = 1000.0 if len(there) == 1 else 560.0
    for one in charts.panels(there):
        flows = money_by_kind(one.run)
        st.iframe(f"<!DOCTYPE html><body style='margin:0'>{sankey(flows, KIND_NAMES, KIND_COLOURS, wide)}</body>")
        lines = [
            (KIND_NAMES[payer], KIND_NAMES[receiver], purpose, f"{eur:,.2f}") for payer, receiver, purpose, eur in flows
        ]
        with st.expander("As a table"):
            st.html(look.table(("payer", "receiver", "purpose", "EUR"), lines, numbers=(3,)))
    st.html(look.soft("All entries of the ledger; every amount is paid by one party and received by another."))
    _account(there)


def money_by_kind(run: Run) -> list[Flow]:
    """Amounts from kind of party to kind of party by purpose, the largest first [EUR]."""
    frame = rows(run, "select debtor, creditor, purpose, sum(eur) eur from {ledger} group by all")
    kinds = _kinds(run.path, (run.path / RUN_FILE).stat().st_mtime_ns)
    sums: dict[tuple[str, str, str], float] = {}
    for debtor, creditor, purpose, eur in frame.itertuples(index=False):
        a, b = kinds.get(str(debtor), "others"), kinds.get(str(creditor), "others")
        key = (a, b, str(purpose)) if eur >= 0 else (b, a, str(purpose))
        sums[key] = sums.get(key, 0.0) + abs(float(eur))
    return sorted(((*key, eur) for key, eur in sums.items()), key=lambda flow: (-flow[3], flow[:3]))


@lru_cache(maxsize=8)
def _kinds(folder: Path, stamp: int) -> dict[str, str]:
    del stamp
    run = open_run(folder)
    return party_kinds(Facts(run.tables, None, run.meta))


def _account(shown: Sequence[Shown]) -> None:
    st.header("The account of a party")
    first = shown[0].run
    parties = [
        str(name)
        for name in rows(
            first,
            "select distinct party from (select debtor party from {ledger} union select creditor from {ledger}) order by 1 limit 3000",
        )["party"]
    ]
    party = st.selectbox(
        "Party", parties, key="party", persist_state="session", width=300, help="Write a part of its name to find it"
    )
    for one in charts.panels(shown):
        frame = rows(
            one.run,
            """select t_ms, case when debtor = ? then creditor else debtor end "with", purpose, case when debtor = ? then -eur else eur end eur
            from {ledger} where debtor = ? or creditor = ? order by t_ms, purpose limit 2000""",
            [party] * 4,
        )
        if frame.empty:
            charts.nothing(f"{party} neither paid nor received.")
            continue
        st.html(
            look.soft(
                f"{party} received {frame['eur'].clip(lower=0).sum():,.2f} EUR and paid {abs(frame['eur'].clip(upper=0).sum()):,.2f} EUR."
            )
        )
        table = frame.assign(time=charts.clock(one.run, frame["t_ms"]))[["time", "with", "purpose", "eur"]]
        st.dataframe(
            table, hide_index=True, key=f"account-{one.name}", height=min(320, 40 + 35 * len(table)),
            column_config={"time": st.column_config.DatetimeColumn(format="DD MMM HH:mm"), "eur": st.column_config.NumberColumn("EUR received (+) or paid (-)", format="%.2f")},
        )  # fmt: skip
