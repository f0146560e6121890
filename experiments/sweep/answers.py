"""The figures of a sweep as arrays: one row a point, one column a seed."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.arrays import F64
from experiments.errors import CoflexError
from experiments.sweep.design import Level, level_of
from experiments.sweep.folder import failures, open_sweep
from experiments.sweep.results import query


@dataclass(frozen=True)
class Line:
    """A figure over one factor, the others held.

    Attributes:
        label: levels of the other factors; empty where there is none.
        x: levels of the factor, numbers increasing or names.
        y: shape (levels, seeds).
    """

    label: str
    x: tuple[Level, ...]
    y: F64

    @property
    def numeric(self) -> bool:
        """Whether the levels are numbers."""
        return all(isinstance(level, float | int) and not isinstance(level, bool) for level in self.x)


@dataclass(frozen=True)
class Answers:
    """What a sweep found.

    Attributes:
        folder: of the sweep.
        said: its sweep.json.
        points: levels of each point.
        values: figure -> (points, seeds); NaN where undefined or not done.
        twins: the same of the twins.
    """

    folder: Path
    said: Mapping[str, Any]
    points: tuple[Mapping[str, Level], ...]
    values: Mapping[str, F64]
    twins: Mapping[str, F64]

    @property
    def sweep(self) -> Mapping[str, Any]:
        """The sweep as it was asked."""
        return self.said["sweep"]  # type: ignore[no-any-return]

    @property
    def confidence(self) -> float:
        """Level of confidence of intervals."""
        return float(self.sweep.get("confidence", 0.95))

    @property
    def common(self) -> bool:
        """Whether points have their seeds in common."""
        return bool(self.sweep.get("seeds", {}).get("common", True))

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the factors."""
        return tuple(self.sweep.get("factors", {}))

    @property
    def reference(self) -> int:
        """The point that the others are compared with."""
        wanted = {name: level_of(value) for name, value in self.sweep.get("reference", {}).items()}
        return next(
            number
            for number, levels in enumerate(self.points)
            if all(levels[name] in (level, str(level)) for name, level in wanted.items())
        )

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The runs that failed."""
        return failures(self.folder)

    def levels(self, factor: str) -> tuple[Level, ...]:
        """Levels of a factor in the design: numbers increasing, names in order of the design."""
        found = list(dict.fromkeys(levels[factor] for levels in self.points))
        return tuple(sorted(found) if all(isinstance(level, float) for level in found) else found)

    def lines(self, figure: str, factor: str, twin: bool = False) -> list[Line]:
        """A figure over one factor of a design that combines them, a line for each combination of the others."""
        values = (self.twins if twin else self.values)[figure]
        others = [name for name in self.factors if name != factor]
        place = {tuple(levels[name] for name in (factor, *others)): number for number, levels in enumerate(self.points)}
        lines = []
        for held in itertools.product(*(self.levels(name) for name in others)):
            x = tuple(level for level in self.levels(factor) if (level, *held) in place)
            if x:
                rows = [place[(level, *held)] for level in x]
                label = ", ".join(f"{name} {_text(level)}" for name, level in zip(others, held, strict=True))
                lines.append(Line(label, x, values[rows]))
        return lines

    def kept(self, most: int | None = None) -> list[str]:
        """Figures with a value that is not the same in every run, in the order asked for or of the catalogue."""
        names = self.sweep.get("figures") or list(self.values)
        moving = [name for name in names if name in self.values and _moves(self.values[name])]
        return moving[:most]


def _moves(values: F64) -> bool:
    known = values[~np.isnan(values)]
    return len(known) > 0 and bool(known.max() > known.min())


def _text(level: Level) -> str:
    return f"{level:g}" if isinstance(level, float) else str(level)


def read_answers(folder: Path | str) -> Answers:
    """The figures of a sweep.

    Raises:
        CoflexError: the folder is not that of a sweep, or holds no run yet.
    """
    path = Path(folder)
    said = open_sweep(path)
    points: dict[int, Mapping[str, Level]] = {}
    place: dict[int, tuple[int, int]] = {}
    counts: dict[int, int] = {}
    for run in said["runs"]:
        points.setdefault(run["point"], run["levels"])
        place[run["run"]] = (run["point"], counts.get(run["point"], 0))
        counts[run["point"]] = counts.get(run["point"], 0) + 1
    shape = (len(points), max(counts.values()))
    found = query(path, "select run, figure, value, twin_value from figures")
    values: dict[str, F64] = {}
    twins: dict[str, F64] = {}
    for run, figure, value, twin in found.rows:
        for kept, one in ((values, value), (twins, twin)):
            if figure not in kept:
                kept[figure] = np.full(shape, np.nan)
            if one is not None:
                kept[figure][place[run]] = one
    if not values:
        msg = f"{path} holds no figure"
        raise CoflexError(msg)
    from experiments.kpis import catalogue

    order = {name: number for number, name in enumerate(catalogue())}
    names = sorted(values, key=lambda name: order.get(name, len(order)))
    return Answers(
        path, said, tuple(points[number] for number in sorted(points)), {name: values[name] for name in names},
        {name: twins[name] for name in names},
    )  # fmt: skip


def headings(answers: Answers, points: Sequence[int]) -> list[str]:
    """Points as text: their levels."""
    return [", ".join(f"{name} {_text(level)}" for name, level in answers.points[number].items()) for number in points]
