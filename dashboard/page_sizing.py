"""A sizing study of a community: business models beside each other, what each would build, who pays and saves, and how it would be run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import streamlit as st

from dashboard import charts, look
from dashboard.reading import has, rows
from dashboard.shown import Shown
from experiments import colours
from experiments.results import Run
from experiments.sizing.figures import INDICATORS, TECHNOLOGIES
from experiments.sizing.figures import shown as in_words

if TYPE_CHECKING:
    import pandas as pd

_PATHS: Final = {
    "load": ("load of the site, as it stands", colours.BLACK), "pv": ("photovoltaics", colours.ORANGE), "battery": ("battery", colours.GREEN),
    "controlled": ("controlled devices", colours.PURPLE),
}  # fmt: skip


_ABREAST: Final = 3


def show(shown: Sequence[Shown]) -> None:
    """Models, plants, accounts, a day."""
    there = charts.of_those(shown, lambda run: has(run, "study_indicators"), lambda _: "it is no sizing study.")
    for one in there:
        st.html(look.run_head(one.name, one.colour, one.title) + look.soft(_about(one.run)))
        st.header("Business models")
        st.html(_models(one.run))
        st.header("What would be built")
        _plants(one)
        st.header("Who pays and who saves")
        _accounts(one)
        st.header("A day of a site")
        _day(one)


def models(run: Run) -> list[str]:
    """Business models of a study, by name."""
    return [str(name) for name in rows(run, "select distinct model from {study_indicators} order by 1")["model"]]


def _about(run: Run) -> str:
    """The question, and how many it is about."""
    scenario = run.meta["scenario"]
    members = rows(run, "select count(*) n, count(*) filter (where consent) ok from {study_members}").iloc[0]
    head = f"{members['n']} members, of whom {members['ok']} consent to the use of their data; {scenario.get('horizon_years', 0)} years (SUC01.1)."
    return f"{' '.join(str(scenario.get('about') or '').split())} {head}"


def _models(run: Run) -> str:
    """Indicators and what is installed of each business model, with the definition beside."""
    names = models(run)
    built = rows(run, "select model, technology, sum(capacity) capacity from {sizes} group by 1, 2")
    capacity = {(str(name), str(kind)): float(value) for name, kind, value in built.itertuples(index=False)}
    told = rows(run, "select model, indicator, value from {study_indicators} where not isnan(value)")
    value = {(str(name), str(key)): float(number) for name, key, number in told.itertuples(index=False)}
    lines = [
        (f"{title} installed", *(f"{capacity.get((name, kind), 0.0):,.{0 if unit == 'pieces' else 2}f}" for name in names), unit, "")
        for kind, (title, unit) in TECHNOLOGIES.items() if any((name, kind) in capacity for name in names)
    ]  # fmt: skip
    lines += [
        (one.title, *(in_words(key, value.get((name, key))) for name in names), one.unit.removeprefix("-"), one.definition)
        for key, one in INDICATORS.items() if any(value.get((name, key)) is not None for name in names)
    ]  # fmt: skip
    marks = [["" for _ in line[1:]] + ["what"] for line in lines]
    return look.table(("", *names, "unit", "what it is"), lines, range(1, len(names) + 1), marks)


def _plants(one: Shown) -> None:
    """Capacity by site and technology of a model, beside what may be added."""
    model = st.selectbox(
        "Business model", models(one.run), key=f"plants-{one.name}", persist_state="session", width=260
    )
    frame = rows(
        one.run, "select site, technology, sum(capacity) built, sum(existing) existing, sum(most) most from {sizes} where model = ? group by 1, 2", [model]
    )  # fmt: skip
    kinds = [kind for kind in TECHNOLOGIES if kind in set(frame["technology"])]
    if not kinds:
        charts.nothing("This model builds nothing.")
        return
    for row in range(0, len(kinds), _ABREAST):
        for kind, place in zip(kinds[row : row + _ABREAST], st.columns(_ABREAST, gap="large"), strict=False):
            with place:
                _technology(one, kind, frame[frame["technology"] == kind])
    st.html(look.soft("Blue: to be installed. Pale: what the site has room for."))


def _technology(one: Shown, kind: str, data: "pd.DataFrame") -> None:
    import altair as alt

    title, unit = TECHNOLOGIES[kind]
    told = [alt.Tooltip("site:N"), alt.Tooltip("built:Q", format=",.2f", title=f"to install ({unit})"), alt.Tooltip("existing:Q", format=",.2f", title="stands"),
            alt.Tooltip("most:Q", format=",.2f", title="may be added")]  # fmt: skip
    y = alt.Y("site:N", title=None, sort=alt.EncodingSortField("most", order="descending"))
    room = alt.Chart(data).mark_bar(color=colours.PALE).encode(alt.X("most:Q", title=unit, axis=alt.Axis(tickMinStep=1)), y, tooltip=told)  # fmt: skip
    built = alt.Chart(data).mark_bar(color=colours.WITH, size=8).encode(alt.X("built:Q"), y, tooltip=told)
    st.html(f"<h3>{title}</h3>")
    charts.draw(alt.layer(room, built), f"plants-{kind}-{one.name}", 50 + 22 * len(data))


def _accounts(one: Shown) -> None:
    """The yearly cost of every account today and in each model."""
    if not has(one.run, "investments"):
        charts.nothing("Investments were not worked out.")
        return
    names = models(one.run)
    frame = rows(one.run, "select model, account, investment_eur, total_eur, today_eur, npv_eur, payback_years from {investments} order by account, model")  # fmt: skip
    lines = []
    marks = []
    for account, own in frame.groupby("account", sort=False):
        by_model = own.set_index("model")
        line, mark = [str(account), f"{own['today_eur'].iloc[0]:,.0f}"], ["", ""]
        for name in names:
            if name not in by_model.index:
                line += ["-", "-"]
                mark += ["", ""]
                continue
            row = by_model.loc[name]
            saved = float(row["today_eur"] - row["total_eur"])
            line += [f"{row['investment_eur']:,.0f}", f"{row['total_eur']:,.0f}"]
            mark += ["", "better" if saved > 0.5 else "worse" if saved < -0.5 else ""]
        lines.append(line)
        marks.append(mark)
    head = [
        "account",
        "today (EUR/a)",
        *(text for name in names for text in (f"{name}: invests (EUR)", "then (EUR/a)")),
    ]
    st.html(look.table(head, lines, range(1, len(head)), marks))
    st.html(look.soft("Then: capital, energy, fixed charges, upkeep and wear of a year. Green: less than today. Community: all together."))  # fmt: skip


def _day(one: Shown) -> None:
    """Load and plants of a site on a representative day."""
    import altair as alt

    if not has(one.run, "schedules", "study_profiles", "representative_days"):
        charts.nothing("How plants would be run was not worked out.")
        return
    left, middle, right = st.columns(3, gap="medium")
    with left:
        model = st.selectbox("Business model", models(one.run), key=f"day-model-{one.name}", persist_state="session")
    with middle:
        sites = rows(one.run, "select site from {sizes} where model = ? group by 1 order by sum(capacity) desc, 1", [model])["site"]  # fmt: skip
        site = st.selectbox("Site", [str(name) for name in sites], key=f"day-site-{one.name}", persist_state="session")
    with right:
        days = rows(one.run, "select position, date, weight, extreme from {representative_days} order by date")
        names = {
            int(at): f"{when}, for {weight:.0f} days{' (extreme)' if extreme else ''}" for at, when, weight, extreme in days.itertuples(index=False)
        }  # fmt: skip
        day = st.selectbox(
            "Day", list(names), format_func=lambda at: names[at], key=f"day-{one.name}", persist_state="session"
        )
    data = course(one.run, model, str(site), int(day))
    lines = (
        alt.Chart(data)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            alt.X("hour:Q", title="hour of the day", scale=alt.Scale(domain=[0, 24], nice=False)),
            alt.Y("kw:Q", title="power (kW), positive = consumption"),
            alt.Color("what:N", scale=alt.Scale(domain=[name for name, _ in _PATHS.values()], range=[shade for _, shade in _PATHS.values()]),
                      legend=alt.Legend(title=None)),
            tooltip=[alt.Tooltip("hour:Q"), alt.Tooltip("what:N"), alt.Tooltip("kw:Q", format=",.2f")],
        )
    )  # fmt: skip
    charts.draw(lines, f"day-{one.name}", 300)


def course(run: Run, model: str, site: str, day: int) -> "pd.DataFrame":
    """Power of a site's load and plants over a representative day: ``hour``, ``what``, ``kw`` (positive: consumption)."""
    import pandas as pd

    span = [24 * day, 24 * day + 24]
    load = rows(run, "select position, load_kw kw from {study_profiles} where site = ? and position >= ? and position < ? order by 1", [site, *span])  # fmt: skip
    plants = rows(
        run,
        "select s.position, case when z.technology in ('pv', 'battery') then z.technology else 'controlled' end kind, -sum(s.power_kw) kw "
        "from {schedules} s join {sizes} z using (model, plant) where s.model = ? and z.site = ? and s.position >= ? and s.position < ? group by 1, 2 order by 1",
        [model, site, *span],
    )  # fmt: skip
    both = pd.concat([load.assign(kind="load"), plants], ignore_index=True)
    step = pd.concat([both, both[both["position"] == span[1] - 1].assign(position=span[1])], ignore_index=True)
    return pd.DataFrame({"hour": step["position"] - span[0], "what": [_PATHS[kind][0] for kind in step["kind"]], "kw": step["kw"]})  # fmt: skip
