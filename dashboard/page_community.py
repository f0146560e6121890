"""Energy communities: where their energy came from, internal prices, what members save, and the bill of a member."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

import streamlit as st

from dashboard import charts, look
from dashboard.reading import has, rows
from dashboard.shown import Shown
from dashboard.standing import coflex
from experiments import colours
from experiments.results import Run

_SOURCES: Final = {
    "from other members": ("self_consumed_kwh", 1, colours.GREEN),
    "from retailers": ("supplied_kwh", 1, colours.WITHOUT),
    "to retailers": ("surplus_kwh", -1, colours.SKY),
}
_COSTS: Final = "supply_eur + grid_eur + internal_eur + shortfall_eur - surplus_eur - flexibility_eur"


def show(shown: Sequence[Shown]) -> None:
    """Energy, prices, members, bills."""
    there = charts.of_those(
        shown, lambda run: has(run, "community_energies"), lambda _: "no energy community was settled in this run."
    )
    if not there:
        return
    span = charts.day_of(there)
    st.header("Where energy came from")
    tops: dict[int, float] = {}
    for one in there:  # one scale for all that are summed alike, by hour or by day
        reach, bucket = _reach(one.run, span(one.run))
        tops[bucket] = max(reach, tops.get(bucket, 0.0))
    for one in charts.panels(there):
        charts.draw(_energy(one, span(one.run), tops), f"energy-{one.name}", 280)
    if any(has(one.run, "community_prices") for one in there):
        st.header("Internal price")
        _prices(there, span)
    st.header("What members pay")
    for one in charts.panels(there):
        _members(one)
    st.html(look.soft("Inside is what a member pays for energy to its retailer, the grid and other members, less what it earns; alone is what the same energies would have "
                      "cost with its retailer. Fixed charges are left out of both."))  # fmt: skip
    billed = [one for one in there if has(one.run, "content/CommunityBill")]
    if billed:
        st.header("A member's bill")
        _bill(billed)


def _sums(run: Run, span: tuple[int, int]) -> Any:
    """Energies of all members by hour, or by day where there are many hours."""
    bucket = 3_600_000 if span[1] - span[0] <= 4 * charts.MS_PER_DAY else charts.MS_PER_DAY
    parts = ", ".join(f'sum({column}) * {sign} "{name}"' for name, (column, sign, _) in _SOURCES.items())
    query = f"select (t_ms - ?) // {bucket} * {bucket} + ? t_ms, {parts} from {{community_energies}} where t_ms >= ? and t_ms < ? group by 1 order by 1"
    return rows(run, query, [span[0], span[0], *span]), bucket


def _reach(run: Run, span: tuple[int, int]) -> tuple[float, int]:
    frame, bucket = _sums(run, span)
    up = frame["from other members"] + frame["from retailers"]
    return max(float(up.max()) if len(frame) else 0.0, 0.1), bucket


def _energy(one: Shown, span: tuple[int, int], tops: Mapping[int, float]) -> Any:
    import altair as alt
    import pandas as pd

    frame, bucket = _sums(one.run, span)
    parts = []
    base = 0.0 * frame["from other members"]
    for name, (_, sign, _) in _SOURCES.items():
        low = base if sign > 0 else 0.0 * base
        parts.append(
            pd.DataFrame(
                {"t_ms": frame["t_ms"], "what": name, "kwh": frame[name], "low": low, "high": low + frame[name]}
            )
        )
        base = base + frame[name] if sign > 0 else base
    long = pd.concat(parts, ignore_index=True)
    data = long.assign(
        when=charts.clock(one.run, long["t_ms"]), end=charts.clock(one.run, long["t_ms"] + round(0.92 * bucket))
    )
    scale = alt.Scale(domain=list(_SOURCES), range=[shade for *_, shade in _SOURCES.values()])
    return (
        alt.Chart(data)
        .mark_rect(opacity=0.85)
        .encode(
            charts.dated_axis(data), alt.X2("end:T"),
            alt.Y("low:Q", title=f"kWh per {'hour' if bucket == 3_600_000 else 'day'}", scale=alt.Scale(domainMax=1.05 * tops[bucket], nice=True)), alt.Y2("high:Q"),
            alt.Color("what:N", scale=scale, legend=alt.Legend(title=None)),
            tooltip=[alt.Tooltip("when:T", format="%d %b %H:%M", title="time"), alt.Tooltip("what:N"), alt.Tooltip("kwh:Q", format=",.2f", title="kWh")],
        )
    )  # fmt: skip


def _prices(shown: Sequence[Shown], span: Any) -> None:
    import altair as alt
    import pandas as pd

    query = "select t_ms, community, price_eur_per_kwh price from {community_prices} where t_ms >= ? and t_ms < ? and traded_kwh > 0 order by community, t_ms"
    frames = []
    for one in shown:
        if has(one.run, "community_prices"):
            frame = rows(one.run, query, span(one.run))
            frames.append(frame.assign(when=charts.clock(one.run, frame["t_ms"], shown[0].run), run=one.name))
    data = pd.concat(frames, ignore_index=True)
    if data.empty:
        charts.nothing("Nothing was traded inside.")
        return
    chart = (
        alt.Chart(data)
        .mark_point(filled=True, size=26, opacity=0.8)
        .encode(
            charts.dated_axis(data), alt.Y("price:Q", title="EUR/kWh", scale=alt.Scale(zero=False)), charts.run_colour(shown),
            alt.Shape("community:N", legend=alt.Legend(title=None) if data["community"].nunique() > 1 else None),
            tooltip=[alt.Tooltip("when:T", format="%d %b %H:%M", title="time"), alt.Tooltip("run:N"), alt.Tooltip("community:N"), alt.Tooltip("price:Q", format=".4f", title="EUR/kWh")],
        )
    )  # fmt: skip
    charts.draw(chart, "prices", 240)
    st.html(look.soft("A point for every period in which something was traded inside."))


def _members(one: Shown) -> None:
    import altair as alt

    frame = rows(
        one.run,
        f"""select community, member, sum(bought_kwh) bought, sum(sold_kwh) sold, sum(self_consumed_kwh) "self-consumed", sum(supplied_kwh) "from retailer",
        sum(surplus_kwh) "to retailer", sum({_COSTS}) inside, sum(alone_eur) alone, sum(alone_eur) - sum({_COSTS}) saved, sum(flexibility_eur) flexibility
        from {{community_settlements}} group by 1, 2 order by 2""",
    )
    inside, alone = float(frame["inside"].sum()), float(frame["alone"].sum())
    share = f" ({100 * (alone - inside) / alone:.1f} %)" if alone > 0 else ""
    st.html(
        look.soft(
            f"{len(frame)} members pay {inside:,.2f} EUR inside; alone they would pay {alone:,.2f} EUR: {alone - inside:,.2f} EUR{share} saved."
        )
    )
    shown = frame.sort_values("saved", ascending=False).head(60)
    shown = shown.assign(shade=[colours.GREEN if saved >= 0 else colours.WITHOUT for saved in shown["saved"]])
    bars = (
        alt.Chart(shown)
        .mark_bar()
        .encode(
            alt.X(
                "member:N",
                sort=list(shown["member"]),
                title=None,
                axis=alt.Axis(labelAngle=-50, labels=len(shown) <= 40),
            ),
            alt.Y("saved:Q", title="saved (EUR)"),
            color=alt.Color("shade:N", scale=None),
            tooltip=[
                alt.Tooltip("member:N"),
                *(
                    alt.Tooltip(f"{name}:Q", format=",.2f", title=f"{name} (EUR)")
                    for name in ("saved", "inside", "alone")
                ),
            ],
        )
    )
    charts.draw(bars, f"saved-{one.name}", 230)
    with st.expander("As a table (energies in kWh, amounts in EUR)"):
        st.dataframe(frame.round(2), hide_index=True, key=f"members-{one.name}")


def _bill(shown: Sequence[Shown]) -> None:
    billed = {one.name: {str(name) for name in rows(one.run, _BILLED)["member"]} for one in shown}
    members = sorted(set.union(*billed.values()), key=lambda name: (-sum(name in own for own in billed.values()), name))
    member = st.selectbox("Member", members, key="billed", persist_state="session", width=240)
    for one in charts.panels(shown):
        if member not in billed[one.name]:
            charts.nothing(f"{member} was not billed in this run.")
            continue
        text, problem = bill_text(str(one.run.path), str(one.run.meta.get("digest")), member)
        if problem:
            st.error(problem)
        else:
            st.html(f'<pre class="cf-bill">{escape(text)}</pre>')


_BILLED: Final = "select distinct member from {content/CommunityBill}"


@st.cache_data(max_entries=64, show_spinner="Writing the bill")
def bill_text(folder: str, digest: str, member: str) -> tuple[str, str]:
    """A member's bill as it gets it, and what is wrong when there is none; by ``coflex bill``."""
    del digest
    code, out, err = coflex(["bill", folder, "--member", member])
    return ("", err.strip().removeprefix("error: ")) if code else (out.rstrip(), "")
