"""The file of a sweep: one scenario, factors that vary it, a design, seeds, and the figures to keep; a frozen record like a scenario."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import BeforeValidator, model_validator

import data as shipped
from experiments.errors import CoflexError, did_you_mean
from experiments.scenario.explain import salvage, sentences
from experiments.scenario.fields import JUDGEMENT, Part, Share, given, refuse
from experiments.scenario.read import ScenarioError, apply_sets, as_mapping, named_file, parse_yaml

COLUMNS = ("run", "point", "seed", "figure", "value", "twin_value")
"""Columns of the tables of a sweep; no factor is called so."""
_NAME = r"^[a-z][a-z0-9_]{0,39}$"
_DISTRIBUTIONS = ("uniform", "log_uniform", "normal", "triangular")


class Distribution(Part):
    """How a number is distributed: exactly one of the four."""

    uniform: tuple[float, float] | None = given(None, source="none")
    """Between two values."""
    log_uniform: tuple[float, float] | None = given(None, source="none")
    """Between two values above 0, its logarithm uniform."""
    normal: tuple[float, float] | None = given(None, source="none")
    """Mean and standard deviation, cut at three of them on either side."""
    triangular: tuple[float, float, float] | None = given(None, source="none")
    """Least, most likely and largest value."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in _DISTRIBUTIONS) != 1:
            refuse(
                "say exactly one of uniform: [from, to], log_uniform, normal: [mean, sd], triangular: [from, mode, to]"
            )
        (low, *_, high), kind = self.parameters, self.kind
        if kind == "normal" and high <= 0.0:
            refuse("normal: [mean, sd] needs a standard deviation above 0")
        if kind != "normal" and not low < high:
            refuse(f"{kind}: the first value must be below the last")
        if kind == "log_uniform" and low <= 0.0:
            refuse("log_uniform: [from, to] needs values above 0")
        if kind == "triangular" and not low <= self.parameters[1] <= high:
            refuse("triangular: [from, mode, to] needs its mode between the two")
        return self

    @property
    def kind(self) -> str:
        """Which of the four."""
        return next(kind for kind in _DISTRIBUTIONS if getattr(self, kind) is not None)

    @property
    def parameters(self) -> tuple[float, ...]:
        """Its numbers, as written."""
        return tuple(getattr(self, self.kind))


def _keys(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Factor(Part):
    """What is varied: one key of the scenario (or several that move together), or whole alternatives with a name."""

    key: Annotated[tuple[str, ...], BeforeValidator(_keys)] = given(
        (), source="none, where alternatives name their keys"
    )
    """Key path in the scenario (``people.0.devices.ev``), or a list of paths that get the same value."""
    values: tuple[Any, ...] | None = given(None, source="none")
    """The values, as the scenario would have them."""
    range: tuple[float, float] | None = given(None, source="none")
    """From and to, both included."""
    steps: int = given(5, source=JUDGEMENT, ge=2, le=1000)
    """Number of values that a full factorial design takes of a range or a distribution."""
    distribution: Distribution | None = given(None, source="none")
    """Of a number; a full factorial design takes the middles of ``steps`` slices of equal probability."""
    whole: bool = given(False, source="numbers have fractions")
    """Whether numbers of a range or a distribution are rounded to whole ones."""
    alternatives: dict[str, dict[str, Any]] | None = given(None, source="none")
    """Alternatives by name, each the keys that it sets: ``{cheap: {products...: 0.1}, dear: {...}}``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        ways = [self.values, self.range, self.distribution, self.alternatives]
        if sum(way is not None for way in ways) != 1:
            refuse("say exactly one of values, range, distribution, alternatives")
        if (self.values is not None and not self.values) or (self.alternatives is not None and not self.alternatives):
            refuse("it has no values, so that the design is empty; give at least one")
        if self.alternatives is not None and self.key:
            refuse("alternatives name their keys themselves; leave out key")
        if self.alternatives is None and not self.key:
            refuse("key is needed: the path of what is varied, for example people.0.devices.ev")
        if self.range and not self.range[0] < self.range[1]:
            refuse("range: [from, to] needs from below to")
        return self


class Design(Part):
    """Which points of the factors' space are run."""

    kind: Literal["full-factorial", "latin-hypercube", "sobol", "paired", "morris", "saltelli"] = given(
        "full-factorial", source=JUDGEMENT
    )
    """``full-factorial``: every combination. ``latin-hypercube``, ``sobol``: ``points`` that fill the space. ``paired``: the
    first value of every factor together, then the second of every one, and so on. ``morris``: ``points`` trajectories that move one
    factor at a time. ``saltelli``: the points that Sobol indices take, for ``points`` base samples."""
    points: int = given(16, source=JUDGEMENT, ge=1, le=1_000_000)
    """Number of points, trajectories or base samples of a design that fills the space (sobol, saltelli: a power of two)."""
    seed: int = given(1, source=JUDGEMENT, ge=0)
    """Seed of the points of a design that fills the space; the runs have seeds of their own."""

    @property
    def fills(self) -> bool:
        """Whether points fill the space, instead of combining values."""
        return self.kind not in ("full-factorial", "paired")

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind in ("sobol", "saltelli") and self.points & (self.points - 1):
            lower = 1 << (self.points.bit_length() - 1)
            refuse(
                f"points: {self.points} is no power of two, which a {self.kind.capitalize()} design needs; "
                f"write {lower} or {2 * lower}"
            )
        return self


class Seeds(Part):
    """The seeds of the runs."""

    first: int = given(1, source=JUDGEMENT, ge=0)
    """The first one."""
    count: int = given(1, source=JUDGEMENT, ge=1, le=100_000)
    """How many, one after the other."""
    common: bool = given(True, source="common random numbers make differences between points sharper")
    """Whether every point has the same seeds (common random numbers: the same people, weather and lost messages), or seeds of its own."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        return {"count": value} if isinstance(value, int) and not isinstance(value, bool) else value

    def of(self, point: int) -> range:
        """The seeds of a point."""
        first = self.first + (0 if self.common else point * self.count)
        return range(first, first + self.count)


class Sweep(Part):
    """One question, asked of many runs."""

    name: str = given("", source="the file's name")
    """Short name, used for the folder."""
    title: str = given("", source="the name")
    """One line, as a headline."""
    question: str = given("", source="none")
    """What is asked."""
    about: str = given("", source="none")
    """Why, and how it is answered."""
    limits: str = given("", source="none")
    """What the answer does not say."""
    scenario: str = given(min_length=1)
    """Name of a shipped scenario, or a .yaml file, sought beside the sweep."""
    set: dict[str, Any] = given({}, source="none")
    """Changes of the scenario by key path that hold for all runs: ``{clock.history_days: 7}``."""
    factors: dict[Annotated[str, pydantic.StringConstraints(pattern=_NAME)], Factor] = given({}, source="none")
    """What is varied, by a short name."""
    design: Design = given(Design())
    """Which combinations are run."""
    seeds: Seeds = given(Seeds())
    """The seeds of each combination."""
    figures: tuple[str, ...] = given((), source="all of data/figures.yaml")
    """Figures to keep."""
    tables: tuple[str, ...] = given((), source="none: they are large")
    """Tables of a run to keep beside its figures, of data/tables.yaml."""
    twin: bool = given(True, source="differences to the twin need it")
    """Whether each run has its twin without coordination."""
    leave_out: bool = given(False, source="a mistake is not to be passed over")
    """Whether points whose scenario cannot be run are left out and listed, instead of refusing the sweep."""
    reference: dict[str, Any] = given({}, source="the first point")
    """Levels of factors that make the point which the others are compared with."""
    confidence: Share = given(0.95, unit="share", source=JUDGEMENT)
    """Level of confidence of intervals."""

    def as_data(self) -> dict[str, Any]:
        """The complete sweep as plain data (JSON types)."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def sweep_names() -> tuple[str, ...]:
    """Names of the shipped sweeps."""
    return tuple(sorted(file.stem for file in shipped.path("sweeps").glob("*.yaml")))


def load_sweep(name_or_path: str | Path, sets: Iterable[str] = ()) -> Sweep:
    """A sweep by the name of a shipped one or by its file, with changes by key path.

    Raises:
        CoflexError: no such sweep or file.
        ScenarioError: everything that is wrong with it.
    """
    path = _find(name_or_path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot read {path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}"
        raise CoflexError(msg) from error
    said = parse_yaml(text, where=path.name)
    if said in (None, {}):
        raise ScenarioError(
            [f"{path.name}: the sweep is empty; say which scenario, and what is varied (docs/sweeps.md)"]
        )
    content = as_mapping(said, where=path.name)
    scenario = content.get("scenario")
    if isinstance(scenario, str) and scenario.endswith((".yaml", ".yml")):
        content["scenario"] = str(path.parent.resolve() / scenario)
    apply_sets(content, sets)
    return sweep_from({"name": path.stem, **content}, where=path.name)


def _find(name_or_path: str | Path) -> Path:
    if path := named_file(name_or_path, "sweep", sweep_names(), Path(str(shipped.path("sweeps")))):
        return path
    from experiments.scenario.library import scenario_names

    text = str(name_or_path)
    if text in scenario_names():
        msg = f"'{text}' is a scenario, not a sweep; run it with: coflex run {text}"
        raise CoflexError(msg)
    msg = f"unknown sweep '{text}'{did_you_mean(text, sweep_names())}, or the path of a .yaml file"
    raise CoflexError(msg)


def sweep_from(content: Mapping[str, Any], where: str = "sweep") -> Sweep:
    """A sweep from plain data, names of figures, tables and factors checked; its scenario is not read yet.

    Raises:
        ScenarioError: everything that is wrong with it.
    """
    try:
        sweep = Sweep.model_validate(content)
    except pydantic.ValidationError as error:
        rest, _ = salvage(content, error, Sweep)
        found = [*sentences(error, Sweep), *(_problems(rest) if rest else [])]
        raise ScenarioError(f"{where}: {text}" for text in found) from error
    if found := _problems(sweep):
        raise ScenarioError(f"{where}: {text}" for text in found)
    return sweep


def _problems(sweep: Sweep) -> list[str]:
    """Names that do not exist, and factors that cannot be combined."""
    import data
    from experiments.kpis import catalogue

    figures = catalogue()
    found = [
        f"figures: there is no figure '{name}'{did_you_mean(name, figures)}"
        for name in sweep.figures
        if name not in figures
    ]
    tables = data.read_yaml("tables.yaml")["tables"]
    found += [
        f"tables: there is no table '{name}'{did_you_mean(name, tables)}" for name in sweep.tables if name not in tables
    ]
    found += [
        f"factors.{name}: this name is that of a column of every sweep; take another"
        for name in sweep.factors
        if name in COLUMNS
    ]
    lengths = {
        name: len(factor.values or factor.alternatives or ()) or factor.steps for name, factor in sweep.factors.items()
    }
    if sweep.design.kind == "paired" and len(set(lengths.values())) > 1:
        counted = ", ".join(f"{name} {count}" for name, count in lengths.items())
        found.append(
            f"design: paired takes the values of all factors together, but they are not equally many: {counted}"
        )
    found += [
        f"reference: there is no factor '{name}'{did_you_mean(name, sweep.factors)}"
        for name in sweep.reference
        if name not in sweep.factors
    ]
    return found
