"""Charts over time and their common style: local clock, colours of runs, runs of other days laid over each other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard import look
from dashboard.shown import Shown
from experiments.results import Run

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

WITH, WITHOUT = "with coordination", "without"
_DASHES: Final = ([1, 0], [5, 3])
_MOST_STEPS: Final = 3000
MS_PER_DAY: Final = 86_400_000


def clock(run: Run, t_ms: "pd.Series[Any]", like: Run | None = None) -> "pd.Series[Any]":
    """Local wall-clock times of instants; ``like``: moved by whole days so that the first day of delivery is that of another run."""
    import pandas as pd

    begins = pd.Timestamp(run.begins).tz_convert("UTC")
    local = (begins + pd.to_timedelta(t_ms, unit="ms")).dt.tz_convert(run.meta["zone"]).dt.tz_localize(None)
    return local + pd.to_timedelta(days_between(run, like or run), unit="D")


def days_between(run: Run, like: Run) -> int:
    """Days from the first day of delivery of one run to that of another."""
    first, other = (one.local(one.meta["delivery_start_ms"]).date() for one in (run, like))
    return (other - first).days


def delivery(run: Run) -> tuple[int, int]:
    """Start and end of the days of delivery [ms]."""
    return int(run.meta["delivery_start_ms"]), int(run.meta["delivery_end_ms"])


def step_ms(run: Run) -> int:
    """Length of a step [ms]."""
    return int(run.meta.get("step_ms") or 900_000)


def bucket_ms(run: Run, span: tuple[int, int]) -> int:
    """Length of what one point of a chart stands for: a step, or more where there would be too many points."""
    step = step_ms(run)
    return step * max(1, -(-(span[1] - span[0]) // step // _MOST_STEPS))


def day_of(shown: Sequence[Shown], key: str = "day", whole: bool = True) -> Callable[[Run], tuple[int, int]]:
    """Lets people choose a day of delivery where there are several; what is chosen, as a span of any run.

    Args:
        shown: the runs; the days are those of the first.
        key: of the control.
        whole: whether all days together can be chosen.
    """
    first = shown[0].run
    start = delivery(first)[0]
    lengths = [max(1, round((end - begin) / MS_PER_DAY)) for begin, end in (delivery(one.run) for one in shown)]
    days = min(lengths)
    if days < max(lengths):
        nothing(f"Shown is what all runs have: the first {'day' if days == 1 else f'{days} days'} of each.")

    def first_days(run: Run) -> tuple[int, int]:
        begin, last = delivery(run)
        return (begin, last) if days == max(lengths) else (begin, min(last, begin + MS_PER_DAY * days))

    if days == 1:
        return first_days
    names = [f"{first.local(start + MS_PER_DAY * number + MS_PER_DAY // 2):%a %d %b}" for number in range(days)]
    options = ["all days", *names] if whole else names
    chosen = st.selectbox("Day", options, key=key, persist_state="session", width=200)
    if chosen == "all days" or chosen is None:
        return first_days
    number = names.index(chosen)

    def span(run: Run) -> tuple[int, int]:
        begin, last = delivery(run)
        return min(begin + number * MS_PER_DAY, last - 1), min(begin + (number + 1) * MS_PER_DAY, last)

    return span


@contextmanager
def panel(one: Shown, alone: bool) -> Iterator[None]:
    """A place for one run, under its name unless it is the only one."""
    if not alone:
        st.html(look.run_head(one.name, one.colour))
    yield


def panels(shown: Sequence[Shown]) -> Iterator[Shown]:
    """Each run in a place of its own: one over the whole page, two beside each other, more in two rows."""
    if len(shown) == 1:
        yield shown[0]
        return
    for row in range(0, len(shown), 2):
        for column, one in zip(st.columns(2, gap="large"), shown[row : row + 2], strict=False):
            with column, panel(one, alone=False):
                yield one


def draw(chart: "alt.Chart | alt.LayerChart", key: str, height: int = 300) -> None:
    """Shows a chart over the width it has, in the style of all charts."""
    import altair as alt

    alt.utils.schemapi.disable_debug_mode()
    styled: Any = _Styled(chart, height)
    st.altair_chart(styled, width="stretch", key=key, theme=None)


class _Styled:
    """A chart with its style. It is not held against the schema of charts each time, which takes longer than all else; tests do that."""

    check = False

    def __init__(self, chart: "alt.Chart | alt.LayerChart", height: int) -> None:
        self._chart, self._height = chart, height

    def to_dict(self) -> dict[str, Any]:
        """The chart as Vega-Lite has it."""
        found: dict[str, Any] = self._chart.to_dict(validate=self.check)
        return {**found, "height": self._height, "config": _STYLE}


_STYLE: Final[Mapping[str, Any]] = {
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": "#ececec",
        "labelLimit": 260,
    },
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "orient": "top", "labelLimit": 320, "symbolStrokeWidth": 3},
    "view": {"strokeWidth": 0},
}


def dated_axis(frame: "pd.DataFrame", **more: Any) -> "alt.X":
    """Local time; the date too where the frame spans more than two days."""
    import altair as alt

    long = len(frame) > 0 and (frame["when"].max() - frame["when"].min()).total_seconds() > 2 * 86_400
    return alt.X(
        "when:T",
        title=None if long else "local time",
        axis=alt.Axis(
            format="%d %b" if long else "%H:%M",
            labelOverlap=True,
            labelSeparation=8,
            labelFlush=False,
            **({"tickCount": "day"} if long else {}),
        ),
        **more,
    )


def run_colour(shown: Sequence[Shown], title: str | None = None) -> "alt.Color":
    """Colour by run, from column ``run``."""
    import altair as alt

    legend = None if len(shown) == 1 else alt.Legend(title=title)
    scale = alt.Scale(domain=[one.name for one in shown], range=[one.colour for one in shown])
    return alt.Color("run:N", scale=scale, legend=legend)


def with_dash(frame: "pd.DataFrame") -> "alt.StrokeDash":
    """Solid with coordination, dashed without, from column ``what``."""
    import altair as alt

    legend = alt.Legend(title=None) if frame["what"].nunique() > 1 else None
    return alt.StrokeDash("what:N", scale=alt.Scale(domain=[WITH, WITHOUT], range=list(_DASHES)), legend=legend)


def lines(
    frame: "pd.DataFrame", shown: Sequence[Shown], y: str, title: str, tooltip: str = ",.2f", zero: bool = True
) -> "alt.Chart":
    """One line a run, dashed for its twin; the frame has ``when``, ``run``, ``what`` and the value."""
    import altair as alt

    return (
        alt.Chart(frame)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            dated_axis(frame),
            alt.Y(f"{y}:Q", title=title, scale=alt.Scale(zero=zero)),
            run_colour(shown),
            with_dash(frame),
            tooltip=[
                alt.Tooltip("when:T", format="%d %b %H:%M", title="time"),
                alt.Tooltip("run:N"),
                alt.Tooltip("what:N"),
                alt.Tooltip(f"{y}:Q", format=tooltip, title=title),
            ],
        )
    )


def rule(value: float, text: str) -> "list[alt.Chart]":
    """A limit as a dotted line with its name."""
    import altair as alt
    import pandas as pd

    data = pd.DataFrame({"y": [value], "text": [text]})
    line = alt.Chart(data).mark_rule(strokeDash=[2, 3], color="#1a1a1a").encode(alt.Y("y:Q"))
    halo, name = (
        alt.Chart(data)
        .mark_text(align="left", dx=4, dy=-6, fontSize=11, **style)
        .encode(y=alt.Y("y:Q"), x=alt.value(0), text=alt.Text("text:N"))
        for style in ({"stroke": "#ffffff", "strokeWidth": 3.5}, {})
    )
    return [line, halo, name]


def to_its_end(frame: "pd.DataFrame", step: int) -> "pd.DataFrame":
    """A series with its last value once more at the end of the last step, to which it holds."""
    import pandas as pd

    if frame.empty:
        return frame
    last = frame.tail(1)
    return pd.concat([frame, last.assign(t_ms=last["t_ms"] + step)], ignore_index=True)


def in_stretches(frame: "pd.DataFrame", step: int, by: Sequence[str] = ()) -> "pd.DataFrame":
    """A series with gaps as stretches (column ``stretch``), each to the end of its last step: nothing is drawn where nothing is known.

    Args:
        frame: with ``t_ms``.
        step: between instants that follow each other [ms].
        by: columns that tell series apart.
    """
    import pandas as pd

    own = frame.sort_values([*by, "t_ms"], kind="stable", ignore_index=True)
    after = own.groupby(list(by))["t_ms"].diff() if by else own["t_ms"].diff()
    own["stretch"] = (after.isna() | (after > step)).cumsum()
    last = own.groupby("stretch", as_index=False).tail(1)
    return pd.concat([own, last.assign(t_ms=last["t_ms"] + step)], ignore_index=True).sort_values(
        ["stretch", "t_ms"], kind="stable", ignore_index=True
    )


def piled(frame: "pd.DataFrame", by: str, order: Sequence[str], value: str = "kw") -> "pd.DataFrame":
    """Values of an instant on top of each other: ``low`` and ``high`` of each, what is above zero upwards from zero, the rest downwards.

    Args:
        frame: with ``t_ms``, the column ``by`` and the value.
        by: column that tells parts apart.
        order: of the parts, from zero outwards.
        value: column of the value.
    """
    place = {name: number for number, name in enumerate(order)}
    own = frame.assign(place=frame[by].map(place).fillna(len(place))).sort_values(["t_ms", "place"])
    high = own.groupby([own["t_ms"], own[value] >= 0])[value].cumsum()
    return own.assign(low=high - own[value], high=high)


def of_those(shown: Sequence[Shown], tells: Callable[[Run], bool], why_not: Callable[[Run], str]) -> list[Shown]:
    """Runs that have something to tell on a page; of each other it is said why it has not.

    Args:
        shown: all runs that are looked at.
        tells: whether a run has.
        why_not: the reason, as a sentence, where it has not.
    """
    there = [one for one in shown if tells(one.run)]
    for one in shown:
        if one not in there:
            nothing(f"{one.name}: {why_not(one.run)}")
    return there


def nothing(text: str) -> None:
    """Says why there is nothing to see."""
    st.html(look.soft(text))
