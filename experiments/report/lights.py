"""The section of the Flexibility Register and of traffic lights: who registered what, what networks bear of it for good, and hour by hour (SUC08.1, SUC10.1, SUC10.2)."""

from collections import Counter

import numpy as np
from matplotlib.axes import Axes

from experiments import colours
from experiments.kpis.facts import Facts
from experiments.kpis.lights import in_force
from experiments.plots import View, chart, svg
from experiments.report.page import Section, figure, table
from experiments.results.frame import Frame

TITLE = "Register and traffic lights"
COLOUR = {"green": colours.GREEN, "yellow": colours.ORANGE, "red": colours.WITHOUT}
MOST_PERIMETERS = 20
_EIC = 16


def lights(view: View) -> Section | None:
    """Points, pools, lights and accesses; None where there is no register."""
    facts = view.facts
    held = facts.all("register_points")
    if held is None:
        return None
    parts = [_points(held), _pools(view)]
    picture = lights_chart(view)
    if picture:
        parts.append(
            figure(
                picture,
                "What each perimeter bore of its validated flexibility, hour by hour, as it was told last: grey is what static values admit, the line what "
                "could be used; the strip is the colour of the light. Perimeters carry number and type of their id codes.",
            )
        )
    parts += [_disturbed(facts), _accesses(facts)]
    return Section("lights", TITLE, "".join(parts))


def _points(held: Frame) -> str:
    """A row for each operator and provider."""
    dso, bsp, status = (held.names(name) for name in ("dso", "bsp", "status"))
    rows = []
    for pair in sorted(set(zip(dso.tolist(), bsp.tolist(), strict=True))):
        mine = held.where((dso == pair[0]) & (bsp == pair[1]))
        up, down, up_ok, down_ok = (
            float(np.abs(mine.floats(name)).sum())
            for name in ("up_kw", "down_kw", "validated_up_kw", "validated_down_kw")
        )
        fit = int((mine.names("status") == "completed").sum())
        rows.append((*pair, str(len(mine)), str(fit), f"{up:,.0f}", f"{up_ok:,.0f}", f"{down:,.0f}", f"{down_ok:,.0f}"))
    head = ("DSO", "provider", "points", "may be pooled", "up (kW)", "validated", "down (kW)", "validated")
    states = ", ".join(f"{count} {name}" for name, count in sorted(Counter(status.tolist()).items()))
    text = (
        f"<p>{len(held)} connection points in the register ({states}). Each was examined by power flow in the lightest and heaviest hours metered, "
        "of the whole network and of its own perimeter; validated is the largest power with which no limit is violated.</p>"
    )
    return text + table(head, rows, numbers=range(2, 8))


def _pools(view: View) -> str:
    """Every test of a pool, in order of time: a pool that its provider made anew is tested anew."""
    tests = view.facts.all("pool_tests")
    if tests is None:
        return "<p>No pool was registered.</p>"
    order = np.argsort(tests.ints("t_ms"), kind="stable")
    when = [view.time_text(t_ms) for t_ms in tests.ints("t_ms")[order].tolist()]
    columns = [tests.names(name)[order].tolist() for name in ("pool", "service", "by")]
    powers = [
        ["–" if np.isnan(kw) else f"{kw:,.1f}" for kw in tests.floats(name)[order].tolist()]
        for name in ("up_kw", "set_up_kw", "measured_up_kw", "down_kw", "set_down_kw", "measured_down_kw")
    ]
    passed, reasons = tests.bools("qualified")[order].tolist(), tests.names("reason")[order].tolist()
    verdict = ["yes" if good else why or "no" for good, why in zip(passed, reasons, strict=True)]
    head = (
        "tested at",
        "pool",
        "service",
        "tested by",
        "up ordered (kW)",
        "set",
        "measured",
        "down ordered (kW)",
        "set",
        "measured",
        "qualified",
    )
    return table(head, list(zip(when, *columns, *powers, verdict, strict=True)), numbers=range(4, 10))


def _disturbed(facts: Facts) -> str:
    restarts = facts.all("register_restarts")
    if restarts is None:
        return ""
    told = [
        f"it held {before} points and {pools_before} pools before, {after} and {pools} after"
        for before, after, pools_before, pools in zip(
            *(restarts.ints(name).tolist() for name in ("points_before", "points", "pools_before", "pools")),
            strict=True,
        )
    ]
    return f"<p>The register began anew: {'; '.join(told)}.</p>"


def _accesses(facts: Facts) -> str:
    log = facts.all("register_accesses")
    if log is None:
        return ""
    what, admitted = log.names("what"), log.bools("admitted")
    counts = Counter(zip(what.tolist(), admitted.tolist(), strict=True))
    rows = [(name, str(counts[name, True]), str(counts[name, False])) for name in sorted(set(what.tolist()))]
    reasons = sorted({reason for reason in log.names("reason")[~admitted].tolist() if reason})[:5]
    told = f"<p>Refused because, for example: {'; '.join(reasons)}.</p>" if reasons else ""
    text = f"<p>Every look and every change is logged, {len(log):,} in all; <code>register.sqlite</code> in the run's folder is the whole database.</p>"
    return text + table(("access", "admitted", "refused"), rows, numbers=(1, 2)) + told


def lights_chart(view: View) -> str | None:
    """Capability of each perimeter and hour, both directions, with the colours of the lights."""
    every = view.facts.all("dynamic_lights")
    if every is None:
        return None
    held = every.where(in_force(every))
    perimeters, directions = held.names("perimeter"), held.names("direction")
    there = held.floats("static_kw") > 0.0
    names = sorted(set(perimeters[there].tolist()))[:MOST_PERIMETERS]
    if not names:
        return None
    whose = dict(zip(perimeters.tolist(), held.names("dso").tolist(), strict=True))
    with chart(9.0, 1.0 + 1.15 * len(names), rows=len(names), columns=2, sharex=True, squeeze=False) as (
        picture,
        panels,
    ):
        for row, name in zip(panels, names, strict=True):
            for axes, direction in zip(row, ("up", "down"), strict=True):
                mine = held.where((perimeters == name) & (directions == direction))
                _panel(view, axes, mine)
                axes.set(
                    ylim=(
                        0.0,
                        None
                        if held.floats("static_kw")[(perimeters == name) & (directions == direction)].any()
                        else 1.0,
                    )
                )
            row[0].set_ylabel(f"{whose[name]}\n{name[_EIC + 6 :]}\nkW")
        for axes, direction in zip(panels[0], ("up", "down"), strict=True):
            axes.set(title=direction)
        for axes in panels[-1]:
            view.time_axis(axes, most=6)
        return svg(picture, "lights")


def _panel(view: View, axes: Axes, mine: Frame) -> None:
    hours = mine.ints("t_ms")
    order = np.argsort(hours)
    hours, static, kw = hours[order], mine.floats("static_kw")[order], mine.floats("capability_kw")[order]
    most = float(static.max(initial=0.0))
    view.step_line(axes, hours, static, color=colours.PALE, linewidth=3.0)
    view.step_line(axes, hours, kw, color=colours.WITH)
    shades = mine.names("colour")[order]
    for shade, paint in COLOUR.items():
        strip = np.where(shades == shade, 1.12 * most, np.nan)
        if np.isfinite(strip).any():
            view.step_line(axes, hours, strip, color=paint, linewidth=4.0)
