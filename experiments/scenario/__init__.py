"""The scenario of a run: a frozen record in which every key has a default with its source.

``load_scenario`` reads one by name or path; whatever is wrong with it is reported at once, in the words of the file.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import pydantic

from experiments.errors import CoflexError, did_you_mean
from experiments.scenario.actors import Actors, Product, Rules
from experiments.scenario.balancing import Balancing
from experiments.scenario.explain import salvage, sentences
from experiments.scenario.faults import AnyFault, Attack, Fault
from experiments.scenario.fields import Part, given
from experiments.scenario.global_market import GlobalMarket
from experiments.scenario.heaters import Heaters
from experiments.scenario.library import known_products, scenario_names, scenarios_folder
from experiments.scenario.people import HomesGroup, PeopleGroup, PlantGroup
from experiments.scenario.pilot import Pilot
from experiments.scenario.read import ScenarioError, apply_sets, as_mapping, named_file, parse_yaml
from experiments.scenario.world import Clock, Event, Grid, Place, Platforms


class Results(Part):
    """What a run writes."""

    detail: Literal["full", "summary"] = given("full", source="a day of some hundred homes is small")
    """``full`` with the series of every device, or ``summary`` without."""


class Scenario(Part):
    """A day (or more) in a distribution grid, and who acts in it by which rules."""

    name: str = given("", source="the file's name")
    """Short name, used for the run's folder."""
    title: str = given("", source="the name")
    """One line, as a headline."""
    about: str = given("", source="none")
    """What happens and why it is worth looking at."""
    clock: Clock = given(Clock())
    """When."""
    place: Place = given(default_factory=lambda: Place.model_validate({}))
    """Where, and which weather."""
    grid: Grid = given(Grid())
    """The network and its operation."""
    people: tuple[PeopleGroup, ...] = given((HomesGroup(),), source="one group of homes")
    """Groups of homes and producers."""
    actors: Actors = given(Actors())
    """Those who decide, beside the people."""
    pilot: Pilot | None = given(None, source="none unless said")
    """A service for households (SUC13.1), instead of flexibility service providers."""
    products: dict[str, Product] = given({}, source="data/scenarios/library/products.yaml")
    """Flexibility products of this scenario, by name, beside those that ship with coflex."""
    rules: Rules = given(Rules())
    """The rules of the market."""
    platforms: Platforms = given(Platforms())
    """The channels between parties."""
    events: tuple[Event, ...] = given((), source="none")
    """Planned outages (``outage_of``) and platform outages (``platform_down``)."""
    faults: tuple[AnyFault, ...] = given((), source="none")
    """Parties that do not do what they should, and attackers (``forge``, ``replay``, ``alter``)."""
    copies: int = given(1, source="one district unless said", ge=1, le=1000)
    """How many copies of the district live beside each other without interaction, each with people, network, operators and providers of its own."""
    coordination: bool = given(True, source="the twin of a run sets it to false")
    """Whether anybody procures and activates flexibility."""
    heaters: Heaters | None = given(None, source="none unless said")
    """Water heaters that are retrofitted, learned and controlled; everything else is left to the people."""
    global_market: GlobalMarket | None = given(None, source="none unless said")
    """Local and global markets on the same resources, with several system operators."""
    balancing: Balancing | None = given(None, source="none unless said")
    """Pools of assets in the balancing services of a transmission system operator (SUC05.2), instead of local flexibility."""
    results: Results = given(Results())
    """What a run writes."""

    @property
    def homes(self) -> list[HomesGroup]:
        """The groups of homes."""
        return [group for group in self.people if isinstance(group, HomesGroup)]

    @property
    def plants(self) -> list[PlantGroup]:
        """The producers on the medium voltage, by name."""
        plants = (group for group in self.people if isinstance(group, PlantGroup))
        return sorted(plants, key=lambda group: group.mv_plant.name)

    @property
    def failing(self) -> list[Fault]:
        """The parties that do not do what they should."""
        return [fault for fault in self.faults if isinstance(fault, Fault)]

    @property
    def attacks(self) -> list[Attack]:
        """What attackers try."""
        return [fault for fault in self.faults if isinstance(fault, Attack)]

    @property
    def product(self) -> Product:
        """The product that is traded, or called on standing contracts."""
        return self.all_products()[self.product_key[1]]

    @property
    def product_key(self) -> tuple[str, str]:
        """The key that names the product, and the name."""
        lfmo, dso = self.actors.lfmo, self.actors.dso
        return (
            ("actors.lfmo.product", lfmo.product) if lfmo else ("actors.dso.contracts.product", dso.contracts.product)
        )

    def all_products(self) -> dict[str, Product]:
        """Products by name: the shipped ones, overridden and extended by the scenario's own."""
        return {name: Product.model_validate(entry) for name, entry in known_products().items()} | self.products

    def usecases(self) -> list[str]:
        """The use cases that this scenario sets in motion; a run shows which of their steps were made."""
        if not self.coordination:
            return []
        if self.heaters:
            return ["SUC03.1", "SUC03.2"]
        if self.global_market:
            return [f"SUC{family}.{number}" for family in ("08", "10") for number in range(1, 5)]
        if self.pilot:
            return ["SUC13.1"]
        if self.balancing:
            return ["SUC05.2"]
        local = ["SUC05.1", "SUC06.1", "SUC06.2", "SUC06.3"] if self.actors.fsps else []
        return [*(["SUC02.1"] if self.actors.communities else []), *local]

    def without_coordination(self) -> "Scenario":
        """The same world in which nobody procures or activates: the twin of a run."""
        return self.model_copy(update={"coordination": False})

    def as_data(self) -> dict[str, Any]:
        """The complete scenario as plain data (JSON types); ``scenario_from`` reads it back."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def load_scenario(name_or_path: str | Path, sets: Iterable[str] = ()) -> Scenario:
    """A scenario by the name of a shipped one or by its file.

    Args:
        name_or_path: ``district-day``, or the path of a YAML file.
        sets: changes by key path, ``people.0.devices.ev=80%``.

    Raises:
        CoflexError: no such scenario or file.
        ScenarioError: everything that is wrong with it.
    """
    path = find_scenario(name_or_path)
    content = as_mapping(parse_yaml(_read(path), where=path.name), where=path.name)
    _anchor_files(content, path.parent.resolve())
    apply_sets(content, sets)
    return scenario_from({"name": path.stem, **content}, where=path.name)


def scenario_from(content: Mapping[str, Any], where: str = "scenario") -> Scenario:
    """A scenario from plain data, names checked.

    Args:
        content: keys and values as in a scenario file.
        where: what to call it in an error.

    Raises:
        ScenarioError: everything that is wrong with it.
    """
    from experiments.scenario.checks import problems_of_names

    try:
        scenario = Scenario.model_validate(content)
    except pydantic.ValidationError as error:
        rest, left_out = salvage(content, error, Scenario)
        named = problems_of_names(rest, left_out) if rest else []
        raise ScenarioError(f"{where}: {text}" for text in [*sentences(error, Scenario), *named]) from error
    if problems := problems_of_names(scenario):
        raise ScenarioError(f"{where}: {problem}" for problem in problems)
    return scenario


def find_scenario(name_or_path: str | Path) -> Path:
    """The file of a scenario.

    Raises:
        CoflexError: there is none, with the nearest name.
    """
    if path := named_file(name_or_path, "scenario", scenario_names(), scenarios_folder()):
        return path
    from experiments.sizing.study import study_names

    text = str(name_or_path)
    if text in study_names():
        msg = f"'{text}' is a sizing study, not a scenario; run it with: coflex size {text}"
        raise CoflexError(msg)
    msg = f"unknown scenario '{text}'{did_you_mean(text, scenario_names(), most=20)}, or the path of a .yaml file"
    raise CoflexError(msg)


def scenario_yaml(name: str | Path) -> str:
    """The text of a scenario, with its comments."""
    return _read(find_scenario(name))


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        msg = f"cannot read {path}: {reason}"
        raise CoflexError(msg) from error


def _anchor_files(content: dict[str, Any], folder: Path) -> None:
    """Files named in a scenario are sought beside it."""
    for part, key, suffixes in (("place", "weather", (".epw", ".csv")), ("grid", "network", (".json",))):
        section = content.get(part)
        name = section.get(key) if isinstance(section, dict) else None
        if isinstance(section, dict) and isinstance(name, str) and name.endswith(suffixes):
            content[part] = {**section, key: str(folder / name)}
