"""Maps of a network at one instant."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dashboard import charts
from dashboard.reading import has, rows
from dashboard.shown import Shown
from experiments import colours
from experiments.results import Run

if TYPE_CHECKING:
    import pandas as pd

MOST_BRANCHES: Final = 3000
"""Branches drawn at most; of more, those loaded most."""
_FULL_SCALE: Final = 130.0
_HEIGHT: Final = 430
_DEGREES: Final = 5.0


def zones(run: Run) -> list[str]:
    """Parts of the network, the largest first; none where places are not known."""
    if not has(run, "network_buses"):
        return []
    frame = rows(
        run,
        "select zone, count(*) n from {network_buses} where zone is not null and x is not null group by 1 having n > 2 order by 2 desc, 1",
    )
    return [str(zone) for zone in frame["zone"]]


def network_map(one: Shown, t_ms: int, prefix: str, zone: str | None, key: str) -> None:
    """The network of a run at an instant, coloured by loading; ``prefix`` is ``twin/`` for the run without coordination."""
    branches, buses = _branches(one.run, t_ms, prefix, zone), _buses(one.run, t_ms, prefix, zone)
    if branches.empty:
        charts.nothing("The places of this network are not known, or nothing flows at this time.")
        return
    if len(branches) == MOST_BRANCHES:
        charts.nothing(
            f"Drawn are the {MOST_BRANCHES:,} branches loaded most; choose a part of the network to see all of it."
        )
    charts.draw(_chart(branches, buses), key, _HEIGHT)


def _branches(run: Run, t_ms: int, prefix: str, zone: str | None) -> "pd.DataFrame":
    return rows(
        run,
        f"""select n.branch, n.kind, a.x, a.y, b.x x2, b.y y2, f.loading_percent loading, 100 * f.loading_percent / n."limit" stress, f.p_kw,
        b.x is not null inside
        from {{network_branches}} n join {{network_buses}} a on a.bus = n.from_bus join {{network_buses}} b on b.bus = n.to_bus
        left join (select branch, loading_percent, p_kw from {{{prefix}grid_branches}} where t_ms = ?) f using (branch)
        where a.x is not null and b.x is not null and (cast(? as varchar) is null or (b.zone = ? and (a.zone = ? or n.kind = 'trafo')))
        order by stress desc nulls last limit {MOST_BRANCHES}""",
        [t_ms, zone, zone, zone],
    )


def _buses(run: Run, t_ms: int, prefix: str, zone: str | None) -> "pd.DataFrame":
    low, high = (run.meta["scenario"]["grid"].get("limits", {}).get("voltage_pu") or (None, None))[:2]
    return rows(
        run,
        f"""select b.bus, b.x, b.y, b.vn_kv, v.v_pu,
        coalesce(v.v_pu < coalesce(b.v_min_pu, ?) or v.v_pu > coalesce(b.v_max_pu, ?), false) bad
        from {{network_buses}} b left join (select bus, v_pu from {{{prefix}grid_buses}} where t_ms = ?) v using (bus)
        where b.x is not null and (cast(? as varchar) is null or b.zone = ?) limit {2 * MOST_BRANCHES}""",
        [low, high, t_ms, zone, zone],
    )


def _chart(branches: "pd.DataFrame", buses: "pd.DataFrame") -> Any:
    import altair as alt

    across, up = _scales(buses)
    x, y = alt.X("x:Q", scale=across, axis=None), alt.Y("y:Q", scale=up, axis=None)
    end = {"x2": alt.X2("x2:Q"), "y2": alt.Y2("y2:Q")}
    colour = alt.Color(
        "stress:Q", title="loading, % of the limit", legend=alt.Legend(orient="top"),
        scale=alt.Scale(scheme="yelloworangered", domain=[0, _FULL_SCALE], clamp=True),
    )  # fmt: skip
    told = [
        alt.Tooltip("branch:N"), alt.Tooltip("kind:N"), alt.Tooltip("loading:Q", format=".1f", title="loading (%)"),
        alt.Tooltip("stress:Q", format=".1f", title="of its limit (%)"), alt.Tooltip("p_kw:Q", format=",.1f", title="power (kW)"),
    ]  # fmt: skip
    of_bus = [
        alt.Tooltip("bus:N"),
        alt.Tooltip("v_pu:Q", format=".4f", title="voltage (p.u.)"),
        alt.Tooltip("vn_kv:Q", title="nominal (kV)"),
    ]
    lines = branches[branches["kind"] != "trafo"]
    wires, dead = lines[lines["stress"].notna()], lines[lines["stress"].isna()]
    wires = wires.assign(wide=np.where(wires["stress"] > 100, 6.0, 2.6), edge=np.where(wires["stress"] > 100, 8.0, 4.2))
    trafos = branches[branches["kind"] == "trafo"]
    trafos = trafos.assign(
        x=trafos["x2"].where(trafos["inside"], trafos["x"]), y=trafos["y2"].where(trafos["inside"], trafos["y"])
    )
    between = trafos.assign(x=branches["x"], y=branches["y"])  # where both ends are drawn
    layers = [
        alt.Chart(between).mark_rule(color="#8a8a8a", size=1.2).encode(x=x, y=y, **end),
        alt.Chart(wires).mark_rule(strokeCap="round", color="#8a8a8a").encode(x=x, y=y, **end, size=alt.Size("edge:Q", scale=None)),
        alt.Chart(wires).mark_rule(strokeCap="round").encode(x=x, y=y, **end, color=colour, size=alt.Size("wide:Q", scale=None), tooltip=told),
        alt.Chart(buses).mark_circle(size=26 if len(buses) < 400 else 10, color="#333", opacity=1).encode(x=x, y=y, tooltip=of_bus),
        alt.Chart(trafos).mark_square(size=190, stroke="#1a1a1a", strokeWidth=1.2, opacity=1).encode(x=x, y=y, color=colour, tooltip=told),
    ]  # fmt: skip
    if len(dead):
        layers.append(
            alt.Chart(dead)
            .mark_rule(strokeDash=[3, 3], color=colours.GREY, size=1.4)
            .encode(x=x, y=y, **end, tooltip=told[:2])
        )
    if buses["bad"].any():
        layers.append(
            alt.Chart(buses[buses["bad"]])
            .mark_point(size=150, color=colours.PURPLE, strokeWidth=2, filled=False)
            .encode(x=x, y=y)
        )
    return alt.layer(*layers).interactive()


def _scales(buses: "pd.DataFrame") -> Sequence[Any]:
    """Scales with a margin; degrees of longitude are shortened as on the ground, where the part drawn is small."""
    import altair as alt

    x, y = buses["x"].to_numpy(float), buses["y"].to_numpy(float)
    span = np.array([np.ptp(x) or 1.0, np.ptp(y) or 1.0])
    margin = 0.06 * span
    return [
        alt.Scale(domain=[float(values.min() - edge), float(values.max() + edge)], zero=False, nice=False)
        for values, edge in zip((x, y), margin, strict=True)
    ]
