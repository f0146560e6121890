"""The indicators of a study as people read them: titles, units, formats, and the table that compares business models."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.figures import Figures, FigureSpec
from experiments.results import Run

STUDY = "study"
"""What ``kind`` says in the run.json of a study."""


class Indicator(NamedTuple):
    """How an indicator is shown: title, unit, format, factor from its value, definition."""

    title: str
    unit: str
    format: str
    factor: float
    definition: str


INDICATORS: Mapping[str, Indicator] = {
    "cost_today_eur": Indicator(
        "Cost today", "EUR/year", ",.0f", 1.0, "Energy and fixed charges of all members as it stands, each by itself"
    ),
    "cost_eur": Indicator(
        "Cost", "EUR/year", ",.0f", 1.0, "Capital (annuities, grants deducted), energy, fixed charges, upkeep, wear"
    ),
    "cost_reduction": Indicator("Electricity cost reduction", "%", ".1f", 100.0, "(cost today - cost) / cost today"),
    "investment_eur": Indicator("Investment", "EUR", ",.0f", 1.0, "All that is installed, grants deducted"),
    "npv_eur": Indicator(
        "Net present value",
        "EUR",
        ",.0f",
        1.0,
        "Over the horizon, against today, replacements and remaining values counted",
    ),
    "payback_years": Indicator("Payback", "years", ".1f", 1.0, "Investment / yearly saving of operation"),
    "discounted_payback_years": Indicator("Discounted payback", "years", ".1f", 1.0, "The same with interest"),
    "self_consumption": Indicator(
        "Self-consumption", "%", ".1f", 100.0, "Share of the generation that is not sold to retailers"
    ),
    "self_sufficiency": Indicator(
        "Self-sufficiency", "%", ".1f", 100.0, "Share of the consumption that is not bought from retailers"
    ),
    "sharing_ratio": Indicator(
        "Energy sharing ratio",
        "%",
        ".1f",
        100.0,
        "Share of what meters feed in that other meters take in the same hour",
    ),
    "generation_kwh": Indicator(
        "Generation", "kWh/year", ",.0f", 1.0, "Of what stands and what is installed, curtailment deducted"
    ),
    "bought_kwh": Indicator("Bought from retailers", "kWh/year", ",.0f", 1.0, "After trade inside"),
    "sold_kwh": Indicator("Sold to retailers", "kWh/year", ",.0f", 1.0, "After trade inside"),
    "shared_kwh": Indicator("Shared inside", "kWh/year", ",.0f", 1.0, "Traded by the internal pricing mechanism"),
    "emissions_kg": Indicator(
        "CO2", "kg/year", ",.0f", 1.0, "Average intensity of the grid's energy bought, and making what is installed"
    ),
    "emissions_reduction": Indicator("CO2 reduction", "%", ".1f", 100.0, "Against today"),
    "flexibility_up_kw": Indicator(
        "Flexibility up, mean",
        "kW",
        ".1f",
        1.0,
        "Possible reduction of net load in the first year, mean over the hours",
    ),
    "flexibility_down_kw": Indicator(
        "Flexibility down, mean", "kW", ".1f", 1.0, "Possible increase of net load, likewise"
    ),
    "members_worse_off": Indicator(
        "Members worse off than today", "-", ".0f", 1.0, "Members who pay more in a year than today, capital included"
    ),
    "gap": Indicator(
        "Gap to the bound",
        "%",
        ".2f",
        100.0,
        "How much cheaper the optimum could be at most: whole units, one direction at each meter",
    ),
    "price_settled": Indicator(
        "Price settled", "-", ".0f", 1.0, "1 where the internal price that a profit was reckoned with came out"
    ),
}


TECHNOLOGIES: Mapping[str, tuple[str, str]] = {
    "pv": ("Photovoltaics", "kWp"),
    "battery": ("Batteries", "kWh"),
    "heat-pump-control": ("Heat pump controls", "pieces"),
    "water-heater-control": ("Water heater controls", "pieces"),
    "charger": ("Chargers", "pieces"),
}
"""Name and unit of what may be installed."""


def study_figures(runs: Sequence[Run]) -> tuple[list[Figures], dict[str, FigureSpec]]:
    """What studies came to, business model by business model, and how each figure is shown.

    Raises:
        ResultsError: a folder has no indicators.
    """
    specs: dict[str, FigureSpec] = {}
    found = []
    for run in runs:
        sizes, told = run.table("sizes").to_pylist(), run.table("study_indicators").to_pylist()
        mine: dict[str, float | None] = {}
        for row in sizes:
            model, kind = row["model"], row["technology"]
            key, (title, unit) = f"{model}/{kind}", TECHNOLOGIES[kind]
            mine[key] = (mine.get(key) or 0.0) + row["capacity"]
            specs[key] = FigureSpec(key, f"{title} installed", model, unit, ",.2f", "", (), "", "")
        for row in told:
            key, one = f"{row['model']}/{row['indicator']}", INDICATORS[row["indicator"]]
            mine[key] = None if row["value"] is None else row["value"] * one.factor
            specs[key] = FigureSpec(key, one.title, row["model"], one.unit, one.format, "", (), one.definition, "")
        found.append(mine)
    names = [*TECHNOLOGIES, *INDICATORS]
    order = sorted(specs, key=lambda key: (specs[key].theme, names.index(key.rpartition("/")[2])))
    return found, {key: specs[key] for key in order}


def shown(name: str, value: float | None) -> str:
    """A value as people read it; a dash where it is undefined."""
    if value is None:
        return "-"
    one = INDICATORS[name]
    text = format(value * one.factor, one.format)
    return text.lstrip("-") if not float(text.replace(",", "")) else text


def comparison(
    indicators: Mapping[str, Mapping[str, float | None]], sizes: Mapping[str, Mapping[str, float]]
) -> list[list[str]]:
    """Rows of the comparison of business models, a head row first: name, a value for each model, unit."""
    models = list(indicators)
    rows = [["", *models, ""]]
    for technology, (name, unit) in TECHNOLOGIES.items():
        if any(technology in by_kind for by_kind in sizes.values()):
            form = ",.0f" if unit == "pieces" else ",.2f"
            capacities = (format(sizes[model].get(technology, 0.0), form) for model in models)
            rows.append([f"{name} installed", *capacities, unit])
    for name, one in INDICATORS.items():
        if any(name in indicators[model] for model in models):
            rows.append([one.title, *(shown(name, indicators[model].get(name)) for model in models), one.unit])
    return rows


def comparison_text(
    indicators: Mapping[str, Mapping[str, float | None]], sizes: Mapping[str, Mapping[str, float]]
) -> str:
    """The comparison for a terminal."""
    rows = comparison(indicators, sizes)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)),
            row[-1],
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def power_notes(tables: Mapping[str, Any]) -> tuple[str, ...]:
    """Sentences about sites whose load is above their contract."""
    if "power_above_contract" not in tables:
        return ()
    return tuple(
        f"{row['site']} takes up to {row['peak_kw']:.2f} kW, more than its {row['contracted_kw']:g} kW of contracted power: the study reckons with the "
        "load and bills the contract; write a higher contracted_kw (connection_kw), or less to take"
        for row in tables["power_above_contract"].to_pylist()
    )
