"""A service that controls devices of households: who was admitted, modes, contracted power, cycles, corrections, calls, and days as it sums them up."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from dashboard import charts, look
from dashboard.charts import WITH, WITHOUT
from dashboard.reading import has, rows
from dashboard.shown import Shown
from experiments.results import Run

_MODES: Final = ("automatic", "manual", "on", "off")
_KINDS: Final = {
    "battery": "battery", "ev": "electric vehicle", "heat_pump": "heat pump", "water_heater": "water heater", "pv": "photovoltaics",
}  # fmt: skip


def show(shown: Sequence[Shown]) -> None:
    """From who takes part to what it earned."""
    there = charts.of_those(
        shown, lambda run: has(run, "resolves"), lambda _: "no service controlled devices of households in this run."
    )
    if not there:
        return
    st.html(look.soft("A pilot admits households, installers equip them, and a service plans their devices to the end of the next day every quarter of an hour, corrects within it "
                      "where a contract or the feed-in is in danger, and sells what they can spare (SUC13.1). People set the mode of each device and may withdraw."))  # fmt: skip
    st.header("Who takes part")
    for one in charts.panels(there):
        st.html(_admitted(one.run))
    st.header("Modes of devices")
    for one in charts.panels(there):
        st.html(_modes(one.run))
    st.header("Power over the contract")
    _contract([one for one in there if has(one.run, "homes", "meters")])
    st.header("Plans made again")
    _cycles(there)
    st.header("Corrections within the quarter of an hour")
    for one in charts.panels(there):
        st.html(_corrections(one.run))
    st.header("Calls")
    for one in charts.panels(there):
        st.html(_calls(one.run))
    st.header("Days as the service sums them up")
    for one in charts.panels(there):
        st.html(_days(one.run))
    st.html(look.soft("Over households that consent to statistics. Savings are those planned at the beginning of the day against devices under their own controls."))  # fmt: skip


def _admitted(run: Run) -> str:
    """How many came how far, and what declined plans would have had to bring."""
    if not has(run, "admissions"):
        return look.soft("Nobody was asked; all households take part.")
    asked = rows(run, "select count(*) n, count(*) filter (where approved) good from {admissions}").iloc[0]
    steps = [("interested", int(asked["n"])), ("admitted", int(asked["good"]))]
    declined: list[tuple[str, ...]] = []
    if has(run, "plan_decisions"):
        frame = rows(run, "select owner, accepted, saving_eur, moving_eur + control_eur wanted, reason from {plan_decisions} order by owner")  # fmt: skip
        steps.append(("applied, once their plan was known", int(frame["accepted"].sum())))
        declined = [
            (str(one.owner), f"{one.saving_eur:.0f}", f"{one.wanted:.0f}", str(one.reason))
            for one in frame[~frame["accepted"]].itertuples()
        ]
    if has(run, "installations"):
        made = rows(run, "select count(*) n, sum(budget_eur) eur from {installations} where approved").iloc[0]
        steps.append((f"equipped, for {made['eur'] or 0:,.0f} EUR", int(made["n"])))
    told = look.table(("households", "number"), [(text, str(n)) for text, n in steps], (1,))
    if declined:
        told += "<h3>Who declined</h3>" + look.table(("home", "promised (EUR/a)", "wanted (EUR/a)", "why"), declined, (1, 2))  # fmt: skip
    return told


_LAST_MODES: Final = """select kind, mode, count(*) n from (select owner, kind, arg_max(mode, t_ms) mode from {modes} group by 1, 2) group by 1, 2"""


def _modes(run: Run) -> str:
    """Devices by kind and mode at the end, and how often people changed one."""
    if not has(run, "modes"):
        return look.soft("No device is under the service's control.")
    frame = rows(run, _LAST_MODES)
    counts = {(str(kind), str(mode)): int(n) for kind, mode, n in frame.itertuples(index=False)}
    kinds = sorted({kind for kind, _ in counts})
    lines = [(_KINDS.get(kind, kind), *(str(counts.get((kind, mode), 0)) for mode in _MODES)) for kind in kinds]
    changes = rows(run, "select count(*) - count(distinct owner || kind) n from {modes}")["n"].iloc[0]
    return look.table(("at the end", *_MODES), lines, range(1, 5)) + look.soft(f"People changed a mode {int(changes)} times.")  # fmt: skip


_SORTED: Final = """select 100 * (m.import_kwh - m.export_kwh) / ? / h.contracted_kw share from {TABLE} m join {homes} h using (meter)
where m.t_ms >= ? and m.t_ms < ? and h.contracted_kw > 0 order by 1 desc"""
_MOST_POINTS: Final = 400


def _contract(shown: Sequence[Shown]) -> None:
    """Mean power of every home and step in percent of its contract, ordered, with and without the service."""
    import altair as alt
    import numpy as np
    import pandas as pd

    found = []
    for one in shown:
        hours = charts.step_ms(one.run) / 3_600_000
        for table, what in (("meters", WITH), ("twin/meters", WITHOUT)):
            if table in one.run.tables:
                share = rows(one.run, _SORTED.replace("TABLE", table), [hours, *charts.delivery(one.run)])["share"].to_numpy(float)  # fmt: skip
                at = np.unique(np.linspace(0, len(share) - 1, _MOST_POINTS).astype(int)) if len(share) else np.zeros(0, int)  # fmt: skip
                found.append(pd.DataFrame({"hours": at * hours, "share": share[at], "run": one.name, "what": what}))
    data = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    if data.empty:
        charts.nothing("Contracted power of the homes is not known.")
        return
    line = (
        alt.Chart(data)
        .mark_line(strokeWidth=2)
        .encode(
            alt.X("hours:Q", title="home hours, highest power first", scale=alt.Scale(nice=False)), alt.Y("share:Q", title="power (% of the contract)"),
            charts.run_colour(shown), charts.with_dash(data),
            tooltip=[alt.Tooltip("hours:Q", format=",.1f"), alt.Tooltip("share:Q", format=".1f", title="% of the contract"), alt.Tooltip("what:N")],
        )
    )  # fmt: skip
    charts.draw(alt.layer(line, *charts.rule(100.0, "the contract")), "contract", 280)
    st.html(look.soft("Mean power of every home and quarter of an hour, ordered. Above 100 % is beyond the contract; below 0 is fed in."))  # fmt: skip


def _cycles(shown: Sequence[Shown]) -> None:
    """Households planned and solved again, cycle by cycle."""
    import altair as alt
    import pandas as pd

    found = []
    for one in shown:
        span = charts.delivery(one.run)
        bucket = charts.bucket_ms(one.run, span)
        frame = rows(
            one.run, "select t_ms // ? * ? t_ms, avg(members) planned, avg(solved) again from {resolves} group by 1 order by 1", [bucket, bucket]
        )  # fmt: skip
        when = charts.clock(one.run, frame["t_ms"], shown[0].run)
        found += [
            pd.DataFrame({"when": when, "n": frame[name], "which": which, "run": one.name})
            for name, which in (("planned", "planned"), ("again", "solved again"))
        ]
    data = pd.concat(found, ignore_index=True)
    line = (
        alt.Chart(data)
        .mark_line(interpolate="step-after", strokeWidth=1.8)
        .encode(
            charts.dated_axis(data), alt.Y("n:Q", title="households"), charts.run_colour(shown),
            alt.StrokeDash("which:N", scale=alt.Scale(domain=["solved again", "planned"], range=[[1, 0], [2, 3]]), legend=alt.Legend(title=None)),
            tooltip=[alt.Tooltip("when:T", format="%d %b %H:%M", title="time"), alt.Tooltip("which:N"), alt.Tooltip("n:Q", format=".0f")],
        )
    )  # fmt: skip
    charts.draw(line, "cycles", 200)
    st.html(look.soft("Every quarter of an hour all are planned; solved again are those whose inputs have moved. The plans of the others stay."))  # fmt: skip


def _corrections(run: Run) -> str:
    if not has(run, "corrections"):
        return look.soft("Within the quarter of an hour nothing had to be corrected.")
    frame = rows(run, "select about, count(*) n, count(distinct household) homes, avg(asked_kw) asked, avg(moved_kw) moved, "
                      "count(*) filter (where left_kw > 0.05) short from {corrections} group by 1 order by 1")  # fmt: skip
    texts = {"peak": "near the contract", "surplus": "fed in"}
    lines = [
        (
            texts.get(str(one.about), str(one.about)),
            str(one.n),
            str(one.homes),
            f"{one.asked:.2f}",
            f"{one.moved:.2f}",
            str(one.short),
        )
        for one in frame.itertuples()
    ]
    head = ("power", "corrections", "households", "asked, mean (kW)", "moved, mean (kW)", "not all could be moved")
    return look.table(head, lines, range(1, 6))


def _calls(run: Run) -> str:
    """Calls on households, what was read, and what was paid for it."""
    if not has(run, "home_activations"):
        return look.soft("Nothing was called.")
    paid = "{home_settlements}" if has(run, "home_settlements") else "(select '' activation, '' buyer, 0.0 eur where false)"  # fmt: skip
    frame = rows(run, "select a.t_ms, a.market, coalesce(s.buyer, '-') buyer, a.households, a.ordered_kw, a.expected_kw, a.delivered_kw, coalesce(printf('%.2f', s.eur), '-') paid "
                      f"from {{home_activations}} a left join {paid} s using (activation) order by 1, 2")  # fmt: skip
    when = charts.clock(run, frame["t_ms"]).dt.strftime("%d %b %H:%M")
    lines = [
        (
            at, str(one.market), str(one.buyer), str(one.households), f"{one.ordered_kw:.1f}",
            f"{one.expected_kw:.1f}", f"{one.delivered_kw:.1f}", str(one.paid),
        )
        for at, one in zip(when, frame.itertuples(), strict=True)
    ]  # fmt: skip
    head = ("when", "for", "buyer", "households", "called (kW)", "planned (kW)", "read (kW)", "paid (EUR)")
    return look.table(head, lines, range(3, 8))


def _days(run: Run) -> str:
    if not has(run, "service_figures"):
        return look.soft("The service stored no figures of days.")
    columns = {
        "savings_eur": "savings planned (EUR)", "plan_error_kw": "distance to the plan (kW)", "load_error_percent": "load forecast, error (%)",
        "yesterday_error_percent": "day before instead (%)", "last_week_error_percent": "week before instead (%)", "earned_eur": "earned (EUR)",
    }  # fmt: skip
    frame = rows(run, f"select from_ms, {', '.join(columns)} from {{service_figures}} order by 1")
    when = charts.clock(run, frame["from_ms"]).dt.strftime("%d %b")
    cells = frame[list(columns)].map(lambda value: "-" if value != value else f"{value:.2f}")
    lines = [(str(at), *values) for at, values in zip(when, cells.to_numpy().tolist(), strict=True)]
    return look.table(("day", *columns.values()), lines, range(1, 7))
