"""Which assumptions decide the result: Morris screening, or Sobol indices, over the assumptions of data/assumptions.yaml.

Sources: Morris (1991), Technometrics 33(2), with mu* of Campolongo, Cariboni, Saltelli (2007), Environ. Model. Softw. 22; Saltelli et al. (2010),
Comput. Phys. Commun. 181, for first-order and total Sobol indices; computed by SALib. mu* is the mean absolute change of a figure when a factor
goes over its whole range, the others anywhere in theirs; sigma tells interactions and bends. A total index is the part of the variance that would be
left if all but this factor were known.
"""

from collections import Counter
from collections.abc import Mapping
from html import escape
from typing import Any, Literal

import numpy as np

import data as shipped
from experiments import colours
from experiments.errors import CoflexError
from experiments.kpis import catalogue
from experiments.plots import chart, svg
from experiments.report.page import Section, figure, paragraphs, table
from experiments.scenario import Scenario
from experiments.scenario.read import ScenarioError
from experiments.studies.study import KEY_FIGURES, Study, scenario_of_study
from experiments.sweep.answers import Answers
from experiments.sweep.design import MORRIS_LEVELS, changed, cube_rows, number_at, picked, scenario_of, unit_problem
from experiments.sweep.file import Factor, Sweep, sweep_from

Method = Literal["morris", "sobol"]
LEAST = {"morris": 4, "sobol": 8}
"""Fewest trajectories or base samples that say anything."""
SHOWN = 3
"""Assumptions that the table has of each figure."""
HOW_TO_READ = {
    "mu_star": (
        "mu* is the mean absolute change of a figure, in its unit, when an assumption goes over its whole range while the others are anywhere in theirs; sigma tells how much that change itself depends on the "
        "others, or on where in its range it is."
    ),
    "ST": (
        "A total index is the part of the variance that would be left if all but this assumption were known; a first-order index is the part that knowing it alone would take away."
    ),
}
SHOWN_ARE = "Shown are at most the three first of each figure, and only those whose effect is larger than its uncertainty (by bootstrap)."


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
            "The ranges are judgements where their source says so (table of ranges), and an assumption that is not varied cannot matter here. "
            f"{'Trajectories' if method == 'morris' else 'Base samples'}: {points}; with few of them ranks that are close to each other may change places. One seed is one draw of people and devices, to which small effects may be "
            "owed. "
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
            {
                **{key: value for key, value in said.items() if key not in ("title", "keys", "source")},
                "key": keys or ["nowhere"],
            }
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
    """Which assumption comes first and how often; a table of the three first of each figure; and bars of all."""
    parts, rows, specs = [], [], catalogue()
    first: Counter[str] = Counter()
    left_out, main, called = [], "mu_star", _titles()
    for name in answers.kept():
        found = indices(answers, name)
        spec = specs[name]
        if found is None:
            left_out.append(spec.title)
            continue
        main, spread, second = ("mu_star", "mu_star_conf", "sigma") if "mu_star" in found else ("ST", "ST_conf", "S1")
        unit = spec.unit if main == "mu_star" else "share of the variance"
        order = np.argsort(-found[main], kind="stable")
        told = [place for place in order if found[main][place] > found[spread][place]]
        names = [called.get(name, name) for name in found["factors"]]
        top, sure = names[order[0]], bool(told) and told[0] == order[0]
        first.update([top] if sure else [])
        with chart(5.3, 0.6 + 0.24 * len(order)) as (drawing, axes):
            axes.barh(
                range(len(order)),
                found[main][order],
                xerr=found[spread][order],
                color=colours.SKY,
                ecolor=colours.GREY,
                capsize=2,
            )
            axes.set_yticks(range(len(order)), [names[place] for place in order])
            axes.invert_yaxis()
            axes.set_xlabel(f"{'mu*' if main == 'mu_star' else 'total index'} [{unit}]")
            axes.set_title(spec.title)
            said = f"most decisive is {top}" + ("" if sure else ", which is not told apart from nothing")
            parts.append(figure(svg(drawing, f"sensitivity-{name}"), f"{spec.title}: {said}."))
        rows += [
            [
                f"{spec.title} [{spec.unit}]",
                names[place],
                f"{_number(found[main][place])} ± {_number(found[spread][place])}",
                _number(found[second][place]),
            ]
            for place in told[:SHOWN]
        ]
    head = ["figure", "assumption", *(("mu*", "sigma") if main == "mu_star" else ("total index", "first-order index"))]
    if not rows:
        body = "<p>No figure moves by more than what is uncertain, or each is undefined somewhere.</p>"
    else:
        ranks = "; ".join(f"{name} for {count}" for name, count in first.most_common())
        body = (
            f"<p><b>Most decisive, of {len(parts)} figures: {escape(ranks)}.</b></p>{paragraphs(f'{HOW_TO_READ[main]} {SHOWN_ARE}')}"
            f"{table(head, rows, numbers=(2, 3))}"
        )
    if left_out:
        body += f"<p>Left out, since they are undefined in some runs: {escape(', '.join(left_out))}.</p>"
    return Section("decisive", "What decides", f'{body}<div class="plots">{"".join(parts)}</div>')


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def _titles() -> dict[str, str]:
    """How pages name each assumption."""
    return {name: said["title"] for name, said in shipped.read_yaml("assumptions.yaml").items()}


def _distribution(said: Mapping[str, Any]) -> str:
    """A range in words: ``uniform, 0.1 to 0.9``."""
    ((kind, numbers),) = said.items()
    return f"{str(kind).replace('_', ' ')}, {' to '.join(f'{number:g}' for number in numbers)}"


def _ranges(answers: Answers) -> Section:
    said, called = shipped.read_yaml("assumptions.yaml"), _titles()
    rows = [
        [called[name], ", ".join(said[name]["keys"]), _distribution(said[name]["distribution"]), said[name]["source"]]
        for name in answers.factors
        if name in said
    ]
    return Section(
        "ranges", "Assumptions and their ranges", table(["assumption", "key", "distribution", "source"], rows)
    )
