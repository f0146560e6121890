"""The report of a sweep: one HTML page that needs nothing else. Question, design, figures with error bands, verdicts, limits, how to reproduce."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from data.arrays import F64
from experiments import colours
from experiments.curves import Verdict, judge
from experiments.kpis import FigureSpec, catalogue
from experiments.plots import chart, svg
from experiments.report.page import Section, figure, page, paragraphs, table
from experiments.statistics import Interval, difference, interval, seeds_needed
from experiments.sweep.answers import Answers, Line, headings, read_answers
from experiments.sweep.folder import write_whole

REPORT_FILE = "report.html"
MOST_PLOTS = 16
MOST_LINES = 6
MOST_ROWS = 60
"""Points that a table of numbers has at most."""
PRECISION = 0.05
"""The wanted half width of an interval, of the mean, for which the report tells the number of seeds."""
HOW_TO_READ = (
    "Lines are means over seeds, bands their intervals; dashed is the twin without coordination. The shape of a line is chosen by the Bayesian "
    "information criterion for small samples among: no effect, linear, saturating, breaking at a point; the interval of a break holds what an F test "
    "at 99 % does not tell from the best. Where no break can be told, a change of slope up to the number given would not show in so few runs with so much scatter."
)
HOW_TO_READ_DOTS = (
    "Each figure over the factor that it follows most; all others move at the same time, so the dots scatter."
)
_INK = (colours.WITH, colours.ORANGE, colours.GREEN, colours.PURPLE, colours.SKY, colours.BLACK)
_COMBINING = ("full-factorial", "paired")
_FOR_INDICES = ("morris", "saltelli")
"""Designs whose points say nothing one by one."""


def write_sweep_report(folder: Path | str, more: Sequence[Section] = (), answers: Answers | None = None) -> Path:
    """Write the report of a sweep into its folder.

    Args:
        folder: of the sweep.
        more: sections of a study, after the design.
        answers: its figures, if they are at hand.

    Raises:
        CoflexError: the folder is not that of a sweep, or holds no run yet.
    """
    path = Path(folder) / REPORT_FILE
    write_whole(path, sweep_html(answers or read_answers(folder), more))
    return path


def sweep_html(answers: Answers, more: Sequence[Section] = ()) -> str:
    """The report as HTML; the same answers give the same page."""
    sweep = answers.sweep
    title = sweep.get("title") or sweep.get("name") or "A sweep"
    head = (
        f'<p class="soft">coflex, {len(answers.said["runs"])} runs</p><h1>{escape(title)}</h1>'
        f"<p><b>{escape(sweep.get('question', ''))}</b></p>{paragraphs(sweep.get('about', ''))}"
    )
    design, *results = result_sections(answers)
    return page(title, head, [design, *more, *results, limits(answers.sweep.get("limits", "")), reproduce(answers)])


def result_sections(answers: Answers, part: str = "") -> list[Section]:
    """Design, figures, numbers and what does not move; on a page with several sweeps all of ``part`` in one section, its numbers folded away."""
    made = [
        one
        for one in (_design(answers), _figures(answers, part), _table(answers), _undefined(answers))
        if one is not None
    ]
    if not part:
        return made
    bodies = [
        one.html if one.id == "design" else _folded(one) if one.id == "numbers" else f"<h3>{one.title}</h3>{one.html}"
        for one in made
    ]
    asked = f"<p><b>{escape(answers.sweep.get('question', ''))}</b></p>"
    return [Section(part, part.replace("_", " ").capitalize(), asked + "".join(map(str, bodies)))]


def _folded(section: Section) -> str:
    return f"<details><summary>{escape(section.title)}</summary>{section.html}</details>"


def _design(answers: Answers) -> Section:
    sweep = answers.sweep
    rows = []
    for name, factor in sweep.get("factors", {}).items():
        levels = answers.levels(name)
        shown = (
            ", ".join(_level(level) for level in levels)
            if len(levels) <= 8
            else f"{len(levels)} values from {_level(levels[0])} to {_level(levels[-1])}"
        )
        rows.append([name, ", ".join(factor.get("key", [])) or "several keys", shown])
    seeds, kind = sweep["seeds"], sweep["design"]["kind"]
    common = "the same at every point (common random numbers)" if answers.common else "other ones at every point"
    text = (
        f"Scenario {Path(str(sweep['scenario'])).name}, design {kind}: {len(answers.points)} points with {seeds['count']} {'seed' if seeds['count'] == 1 else 'seeds'} each, {common}. Intervals are at "
        f"{100 * answers.confidence:g} %."
    )
    fixed = [[key, str(value)] for key, value in sweep.get("set", {}).items()]
    parts = [paragraphs(text), table(["factor", "key of the scenario", "levels"], rows) if rows else ""]
    parts.append(f"<p>Set for all runs:</p>{table(['key', 'value'], fixed)}" if fixed else "")
    if left := answers.said.get("left_out"):
        lines = [
            [", ".join(f"{name} {_level(level)}" for name, level in one["levels"].items()), one["why"]] for one in left
        ]
        parts.append(f"<p>{len(left)} points cannot be run and were left out:</p>{table(['point', 'why'], lines)}")
    if failed := answers.failed:
        lines = [[str(one["run"]), str(one["seed"]), one["error"], one["reproduce"]] for one in failed[:20]]
        parts.append(
            f"<p><b>{len(failed)} runs failed and are missing in what follows.</b></p>{table(['run', 'seed', 'error', 'again'], lines)}"
        )
    return Section("design", "Design", "".join(parts))


def _figures(answers: Answers, part: str) -> Section | None:
    """A plot for each figure over each factor, and what shape it has."""
    pairs = [(name, factor) for name in answers.kept() for factor in _drawn_over(answers, name)]
    drawn = [_plot(answers, name, factor, part) for name, factor in pairs[:MOST_PLOTS]]
    if not drawn:
        return None
    still = len(answers.kept()) - len({name for name, _ in pairs})
    cut = f" Not drawn are figures that no factor changes in any run ({still})." if still else ""
    cut += (
        f" Of {len(pairs)} plots the first {MOST_PLOTS} are shown; the rest is in the tables."
        if len(pairs) > MOST_PLOTS
        else ""
    )
    how = HOW_TO_READ if answers.sweep["design"]["kind"] in _COMBINING else HOW_TO_READ_DOTS
    plots = f'<div class="plots">{"".join(drawn)}</div>' if part else "".join(drawn)
    return Section("figures", "Figures", f'<p class="soft">{escape(cut if part else how + cut)}</p>{plots}')


def _drawn_over(answers: Answers, name: str) -> list[str]:
    """The factors over which a figure is drawn: all that combine; of a design that fills the space the one that it follows most."""
    moving = [factor for factor in answers.factors if len(answers.levels(factor)) > 1]
    if answers.sweep["design"]["kind"] in _COMBINING:
        return moving if len(moving) < 2 else [factor for factor in moving if _follows(answers, name, factor)]
    return sorted(moving, key=lambda factor: -abs(_rank(answers, name, factor)))[:1]


def _follows(answers: Answers, name: str, factor: str) -> bool:
    """Whether a figure changes with a factor in any run, the others held; else there is nothing to draw."""
    return any(bool((np.abs(line.y - line.y[0]) > 0.0).any()) for line in answers.lines(name, factor))


def _rank(answers: Answers, name: str, factor: str) -> float:
    """Rank correlation of a figure with a factor; 0 where it has none."""
    from scipy.stats import spearmanr

    x, mean = [levels[factor] for levels in answers.points], _means(answers.values[name])
    known = ~np.isnan(mean)
    if not all(isinstance(level, float) for level in x) or known.sum() < 3 or np.ptp(mean[known]) == 0.0:
        return 0.0
    return float(spearmanr(np.array(x, float)[known], mean[known]).statistic)


def _plot(answers: Answers, name: str, factor: str, part: str) -> str:
    spec = catalogue()[name]
    filling = answers.sweep["design"]["kind"] not in _COMBINING
    with chart(*((5.3, 2.7) if part else (7.5, 3.0))) as (drawing, axes):
        said = (_scatter if filling else _draw_lines)(axes, answers, name, factor)
        axes.set_title(spec.title)
        axes.set_xlabel(factor)
        axes.set_ylabel(spec.unit)
        picture = svg(drawing, f"{part}{name}-{factor}")
    return figure(picture, f"{spec.title}: {said} {spec.formula}.")


def _draw_lines(axes: Axes, answers: Answers, name: str, factor: str) -> str:
    spec = catalogue()[name]
    lines = answers.lines(name, factor)
    if len(lines) > MOST_LINES:
        lines = [_pooled(lines)]
    twinned = len(lines) == 1 and len(answers.factors) == 1 and not np.isnan(answers.twins[name]).all()
    words = []
    for number, line in enumerate(lines):
        band(
            axes,
            replace(line, label="with coordination") if twinned else line,
            answers.confidence,
            _INK[number % len(_INK)],
        )
        verdict = shape(line, answers.common)
        if verdict:
            mark(axes, line, verdict, _INK[number % len(_INK)])
            words.append(f"{line.label + ': ' if line.label else ''}{verdict.text(factor, spec.unit)}.")
    if twinned:
        (twin,) = answers.lines(name, factor, twin=True)
        band(axes, replace(twin, label="without coordination"), answers.confidence, colours.WITHOUT, dashed=True)
    if len(lines) > 1 or twinned:
        axes.legend(fontsize=7.5)
    return " ".join(words)


def _pooled(lines: list[Line]) -> Line:
    """The mean over the other factors, where there are too many lines to draw."""
    same = [line for line in lines if line.x == lines[0].x]
    return Line("mean over the other factors", lines[0].x, np.mean([line.y for line in same], axis=0))


def shape(line: Line, common: bool) -> Verdict | None:
    """The shape of a line over numbers; None over names."""
    return judge(np.array(line.x, float), line.y, common=common) if line.numeric else None


def band(axes: Axes, line: Line, confidence: float, colour: str, dashed: bool = False) -> None:
    """Means with their intervals: a band over numbers, bars over names."""
    found = [interval(row, confidence) for row in line.y]
    mean, low, high = (np.array([getattr(one, part) for one in found]) for part in ("mean", "low", "high"))
    style: dict[str, Any] = {"color": colour, "linestyle": (0, (4, 1.5)) if dashed else "-"}
    if line.numeric:
        x = np.array(line.x, float)
        axes.plot(x, mean, marker="o", markersize=3, label=line.label or None, **style)
        axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
        return
    x = np.arange(len(line.x))
    axes.errorbar(
        x,
        mean,
        yerr=np.nan_to_num(np.vstack([mean - low, high - mean])),
        fmt="o",
        capsize=3,
        label=line.label or None,
        color=colour,
    )
    axes.set_xticks(
        x,
        [_level(level) for level in line.x],
        rotation=0 if len(line.x) < 6 else 25,
        ha="center" if len(line.x) < 6 else "right",
    )


def mark(axes: Axes, line: Line, verdict: Verdict, colour: str) -> None:
    """The shape as a thin line, and its break with its interval."""
    x = np.linspace(float(line.x[0]), float(line.x[-1]), 200)
    axes.plot(x, verdict.fit.at(x), color=colour, linewidth=0.8, alpha=0.7)
    if not np.isnan(verdict.fit.k):
        axes.axvspan(verdict.low, verdict.high, color=colour, alpha=0.08, linewidth=0)
        axes.axvline(verdict.fit.k, color=colour, linewidth=0.7, linestyle=":")


def _scatter(axes: Axes, answers: Answers, name: str, factor: str) -> str:
    x = [levels[factor] for levels in answers.points]
    mean = _means(answers.values[name])
    numeric = all(isinstance(level, float) for level in x)
    names = list(answers.levels(factor))
    axes.plot(
        [level if numeric else names.index(level) for level in x],
        mean,
        "o",
        markersize=3.5,
        color=colours.WITH,
        alpha=0.7,
    )
    if not numeric:
        axes.set_xticks(range(len(names)), [_level(level) for level in names])
        return "one dot a point, the mean over its seeds."
    return f"one dot a point, the mean over its seeds; rank correlation {_rank(answers, name, factor):+.2f}."


def _means(values: F64) -> F64:
    return np.array([interval(row).mean for row in values])


def _table(answers: Answers) -> Section | None:
    """Means, paired differences from the reference, and seeds for a wanted precision."""
    names = answers.kept(MOST_PLOTS)
    if not names or len(answers.points) > MOST_ROWS or answers.sweep["design"]["kind"] in _FOR_INDICES:
        return None
    reference, parts = answers.reference, []
    titles = headings(answers, range(len(answers.points)))
    for name in names:
        spec, values = catalogue()[name], answers.values[name]
        rows = []
        for number, row in enumerate(values):
            found = interval(row, answers.confidence)
            change = (
                difference(row, values[reference], answers.confidence)
                if answers.common and number != reference
                else None
            )
            needed = seeds_needed(row, PRECISION * abs(found.mean), answers.confidence) if found.n > 1 else None
            rows.append(
                [
                    titles[number] or "all",
                    with_interval(found, spec) + (f" ({found.n} of {len(row)})" if 0 < found.n < len(row) else ""),
                    _changed(change, spec),
                    "-" if needed is None else f"{needed:,}",
                ]
            )
        parts.append(f"<h3>{escape(spec.title)} [{escape(spec.unit)}]</h3>")
        parts.append(
            table(
                [
                    "point",
                    "mean",
                    f"paired difference from {titles[reference] or 'the reference'}",
                    f"seeds for {100 * PRECISION:g} %",
                ],
                rows,
                numbers=(1, 2, 3),
            )
        )
    note = (
        "Differences are between runs of the same seed; an asterisk says that the interval of the difference excludes 0. The last column is how many seeds "
        f"would narrow the interval of the mean to {100 * PRECISION:g} % of it on either side."
    )
    return Section("numbers", "Numbers", f'<p class="soft">{escape(note)}</p>{"".join(parts)}')


def with_interval(found: Interval, spec: FigureSpec, sign: str = "") -> str:
    """A mean with half of its interval's width."""
    if found.n == 0:
        return "-"
    half = "" if np.isnan(found.half_width) else f" ± {spec.text(found.half_width)}"
    return f"{spec.text(found.mean, sign)}{half}"


def _changed(change: Interval | None, spec: FigureSpec) -> str:
    if change is None or change.n == 0:
        return "-"
    return with_interval(change, spec, "+") + (" *" if change.n > 1 and change.excludes_zero else "")


def _undefined(answers: Answers) -> Section | None:
    """Figures that were asked for and are the same everywhere, or nowhere defined."""
    specs, lines = catalogue(), []
    for name in answers.sweep.get("figures") or []:
        values = answers.values.get(name)
        if values is None or np.isnan(values).all():
            lines.append([specs[name].title, "undefined in every run"])
        elif name not in answers.kept():
            lines.append(
                [
                    specs[name].title,
                    f"{specs[name].text(float(values[~np.isnan(values)][0]))} {specs[name].unit} in every run",
                ]
            )
    return Section("same", "Figures that do not move", table(["figure", "value"], lines)) if lines else None


def limits(said: str) -> Section:
    """What the answer does not say: what its author states, and what holds always."""
    always = (
        "Intervals speak of other seeds of the same scenario: other people, devices and lost messages, not of other networks, weather or behaviour. With fewer "
        "than five seeds they rest on few runs. Several figures and points are compared: of twenty differences without an effect, one excludes 0 at 95 %."
    )
    return Section("limits", "Limits", paragraphs(f"{said or 'None stated.'}\n\n{always}"))


def reproduce(answers: Answers) -> Section:
    """The file that gives the same tables again."""
    import yaml

    versions = ", ".join(f"{name} {version}" for name, version in answers.said["versions"].items())
    text = yaml.safe_dump(
        {key: value for key, value in answers.sweep.items() if value not in ("", {}, [])}, sort_keys=False, width=110
    )
    return Section(
        "reproduce", "How to reproduce",
        f"<p>Save this as <code>{escape(answers.sweep['name'])}.yaml</code> and run <code>coflex sweep {escape(answers.sweep['name'])}.yaml</code>; "
        f"the tables are the same bit for bit with these versions: {escape(versions)}.</p><pre>{escape(text)}</pre>{own_scenario(answers)}",
    )  # fmt: skip


def own_scenario(answers: Answers) -> str:
    """A scenario that is not shipped, whole, so that who has only the page can run it; nothing where it is shipped."""
    import yaml

    written = Path(str(answers.sweep["scenario"]))
    if written.suffix not in (".yaml", ".yml"):
        return ""
    text = yaml.safe_dump(dict(answers.said["scenario"]), sort_keys=False, allow_unicode=True, width=110)
    return f"<details><summary>The scenario, {escape(written.name)}, with every key</summary><pre>{escape(text)}</pre></details>"


def _level(level: object) -> str:
    return f"{level:g}" if isinstance(level, float) else str(level)
