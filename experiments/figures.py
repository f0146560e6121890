"""Figures as they are written: the catalogue data/figures.yaml, what a run folder holds of it, and its lines as text.

Nothing is computed here (``experiments.kpis`` does), so that whoever only reads runs needs no more than this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import data
from experiments.results import Run
from experiments.results.frame import Frame

Figures = dict[str, float | None]


@dataclass(frozen=True)
class FigureSpec:
    """One entry of the catalogue; ``direction`` says whether more or less is better; ``twin``: also of the twin; ``detail``: for reports."""

    id: str
    title: str
    theme: str
    unit: str
    format: str
    direction: str
    tables: tuple[str, ...]
    formula: str
    source: str
    twin: bool = False
    detail: bool = False

    def text(self, value: float | None, sign: str = "") -> str:
        """The value as engineers read it; a dash for undefined, no sign for nothing. ``sign`` is "+" to show the sign of a change."""
        if value is None:
            return "-"
        shown = format(value, sign + self.format)
        return shown if float(shown.replace(",", "")) else shown.lstrip("+-")


@cache
def catalogue() -> Mapping[str, FigureSpec]:
    """Every figure by id, in the order of the catalogue."""
    raw = data.read_yaml("figures.yaml")["figures"]
    return {key: FigureSpec(id=key, **{**entry, "tables": tuple(entry["tables"])}) for key, entry in raw.items()}


@dataclass(frozen=True)
class FigureRow:
    """One line of the table of figures, as text; ``better`` is True, False, or None where the direction is neutral."""

    id: str
    theme: str
    title: str
    value: str
    without: str
    change: str
    unit: str
    better: bool | None


def figure_rows(values: Figures, twin: Figures | None = None, every: bool = False) -> list[FigureRow]:
    """The lines of the table of figures in the order of the catalogue."""
    specs = [spec for key, spec in catalogue().items() if key in values]
    return [
        _row(spec, values[spec.id], (twin or {}).get(spec.id)) for spec in specs if every or values[spec.id] is not None
    ]


def _row(spec: FigureSpec, value: float | None, without: float | None) -> FigureRow:
    change = None if value is None or without is None else value - without
    better = None
    if change and spec.direction != "neutral":
        better = (change > 0) == (spec.direction == "more")
    shown = spec.text(change, "+")
    return FigureRow(spec.id, spec.theme, spec.title, spec.text(value), spec.text(without), shown, spec.unit, better)


def stored_figures(run: Run, twin: bool = False) -> Figures:
    """The figures that a run folder holds; of its twin when asked.

    Raises:
        ResultsError: the run holds none.
    """
    frame = Frame(run.table("twin/figures" if twin else "figures"))
    values = frame.table.column("value").to_pylist()
    return dict(zip(frame.names("figure").tolist(), values, strict=True))
