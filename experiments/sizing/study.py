"""The study of a community's sizing (SUC01.1): a frozen record like a scenario, of a kind of its own, run by ``coflex size``."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pydantic

import data as shipped
from experiments.errors import CoflexError, did_you_mean
from experiments.scenario.explain import salvage, sentences
from experiments.scenario.fields import JUDGEMENT, Part, Share, given
from experiments.scenario.read import ScenarioError, apply_sets, as_mapping, named_file, parse_yaml
from experiments.scenario.world import Place
from experiments.sizing.parts import (
    TYPICAL,
    Cellar,
    Charging,
    HeatPump,
    Position,
    Roof,
    Spot,
    Technologies,
    WaterHeater,
)

CATALOGUE = "SUC01.1"

Pricing = Literal["mid-market-rate", "intermediate-rate", "supply-demand-ratio", "post-delivery-pool"]


class Member(Part):
    """A member of the community, as its contract and meter say."""

    name: str = given(min_length=1)
    """Unique name."""
    who: Literal["household", "sme", "local-authority", "large-company"] = given("household", source="most members are")
    """What it is; the rules of a REC and a CEC say who may be one."""
    client: Literal["LV", "MV"] = given("LV", source="low voltage")
    """Voltage level of its connection (client type)."""
    use: str = given("household", source="data/profiles/typical_consumers.yaml")
    """Kind of consumption, which chooses its typical profile."""
    contracted_kw: float = given(unit="kW", gt=0)
    """Contracted power."""
    annual_kwh: float | None = given(None, unit="kWh", source="the meter's readings", gt=0)
    """Energy of a year as billed; needed without a meter."""
    persons: int = given(2, source="two of a household", ge=1, le=5)
    """How many live there (households)."""
    tariff: str = given()
    """Name of its retail tariff."""
    retailer: str = given("retailer-1", source="one retailer for all")
    """Who supplies it."""
    surplus_eur_per_kwh: float | None = given(None, unit="EUR/kWh", source="the tariff", ge=0)
    """What its retailer pays for surplus, where that is not the tariff's."""
    meter: Literal["smart", "none"] = given("smart", source="smart meters are installed")
    """Whether past consumption was metered."""
    missing: Share = given(0.02, unit="share of readings", source=JUDGEMENT)
    """Readings that are missing from a simulated history."""
    consent: bool = given(True, source=JUDGEMENT)
    """Whether it consents to the use of its data; without, it is left out."""
    position: Spot = given(Position(x_m=0.0, y_m=0.0), source="in the middle")
    """Where it is."""
    pv: Roof = given(Roof())
    """Its roof."""
    battery: Cellar = given(Cellar())
    """Its room for a battery."""
    heat_pump: HeatPump | None = given(None, source="none")
    """Its heat pump."""
    water_heater: WaterHeater | None = given(None, source="none")
    """Its electric water heater."""
    charging: Charging | None = given(None, source="no car")
    """Its cars and their charging."""


class Asset(Part):
    """A shared site: a meter of its own, owned by members in parts."""

    name: str = given(min_length=1)
    """Unique name."""
    position: Spot = given(Position(x_m=0.0, y_m=0.0), source="in the middle")
    """Where it is."""
    tariff: str = given()
    """Tariff of its meter: what it buys and sells at a retailer."""
    connection_kw: float = given(unit="kW", gt=0)
    """Power of its connection."""
    owners: dict[str, Share] = given({}, unit="shares by name", source="equal shares of all members")
    """Who owns which part; the parts make a whole."""
    pv: Roof = given(Roof())
    """Photovoltaics there."""
    battery: Cellar = given(Cellar())
    """Batteries there."""
    heat_pump: HeatPump | None = given(None, source="none")
    """A heat pump for a common building."""
    charging: Charging | None = given(None, source="no car")
    """Cars that charge there."""


class Community(Part):
    """The definition of the energy community."""

    type: Literal["REC", "CEC"] = given("REC", source=CATALOGUE)
    """Renewable (near its plants) or citizen energy community (no vicinity)."""
    minimum_members: int = given(2, source="a community is more than one", ge=2)
    """Smallest size."""
    maximum_distance_m: float = given(
        2000.0, unit="m", source="Spain: 2 km for PV on roofs (RD 244/2019 as amended)", gt=0
    )
    """Largest distance between members, and from members to the community's plants (REC)."""
    pricing: Pricing = given("mid-market-rate", source=CATALOGUE)
    """Internal pricing mechanism."""
    weight: Share = given(0.5, unit="share", source="0.5 is the mid-market rate")
    """Weight of the buying price (intermediate-rate); compensation (supply-demand-ratio)."""
    inside_network_share: Share = given(0.0, unit="share", source="Spain: shared kWh avoid the full energy price")
    """Part of the network tariff (with its taxes) that energy shared over the public grid still pays."""
    expansion_kwp: float | None = given(None, unit="kWp", source="roofs alone limit it", ge=0)
    """Local expansion potential of photovoltaics in all."""
    expansion_kwh: float | None = given(None, unit="kWh", source="room alone limits it", ge=0)
    """Largest capacity of batteries in all."""


class BusinessModel(Part):
    """Who invests, and what is best."""

    name: str = given(min_length=1)
    """Unique name."""
    objective: Literal["total-cost", "self-consumption", "emissions", "profit"] = given("total-cost", source=CATALOGUE)
    """What is best: least total cost, most self-consumption, least emissions, or most profit of some."""
    ownership: Literal["individual", "shared", "mixed", "third-party"] = given("mixed", source=CATALOGUE)
    """Who builds: members at home, members together at shared sites, both, or an investor at shared sites."""
    profit_of: tuple[str, ...] = given((), source="the investor")
    """Whose profit (objective ``profit``)."""
    cost_limit: float = given(1.0, unit="of today's cost", source="no dearer than today", gt=0, le=10)
    """What a year may cost at most where cost is not the objective."""


class Profiles(Part):
    """Where consumption comes from, and how a year becomes a few days."""

    history: str = given("simulated", source="no measured history of many homes is openly licensed")
    """``simulated``, or a .csv file: a column ``time`` and one for each member, kW of each step, empty where missing."""
    year: int = given(2019, source="the year of the shipped weather", ge=1980, le=2100)
    """Year of the data: its calendar, tariff bands and weather."""
    most_missing: Share = given(0.25, unit="share", source=JUDGEMENT)
    """Largest share of readings that may be missing."""
    representative_days: int = given(
        12, unit="days", source="issue of the community's planning: a year in 12 days", ge=1, le=365
    )
    """How many days stand for the year."""
    extreme_days: int = given(
        2, unit="days", source="the day of the highest load and that of the highest generation", ge=0, le=2
    )
    """How many of them are extreme days, kept as they are."""


class Study(Part):
    """What to install in an energy community, and under which business model."""

    name: str = given("", source="the file's name")
    """Short name."""
    title: str = given("", source="the name")
    """One line, as a headline."""
    about: str = given("", source="none")
    """What is asked and why."""
    made_on: date = given(date(2026, 3, 2), source=JUDGEMENT)
    """Day on which the study is made."""
    place: Place = given(default_factory=lambda: Place.model_validate({}))
    """Where, and which weather."""
    community: Community = given(Community())
    """The definition of the community."""
    members: tuple[Member, ...] = given((), source="none")
    """Its members."""
    assets: tuple[Asset, ...] = given((), source="none")
    """Its shared sites."""
    technologies: Technologies = given(Technologies())
    """What may be built."""
    business_models: tuple[BusinessModel, ...] = given((BusinessModel(name="least-cost"),), source="least cost")
    """The business models that are compared."""
    profiles: Profiles = given(Profiles())
    """Consumption and representative days."""
    horizon_years: int = given(20, unit="years", source=TYPICAL, ge=1, le=40)
    """How long the economics look ahead."""
    interest: Share = given(0.04, unit="share", source=f"3 to 7 %, {TYPICAL}")
    """Interest on capital."""
    front_points: int = given(6, source=JUDGEMENT, ge=0, le=30)
    """Points of the front of cost against emissions (of the first business model); 0 for none."""
    whole_units: bool = given(True, source="modules are not cut")
    """Whether units are rounded to whole numbers."""
    flexibility_h: float = given(1.0, unit="h", source="duration of the products in data/scenarios/library", ge=1, le=8)
    """For how long flexibility is to be held."""

    @property
    def sites(self) -> list[Member | Asset]:
        """Members and shared sites."""
        found: list[Member | Asset] = []
        found += self.members
        found += self.assets
        return found

    def as_data(self) -> dict[str, Any]:
        """The complete study as plain data (JSON types)."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def study_names() -> tuple[str, ...]:
    """Names of the shipped studies."""
    return tuple(sorted(file.stem for file in shipped.path("studies").glob("*.yaml")))


def is_study(name_or_path: str | Path) -> bool:
    """Whether a name is that of a shipped study, or a file has the keys of one."""
    if str(name_or_path) in study_names():
        return True
    path = Path(name_or_path)
    if not path.is_file():
        return False
    try:
        content = parse_yaml(path.read_text("utf-8"), where=path.name)
    except (OSError, UnicodeDecodeError, CoflexError):
        return False
    return isinstance(content, Mapping) and "members" in content and "people" not in content


def find_study(name_or_path: str | Path) -> Path:
    """The file of a study.

    Raises:
        CoflexError: there is none, with the nearest name.
    """
    if path := named_file(name_or_path, "study", study_names(), Path(str(shipped.path("studies")))):
        return path
    from experiments.scenario.library import scenario_names

    text = str(name_or_path)
    if text in scenario_names():
        msg = f"'{text}' is a scenario, not a study; run it with: coflex run {text}"
        raise CoflexError(msg)
    msg = f"unknown study '{text}'{did_you_mean(text, study_names())}, or the path of a .yaml file"
    raise CoflexError(msg)


def study_yaml(name: str | Path) -> str:
    """The text of a study, with its comments.

    Raises:
        CoflexError: it cannot be read.
    """
    path = find_study(name)
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot read {path}"
        raise CoflexError(msg) from error


def load_study(name_or_path: str | Path, sets: Iterable[str] = ()) -> Study:
    """A study by the name of a shipped one or by its file, with changes by key path.

    Raises:
        CoflexError: no such study or file.
        ScenarioError: everything that is wrong with it.
    """
    path = find_study(name_or_path)
    content = as_mapping(parse_yaml(study_yaml(path), where=path.name), where=path.name)
    profiles = content.get("profiles")
    history = profiles.get("history") if isinstance(profiles, dict) else None
    if isinstance(history, str) and history.endswith(".csv"):
        content["profiles"] = {**content["profiles"], "history": str(path.parent.resolve() / history)}
    apply_sets(content, sets)
    return study_from({"name": path.stem, **content}, where=path.name)


def study_from(content: Mapping[str, Any], where: str = "study") -> Study:
    """A study from plain data, everything checked that needs no data files.

    Raises:
        ScenarioError: everything that is wrong with it.
    """
    from experiments.sizing.checks import problems

    try:
        study = Study.model_validate(content)
    except pydantic.ValidationError as error:
        rest, _ = salvage(content, error, Study)
        found = [*sentences(error, Study), *(problems(rest) if rest and rest.members else [])]
        raise ScenarioError(f"{where}: {text}" for text in found) from error
    if found := problems(study):
        raise ScenarioError(f"{where}: {text}" for text in found)
    return study
