"""Every clearing x pricing x baseline x settlement rule on the same days: what does the choice of rules change?

Each combination has the same seeds, so the same people, weather and lost messages; the reference is the scenario's own. A settlement that pays
availability needs a product that promises it: the scenario's product is then one that pays both, with the cap that is stated.
"""

import itertools
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from data.arrays import F64
from experiments.kpis import catalogue
from experiments.report.page import Section, table
from experiments.scenario import Scenario
from experiments.scenario.library import RULES
from experiments.statistics import difference, interval
from experiments.studies.study import KEY_FIGURES, Study, scenario_of_study
from experiments.sweep.answers import Answers
from experiments.sweep.file import sweep_from
from experiments.sweep.report import with_interval

KEYS = {
    "clearing": "rules.clearing", "pricing": "rules.pricing", "baseline": "rules.baseline.rule", "settlement": "rules.settlement.rule",
}  # fmt: skip
PAYS_BOTH = "availability-and-activation"
AVAILABILITY_CAP = 0.05
"""EUR/kW/h: two and a half times what providers ask by default (``actors.fsps.availability_eur_per_kw_h``); an assumption."""
HISTORY_DAYS = 21
"""Days lived before, at least: a baseline of ten days of one type needs so many."""
SHOWN = (
    "flexibility_cost_eur", "cost_eur_per_kwh_true", "paid_untrue_kwh", "flexibility_true_kwh", "unmet_need_kwh", "overload_kwh", "money_fsps_eur",
    "money_homes_eur",
)  # fmt: skip


def rules_study(name: str, *, seeds: int = 3) -> Study:
    """The study of a scenario's market rules.

    Args:
        name: of a scenario with a market.
        seeds: of each combination.

    Raises:
        CoflexError: there is no such scenario.
    """
    written, scenario = scenario_of_study(name)
    kept = [figure for figure in dict.fromkeys([*KEY_FIGURES, *SHOWN]) if figure in catalogue()]
    sweep = sweep_from(
        {
            "name": "rules", "title": f"Market rules in {scenario.name}", "question": "What does the choice of market rules change?", "scenario": written,
            "factors": {kind: {"alternatives": _alternatives(kind, scenario)} for kind in KEYS}, "seeds": seeds, "figures": kept,
            "reference": _own(scenario), "leave_out": True, "set": {"clock.history_days": max(HISTORY_DAYS, scenario.clock.history_days)},
        }
    )  # fmt: skip
    return Study(
        name="rules", title=f"Market rules in {scenario.title or scenario.name}",
        question="Which clearing, pricing, baseline and settlement rule costs what, delivers what, and pays whom?",
        about=(
            "Every combination of rules that coflex has is run on the same days with the same seeds. Differences are from the scenario's own rules, seed by seed. "
            "Combinations that contradict each other are left out and listed, with the reason. "
            f"People live {HISTORY_DAYS} days before, at least, which baselines of past days need."
        ),
        limits=(
            "Providers do not learn: their bids follow cost and margin and do not answer to a pricing rule by bidding otherwise, as they would under "
            f"pay-as-bid. {PAYS_BOTH} is run with a product that pays both, with an availability cap of {AVAILABILITY_CAP} EUR/kW/h, an assumption."
        ),
        command=f"coflex study rules {name} --seeds {seeds}", parts={"rules": sweep}, read=_read,
    )  # fmt: skip


def _own(scenario: Scenario) -> dict[str, str]:
    rules = scenario.rules
    return {
        "clearing": rules.clearing,
        "pricing": rules.pricing,
        "baseline": rules.baseline.rule,
        "settlement": rules.settlement.rule,
    }


def _alternatives(kind: str, scenario: Scenario) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for rule in RULES[kind]:
        changes: dict[str, Any] = {KEYS[kind]: rule}
        if rule == PAYS_BOTH and scenario.product.remuneration == "activation":
            product = scenario.product.model_dump(mode="json", by_alias=True, exclude_none=True)
            cap = product["availability_cap_eur_per_kw_h"] or AVAILABILITY_CAP
            changes["products"] = scenario.as_data().get("products", {}) | {
                scenario.product_key[1]: product | {"remuneration": "both", "availability_cap_eur_per_kw_h": cap}
            }
        found[rule] = changes
    return found


def _read(answers: Mapping[str, Answers]) -> list[Section]:
    found = answers["rules"]
    return [_verdict(found), _effects(found), _combinations(found)]


def _verdict(answers: Answers) -> Section:
    """What is decided by the choice: the span of each figure over all combinations, and which combination ends where; and whether there was a market at all."""
    cleared = answers.values.get("flexibility_cleared_kwh")
    said = []
    if cleared is not None:
        met, known = int((cleared > 0.0).sum()), int((~np.isnan(cleared)).sum())
        if met < known:
            said.append(
                f"In {known - met} of {known} runs nothing was cleared, so no rule had anything to decide"
                + ("; take days, or a grid, on which flexibility is needed." if met == 0 else " there.")
            )
    if idle := [kind for kind in KEYS if _met(cleared) and not _matters(answers, kind)]:
        said.append(f"On these days no figure depends on: {', '.join(idle)}.")
    rows = []
    for name in (name for name in answers.kept() if name in SHOWN):
        mean = _comparable(answers.values[name])
        if np.isnan(mean).all() or np.nanmax(mean) == np.nanmin(mean):
            continue
        spec, own = catalogue()[name], mean[answers.reference]
        low, high = int(np.nanargmin(mean)), int(np.nanargmax(mean))
        by = _most_by(answers, mean)
        rows.append(
            [
                f"{spec.title} [{spec.unit}]", spec.text(float(own)), f"{spec.text(float(mean[low]))}: {_named(answers, low)}",
                f"{spec.text(float(mean[high]))}: {_named(answers, high)}", by,
            ]
        )  # fmt: skip
    head = ["figure", "own rules", "least, with", "most, with", "decided most by"]
    note = (
        "Means over the seeds for which every combination that has the figure has it, so that all are of the same days. The last column is the kind of rule whose choice explains most of the variance between combinations, with its part of it; what is missing to 100 % is the other kinds, and that they "
        "act together. Of combinations that come to the same the first is named."
    )
    body = (
        f'{table(head, rows, numbers=(1,))}<p class="soft">{escape(note)}</p>'
        if rows
        else "<p>No figure depends on the choice.</p>"
    )
    return Section("verdict", "What the choice decides", "".join(f"<p><b>{escape(one)}</b></p>" for one in said) + body)


def _comparable(values: F64) -> F64:
    """Means over the seeds that all combinations have, of those that have any; a run that failed must not make the others differ."""
    some = ~np.isnan(values).all(axis=1)
    common = ~np.isnan(values[some]).any(axis=0)
    mean = np.full(len(values), np.nan)
    if some.any() and common.any():
        mean[some] = values[some][:, common].mean(axis=1)
    return mean


def _met(cleared: F64 | None) -> bool:
    """Whether anything was cleared in any run."""
    return cleared is None or bool((cleared > 0.0).any())


def _matters(answers: Answers, kind: str) -> bool:
    """Whether any figure changes with a rule of this kind, all others held."""
    own = answers.points[answers.reference][kind]
    pairs = [pair for level in answers.levels(kind) if level != own for pair in _pairs(answers, kind, level, own)]
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    return any(
        bool((np.abs(values[first] - values[second]) > 0.0).any()) for values in answers.values.values()
    )  # unknown is not greater


def _most_by(answers: Answers, mean: F64) -> str:
    """The kind of rule that explains most of the variance between combinations (between the means of its rules), with its part."""
    known = ~np.isnan(mean)
    whole = float(((mean[known] - mean[known].mean()) ** 2).sum())
    parts = {}
    for kind in KEYS:
        of = np.array([str(levels[kind]) for levels in answers.points])[known]
        values = mean[known]
        parts[kind] = sum(
            float((of == rule).sum() * (values[of == rule].mean() - values.mean()) ** 2) for rule in dict.fromkeys(of)
        )
    first = max(parts, key=lambda kind: parts[kind])
    return f"{first} ({100.0 * parts[first] / whole:.0f} %)"


def _named(answers: Answers, number: int) -> str:
    return ", ".join(str(answers.points[number][kind]) for kind in KEYS)


def _combinations(answers: Answers) -> Section:
    """Every combination, with what it costs and brings."""
    names = [name for name in SHOWN if name in answers.values and not np.isnan(answers.values[name]).all()]
    specs = catalogue()
    head = [*KEYS, *(f"{specs[name].title} [{specs[name].unit}]" for name in names)]
    rows = []
    for number, levels in enumerate(answers.points):
        numbers = [
            with_interval(interval(answers.values[name][number], answers.confidence), specs[name]) for name in names
        ]
        own = " (own)" if number == answers.reference else ""
        rows.append([*(str(levels[kind]) for kind in KEYS), *numbers])
        rows[-1][0] += own
    body = table(head, rows, numbers=range(len(KEYS), len(head)))
    return Section(
        "combinations", "Combinations", f"<details><summary>All {len(rows)} combinations</summary>{body}</details>"
    )


def _effects(answers: Answers) -> Section:
    """What each rule changes against the scenario's own of its kind, seed by seed, over all other rules."""
    parts = []
    for kind in KEYS:
        levels = answers.levels(kind)
        own = answers.points[answers.reference][kind]
        for level, name in itertools.product(levels, answers.kept()):
            if level == own:
                continue
            pairs = _pairs(answers, kind, level, own)
            if not pairs:
                continue
            values = answers.values[name]
            change = difference(
                values[[a for a, _ in pairs]].mean(axis=0),
                values[[b for _, b in pairs]].mean(axis=0),
                answers.confidence,
            )
            if change.n > 1 and change.excludes_zero:
                spec = catalogue()[name]
                parts.append(
                    [kind, f"{level} in place of {own}", spec.title, f"{with_interval(change, spec, '+')} {spec.unit}"]
                )
    note = "Mean over all other rules, seed by seed; only changes whose interval excludes 0. What is not listed was not told apart from nothing."
    body = (
        table(["kind", "rule", "figure", "change"], parts)
        if parts
        else "<p>No change is told apart from nothing with so few seeds.</p>"
    )
    return Section("effects", "What each rule changes", f'<p class="soft">{escape(note)}</p>{body}')


def _pairs(answers: Answers, kind: str, level: object, own: object) -> list[tuple[int, int]]:
    """Points that differ in nothing but this rule."""
    place = {tuple(levels[one] for one in KEYS): number for number, levels in enumerate(answers.points)}
    found = []
    for number, levels in enumerate(answers.points):
        other = place.get(tuple(own if one == kind else levels[one] for one in KEYS))  # type: ignore[misc]
        if levels[kind] == level and other is not None:
            found.append((number, other))
    return found
