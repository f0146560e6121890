"""The indicators of a study as people read them: titles, units, formats, and the table that compares business models."""

from collections.abc import Mapping
from typing import NamedTuple


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
    units = {"pv": "kWp", "battery": "kWh"}
    for technology in dict.fromkeys(kind for by_kind in sizes.values() for kind in by_kind):
        name = {"pv": "Photovoltaics", "battery": "Batteries"}.get(
            technology, technology.replace("-", " ").capitalize()
        )
        rows.append(
            [
                f"{name} installed",
                *(f"{sizes[model].get(technology, 0.0):,.2f}" for model in models),
                units.get(technology, "pieces"),
            ]
        )
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
