"""Which assumptions decide the result: Morris screening, or Sobol indices, over the assumptions of data/assumptions.yaml.

Sources: Morris (1991), Technometrics 33(2), with mu* of Campolongo, Cariboni, Saltelli (2007), Environ. Model. Softw. 22; Saltelli et al. (2010),
Comput. Phys. Commun. 181, for first-order and total Sobol indices; computed by SALib. mu* is the mean absolute change of a figure when a factor
goes over its whole range, the others anywhere in theirs; sigma tells interactions and bends. A total index is the part of the variance that would be
left if all but this factor were known.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

import data as shipped
from experiments import colours
from experiments.errors import CoflexError
from experiments.kpis import catalogue
from experiments.plots import chart, svg
from experiments.report.page import Section, figure, table
from experiments.scenario import Scenario
from experiments.scenario.read import ScenarioError
from experiments.studies.study import KEY_FIGURES, Study, scenario_of_study
from experiments.sweep.answers import Answers
from experiments.sweep.design import MORRIS_LEVELS, changed, cube_rows, number_at, picked, scenario_of, unit_problem
from experiments.sweep.file import Factor, Sweep, sweep_from

Method = Literal["morris", "sobol"]
LEAST = {"morris": 4, "sobol": 8}
"""Fewest trajectories or base samples that say anything."""


def sensitivity_study(name: str, *, budget: int = 128, method: Method = "morris", seeds: int = 1) -> Study:
    """The study of a scenario's assumptions.

    Args:
        name: of a scenario.
        budget: most runs.
        method: Morris screening, or Sobol indices, which take many more runs.
        seeds: of each point; figures are means over them.

    Raises:
        CoflexError: there is no such scenario, or the budget is too small.
    """
    written, scenario = scenario_of_study(name)
    factors, missing = _factors(scenario)
    if not factors:
        msg = f"{name} has none of the assumptions of data/assumptions.yaml"
        raise CoflexError(msg)
    each = (len(factors) + (1 if method == "morris" else 2)) * seeds
    points = budget // each
    if method == "sobol" and points:
        points = 1 << (points.bit_length() - 1)
    if points < LEAST[method]:
        msg = f"--budget: {budget} runs are too few for {len(factors)} assumptions with {method}; give at least {LEAST[method] * each}"
        raise CoflexError(msg)
    content = {
        "name": "assumptions", "title": f"Assumptions of {scenario.name}", "question": "Which assumptions decide the result?", "scenario": written,
        "factors": {key: factor.model_dump(mode="json", exclude_none=True) for key, factor in factors.items()}, "seeds": seeds,
        "design": {"kind": "morris" if method == "morris" else "saltelli", "points": points}, "figures": list(KEY_FIGURES),
    }  # fmt: skip
    return Study(
        name="sensitivity", title=f"Assumptions of {scenario.title or scenario.name}", question="Which assumptions decide the result?",
        about=(
            f"{len(factors)} assumptions are varied over what is plausible, all at once, by the method of {'Morris' if method == 'morris' else 'Sobol'}. "
            "Seeds are the same everywhere, so that what moves is the assumption."
        ),
        limits=(
            "The ranges are judgements where their source says so (table below), and an assumption that is not varied cannot matter here. "
            + (f"The scenario has no key for: {', '.join(missing)}." if missing else "")
        ),
        command=f"coflex study sensitivity {name} --budget {budget} --method {method} --seeds {seeds}",
        parts={"assumptions": sweep_from(content)}, read=_read,
    )  # fmt: skip


def _factors(scenario: Scenario) -> tuple[dict[str, Factor], list[str]]:
    """Assumptions that the scenario has, as factors; and names of those that it has not."""
    base = scenario.as_data()
    found: dict[str, Factor] = {}
    missing = []
    for name, said in shipped.read_yaml("assumptions.yaml").items():
        keys = [path for key in said["keys"] for path in _paths(base, key)]
        factor = Factor.model_validate(
            {**{key: value for key, value in said.items() if key not in ("keys", "source")}, "key": keys or ["nowhere"]}
        )
        if keys and all(_runs(base, factor, u) for u in (0.0, 1.0)):
            found[name] = factor
        else:
            missing.append(name)
    return found, missing


def _paths(base: Mapping[str, Any], key: str) -> list[str]:
    """Key paths with ``*`` replaced by every place of its list that has the rest."""
    head, star, rest = key.partition(".*.")
    if not star:
        return [key]
    target: Any = base
    for part in head.split("."):
        target = target.get(part, []) if isinstance(target, dict) else []
    first = rest.partition(".")[0]
    return [
        f"{head}.{place}.{rest}"
        for place, one in enumerate(target or [])
        if head != "people" or ("homes" in one and first)
    ]


def _runs(base: Mapping[str, Any], factor: Factor, u: float) -> bool:
    try:
        scenario_of(changed(base, picked(factor, number_at(factor, u))[1]))
    except ScenarioError:
        return False
    return True


def _read(answers: Mapping[str, Answers]) -> list[Section]:
    found = answers["assumptions"]
    return [_decisive(found), _ranges(found)]


def indices(answers: Answers, name: str) -> dict[str, Any] | None:
    """Sensitivity of a figure to each factor; None where it is undefined somewhere or never moves.

    Returns:
        ``factors``, and ``mu_star``, ``mu_star_conf``, ``sigma`` of Morris, or ``ST``, ``ST_conf``, ``S1``, ``S1_conf`` of Sobol.
    """
    import SALib.analyze.morris
    import SALib.analyze.sobol

    y = answers.values[name].mean(axis=1)
    if np.isnan(y).any() or np.ptp(y) == 0.0:
        return None
    sweep = Sweep.model_validate(dict(answers.sweep))
    names = list(sweep.factors)
    problem = unit_problem(names)
    if sweep.design.kind == "morris":
        found = SALib.analyze.morris.analyze(
            problem,
            np.array(cube_rows(sweep)),
            y,
            num_levels=MORRIS_LEVELS,
            conf_level=answers.confidence,
            seed=sweep.design.seed,
        )
        return {
            "factors": names,
            **{key: np.asarray(found[key], float) for key in ("mu_star", "mu_star_conf", "sigma")},
        }
    found = SALib.analyze.sobol.analyze(
        problem,
        (y - y.mean()) / y.std(),
        calc_second_order=False,
        conf_level=answers.confidence,
        seed=sweep.design.seed,
    )
    return {"factors": names, **{key: np.asarray(found[key], float) for key in ("ST", "ST_conf", "S1", "S1_conf")}}


def _decisive(answers: Answers) -> Section:
    """A bar for each assumption and figure, the decisive first; and a table of all."""
    parts, rows, specs = [], [], catalogue()
    for name in answers.kept():
        found = indices(answers, name)
        if found is None:
            continue
        main, spread, second = ("mu_star", "mu_star_conf", "sigma") if "mu_star" in found else ("ST", "ST_conf", "S1")
        unit = specs[name].unit if main == "mu_star" else "share of the variance"
        order = np.argsort(-found[main], kind="stable")
        top = found["factors"][order[0]]
        with chart(7.5, 0.6 + 0.24 * len(order)) as (drawing, axes):
            axes.barh(
                range(len(order)),
                found[main][order],
                xerr=found[spread][order],
                color=colours.SKY,
                ecolor=colours.GREY,
                capsize=2,
            )
            axes.set_yticks(range(len(order)), [found["factors"][place] for place in order])
            axes.invert_yaxis()
            axes.set_xlabel(f"{'mu*' if main == 'mu_star' else 'total index'} [{unit}]")
            axes.set_title(specs[name].title)
            parts.append(figure(svg(drawing, f"sensitivity-{name}"), f"{specs[name].title}: most decisive is {top}."))
        rows += [
            [
                specs[name].title,
                found["factors"][place],
                f"{found[main][place]:.3g} ± {found[spread][place]:.2g}",
                f"{found[second][place]:.3g}",
            ]
            for place in order[:3]
        ]
    head = ["figure", "assumption", "mu* or total index", "sigma or first-order index"]
    body = table(head, rows, numbers=(2, 3)) if rows else "<p>No figure moves, or each is undefined somewhere.</p>"
    return Section(
        "decisive", "What decides", f"<p>The three most decisive assumptions of each figure:</p>{body}{''.join(parts)}"
    )


def _ranges(answers: Answers) -> Section:
    said = shipped.read_yaml("assumptions.yaml")
    rows = [
        [name, ", ".join(said[name]["keys"]), str(said[name].get("distribution")), said[name]["source"]]
        for name in answers.factors
        if name in said
    ]
    return Section(
        "ranges", "Assumptions and their ranges", table(["assumption", "key", "distribution", "source"], rows)
    )
