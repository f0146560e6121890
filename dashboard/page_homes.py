"""A home's day: its devices, its net load with and without coordination, and what it paid and earned."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard import charts, look
from dashboard.charts import WITH, WITHOUT
from dashboard.reading import count, has, rows
from dashboard.shown import Shown
from experiments import colours
from experiments.results import Run

if TYPE_CHECKING:
    import pandas as pd

KINDS: Final = {
    "load": ("household", "#b9b9b9"), "heat_pump": ("heat pump", "#a6611a"), "water_heater": ("water heater", colours.PURPLE),
    "stratified_heater": ("water heater", colours.PURPLE), "ev": ("electric vehicle", colours.WITH), "battery": ("battery", colours.GREEN),
    "pv": ("photovoltaics", colours.ORANGE), "mv_plant": ("plant", colours.SKY),
}  # fmt: skip
_MANY: Final = 500


def show(shown: Sequence[Shown]) -> None:
    """A home that is chosen, in every run."""
    there = [one for one in shown if has(one.run, "homes", "devices")]
    if not there:
        charts.nothing("These runs hold no devices of homes.")
        return
    left, right = st.columns([2, 5], gap="large", vertical_alignment="bottom")
    with left:
        home = _choose(there[0].run)
    with right:
        span = charts.day_of(there, "home_day", whole=False)
    if home is None:
        return
    homes = {one.name: _here(one.run, home) for one in there}
    top = _height(there, homes, span)
    for one in charts.panels(there):
        if homes[one.name] != home:
            charts.nothing(f"There is no {home} in {one.name}. Shown is a typical one of its own.")
        _home(one, homes[one.name], span(one.run), top)


def _here(run: Run, home: str) -> str:
    """The home, or where a run has none of that name a typical one of its own."""
    known = len(rows(run, "select owner from {homes} where owner = ?", [home])) > 0
    return home if known else typical(run) or home


def _choose(run: Run) -> str | None:
    """The home to look at; of very many those that match what is written."""
    usual = typical(run)
    if count(run, "homes") <= _MANY:
        homes = [str(name) for name in rows(run, "select owner from {homes} order by owner")["owner"]]
    else:
        wanted = st.text_input("Find a home", key="find_home", placeholder=usual or "", persist_state="session")
        homes = [
            str(name)
            for name in rows(
                run, "select owner from {homes} where contains(owner, ?) order by owner limit 500", [wanted]
            )["owner"]
        ]
        if not homes:
            st.info(f"No home is called '{wanted}'; {usual} is one.")
            return None
    if (
        usual is not None
        and usual not in homes
        and count(run, "homes") > _MANY
        and not st.session_state.get("find_home")
    ):
        homes = [usual, *homes]
    at = homes.index(usual) if usual in homes else 0
    return st.selectbox(
        "Home",
        homes,
        at,
        key="home",
        persist_state="session",
        help="It begins with a typical one among those with most kinds of device",
    )


def typical(run: Run) -> str | None:
    """Of the homes that delivered or that a service controls (of all, if none) with the most kinds of device the one nearest their median of energy; ties by name."""
    began = "select split_part(actor, '/', 1) from {acts} where act = 'start_delivery'"
    served = "select owner from {modes} where mode = 'automatic'"
    among = [
        *([began] if has(run, "acts") else []),
        *([served] if has(run, "modes") else []),
        "select owner from {homes}",
    ]
    for homes in among:
        frame = rows(run, _TYPICAL.replace("AMONG", homes), charts.delivery(run))
        if len(frame):
            return str(frame["owner"].iloc[0])
    return None


_TYPICAL: Final = """
with own as (select owner, count(distinct kind) kinds, sum(abs(power_kw)) energy from {devices} where owner in (select owner from {homes})
and owner in (AMONG) and t_ms >= ? and t_ms < ? group by 1), rich as (select * from own where kinds = (select max(kinds) from own))
select owner from rich order by abs(energy - (select median(energy) from rich)), owner limit 1"""
_DAY: Final = "select t_ms, kind, power_kw, state from {TABLE} where owner = ? and t_ms >= ? and t_ms < ? order by t_ms"


def _rows(run: Run, table: str, home: str, span: tuple[int, int]) -> "pd.DataFrame":
    return rows(run, _DAY.replace("TABLE", table), [home, *span])


def _height(shown: Sequence[Shown], homes: Mapping[str, str], span: Any) -> tuple[float, float]:
    """One scale for all runs: the largest generation and consumption of the home of each [kW]."""
    low, high = 0.0, 1.0
    for one in shown:
        frame = _rows(one.run, "devices", homes[one.name], span(one.run))
        if len(frame):
            power = frame["power_kw"]
            low = min(low, float(power.clip(upper=0).groupby(frame["t_ms"]).sum().min()))
            high = max(high, float(power.clip(lower=0).groupby(frame["t_ms"]).sum().max()))
    return 1.05 * low, 1.1 * high


def _home(one: Shown, home: str, span: tuple[int, int], top: tuple[float, float]) -> None:
    import altair as alt

    frame = _rows(one.run, "devices", home, span)
    if frame.empty:
        charts.nothing(f"There is no {home} in {one.name}.")
        return
    parts = stacked(frame, _step(one.run)).assign(
        when=lambda own: charts.clock(one.run, own["t_ms"]), end=lambda own: charts.clock(one.run, own["t_end_ms"])
    )
    domain = list(dict.fromkeys(name for kind, (name, _) in KINDS.items() if kind in set(frame["kind"])))
    shades = [next(shade for name, shade in KINDS.values() if name == wanted) for wanted in domain]
    bars = (
        alt.Chart(parts)
        .mark_rect(opacity=0.85)
        .encode(
            charts.dated_axis(parts), alt.X2("end:T"),
            alt.Y("low:Q", title="power (kW), positive = consumption", scale=alt.Scale(domain=list(top))), alt.Y2("high:Q"),
            alt.Color("device:N", scale=alt.Scale(domain=domain, range=shades), legend=alt.Legend(title=None, columns=4)),
            tooltip=[alt.Tooltip("when:T", format="%H:%M", title="time"), alt.Tooltip("device:N"), alt.Tooltip("power_kw:Q", format=".2f", title="kW"),
                     alt.Tooltip("state:Q", format=".1f", title="energy held (kWh) or temperature (degC)")],
        )
    )  # fmt: skip
    charts.draw(alt.layer(bars, _net(one, home, span)), f"home-{one.name}", 340)
    st.html(_facts(one.run, home))


def _step(run: Run) -> int:
    return charts.step_ms(run)


def stacked(frame: "pd.DataFrame", step: int) -> "pd.DataFrame":
    """Devices on top of each other, step by step: consumption upwards from zero, generation and discharge downwards; equal steps in a row are one."""
    order = {kind: place for place, kind in enumerate(KINDS)}
    own = frame.assign(
        place=frame["kind"].map(order).fillna(len(order)),
        device=frame["kind"].map({kind: name for kind, (name, _) in KINDS.items()}).fillna(frame["kind"]),
    )
    own = own[own["power_kw"].abs() > 0.004].sort_values(["t_ms", "place"])
    sign = own["power_kw"] >= 0
    high = own.groupby([own["t_ms"], sign])["power_kw"].cumsum()
    return own.assign(low=high - own["power_kw"], high=high, t_end_ms=own["t_ms"] + step)


def _net(one: Shown, home: str, span: tuple[int, int]) -> Any:
    """Net load with coordination (black) and without (dashed)."""
    import altair as alt
    import pandas as pd

    found = []
    for table, what in (("devices", WITH), ("twin/devices", WITHOUT)):
        if table in one.run.tables:
            summed = _rows(one.run, table, home, span)[["t_ms", "power_kw"]].groupby("t_ms").sum().reset_index()
            frame = charts.to_its_end(summed, _step(one.run))
            found.append(frame.assign(when=charts.clock(one.run, frame["t_ms"]), what=f"net load {what}"))
    net = pd.concat(found, ignore_index=True)
    domain = [f"net load {WITH}", f"net load {WITHOUT}"][: len(found)]
    return (
        alt.Chart(net)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X("when:T"), y=alt.Y("power_kw:Q"),
            stroke=alt.Stroke("what:N", scale=alt.Scale(domain=domain, range=["#1a1a1a", colours.WITHOUT][: len(found)]), legend=alt.Legend(title=None, orient="bottom")),
            strokeDash=alt.StrokeDash("what:N", scale=alt.Scale(domain=domain, range=[[1, 0], [5, 3]][: len(found)]), legend=None),
        )
    )  # fmt: skip


def _contract(told: Mapping[Any, Any]) -> list[str]:
    """With whom a home has a contract, and whether it leaves its devices to them."""
    under = f"contract with {told['fsp']}" if told.get("fsp") else "no contract with a provider"
    return [under, "" if told.get("automatic", True) else "manual mode"]


def _modes(run: Run, home: str) -> str:
    """The devices of a home that a service controls, with their mode at the end."""
    frame = rows(
        run, "select kind, arg_max(mode, t_ms) mode from {modes} where owner = ? group by 1 order by 1", [home]
    )
    told = [f"{KINDS.get(str(kind), (str(kind),))[0]} {mode}" for kind, mode in frame.itertuples(index=False)]
    return f"in the service with {', '.join(told)} at the end" if told else "not in the service"


def _facts(run: Run, home: str) -> str:
    """What is known about the home, and its money."""
    own = rows(run, "select * from {homes} where owner = ?", [home]).to_dict("records")
    texts = []
    if own:
        told = own[0]
        texts.append(f"tariff {told['tariff']}" if told.get("tariff") else "")
        texts += [_modes(run, home)] if has(run, "modes") else _contract(told)
        texts.append(f"contracted power {told['contracted_kw']:g} kW" if told.get("contracted_kw") else "")
    if has(run, "ledger"):
        frame = rows(run, "select sum(case when debtor = ? then eur else 0 end) paid, sum(case when creditor = ? then eur else 0 end) got from {ledger} "
                          "where debtor = ? or creditor = ?", [home] * 4)  # fmt: skip
        paid, got = (frame[name].fillna(0).iloc[0] for name in ("paid", "got"))
        texts.append(f"paid {paid:,.2f} EUR, received {got:,.2f} EUR")
    return look.soft(f"{home}: {', '.join(text for text in texts if text)}.")
