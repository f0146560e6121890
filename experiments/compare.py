"""Figures of several runs side by side, with their differences from the first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from experiments.figures import Figures, FigureSpec, catalogue, stored_figures
from experiments.results import open_run
from experiments.results.schema import ResultsError
from experiments.sizing.figures import STUDY, study_figures


@dataclass(frozen=True)
class Comparison:
    """Figures of runs by folder, in the order given; differences are against the first.

    Attributes:
        runs: the folders.
        seeds: the seed of each.
        digests: the digest of each.
        figures: the figures of each.
        specs: what figures there are, in the order shown.
    """

    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    digests: tuple[str, ...]
    figures: tuple[Figures, ...]
    specs: Mapping[str, FigureSpec]

    def data(self) -> dict[str, Any]:
        """As scripts read it: the runs, and by figure the unit, the values and the differences from the first run."""
        runs = [
            {"out": run, "seed": seed, "digest": digest}
            for run, seed, digest in zip(self.runs, self.seeds, self.digests, strict=True)
        ]
        return {"runs": runs, "figures": {spec.id: self._entry(spec) for spec in self._specs()}}

    def text(self) -> str:
        """As people read it: one line a figure that any run has, by theme."""
        names = _short(self.runs)
        head = ["", *names, *(f"{name} - {names[0]}" for name in names[1:]), ""]
        known = [spec for spec in self._specs() if any(self._values(spec.id, known=True))]
        lines = [head, *(self._line(spec) for spec in known)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        first, *rest = ("  ".join(_padded(line, widths)).rstrip() for line in lines)
        shown = [first]
        for theme, group in groupby(zip(known, rest, strict=True), key=lambda pair: pair[0].theme):
            shown += ["", theme.capitalize(), *(line for _, line in group)]
        return "\n".join(shown)

    def _specs(self) -> list[FigureSpec]:
        return [spec for key, spec in self.specs.items() if any(key in run for run in self.figures)]

    def _values(self, key: str, known: bool = False) -> list[Any]:
        values = [run.get(key) for run in self.figures]
        return [value is not None for value in values] if known else values

    def _entry(self, spec: FigureSpec) -> dict[str, Any]:
        values = self._values(spec.id)
        return {"unit": spec.unit, "values": values, "differences": [_change(values[0], value) for value in values[1:]]}

    def _line(self, spec: FigureSpec) -> list[str]:
        entry = self._entry(spec)
        changes = [spec.text(change, "+") for change in entry["differences"]]
        return [f"  {spec.title}", *(spec.text(value) for value in entry["values"]), *changes, spec.unit]


def compare(folders: Sequence[Path | str]) -> Comparison:
    """The figures of several run folders side by side; of sizing studies the indicators of each business model.

    Raises:
        ResultsError: fewer than two folders, one of them is not a run, or studies are mixed with days in a grid.
    """
    if len(folders) < 2:
        text = "compare needs two run folders or more"
        raise ResultsError(text)
    runs = [open_run(folder) for folder in folders]
    studies = [run.path.as_posix() for run in runs if run.meta.get("kind") == STUDY]
    if studies and len(studies) < len(runs):
        text = f"{studies[0]} is a sizing study and others are not; they have no figures in common, so compare studies with studies"
        raise ResultsError(text)
    figures, specs = study_figures(runs) if studies else ([stored_figures(run) for run in runs], catalogue())
    return Comparison(
        runs=tuple(run.path.as_posix() for run in runs),
        seeds=tuple(run.meta["seed"] for run in runs),
        digests=tuple(run.meta["digest"] for run in runs),
        figures=tuple(figures),
        specs=specs,
    )


def _short(folders: Sequence[str]) -> list[str]:
    """The ends of paths that tell them apart: ``a/runs/one`` and ``a/runs/two`` are ``one`` and ``two``."""
    parts = [Path(folder).parts for folder in folders]
    for length in range(1, max(map(len, parts))):
        names = ["/".join(own[-length:]) for own in parts]
        if len(set(names)) == len(set(folders)):
            return names
    return list(folders)


def _change(first: float | None, value: float | None) -> float | None:
    return None if first is None or value is None else value - first


def _padded(line: list[str], widths: list[int]) -> list[str]:
    title, *numbers, unit = line
    shown = [number.rjust(width) for number, width in zip(numbers, widths[1:-1], strict=True)]
    return [title.ljust(widths[0]), *shown, unit]


__all__ = ["Comparison", "compare", "stored_figures"]
