"""The sections of a report, each from the tables of the run."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import matplotlib as mpl
import numpy as np

from experiments.compare import stored_figures
from experiments.kpis import FigureRow, Figures, catalogue, figure_rows
from experiments.kpis.facts import Facts
from experiments.kpis.forecast import BINS, forecast_errors, mape_percent, rmse_kw
from experiments.kpis.grid import worst_branch
from experiments.kpis.homes import served
from experiments.kpis.market import put_off_kwh
from experiments.plots import View, inline_svg
from experiments.plots.grid import loading_chart, network_map, voltage_chart
from experiments.plots.market import (
    KIND_NAMES,
    activation_charts,
    clearing_charts,
    flexibility_chart,
    money_chart,
    money_flows,
)
from experiments.plots.people import METHODS, forecast_chart, home_chart, message_chart, message_counts
from experiments.plots.profile import profile_chart
from experiments.report.page import Section, figure, table

KEY_FIGURES: Final = (
    "peak_loading_percent", "overload_hours", "overload_kwh", "voltage_violation_hours", "flexibility_needed_kwh",
    "flexibility_offered_kwh", "flexibility_cleared_kwh", "flexibility_delivered_kwh", "flexibility_true_kwh",
    "cost_eur_per_kwh_delivered", "community_members", "community_shared_kwh", "community_self_consumption_percent",
    "community_self_sufficiency_percent", "community_saved_percent", "community_flexibility_offered_kwh",
    "community_flexibility_ordered_kwh", "community_flexibility_delivered_percent", "homes_over_contract_h", "homes_fed_in_kwh",
    "service_called_kwh", "service_delivered_kwh", "heaters_controlled", "heater_saved_percent", "heater_bound_percent",
    "reserve_bought_percent", "reserve_pool_share_percent", "reserve_held_kw_h", "reserve_due_kwh", "reserve_delivered_kwh", "reserve_accuracy_percent",
    "reserve_given_percent", "reserve_beside_kwh", "reserve_capacity_eur", "reserve_energy_eur", "reserve_result_eur", "reserve_balanced_percent",
    "global_activated_kwh", "global_local_percent", "global_cost_eur", "global_imbalance_kwh", "dso_needed_kwh", "dso_bought_kwh", "global_unmet_kwh",
    "lights_yellow_percent", "services_delivered_percent", "limits_exceeded", "services_paid_eur", "dso_paid_eur", "heater_cost_saved_eur", "heater_cold_draws", "heater_twin_cold_draws", "messages_total", "steps_made",
)  # fmt: skip
"""What a report begins with, as far as it is defined for the run."""
OF_A_MARKET: Final = (
    "flexibility_offered_kwh",
    "flexibility_cleared_kwh",
    "flexibility_delivered_kwh",
    "flexibility_true_kwh",
)
"""Key figures of providers at a market; beside communities without providers their zeros would hide what communities gave."""
OF_LOCAL_MARKETS: Final = (*OF_A_MARKET, "flexibility_needed_kwh", "cost_eur_per_kwh_delivered")
"""Key figures of local procurement, which no run with a global market has."""
OF_GRIDS: Final = ("peak_loading_percent", "overload_hours", "overload_kwh", "voltage_violation_hours")
"""Key figures of an operated distribution grid, which nobody operates where homes balance the transmission system."""
LEFT_OUT: Final = {"global_clearings": OF_LOCAL_MARKETS, "reserve_auctions": OF_GRIDS}
"""Table -> key figures that say nothing in a run that has it."""
BELOW_NOTHING: Final = {
    "services_paid_eur": "below zero, so providers pay: energy that they take downward is worth more to them than the service costs",
}
"""What a negative key figure means, where that is not plain."""
DAYS_A_YEAR: Final = 365
_PROCUREMENT: Final = "SUC06.1"
_DIAGRAM_OF: Final = "SUC06.2"
_FLEXIBILITY_CAPTION: Final = (
    "Power needed at the constraints, offered, cleared, activated and delivered, each summed; of several constraints the needs add up here, "
    "though one kilowatt may relieve them all. Delivery is shown as measured: below zero where "
    "the homes took more than without activation; paid is what lies between nothing and the order."
)


def figures_of(view: View) -> tuple[Figures, Figures | None]:
    """The figures stored with the run and its twin."""
    twin = stored_figures(view.run, twin=True) if "twin/figures" in view.run.tables else None
    return stored_figures(view.run), twin


def key_figures(view: View) -> str:
    """The most asked for figures as cards, with what they were without coordination."""
    values, twin = figures_of(view)
    rows = {row.id: row for row in figure_rows(values, twin, every=True)}
    if view.facts.all("community_members") is not None and view.facts.all("bids") is None:
        rows = {key: row for key, row in rows.items() if key not in OF_A_MARKET}
    for written, keys in LEFT_OUT.items():
        if view.facts.all(written) is not None:
            rows = {key: row for key, row in rows.items() if key not in keys}
    return f'<div class="cards">{"".join(_card(rows[key]) for key in KEY_FIGURES if key in rows and _defined(rows[key]))}</div>'


def _defined(row: FigureRow) -> bool:
    return row.value != "-" or row.without != "-"


def _card(row: FigureRow) -> str:
    without = f"without coordination: {row.without} {row.unit}" if row.without != "-" else "&nbsp;"
    if row.id in BELOW_NOTHING and row.value.startswith("-") and _defined(row):
        without = BELOW_NOTHING[row.id]
    return f'<div class="card">{escape(row.title)}<br><b>{row.value}</b> {row.unit.removeprefix("-")}<span class="soft">{without}</span></div>'


def grid_map(view: View) -> Section:
    """Map of the network before and after at the worst instant."""
    found = network_map(view)
    title = "The grid at its worst hour"
    if found is None:
        return Section("map", title, None, "The run holds no network geometry or no flows.")
    picture, t_ms = found
    caption = (
        f"{view.time_text(t_ms)} local time, when {worst_branch(view.facts)} is loaded most without coordination. Lines by loading, "
        "wide when over the limit; squares are transformers; rings are buses outside their voltage limits."
    )
    return Section("map", title, figure(picture, caption))


def grid_day(view: View) -> Section:
    """Loading and voltages over the day."""
    loading, voltage, profile = loading_chart(view), voltage_chart(view), profile_chart(view)
    parts = [
        figure(loading, "The branch most loaded without coordination. Filled: what remains above the limit.")
        if loading
        else "",
        figure(voltage, "Lowest and highest voltage of any bus at each step; bands span from one to the other.")
        if voltage
        else "",
        figure(
            profile[0],
            f"Every bus of the grid around {profile[1]}, whose voltage is worst at this instant; lines as they run.",
        )
        if profile
        else "",
    ]
    return Section("day", "Loading and voltage over the day", "".join(parts) or None)


def market(view: View) -> Section:
    """Need, offers and clearing."""
    day, curves = flexibility_chart(view), clearing_charts(view)
    parts = [
        figure(day, _FLEXIBILITY_CAPTION) if day else "",
        figure(
            curves,
            "Each session at the interval of its largest need: bids in order of price, width the power offered. A kilowatt bid relieves "
            "the constraint by more or less than one, depending on where it is, and several at once, so what is accepted need not end at what is needed of all together.",
        )
        if curves
        else "",
    ]
    return Section(
        "market", "Need, bids and clearing", means(view) + "".join(parts) or None, _nothing_bought(view.facts)
    )


def _nothing_bought(facts: Facts) -> str:
    """Why there is nothing to show of a market: the DSO's own words where it looked at the day."""
    talks = facts.all("conversations")
    reasons = sorted(set(talks.names("reason")[talks.names("suc") == _PROCUREMENT].tolist()) - {""}) if talks else []
    if reasons:
        return f"Nothing was bought: {'; '.join(reasons)}."
    return _of_a_service(facts, "Nobody bid: the run had no need, no market, or no coordination.")


def _of_a_service(facts: Facts, otherwise: str) -> str:
    """Where households trade through a service, what they do stands in its section."""
    return "What households do through their service stands in its own section." if served(facts) else otherwise


def means(view: View) -> str:
    """The conventional means that the DSO weighed first, as a table, and what a stronger grid would cost; empty where it needed nothing."""
    frame, instead = view.facts.all("measures"), _against_reinforcement(stored_figures(view.run))
    if frame is None:
        return f"<p>None of the DSO's own means helps here.</p>{instead}" if instead else ""
    rows = [
        (row["text"], f"{row['cost_eur']:,.2f}", f"{row['residual_kwh']:,.2f}", _taken(row))
        for row in frame.table.to_pylist()
    ]
    head = ("own means of the DSO", "cost (EUR)", "energy above limits left (kWh)", "taken")
    tried = f"<p>Tried before flexibility was bought:</p>{table(head, rows, numbers=(1, 2))}"
    return tried + instead


def _against_reinforcement(values: Figures) -> str:
    """A sentence that compares the cost of flexibility with that of a stronger grid; empty where one of them is unknown."""
    grid, days, cost = (
        values.get(name) for name in ("reinforcement_eur_per_year", "breakeven_days_per_year", "flexibility_cost_eur")
    )
    if cost and grid is None and values.get("avoided_voltage_violation_hours"):
        return (
            f"<p>Flexibility cost {cost:,.2f} EUR. What a stronger grid would cost instead is worked out for overloads alone, "
            "not where voltages have to be mended.</p>"
        )
    if not grid or days is None or cost is None:
        return ""
    until = "on every day of the year" if days > DAYS_A_YEAR else f"on up to {days:,.0f} days a year"
    return (
        f"<p>Replacing what is overloaded without coordination would cost {grid:,.0f} EUR a year; flexibility cost {cost:,.2f} EUR. "
        f"At that price it is the cheaper way if it is needed {until}.</p>"
    )


def _taken(row: dict[str, Any]) -> str:
    return "yes" if row["taken"] else f"no: {row['reason']}" if row.get("reason") else "no"


def activation(view: View) -> Section:
    """Activation of the biggest providers against baseline, meter and twin."""
    picture = activation_charts(view)
    caption = (
        "The biggest providers by energy ordered. Paid is the distance from the frozen baseline to the meter, true is the distance "
        "from the twin to the meter. Thin lines, where the whole portfolio was settled: the hours around, with and without coordination."
    )
    missing = _of_a_service(view.facts, "Nothing was activated and settled.")
    return Section("activation", "Activation", figure(picture, caption) if picture else None, missing)


def money(view: View) -> Section:
    """Who paid whom."""
    flows = money_flows(view.facts)
    if not flows:
        return Section("money", "Money", None, "The ledger is empty.")
    rows = [(KIND_NAMES[a], KIND_NAMES[b], purpose, f"{eur:,.2f}") for a, b, purpose, eur in flows]
    picture = money_chart(view)
    caption = "Width in proportion to the amount; all entries of the ledger."
    later = put_off_kwh(view.facts)
    if later:
        caption += (
            f" Energy is billed for the days of delivery; {abs(later):,.0f} kWh {'more' if later > 0 else 'less'} than in the twin are taken after them,"
            " which the next bills settle."
        )
    parts = figure(picture, caption) if picture else ""
    return Section("money", "Money", parts + table(("payer", "receiver", "purpose", "EUR"), rows, numbers=(3,)))


def home(view: View) -> Section:
    """The day of a typical home."""
    found = home_chart(view)
    if found is None:
        return Section("home", "A home's day", None, "The run holds no devices of homes.")
    caption = f"{found[1]}: of the homes that delivered or have a service (of all, if none), those with the most kinds of device, the one nearest their median of energy."
    return Section("home", "A home's day", figure(found[0], caption))


def sequence(view: View) -> Section:
    """The sequence diagram of what really happened in an activation."""
    title = f"Who told whom what ({_DIAGRAM_OF})"
    cases = view.facts.all("conversations")
    if cases is None or not (cases.names("suc") == _DIAGRAM_OF).any():
        return Section("sequence", title, None, f"No conversation of {_DIAGRAM_OF} took place.")
    try:
        pictures = _diagrams(view.run.path)
    except Exception as error:  # the report is worth having without its diagram, and says what went wrong
        return Section("sequence", title, None, f"The diagram could not be drawn: {type(error).__name__}: {error}")
    caption = f"A conversation of {_DIAGRAM_OF}, as the journal has it; coflex diagram draws the others."
    return Section("sequence", title, "".join(figure(picture, caption) for picture in pictures))


def _diagrams(folder: Path) -> list[str]:
    from experiments.diagram import draw

    salt: Any = {"svg.hashsalt": _DIAGRAM_OF}  # ids in the picture repeat from run to run
    with TemporaryDirectory(prefix="coflex-report-") as apart, mpl.rc_context(salt):
        paths = draw(folder, _DIAGRAM_OF, conversation=None, out=Path(apart), format="svg")
        texts = [path.read_text(encoding="utf-8") for path in sorted(paths)]
    return [inline_svg(text, f"sequence{number}") for number, text in enumerate(texts)]


def forecasts(view: View) -> Section:
    """Error of forecasts by horizon and method."""
    rows = []
    for kind, who in (("dso", "DSO"), ("fsps", "flexibility providers")):
        errors = forecast_errors(view.facts, kind)
        for name in BINS if errors else ():
            bins = errors.horizon(*BINS[name]) if errors else np.array([], bool)
            for method, label in METHODS.items():
                found = errors.of(method, bins) if errors else None
                if found is not None and len(found[0]):
                    mape, rmse = mape_percent(*found), rmse_kw(*found)
                    horizon = f"{BINS[name][0]:g} to {BINS[name][1]:g} h"
                    rows.append((who, horizon, label, str(len(found[0])), _number(mape, ".1f"), _number(rmse, ".2f")))
    if not rows:
        missing = _of_a_service(view.facts, "No forecasts were made, or nothing to compare them with.")
        return Section("forecasts", "Forecast quality", None, missing)
    picture = forecast_chart(view)
    caption = (
        "Truth is what came without activation, from the twin where there is one. MAPE is the mean error in percent of what came, RMSE the root of the mean squared "
        "error, which large errors weigh on more. Persistence takes what was last measured for what will be."
    )
    head = ("who", "horizon", "method", "values", "MAPE (%)", "RMSE (kW)")
    chart = figure(picture, caption) if picture else ""
    return Section("forecasts", "Forecast quality", chart + table(head, rows, numbers=(3, 4, 5)))


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def messages(view: View) -> Section:
    """Messages by platform and status."""
    counts = message_counts(view.facts)
    if not counts:
        return Section("messages", "Messages", None, "The journal is empty.")
    head = ["platform", *counts[0][1]]
    rows = [(name, *(f"{number:,}" for number in own.values())) for name, own in counts]
    picture = message_chart(view)
    chart = figure(picture, "Every member of a batch counts; retransmissions do not.") if picture else ""
    return Section("messages", "Messages by platform", table(head, rows, numbers=range(1, len(head))) + chart)


def all_figures(view: View) -> Section:
    """Every figure with its definition."""
    values, twin = figures_of(view)
    rows, theme = [], ""
    for row in figure_rows(values, twin, every=True):
        if row.theme != theme:
            theme = row.theme
            rows.append(f'<tr class="theme"><td colspan="6">{escape(theme.capitalize())}</td></tr>')
        rows.append(_figure_line(row))
    head = "".join(f"<th{c}>{t}</th>" for t, c in _FIGURE_HEAD)
    whole = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    return Section("figures", "All figures", whole)


_FIGURE_HEAD: Final = (
    ("figure", ""), ("with", ' class="n"'), ("without", ' class="n"'), ("change", ' class="n"'), ("unit", ""), ("definition", ""),
)  # fmt: skip


def _figure_line(row: FigureRow) -> str:
    mark = {True: " better", False: " worse", None: ""}[row.better]
    spec = catalogue()[row.id]
    return (
        f'<tr><td title="{escape(row.id)}">{escape(row.title)}</td><td class="n">{row.value}</td><td class="n">{row.without}</td>'
        f'<td class="n{mark}">{row.change}</td><td class="u">{escape(row.unit.removeprefix("-"))}</td><td class="soft">{escape(spec.formula)}</td></tr>\n'
    )


def notices(view: View) -> Section:
    """What must be said about the data that were used."""
    texts = view.run.meta.get("notices") or []
    body = "".join(f"<p>{escape(text)}</p>" for text in texts)
    return Section("data", "Data used", body or None, "No notices are recorded with this run.")


def reproduce(view: View) -> Section:
    """How to get the same numbers again."""
    meta: Mapping[str, Any] = view.run.meta
    commands = (
        f"coflex replay DIR    # DIR is this folder: same scenario, same seed; compares every number\n{_command(meta)}"
    )
    rows = [
        ("seed", str(meta["seed"])),
        ("digest", str(meta.get("digest", "-"))),
        ("exact digest", str(meta.get("exact_digest", "-"))),
    ]
    rows += [(key, str(value)) for key, value in sorted(meta["versions"].items())]
    rows += [(f"{stage} time", f"{wall:.1f} s") for stage, wall in (meta.get("wall_s") or {}).items() if wall]
    text = (
        "<p>run.json in this folder holds the complete scenario and the seed; every table is a Parquet file with its columns and "
        "units in its metadata.</p>"
    )
    return Section("reproduce", "How to reproduce", f"{text}<pre>{escape(commands)}</pre>{table(('', ''), rows)}")


def _command(meta: Mapping[str, Any]) -> str:
    """The command that makes such a run, and whether the scenario by that name is still the one that was run."""
    from experiments.scenario import load_scenario
    from experiments.scenario.library import scenario_names

    name = meta.get("scenario", {}).get("name") or meta.get("name") or "SCENARIO"
    command = f"coflex run {name} --seed {meta['seed']}{'' if meta.get('twin') else ' --no-twin'}"
    shipped = name in scenario_names() and load_scenario(name).as_data() == meta["scenario"]
    return command if shipped else f"{command}    # with the scenario as run.json holds it; it is not the shipped one"


def facts_of_day(facts: Facts) -> str:
    """One line about the run: network, homes, days."""
    grid = facts.scenario.get("grid", {}).get("network", "")
    homes = facts.all("homes")
    days = round((facts.end_ms - facts.start_ms) / 86_400_000)
    parts = [
        f"network {grid}" if grid else "",
        f"{len(homes)} homes" if homes else "",
        f"{days} delivery day{'s' if days != 1 else ''}",
    ]
    return ", ".join(part for part in parts if part)
