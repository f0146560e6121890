"""Charts of a home's day, of messages and of forecasts."""

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes

from data.arrays import F64, I64
from experiments import colours
from experiments.kpis.facts import Facts
from experiments.kpis.forecast import BINS, Errors, forecast_errors, mape_percent
from experiments.kpis.market import accepted_calls
from experiments.kpis.parties import PLATFORMS, delivering_homes, platform_of_messages
from experiments.plots import View, chart, sums_at, svg, with_style
from experiments.results.frame import Frame

_DEVICES: Final = {
    "load": ("household", colours.PALE), "heat_pump": ("heat pump", colours.WITHOUT), "water_heater": ("water heater", colours.PURPLE),
    "ev": ("EV", colours.WITH), "battery": ("battery", colours.GREEN), "pv": ("PV", colours.ORANGE), "mv_plant": ("plant", colours.SKY),
}  # fmt: skip
_STATUS: Final = {
    "acknowledged": colours.WITH, "delivered": colours.SKY, "late": colours.ORANGE, "refused": colours.PURPLE, "lost": colours.WITHOUT,
}  # fmt: skip
PLATFORM_NAMES: Final = ("GDBN", "market operator and its platform", "FSP platforms", "directly between parties")
METHODS: Final = {"forecast": "forecast", "persistence": "persistence", "last_week": "same hour last week"}


def typical_home(facts: Facts) -> str | None:
    """Of the homes that delivered (of all, if none did) those with the most kinds of device, of those the typical one.

    Typical is the one nearest their median of energy; ties by name.
    """
    devices = facts.days("devices")
    homes = facts.all("homes")
    if devices is None or homes is None:
        return None
    among = sorted(delivering_homes(facts) or homes.names("owner").tolist())
    own = devices.where(np.isin(devices.names("owner"), among))
    if not len(own):
        return None
    codes, labels = own.codes("owner")
    pairs = np.unique(np.stack([codes, own.codes("kind")[0]]), axis=1)
    kinds = np.bincount(pairs[0], minlength=len(labels))
    energy = np.bincount(codes, np.abs(own.floats("power_kw")), minlength=len(labels))
    best = np.flatnonzero(kinds == kinds.max())
    off = np.abs(energy[best] - np.median(energy[best]))
    return min(zip(off.tolist(), [labels[i] for i in best], strict=True))[1]


def home_chart(view: View) -> tuple[str, str] | None:
    """Power of the devices of a typical home over the day, and its net load with and without coordination."""
    home = typical_home(view.facts)
    devices = view.facts.days("devices")
    if home is None or devices is None:
        return None
    own = devices.where(devices.names("owner") == home)
    with chart(9.0, 3.6) as (figure, axes):
        _stacked(view, axes, own)
        for facts in (view.facts.twin, view.facts):
            rows = facts.days("devices") if facts else None
            if rows is not None:
                mine = rows.where(rows.names("owner") == home)
                style = with_style(without=facts is view.facts.twin)
                style |= {
                    "label": f"net load {style['label']}",
                    "color": colours.WITHOUT if facts is view.facts.twin else colours.BLACK,
                }
                view.step_line(axes, *sums_at(mine, mine.floats("power_kw")), **style)
        _windows(view, axes, home)
        axes.axhline(0, color=colours.GREY, linewidth=0.8)
        axes.set(title=home, ylabel="power (kW), positive = consumption")
        view.time_axis(axes)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return svg(figure, "home"), home


def _stacked(view: View, axes: Axes, rows: Frame) -> None:
    """Consumption stacked upwards, generation and discharge downwards."""
    t_ms = np.unique(rows.ints("t_ms"))
    ends = view.clock(np.append(t_ms, t_ms[-1] + view.facts.step_ms))
    up, down = np.zeros(len(t_ms) + 1), np.zeros(len(t_ms) + 1)
    for kind, (name, colour) in _DEVICES.items():
        own = rows.where(rows.names("kind") == kind)
        if not len(own):
            continue
        power = np.zeros(len(t_ms))
        power[np.searchsorted(t_ms, own.ints("t_ms"))] = own.floats("power_kw")
        power = np.append(power, power[-1])
        style: dict[str, Any] = {"step": "post", "color": colour, "linewidth": 0.0, "alpha": 0.75}
        axes.fill_between(ends, up, up + np.maximum(power, 0), label=name, **style)
        axes.fill_between(ends, down, down + np.minimum(power, 0), **style)
        up, down = up + np.maximum(power, 0), down + np.minimum(power, 0)


def _windows(view: View, axes: Axes, home: str) -> None:
    """The intervals in which the home's provider was activated, as a band at the foot of the chart."""
    homes, activations = view.facts.all("homes"), accepted_calls(view.facts.days("activations"))
    if homes is None or activations is None:
        return
    fsp = homes.names("fsp")[homes.names("owner") == home]
    times = np.unique(activations.ints("t_ms")[np.isin(activations.names("fsp"), fsp[fsp != ""])])
    step = round(view.facts.market_hours * 3_600_000)
    for number, run in enumerate(np.split(times, np.flatnonzero(np.diff(times) > step) + 1) if len(times) else []):
        low, high = view.clock(np.array([run[0], run[-1] + step]))
        axes.axvspan(low, high, 0, 0.03, color=colours.BLACK, linewidth=0, label="" if number else "provider activated")


def message_counts(facts: Facts) -> list[tuple[str, dict[str, int]]]:
    """Messages by platform and status, with those sent again."""
    messages, platform = facts.all("messages"), platform_of_messages(facts)
    if messages is None or platform is None:
        return []
    status, again = messages.names("status"), messages.ints("attempts") > 1
    rows = []
    for number in range(len(PLATFORMS) + 1):
        own = platform == number
        counts = {"messages": int(own.sum())} | {name: int((own & (status == name)).sum()) for name in _STATUS}
        rows.append((PLATFORM_NAMES[number], counts | {"sent again": int((own & again).sum())}))
    return rows


def message_chart(view: View) -> str | None:
    """Messages by record and how they ended."""
    messages = view.facts.all("messages")
    if messages is None:
        return None
    codes, labels = messages.codes("record")
    status = messages.names("status")
    counts = {name: np.bincount(codes[status == name], minlength=len(labels)) for name in _STATUS}
    whole = sum(counts.values())
    order = np.argsort(whole, kind="stable")[-16:]
    with chart(8.0, 0.7 + 0.22 * len(order)) as (figure, axes):
        left = np.zeros(len(order))
        names = [labels[i] for i in order]
        for name, colour in _STATUS.items():
            if counts[name][order].any():
                axes.barh(names, counts[name][order], left=left, color=colour, label=name)
                left += counts[name][order]
        for row, count in enumerate(left):
            axes.annotate(f"{count:,.0f}", (count, row), (3, 0), textcoords="offset points", va="center", fontsize=8)
        axes.set(title="Messages by record", xlabel="messages")
        axes.set_xlim(0, 1.1 * max(left, default=1.0))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.grid(visible=False, axis="y")
        axes.legend(loc="lower right")
        return svg(figure, "messages")


def forecast_chart(view: View) -> str | None:
    """Error of the DSO's forecast by horizon, against persistence and the same hour last week; and the day itself."""
    errors = forecast_errors(view.facts, "dso") or forecast_errors(view.facts, "fsps")
    if errors is None:
        return None
    with chart(9.0, 3.0, 1, 2, width_ratios=[1, 1.4]) as (figure, axes):
        _by_horizon(axes[0], errors)
        _example(view, axes[1])
        return svg(figure, "forecasts")


def _by_horizon(axes: Axes, errors: Errors) -> None:
    shown = [name for name in BINS if len(errors.of("forecast", errors.horizon(*BINS[name]))[0])]
    by_method = {"forecast": colours.WITH, "persistence": colours.PALE, "last_week": colours.ORANGE}
    for number, (method, label) in enumerate(METHODS.items()):
        values = [mape_percent(*errors.of(method, errors.horizon(*BINS[name]))) for name in shown]
        heights = [np.nan if value is None else value for value in values]
        axes.bar(np.arange(len(shown)) + 0.27 * (number - 1), heights, 0.25, color=by_method[method], label=label)
    axes.set_xticks(range(len(shown)), [f"{BINS[name][0]:g} to {BINS[name][1]:g} h" for name in shown])
    axes.set(title="Error by horizon", ylabel="MAPE (%)", xlabel="horizon")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.35)
    axes.legend(loc="upper left", ncols=2, fontsize=7.5)


def _example(view: View, axes: Axes) -> None:
    """The most often forecast subject: its last forecast against what came without activation."""
    frame = view.facts.days("forecasts")
    if frame is None:
        return
    codes, labels = frame.codes("subject")
    subject = labels[int(np.argmax(np.bincount(codes)))]
    own = frame.where(frame.names("subject") == subject)
    t_ms, value = _latest(own)
    view.step_line(axes, t_ms, value, color=colours.WITH, label="forecast")
    truth = view.facts.twin or view.facts
    found = truth.days("grid_branches")
    if found is not None and subject in found.codes("branch")[1]:
        rows = found.where(found.names("branch") == subject)
        label = "came, without activation" if view.facts.twin else "came"
        view.step_line(axes, rows.ints("t_ms"), rows.floats("p_kw"), color=colours.BLACK, linewidth=1.0, label=label)
    axes.set(title=f"Last forecast of {subject}", ylabel="net load (kW)")
    axes.set_ylim(None, axes.get_ylim()[0] + 1.25 * np.ptp(axes.get_ylim()))
    view.time_axis(axes)
    axes.legend(loc="upper left", ncols=2)


def _latest(rows: Frame) -> tuple[I64, F64]:
    """For each instant the value forecast last."""
    t_ms, made, value = rows.ints("t_ms"), rows.ints("made_ms"), rows.floats("value_kw")
    order = np.lexsort((made, t_ms))
    last = np.append(np.diff(t_ms[order]) > 0, True)
    return t_ms[order][last], value[order][last]
