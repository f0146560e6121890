"""From factors to points: full factorial, Latin hypercube, Sobol, paired; and from points to scenarios, all checked beforehand.

Sources: McKay, Beckman, Conover (1979), Technometrics 21(2), for Latin hypercubes; Sobol (1967) with the scrambling of Owen (1998) as in
``scipy.stats.qmc``; Morris (1991), Technometrics 33(2), and Saltelli et al. (2010), Comput. Phys. Commun. 181, as in SALib.
"""

import copy
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from experiments.errors import CoflexError
from experiments.scenario import Scenario, load_scenario, scenario_from
from experiments.scenario.read import ScenarioError, apply_sets
from experiments.sweep.file import Distribution, Factor, Sweep

Level = float | int | str | bool
_CUT_SD: Final = 3.0
MORRIS_LEVELS: Final = 4
"""Levels of each factor in a Morris design, as in the paper of 1991."""
MOST_RUNS: Final = 100_000


@dataclass(frozen=True)
class Point:
    """One combination of factor levels.

    Attributes:
        number: from 0, in the order of the design.
        levels: factor -> level as tables have it: a number (a share ``60%`` is 0.6) or a name.
        changes: key path -> value in the scenario.
    """

    number: int
    levels: Mapping[str, Level]
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """One run of a sweep: a point, and a seed. Its number counts point by point, seed by seed."""

    number: int
    point: Point
    seed: int


@dataclass(frozen=True)
class Plan:
    """A sweep with its points and runs, every scenario of it checked; ``left_out``: levels of points that cannot be run, and why."""

    sweep: Sweep
    points: tuple[Point, ...]
    base: Mapping[str, Any]
    left_out: tuple[tuple[Mapping[str, Level], str], ...] = ()

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Every run, in order."""
        pairs = ((point, seed) for point in self.points for seed in self.sweep.seeds.of(point.number))
        return tuple(Run(number, point, seed) for number, (point, seed) in enumerate(pairs))

    @cached_property
    def reference(self) -> Point:
        """The point that the others are compared with.

        Raises:
            CoflexError: the design has no point with these levels.
        """
        wanted = {name: level_of(value) for name, value in self.sweep.reference.items()}
        for point in self.points:
            if all(point.levels[name] in (level, str(level)) for name, level in wanted.items()):
                return point
        msg = f"reference: the design has no point with {wanted}; its levels are {self._levels(wanted)}"
        raise CoflexError(msg)

    def _levels(self, names: Mapping[str, Any]) -> dict[str, list[Level]]:
        return {name: sorted({point.levels[name] for point in self.points}, key=str)[:12] for name in names}

    def content(self, point: Point) -> dict[str, Any]:
        """The scenario of a point as plain data."""
        return changed(self.base, point.changes)


def changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data of a scenario with values set by key path.

    Raises:
        ScenarioError: a path leads into a value or past the end of a list.
    """
    content = copy.deepcopy(dict(base))
    try:
        apply_sets(content, [f"{path}={json.dumps(value)}" for path, value in changes.items()])
    except ScenarioError as error:
        raise ScenarioError(problem.replace("--set ", "") for problem in error.problems) from error
    return content


def level_of(value: Any) -> Level:
    """A value as a level of a factor: numbers as they are, texts of numbers and shares as numbers, everything else as its text."""
    if isinstance(value, bool | int | float):
        return value
    text = str(value).strip() if isinstance(value, str) else json.dumps(value)
    if not re.fullmatch(r"\d+(\.\d+)?%?", text):
        return text
    return float(text[:-1]) / 100.0 if text.endswith("%") else float(text)


def plan(sweep: Sweep, where: str = "sweep") -> Plan:
    """The points of a sweep, with every scenario checked before anything is run.

    Args:
        sweep: what is asked.
        where: what to call it in an error.

    Raises:
        CoflexError: there is no such scenario, or the design is empty or too large.
        ScenarioError: everything that is wrong with its scenarios.
    """
    scenario = load_scenario(sweep.scenario)
    base = scenario.as_data()
    count = _count(sweep)
    if count * sweep.seeds.count > MOST_RUNS:
        msg = f"{where}: {count:,} points with {sweep.seeds.count:,} seeds each are more than {MOST_RUNS:,} runs; take fewer, or design: sobol"
        raise CoflexError(msg)
    try:
        base = changed(base, sweep.set)
    except ScenarioError as error:
        raise ScenarioError(f"{where}: set: {problem}" for problem in error.problems) from error
    points = list(_one_type(list(_points(sweep))))
    refused = _refused(base, points)
    if refused and not sweep.leave_out:
        found: dict[str, Point] = {}
        for point, problems in refused:
            for problem in problems:
                found.setdefault(problem, point)
        raise ScenarioError(f"{where}: {_named(point)}{problem}" for problem, point in found.items())
    out = {point.number for point, _ in refused}
    rest = (point for point in points if point.number not in out)
    kept = tuple(Point(number, point.levels, point.changes) for number, point in enumerate(rest))
    if not kept:
        msg = f"{where}: no point of the design can be run: {refused[0][1][0]}"
        raise CoflexError(msg)
    made = Plan(sweep, kept, base, tuple((point.levels, "; ".join(problems)) for point, problems in refused))
    _ = made.reference
    return made


def scenario_of(content: Mapping[str, Any]) -> Scenario:
    """The scenario of plain data, checked as for a run.

    Raises:
        ScenarioError: everything that is wrong with it.
    """
    from experiments.assembly.check import check_scenario

    scenario = scenario_from(content)
    check_scenario(scenario)
    return scenario


def _refused(base: Mapping[str, Any], points: list[Point]) -> list[tuple[Point, list[str]]]:
    """Points whose scenario cannot be run, with everything that stands against each; each network is read once."""
    from experiments.assembly.network import network_of
    from experiments.scenario.checks import problems_of_network

    networks: dict[tuple[str, ...], Any] = {}

    def load(scenario: Scenario) -> Any:
        several = scenario.global_market.dsos if scenario.global_market else ()
        names = (scenario.grid.network, *(f"{one.name}: {one.network}" for one in several))
        if names not in networks:
            networks[names] = network_of(scenario)
        return networks[names]

    found = []
    for point in points:
        try:
            problems = problems_of_network(scenario_of(changed(base, point.changes)), load)
        except ScenarioError as error:
            problems = [problem.removeprefix("scenario: ") for problem in error.problems]
        if problems:
            found.append((point, problems))
    return found


def _named(point: Point) -> str:
    said = ", ".join(f"{name} {level}" for name, level in point.levels.items())
    return f"with {said}: " if said else ""


def _count(sweep: Sweep) -> int:
    if not sweep.factors:
        return 1
    if sweep.design.fills:
        d = len(sweep.factors)
        return sweep.design.points * {"morris": d + 1, "saltelli": d + 2}.get(sweep.design.kind, 1)
    lengths = [_length(factor) for factor in sweep.factors.values()]
    return lengths[0] if sweep.design.kind == "paired" else math.prod(lengths)


def _length(factor: Factor) -> int:
    return len(factor.values or factor.alternatives or ()) or factor.steps


def _points(sweep: Sweep) -> Iterator[Point]:
    factors = dict(sweep.factors)
    if not factors:
        yield Point(0, {}, {})
        return
    if sweep.design.fills:
        rows = cube_rows(sweep)
        chosen = ([_at(factor, u) for factor, u in zip(factors.values(), row, strict=True)] for row in rows)
    else:
        levels = [_all(factor) for factor in factors.values()]
        together = zip(*levels, strict=True) if sweep.design.kind == "paired" else itertools.product(*levels)
        chosen = (list(row) for row in together)
    for number, picked in enumerate(chosen):
        changes: dict[str, Any] = {}
        for _, part in picked:
            changes |= part
        yield Point(number, dict(zip(factors, (level for level, _ in picked), strict=True)), changes)


def _one_type(points: list[Point]) -> Iterator[Point]:
    """The points with levels of one type a factor: all truth values, all numbers, or all text."""
    found: dict[str, set[type]] = {}
    for point in points:
        for name, level in point.levels.items():
            found.setdefault(name, set()).add(type(level))
    for point in points:
        yield Point(
            point.number, {name: _as(found[name], level) for name, level in point.levels.items()}, point.changes
        )


def _as(kinds: set[type], level: Level) -> Level:
    if kinds == {bool}:
        return level
    return float(level) if kinds <= {int, float} else str(level)


def cube_rows(sweep: Sweep) -> list[list[float]]:
    """Points of the unit cube, (points, factors), of a design that fills it; the same for the same sweep."""
    names, design = list(sweep.factors), sweep.design
    if design.kind in ("morris", "saltelli"):
        import SALib.sample.morris
        import SALib.sample.sobol

        problem = unit_problem(names)
        if design.kind == "morris":
            found = SALib.sample.morris.sample(problem, design.points, num_levels=MORRIS_LEVELS, seed=design.seed)
        else:
            found = SALib.sample.sobol.sample(problem, design.points, calc_second_order=False, seed=design.seed)
        return found.tolist()  # type: ignore[no-any-return]
    from scipy.stats import qmc

    make = qmc.LatinHypercube if design.kind == "latin-hypercube" else qmc.Sobol
    return make(d=len(names), rng=design.seed).random(design.points).tolist()  # type: ignore[no-any-return]


def unit_problem(names: list[str]) -> dict[str, Any]:
    """Factors on the unit cube as SALib describes them."""
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


Picked = tuple[Level, dict[str, Any]]
"""A level of a factor, and the changes that make it."""


def _all(factor: Factor) -> list[Picked]:
    """Every value of a factor, for designs that combine them."""
    if factor.values is not None:
        return [(level_of(value), dict.fromkeys(factor.key, value)) for value in factor.values]
    if factor.alternatives is not None:
        return [(level_of(name), dict(keys)) for name, keys in factor.alternatives.items()]
    steps = factor.steps
    shares = [k / (steps - 1) for k in range(steps)] if factor.range else [(k + 0.5) / steps for k in range(steps)]
    return [_at(factor, share) for share in shares]


def _at(factor: Factor, u: float) -> Picked:
    """The value of a factor at ``u`` of its probability, from 0 to 1."""
    if factor.values is not None or factor.alternatives is not None:
        levels = _all(factor)
        return levels[min(int(u * len(levels)), len(levels) - 1)]
    return picked(factor, number_at(factor, u))


def picked(factor: Factor, number: float) -> Picked:
    """A number as a level of a factor."""
    value = round(number) if factor.whole else number
    return value, dict.fromkeys(factor.key, value)


def number_at(factor: Factor, u: float) -> float:
    """The number of a range or a distribution below which a share ``u`` of all lies."""
    if factor.range:
        low, high = factor.range
        return low + (high - low) * u
    assert factor.distribution is not None  # the file's check: one of the four
    return quantile(factor.distribution, u)


def quantile(distribution: Distribution, u: float) -> float:
    """The quantile of a distribution; a normal one is cut at three standard deviations."""
    (low, *_, high) = parameters = distribution.parameters
    if distribution.kind == "uniform":
        return low + (high - low) * u
    if distribution.kind == "log_uniform":
        return math.exp(math.log(low) + (math.log(high) - math.log(low)) * u)
    if distribution.kind == "normal":
        from scipy.special import ndtr, ndtri

        beyond = float(ndtr(-_CUT_SD))
        return low + high * float(ndtri(beyond + (1.0 - 2.0 * beyond) * u))
    mode = parameters[1]
    turn = (mode - low) / (high - low)
    if u < turn:
        return low + math.sqrt(u * (high - low) * (mode - low))
    return high - math.sqrt((1.0 - u) * (high - low) * (high - mode))
