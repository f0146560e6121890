"""Retrofitted water heaters: what became of the visits, how a tank lives, when tanks heat, what that saves, and what was learned of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard import charts, look
from dashboard.charts import WITH, WITHOUT
from dashboard.reading import has, rows
from dashboard.shown import Shown
from experiments import colours
from experiments.results import Run

if TYPE_CHECKING:
    import pandas as pd

_WHOLE_DAY_H: Final = 22.0
"""Hours under command that make a controlled day, as figures count them."""
_OUTLET, _MEAN, _THERMOSTAT = "outlet, controlled", "mean of the tank, controlled", "mean of the tank, thermostat"
_LINES: Final = {_OUTLET: colours.WITH, _MEAN: colours.SKY, _THERMOSTAT: colours.WITHOUT}


def show(shown: Sequence[Shown]) -> None:
    """Visits, a tank, hours, savings, models."""
    there = charts.of_those(
        shown, lambda run: has(run, "retrofits"), lambda _: "no water heater was retrofitted in this run."
    )
    if not there:
        return
    st.html(look.soft("An energy service company fits a module and probes to electric water heaters, learns how each loses heat and is used, and switches it: later or less, "
                      "when a kWh is cheap or the sun shines, and so that nobody showers cold more often than before (SUC03.1, SUC03.2)."))  # fmt: skip
    st.header("What became of the visits")
    for one in charts.panels(there):
        st.html(_visits(one.run))
    lived = [one for one in there if has(one.run, "heater_days", "heater_states")]
    if not lived:
        charts.nothing("These runs hold no days of tanks.")
        return
    st.header("A tank, under control and under its thermostat")
    _tank(lived)
    st.header("When tanks heat")
    _hours(lived)
    st.header("What control saves")
    for one in charts.panels(lived):
        st.html(_savings(one.run))
    st.html(look.soft("Against the same tanks and days under their thermostats, heat left in the tank counted; of cold draws those under control stand first. At most is what the "
                      "jackets lost: at equal comfort nobody saves more. Who heats ahead for the sun or a tariff saves money, and loses some more heat."))  # fmt: skip
    st.header("What was learned of them")
    _learned([one for one in lived if has(one.run, "heater_models", "heater_customers", "heaters")])


def _visits(run: Run) -> str:
    frame = rows(
        run,
        "select outcome, coalesce(reason, '') reason, count(*) n, avg(attempts) tests from {retrofits} group by 1, 2 order by n desc, 1, 2",
    )
    lines = [
        (str(outcome), str(n), f"{tests:.1f}", str(reason))
        for outcome, reason, n, tests in frame.itertuples(index=False)
    ]
    return look.table(("outcome", "homes", "tests a visit", "why not"), lines, (1, 2))


def _tank(shown: Sequence[Shown]) -> None:
    """Temperatures and heating of a tank that is chosen."""
    left, right = st.columns([2, 5], gap="large", vertical_alignment="bottom")
    first = shown[0].run
    tanks = [str(name) for name in rows(first, _LONGEST)["owner"]]
    with left:
        home = st.selectbox("Home", tanks, key="heater_home", persist_state="session", help="The one controlled longest stands first")  # fmt: skip
    with right:
        span = charts.day_of(shown, "heater_day")
    for one in charts.panels(shown):
        _temperatures(one, home, span(one.run))
    st.html(look.soft("Dotted: the temperature at which people are content. Below: what the element takes. A thermostat keeps its tank hot all day, unless it has a clock."))  # fmt: skip


_LONGEST: Final = "select owner from {heater_days} group by 1 order by sum(controlled_h) desc, owner"
_STATES: Final = """select t_ms // ? * ? t_ms, avg(outlet_c) outlet, avg(mean_c) mean, sum(kwh) kwh, count(*) n
from {TABLE} where owner = ? and t_ms >= ? and t_ms < ? group by 1 order by 1"""


def _temperatures(one: Shown, home: str, span: tuple[int, int]) -> None:
    import altair as alt
    import pandas as pd

    bucket, hours = charts.bucket_ms(one.run, span), charts.step_ms(one.run) / 3_600_000
    parts, heated = [], []
    for table, columns, what in (
        ("heater_states", {_OUTLET: "outlet", _MEAN: "mean"}, WITH),
        ("twin/heater_states", {_THERMOSTAT: "mean"}, WITHOUT),
    ):
        if table in one.run.tables:
            frame = rows(one.run, _STATES.replace("TABLE", table), [bucket, bucket, home, *span])
            when = charts.clock(one.run, frame["t_ms"])
            parts += [pd.DataFrame({"when": when, "degc": frame[column], "line": name}) for name, column in columns.items()]  # fmt: skip
            heated.append(
                pd.DataFrame({"when": when, "kw": frame["kwh"] / frame["n"] / hours, "run": one.name, "what": what})
            )
    data, power = pd.concat(parts, ignore_index=True), pd.concat(heated, ignore_index=True)
    if data.empty:
        charts.nothing(f"{one.name} has no tank at {home} on these days.")
        return
    colour = alt.Color("line:N", scale=alt.Scale(domain=list(_LINES), range=list(_LINES.values())), legend=alt.Legend(title=None))  # fmt: skip
    lines = (
        alt.Chart(data)
        .mark_line(strokeWidth=1.8)
        .encode(charts.dated_axis(data), alt.Y("degc:Q", title="temperature (degC)", scale=alt.Scale(zero=False)), colour,
                tooltip=[alt.Tooltip("when:T", format="%d %b %H:%M", title="time"), alt.Tooltip("line:N"), alt.Tooltip("degc:Q", format=".1f", title="degC")])
    )  # fmt: skip
    comfort = float((one.run.meta["scenario"].get("heaters") or {}).get("comfort_c", 40.0))
    charts.draw(alt.layer(lines, *charts.rule(comfort, f"comfort {comfort:g} degC")), f"tank-{one.name}", 260)
    bars = (
        alt.Chart(power)
        .mark_line(interpolate="step-after", strokeWidth=1.6)
        .encode(charts.dated_axis(power), alt.Y("kw:Q", title="element (kW)"), charts.run_colour([one]), charts.with_dash(power))
    )  # fmt: skip
    charts.draw(bars, f"element-{one.name}", 130)


_BY_HOUR: Final = """with homes as (select distinct owner from {heater_days} where controlled_h >= ?),
days as (select count(distinct t_ms) n from {heater_days} where controlled_h >= ?)
select s.t_ms % 86400000 // ? * ? t_ms, sum(s.kwh) / any_value(days.n) / any_value(homes.n) / ? kw from {TABLE} s, days, (select count(*) n from homes) homes
where owner in (select owner from homes) and s.t_ms // 86400000 in (select distinct t_ms // 86400000 from {heater_days} where controlled_h >= ?) group by 1 order by 1"""


def _hours(shown: Sequence[Shown]) -> None:
    """The mean day of a tank that is controlled."""
    import pandas as pd

    found = []
    for one in shown:
        step = charts.step_ms(one.run)
        for table, what in (("heater_states", WITH), ("twin/heater_states", WITHOUT)):
            if table in one.run.tables:
                frame = rows(
                    one.run,
                    _BY_HOUR.replace("TABLE", table),
                    [_WHOLE_DAY_H, _WHOLE_DAY_H, step, step, step / 3_600_000, _WHOLE_DAY_H],
                )
                frame = charts.to_its_end(frame, step)
                found.append(frame.assign(when=charts.clock(one.run, frame["t_ms"], shown[0].run), run=one.name, what=what))  # fmt: skip
    data = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    if data.empty:
        charts.nothing("No tank was under control for a whole day.")
        return
    charts.draw(charts.lines(data, shown, "kw", "mean of a tank (kW)", ",.3f"), "heater-hours", 260)
    st.html(look.soft("The mean day of the homes that were controlled, over the days on which any was, with all that people override."))  # fmt: skip


def savings(run: Run) -> "pd.DataFrame":
    """Energy, comfort and money against the thermostats by the services of a home; the last row is all of them.

    Returns:
        Columns ``services``, ``homes``, ``tank_days``, ``saved_kwh``, ``saved_percent``, ``most_percent``, ``cold``, ``twin_cold``, ``saved_eur``, ``fed_in_kwh``.
    """
    return rows(run, _SAVED, [_WHOLE_DAY_H])


_SAVED: Final = """with served as (select c.owner, arg_max(p.services, p.t_ms) services from {heater_plans} p
join {heater_customers} c on c.pseudonym = p.customer group by 1),
days as (select o.owner, coalesce(served.services, 'erased') services, o.kwh - o.stored_kwh used, t.kwh - t.stored_kwh twin_used, t.lost_kwh twin_lost,
o.cold_draws cold, t.cold_draws twin_cold, t.cost_eur - o.cost_eur saved_eur, t.fed_in_kwh - o.fed_in_kwh fed_in
from {heater_days} o join {twin/heater_days} t using (owner, t_ms) left join served using (owner) where o.controlled_h >= ?)
select case when grouping(services) = 1 then 'all' else services end services, count(distinct owner) homes, count(*) tank_days, sum(twin_used - used) saved_kwh,
100 * sum(twin_used - used) / sum(twin_used) saved_percent, 100 * sum(twin_lost) / sum(twin_used) most_percent, sum(cold) cold, sum(twin_cold) twin_cold,
sum(saved_eur) saved_eur, sum(fed_in) fed_in_kwh from days group by rollup (services) order by grouping(services), length(services), services"""


def _savings(run: Run) -> str:
    if not has(run, "heater_plans", "heater_customers", "heater_days", "twin/heater_days"):
        return look.soft("There is no day without control beside this run, so nothing is said about what control saves.")  # fmt: skip
    lines = [
        (
            str(one.services), str(one.homes), str(one.tank_days), f"{one.saved_kwh:,.1f}", f"{one.saved_percent:.1f}", f"{one.most_percent:.1f}",
            f"{one.cold:,.0f} / {one.twin_cold:,.0f}", f"{one.saved_eur:,.2f}", f"{one.fed_in_kwh:,.1f}",
        )
        for one in savings(run).itertuples()
    ]  # fmt: skip
    if not lines:
        return look.soft("No water heater was under control for a whole day.")
    head = ("services of the home", "homes", "tank-days", "saved (kWh)", "saved (%)", "at most (%)", "cold draws", "saved (EUR)", "fed in less (kWh)")  # fmt: skip
    return look.table(head, lines, range(1, len(head)))


_RATIOS: Final = """with lived as (select owner, t_ms // 86400000 day_no, loss_factor, drawn_kwh from {heater_days}),
told as (select c.owner, m.t_ms, m.t_ms // 86400000 day_no, m.loss_kw_per_k loss, m.need_kwh_per_day need from {heater_models} m
join {heater_customers} c on c.pseudonym = m.customer),
paired as (select told.t_ms, told.owner, any_value(told.loss) / (any_value(h.loss_kw_per_k) * arg_max(l.loss_factor, l.day_no)) loss,
any_value(told.need) / greatest(avg(l.drawn_kwh), 1e-9) need
from told join {heaters} h using (owner) join lived l on l.owner = told.owner and l.day_no between told.day_no - 7 and told.day_no - 1 group by 1, 2)
select t_ms, median(loss) loss, median(need) need, quantile_cont(loss, 0.1) loss_low, quantile_cont(loss, 0.9) loss_high, quantile_cont(need, 0.1) need_low,
quantile_cont(need, 0.9) need_high from paired group by 1 order by 1"""


def _learned(shown: Sequence[Shown]) -> None:
    """Ratios of what was learned to what is true, median and eight in ten tanks."""
    if not shown:
        charts.nothing("Nothing was learned in these runs.")
        return
    for column, what, place in zip(("loss", "need"), ("heat losses", "needs of a day"), st.columns(2, gap="large"), strict=True):  # fmt: skip
        with place:
            _ratio(shown, column, what)
    st.html(look.soft("Median over the tanks, and the band in which eight in ten lie; 1 is the truth, which the company does not see. Truth moves where insulation comes off or "
                      "habits change, and the learner follows."))  # fmt: skip


def _ratio(shown: Sequence[Shown], column: str, what: str) -> None:
    import altair as alt
    import pandas as pd

    found = []
    for one in shown:
        frame = rows(one.run, _RATIOS)
        ratios = {"middle": frame[column], "low": frame[f"{column}_low"], "high": frame[f"{column}_high"]}
        when = charts.clock(one.run, frame["t_ms"], shown[0].run)
        found.append(pd.DataFrame(ratios).assign(run=one.name, when=when))
    data = pd.concat(found, ignore_index=True)
    if data.empty:
        charts.nothing(f"Of {what} nothing was learned yet.")
        return
    y: Any = alt.Y("middle:Q", title=f"{what}, learned over true", scale=alt.Scale(domain=[0, 2.2], clamp=True))
    base = alt.Chart(data).encode(charts.dated_axis(data), charts.run_colour(shown))
    band = base.mark_area(opacity=0.18, clip=True).encode(
        y=alt.Y("low:Q", title=f"{what}, learned over true"), y2="high:Q"
    )
    line = base.mark_line(strokeWidth=2.2, point=True).encode(y=y)
    charts.draw(alt.layer(band, line, *charts.rule(1.0, "true")), f"learned-{column}", 260)
