"""Answers of the commands about scenarios: scenarios, show, schema, validate."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from experiments.assembly.check import problems_of_build
from experiments.cli.output import Answer
from experiments.errors import CoflexError
from experiments.networks import network_names
from experiments.scenario import find_scenario, load_scenario, scenario_yaml
from experiments.scenario.checks import problems_of_network, problems_of_weather
from experiments.scenario.library import scenario_names, tariff_names
from experiments.scenario.read import ScenarioError

if TYPE_CHECKING:
    from experiments.scenario import Scenario


def study_list() -> Answer:
    """The shipped sizing studies."""
    from experiments.sizing.study import CATALOGUE, load_study, study_names

    rows = [{"name": one.name, "title": one.title, "usecases": [CATALOGUE]} for one in map(load_study, study_names())]
    return Answer(_listed(rows), rows)


def _listed(rows: Sequence[Mapping[str, Any]]) -> str:
    width = max(len(row["name"]) for row in rows)
    return "\n".join(f"{row['name']:<{width}}  {row['title']}  ({', '.join(row['usecases'])})" for row in rows)


def scenario_list() -> Answer:
    """The shipped scenarios; people are told of the studies too, scripts ask for them."""
    shipped = [load_scenario(name) for name in scenario_names()]
    rows = [{"name": one.name, "title": one.title, "usecases": one.usecases()} for one in shipped]
    return Answer(f"{_listed(rows)}\n\nSizing studies (coflex size NAME):\n{study_list().text}", rows)


def scenario_shown(name: str, *, complete: bool, sets: Iterable[str]) -> Answer:
    """A scenario (or a study) as written, or complete with every default."""
    from experiments.sizing.study import is_study

    if is_study(name):
        return _study_shown(name, complete=complete, sets=sets)
    from experiments.scenario.show import complete_yaml

    changes = list(sets)
    scenario = load_scenario(name, changes)
    text = complete_yaml(scenario) if complete or changes else scenario_yaml(name)
    return Answer(text, scenario.as_data())


def _study_shown(name: str, *, complete: bool, sets: Iterable[str]) -> Answer:
    """A sizing study as written, or complete with every default."""
    from experiments.scenario.show import complete_yaml
    from experiments.sizing.study import load_study, study_yaml

    changes = list(sets)
    study = load_study(name, changes)
    return Answer(complete_yaml(study) if complete or changes else study_yaml(name), study.as_data())


def schema_shown(section: str | None) -> Answer:
    """The keys of a scenario, or those that begin with a text.

    Raises:
        CoflexError: no key begins so.
    """
    from experiments.errors import did_you_mean
    from experiments.scenario.show import key_text, schema_json, schema_keys

    keys = [key for key in schema_keys() if not section or key.path.startswith(section)]
    if not keys:
        msg = f"no key begins with '{section}'{did_you_mean(str(section), (key.path for key in schema_keys()))}"
        raise CoflexError(msg)
    text = "\n".join(key_text(key) for key in keys)
    names = f"\n\nNetworks: {', '.join(network_names())}\nTariffs: {', '.join(tariff_names())}" if not section else ""
    return Answer(text + names, schema_json() if not section else [key._asdict() for key in keys])


def scenario_checked(file: str, *, sets: Iterable[str], deep: bool) -> Answer:
    """Everything that is wrong with a scenario.

    Raises:
        CoflexError: there is no such file.
    """
    from experiments.sizing.study import is_study, load_study

    if is_study(file):
        found = []
        try:
            load_study(file, sets)
        except ScenarioError as error:
            found = error.problems
        return Answer(
            "\n".join(found) or f"{file}: in order",
            {"file": file, "valid": not found, "problems": found},
            yes=not found,
        )
    path = find_scenario(file)
    try:
        scenario = load_scenario(file, sets)
        found = [*problems_of_build(scenario), *_data_problems(scenario, deep=deep)]
        problems = [f"{path.name}: {problem}" for problem in found]
    except ScenarioError as error:
        problems = error.problems
    text = "\n".join(problems) if problems else f"{path.name}: in order"
    return Answer(text, {"file": str(path), "valid": not problems, "problems": problems}, yes=not problems)


def _data_problems(scenario: "Scenario", *, deep: bool) -> list[str]:
    """What only data show; files of the user's own are read when asked for, since that takes seconds."""
    from experiments.assembly.network import network_of

    problems = problems_of_weather(scenario) if deep else []
    several = scenario.global_market.dsos if scenario.global_market else ()
    names = [one.network for one in several] or [scenario.grid.network]
    if deep or all(name in network_names() for name in names):
        problems += problems_of_network(scenario, network_of)
    return problems
