"""Figures of a run from its tables alone, as the catalogue data/figures.yaml describes them, and the table that prints them."""

from collections.abc import Iterable, Mapping
from typing import Any

from experiments.figures import FigureRow, Figures, FigureSpec, catalogue, figure_rows
from experiments.kpis import attacks as kpis_attacks
from experiments.kpis import balancing as kpis_balancing
from experiments.kpis import communities as kpis_communities
from experiments.kpis import delivery as kpis_delivery
from experiments.kpis import forecast as kpis_forecast
from experiments.kpis import grid as kpis_grid
from experiments.kpis import groups as kpis_groups
from experiments.kpis import heaters as kpis_heaters
from experiments.kpis import homes as kpis_homes
from experiments.kpis import hosting as kpis_hosting
from experiments.kpis import indicators as kpis_indicators
from experiments.kpis import lights as kpis_lights
from experiments.kpis import market as kpis_market
from experiments.kpis import parties as kpis_parties
from experiments.kpis import regulator as kpis_regulator
from experiments.kpis import reinforcement as kpis_reinforcement
from experiments.kpis import sessions as kpis_sessions
from experiments.kpis.facts import Facts
from experiments.kpis.grid import Figure
from experiments.results.digest import TWIN
from experiments.results.schema import conform


def functions() -> Mapping[str, Figure]:
    """The function that computes each figure."""
    modules = (
        kpis_grid, kpis_hosting, kpis_market, kpis_reinforcement, kpis_parties, kpis_forecast, kpis_attacks, kpis_communities, kpis_homes,
        kpis_heaters, kpis_delivery, kpis_lights, kpis_sessions, kpis_balancing,
        kpis_indicators, kpis_regulator, kpis_groups,
    )  # fmt: skip
    return {key: function for module in modules for key, function in module.FIGURES.items()}


def figures(
    tables: Mapping[str, Any], meta: Mapping[str, Any], twin_tables: Mapping[str, Any] | None = None
) -> Figures:
    """Every figure of the catalogue, from tables alone.

    Args:
        tables: tables of the run by name (columns, arrow tables or an open run's ``tables``); names that begin with
            ``twin/`` are taken for the twin's.
        meta: run.json or its beginnings: delivery_start_ms, delivery_end_ms, scenario.
        twin_tables: tables of the run without coordination; None for none.

    Returns:
        Value by figure id; None where its tables are absent, empty, or leave it undefined.
    """
    facts = make_facts(tables, meta, twin_tables)
    computed = functions()
    return {key: computed[key](facts) for key in catalogue()}


def twin_figures(
    tables: Mapping[str, Any], meta: Mapping[str, Any], twin_tables: Mapping[str, Any] | None = None
) -> Figures | None:
    """The figures of the run without coordination that the catalogue marks with ``twin``; None without twin."""
    twin = make_facts(tables, meta, twin_tables).twin
    if twin is None:
        return None
    computed = functions()
    return {key: computed[key](twin) for key, spec in catalogue().items() if spec.twin}


def make_facts(
    tables: Mapping[str, Any], meta: Mapping[str, Any], twin_tables: Mapping[str, Any] | None = None
) -> Facts:
    """Canonical tables, with those of the twin apart."""
    own = {name: tables[name] for name in tables if not name.startswith((TWIN, "content/"))}
    other = twin_tables or {name.removeprefix(TWIN): tables[name] for name in tables if name.startswith(TWIN)}
    return Facts(conform(own), conform(other, twin=True) or None, meta)


def figure_columns(values: Figures) -> dict[str, list[Any]]:
    """Figures as columns of table ``figures``."""
    units = [catalogue()[key].unit for key in values]
    return {"figure": list(values), "value": list(values.values()), "unit": units}


def figure_table(values: Figures, twin: Figures | None = None, every: bool = False) -> str:
    """The figures as plain text for engineers, grouped by theme: with coordination, without it, change.

    Args:
        values: figures of the run.
        twin: figures of the run without coordination.
        every: also the figures that are undefined, and details.
    """
    rows = [row for row in figure_rows(values, twin, every) if every or not catalogue()[row.id].detail]
    head = ("", "with", "without", "change", "unit") if twin else ("", "value", "unit")
    wide = [[row.title, row.value, *((row.without, row.change) if twin else ()), row.unit] for row in rows]
    widths = [max(len(line[i]) for line in [*wide, list(head)]) for i in range(len(head))]
    lines = [_line(head, widths)]
    theme = ""
    for row, cells in zip(rows, wide, strict=True):
        if row.theme != theme:
            theme = row.theme
            lines += ["", theme.capitalize()]
        lines.append(_line(cells, widths))
    return "\n".join(lines)


def _line(cells: Iterable[str], widths: list[int]) -> str:
    """A line: title left, numbers right, unit left."""
    title, *numbers, unit = cells
    middle = [number.rjust(width) for number, width in zip(numbers, widths[1:-1], strict=True)]
    return "  ".join([f"  {title}".ljust(widths[0] + 2), *middle, unit]).rstrip()


__all__ = [
    "FigureRow",
    "FigureSpec",
    "Figures",
    "catalogue",
    "figure_columns",
    "figure_rows",
    "figure_table",
    "figures",
    "functions",
    "make_facts",
    "twin_figures",
]
