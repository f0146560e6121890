"""What a scenario says about people: groups of homes with their devices, and producers on the medium voltage."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from experiments.scenario.fields import Part, Share, check_whole, given, shares_of

NOBODY = "nobody"

ServedBy = Annotated[dict[str, Share], AfterValidator(check_whole), BeforeValidator(shares_of(default=NOBODY))]
TariffShares = Annotated[
    dict[str, Share], AfterValidator(check_whole), BeforeValidator(shares_of(default="it-flat-2025"))
]


class Homes(Part):
    """A group of homes: how many, where, under which tariff."""

    count: int = given(200, source="the homes behind one semi-urban distribution transformer", ge=1, le=1_000_000)
    """Number of homes."""
    spread: Literal["by-load", "even"] = given("by-load", source="the network's own loads say where people live")
    """Over the LV loads of the network: in proportion to their rated power, or as many each."""
    dso: str | None = given(None, source="anywhere; a name only where there are several networks (global_market.dsos)")
    """Whose network they live in."""
    tariff: TariffShares = given(
        {"it-f1f2f3-2025": 1.0}, unit="share by tariff", source="data/tariffs; one name alone means all homes"
    )
    """Tariffs and the share of homes under each."""
    contracted_kw: float = given(4.5, unit="kW", source="Italian homes with heat pump or EV: 4.5, 6 kW", gt=0, le=100)
    """Contracted power; the home keeps its net load below it."""
    prefix: str = given("home", source="a name", pattern=r"^[a-z][a-z0-9-]*$")
    """Homes are called ``<prefix>-0001`` and so on."""


class Devices(Part):
    """Shares of the homes of a group that own a device; ratings are drawn (data/profiles/device_ratings.yaml)."""

    pv: Share = given(0.0, unit="share", source="none unless said")
    """Photovoltaic system."""
    battery: Share = given(0.0, unit="share", source="none unless said")
    """Battery."""
    ev: Share = given(0.0, unit="share", source="none unless said")
    """Electric vehicle charged at home."""
    heat_pump: Share = given(0.0, unit="share", source="none unless said")
    """Heat pump for space heating."""
    water_heater: Share = given(0.0, unit="share", source="none unless said")
    """Electric water heater with a tank."""


class HomesGroup(Part):
    """Homes of one kind."""

    homes: Homes = given(Homes())
    """How many, where, under which tariff."""
    devices: Devices = given(Devices())
    """Shares of the homes that own a device."""
    served_by: ServedBy = given({NOBODY: 1.0}, unit="share by FSP", source="no contract unless said")
    """Flexibility service providers (or nobody) and the share of homes under contract with each."""
    consent: Share = given(1.0, unit="share", source="a contract implies consent; fewer for caution")
    """Share of the homes under contract that let their FSP act on their devices."""
    automatic: Share = given(1.0, unit="share", source="only devices in automatic mode respond to orders (CI-2)")
    """Share of the homes whose energy management runs in automatic mode; the rest is manual."""
    curtailable: Share = given(
        0.0,
        unit="share",
        source="none unless said; inverters since Reg. (EU) 2016/631, article 13(6), can be told to stop",
    )
    """Share of the homes whose PV can be limited from outside (the last they give for flexibility down)."""
    override_per_day: float = given(0.0, unit="1/d", source="nobody intervenes unless said", ge=0, le=24)
    """Mean number of times a day that the people of a home take control by hand."""

    @property
    def names(self) -> list[str]:
        """Names of the homes; four digits, more for more homes."""
        digits = max(4, len(str(self.homes.count)))
        return [f"{self.homes.prefix}-{number:0{digits}d}" for number in range(1, self.homes.count + 1)]


class Plant(Part):
    """A producer connected to the medium voltage."""

    name: str
    """Its name."""
    kind: Literal["pv", "wind"]
    """Photovoltaic or wind."""
    kw: float = given(unit="kW", gt=0, le=100_000)
    """Rated power."""
    bus: str
    """Bus of the network it is connected to."""
    served_by: str = given(NOBODY, source="no contract unless said")
    """The flexibility service provider it has a contract with, or nobody."""
    curtailment_eur_per_kwh: float = given(
        0.06, unit="EUR/kWh", source="judgement: what a kWh fed in earns at midday", ge=0, le=10
    )
    """What it asks for each kWh that it does without."""


class PlantGroup(Part):
    """A producer connected to the medium voltage."""

    mv_plant: Plant
    """The producer."""


def _kind(value: Any) -> str:
    is_plant = "mv_plant" in value if isinstance(value, dict) else isinstance(value, PlantGroup)
    return "(mv_plant)" if is_plant else "(homes)"


PeopleGroup = Annotated[
    Annotated[HomesGroup, Tag("(homes)")] | Annotated[PlantGroup, Tag("(mv_plant)")],
    Discriminator(_kind),
    Field(description="`homes` with its devices, or `mv_plant`"),
]
