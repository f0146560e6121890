"""The report of a study: one HTML file that needs nothing else, made from the study's folder alone."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from experiments import colours
from experiments.plots import View, chart, svg
from experiments.report.findings import conformance
from experiments.report.page import Section, figure, page, paragraphs, table
from experiments.report.sections import notices
from experiments.results import Run, open_run
from experiments.sizing.figures import INDICATORS, TECHNOLOGIES, comparison, power_notes, shown

REPORT_FILE = "report.html"
_COLOURS = (colours.WITH, colours.ORANGE, colours.GREEN, colours.PURPLE, colours.SKY, colours.WITHOUT, colours.GREY)
_OPERATED = (
    ("photovoltaics", ("pv",), colours.ORANGE),
    ("batteries", ("battery",), colours.GREEN),
    (
        "heaters and cars, less than by themselves",
        ("heat-pump-control", "water-heater-control", "charger"),
        colours.SKY,
    ),
)


def write_study_report(folder: Path | str) -> Path:
    """Write the report of a study's folder into it.

    Raises:
        ResultsError: the folder is not a run.
    """
    run = open_run(folder)
    out = run.path / REPORT_FILE
    out.write_text(study_html(run), encoding="utf-8")
    return out


def study_html(run: Run) -> str:
    """The report of a study as one HTML document."""
    study = run.meta["scenario"]
    title = study.get("title") or study["name"]
    community = study["community"]
    facts = (
        f"{community['type']} of {len(study['members'])} members in {study['place']['city']}, {community['pricing']}, horizon "
        f"{study['horizon_years']} years, seed {run.meta['seed']}"
    )
    head = f'<p class="soft">coflex sizing study</p><h1>{escape(title)}</h1>{paragraphs(study.get("about") or "")}<p class="soft">{escape(facts)}</p>'
    sections = [
        _models(run),
        _sizes(run),
        _front(run),
        _members(run),
        _operation(run),
        _flexibility(run),
        _data(run),
        conformance(View(run)),
        notices(View(run)),
        _reproduce(run),
    ]
    return page(title, head, sections)


def _frame(run: Run, name: str) -> Any:
    return run.tables[name].to_pandas() if name in run.tables else None


def _order(run: Run) -> list[str]:
    return [model["name"] for model in run.meta["scenario"]["business_models"]]


def _models(run: Run) -> Section:
    frame, sizes = _frame(run, "study_indicators"), _frame(run, "sizes")
    wide = frame.pivot(index="indicator", columns="model", values="value")
    summed = sizes.groupby(["model", "technology"], observed=True)["capacity"].sum()
    indicators = {m: {k: None if np.isnan(v) else float(v) for k, v in wide[m].items()} for m in _order(run)}
    capacities = {m: {str(k): float(v) for k, v in summed[m].items()} for m in _order(run)}
    rows = comparison(indicators, capacities)
    who = {one["name"]: one for one in run.meta["scenario"]["business_models"]}
    said = [[name, who[name]["objective"], who[name]["ownership"]] for name in _order(run)]
    definitions = [[one.title, one.definition] for name, one in INDICATORS.items() if name in wide.index]
    html = _best(indicators) + table(rows[0], rows[1:], range(1, len(rows[0]) - 1)) + "<h3>The business models</h3>"
    html += (
        table(("name", "what is best", "who builds"), said)
        + "<h3>Definitions</h3>"
        + table(("indicator", "definition"), definitions)
    )
    return Section("models", "Business models compared", html)


def _best(indicators: Mapping[str, Mapping[str, float | None]]) -> str:
    """The answer in a sentence: the cheapest business model, and who would be worse off in it."""
    name = min(indicators, key=lambda model: indicators[model]["cost_eur"] or 0.0)
    told = {key: f"{shown(key, indicators[name].get(key))} {INDICATORS[key].unit}" for key in INDICATORS}
    worse = indicators[name].get("members_worse_off") or 0.0
    return (
        f"<p>Least cost under <i>{escape(name)}</i>: {told['cost_eur']}, {told['cost_reduction']} less than today ({told['cost_today_eur']}), "
        f"for an investment of {told['investment_eur']} that is back after {told['payback_years']}. "
        f"{f'{worse:.0f} members' if worse else 'No member'} would pay more than today.</p>"
    )


def _sizes(run: Run) -> Section:
    frame = _frame(run, "sizes")
    frame = frame[frame.groupby("plant", observed=True)["capacity"].transform("max") > 0.0]
    if not len(frame):
        return Section(
            "sizes", "What to install", None, "No business model installs anything: nothing pays for itself here."
        )
    html = _sizes_drawn(run, frame)
    wide = frame.assign(
        shown=[
            "" if not c else f"{u:g}" if TECHNOLOGIES[k][1] == "pieces" else f"{u:g} ({c:.2f})"
            for u, c, k in zip(frame["units"], frame["capacity"], frame["technology"], strict=True)
        ]
    )
    rows = wide.pivot(index="plant", columns="model", values="shown")[_order(run)]
    cells = [[str(plant), *map(str, row)] for plant, row in zip(rows.index, rows.to_numpy(), strict=True)]
    return Section(
        "sizes",
        "What to install",
        html + table(("units (kWp, kWh or pieces)", *_order(run)), cells, range(1, len(_order(run)) + 1)),
    )


def _sizes_drawn(run: Run, frame: Any) -> str:
    """Capacities as bars; pieces are read in the table."""
    kinds = [kind for kind in ("pv", "battery") if (frame["technology"] == kind).any()]
    if not kinds:
        return ""
    frame = frame[frame["technology"].isin(kinds)]
    rows = max(frame.groupby("technology", observed=True)["plant"].nunique())
    with chart(9.0, 0.9 + 0.36 * rows, 1, len(kinds), squeeze=False) as (drawing, axes):
        for place, kind in zip(axes[0], kinds, strict=False):
            part = frame[frame["technology"] == kind]
            wide = part.pivot(index="site", columns="model", values="capacity").astype(float)[_order(run)]
            height = 0.8 / len(wide.columns)
            for number, model in enumerate(wide.columns):
                place.barh(
                    np.arange(len(wide)) + number * height,
                    wide[model],
                    height,
                    color=_COLOURS[number % len(_COLOURS)],
                    label=model,
                )
            place.set_yticks(np.arange(len(wide)) + 0.4 - height / 2, list(wide.index))
            place.invert_yaxis()
            title, unit = TECHNOLOGIES[kind]
            place.set_title(title)
            place.set_xlabel(unit)
        axes[0][0].legend()
        picture = svg(drawing, "sizes")
    return figure(picture, "Capacity to install at each site, by business model.")


def _front(run: Run) -> Section:
    frame = _frame(run, "front")
    if frame is None:
        return Section("front", "Cost against emissions", None, "The study asked for no front.")
    with chart(7.0, 3.4) as (drawing, axes):
        axes.plot(frame["emissions_kg"], frame["cost_eur"], "o-", color=colours.WITH)
        for _, row in frame.iterrows():
            text = f"{row['pv_kwp']:.0f} kWp, {row['battery_kwh']:.0f} kWh"
            axes.annotate(
                text, (row["emissions_kg"], row["cost_eur"]), textcoords="offset points", xytext=(5, 5), fontsize=7.5
            )
        axes.set_xlabel("emissions, kg CO2 a year")
        axes.set_ylabel("cost, EUR a year")
        axes.margins(x=0.12)
        picture = svg(drawing, "front")
    caption = (
        f"Least cost at each level of emissions, for {_order(run)[0]}: emissions bounded step by step, units not rounded, fixed charges left out. "
        "What lies below and left of the line cannot be had."
    )
    rows = [
        [f"{r.emissions_kg:,.0f}", f"{r.cost_eur:,.0f}", f"{r.pv_kwp:.1f}", f"{r.battery_kwh:.1f}"]
        for r in frame.itertuples()
    ]
    return Section(
        "front",
        "Cost against emissions",
        figure(picture, caption) + table(("kg CO2 a year", "EUR a year", "kWp", "kWh"), rows, range(4)),
    )


def _members(run: Run) -> Section:
    frame, html = _frame(run, "investments"), ""
    for model in _order(run):
        part = frame[frame["model"] == model]
        rows = [
            [
                str(r.account),
                *(
                    _money(v)
                    for v in (
                        r.investment_eur,
                        r.capital_eur,
                        r.operation_eur,
                        r.total_eur,
                        r.today_eur,
                        r.alone_eur,
                        r.npv_eur,
                    )
                ),
                *(_years(v, r.investment_eur) for v in (r.payback_years, r.discounted_payback_years)),
            ]
            for r in sorted(part.itertuples(), key=lambda r: (r.account == "community", str(r.account)))
        ]
        head = (
            "",
            "investment",
            "capital a year",
            "operation a year",
            "total a year",
            "today",
            "alone",
            "net present value",
            "payback, years",
            "discounted",
        )
        html += f"<h3>{escape(model)}</h3>" + table(head, rows, range(1, len(head)))
    note = "<p>EUR. <i>Today</i>: as it stands, each by itself. <i>Alone</i>: what the member would pay at its own optimum, without the community.</p>"
    return Section("members", "Members", note + html)


def _money(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:,.0f}".replace("-0", "0") if abs(value) < 0.5 else f"{value:,.0f}"


def _years(value: float, investment_eur: float) -> str:
    """Years; a dash for who invests nothing, or never has it back."""
    return "-" if np.isnan(value) or investment_eur <= 0.0 else f"{value:.1f}"


def _operation(run: Run) -> Section:
    """The community's day on the two most frequent representative days, in the first business model."""
    days, profile, trade, plans = (
        _frame(run, name) for name in ("representative_days", "study_profiles", "transactions", "schedules")
    )
    model = _order(run)[0]
    steps = len(profile["position"].unique()) // len(days)
    shown = days.sort_values("weight", ascending=False).head(2).sort_values("position")
    trade = trade[trade["model"] == model]
    load = profile.groupby("position")["load_kw"].sum()
    plans = plans[plans["model"] == model] if plans is not None else None
    with chart(9.0, 3.2, 1, 2, sharey=True) as (drawing, axes):
        for place, day in zip(axes, shown.itertuples(), strict=False):
            span = np.arange(day.position * steps, (day.position + 1) * steps)
            hours = np.arange(steps)
            place.step(hours, load.reindex(span), where="post", color=colours.BLACK, label="load")
            place.step(
                hours,
                trade.groupby("position")["net_kw"].sum().reindex(span),
                where="post",
                color=colours.WITHOUT,
                label="net load of all",
            )
            if plans is not None:
                for title, kinds, colour in _OPERATED:
                    part = plans[plans["plant"].str.rpartition("/")[2].isin(kinds)]
                    if part["power_kw"].abs().sum() > 0.0:
                        power = part.groupby("position")["power_kw"].sum().reindex(span, fill_value=0.0)
                        place.step(hours, power, where="post", color=colour, label=title)
            prices = trade.groupby("position")["price_eur_per_kwh"].first().reindex(span)
            twin = place.twinx()
            twin.step(hours, prices, where="post", color=colours.PURPLE, linestyle=":", label="internal price")
            twin.set_ylim(0.0, 0.4)
            twin.set_ylabel("EUR/kWh")
            twin.grid(False)
            place.set_title(f"{day.date} (stands for {day.weight:.0f} days)")
            place.set_xlabel("hour")
        axes[0].set_ylabel("kW")
        axes[0].legend(loc="upper left")
        picture = svg(drawing, "operation")
    caption = f"Optimal operation of {model} on the two days that stand for most; dotted: the internal price. Load is that of devices by themselves; what controls shift is positive where devices take less."
    return Section("operation", "Operation and trade", figure(picture, caption))


def _flexibility(run: Run) -> Section:
    frame = _frame(run, "flexibility")
    with chart(9.0, 3.0, 1, 2) as (drawing, axes):
        for number, model in enumerate(_order(run)):
            part = frame[frame["model"] == model]
            first = part[part["year"] == 1]
            hour = first["position"] % 24
            style = {"color": _COLOURS[number % len(_COLOURS)], "label": model}
            axes[0].plot(np.arange(24), first.groupby(hour)["up_kw"].mean(), **style)
            axes[0].plot(np.arange(24), -first.groupby(hour)["down_kw"].mean(), linestyle="--", color=style["color"])
            axes[1].plot(np.unique(part["year"]), part.groupby("year")["up_kw"].mean(), **style)
            axes[1].plot(
                np.unique(part["year"]), -part.groupby("year")["down_kw"].mean(), linestyle="--", color=style["color"]
            )
        axes[0].set_xlabel("hour of the day")
        axes[1].set_xlabel("year of the horizon")
        axes[1].xaxis.get_major_locator().set_params(integer=True)
        axes[0].set_ylabel("kW, up (solid) and down (dashed)")
        axes[0].legend(fontsize=7)
        picture = svg(drawing, "flexibility")
    hold = run.meta["scenario"]["flexibility_h"]
    caption = f"By how much the community could lower (up) or raise (down) its net load for {hold:g} h, mean over the representative days; over the years plants lose capacity and are replaced."
    return Section("flexibility", "Flexibility over the horizon", figure(picture, caption))


def _data(run: Run) -> Section:
    days, filled, sums = (_frame(run, name) for name in ("representative_days", "completions", "represented_sums"))
    rows = [[r.date, f"{r.weight:.0f}", "kept for itself" if r.extreme else ""] for r in days.itertuples()]
    html = "<h3>Representative days</h3>" + table(("day", "stands for days", ""), rows, [1])
    if sums is not None:
        worst = sums.loc[sums["off_share"].abs().idxmax()]
        html += f"<p>Before scaling, annual sums were off by {100 * sums['off_share'].abs().mean():.1f} % on average, at most {100 * worst['off_share']:.1f} % ({escape(str(worst['series']))}).</p>"
    rows = [
        [
            r.member,
            str(r.missing_steps),
            r.method,
            *("-" if np.isnan(v) else f"{100 * v:.0f} %" for v in (r.rms_share, r.bias_share, r.other_rms_share)),
            f"{r.annual_kwh:,.0f}",
        ]
        for r in filled.itertuples()
    ]
    head = (
        "member",
        "hours filled",
        "method",
        "error (hidden readings)",
        "bias",
        "error of the other method",
        "kWh a year",
    )
    html += "<h3>Completed consumption</h3>" + table(head, rows, (1, 3, 4, 5, 6))
    left = [
        name
        for name, yes in zip(*(_frame(run, "study_members")[c] for c in ("member", "consent")), strict=True)
        if not yes
    ]
    html += "".join(f"<p>{escape(note[0].upper() + note[1:])}.</p>" for note in power_notes(run.tables))
    if left:
        html += f"<p>Left out, since they do not consent to the use of their data: {escape(', '.join(left))}.</p>"
    return Section("data-made", "Data behind the study", html)


def _reproduce(run: Run) -> Section:
    name = run.meta["scenario"]["name"]
    rows = [
        ("seed", str(run.meta["seed"])),
        ("digest", str(run.meta["digest"])),
        *((k, str(v)) for k, v in sorted(run.meta["versions"].items())),
    ]
    text = f"<pre>coflex replay DIR\ncoflex size {escape(name)} --seed {run.meta['seed']}</pre>"
    return Section("reproduce", "How to reproduce", text + table(("", ""), rows))
