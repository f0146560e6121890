"""The controls of a scenario: what someone may change, with bounds, choices, units and help from the scenario schema itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from dashboard import controls_kinds
from dashboard.controls_field import Changes, Control, Group, of_field, of_rule
from dashboard.scenarios import Base, Path_
from experiments.scenario.actors import Actors, Fsp, Rules
from experiments.scenario.balancing import Balancing
from experiments.scenario.fields import Part
from experiments.scenario.global_market import GlobalMarket
from experiments.scenario.heaters import Heaters
from experiments.scenario.library import RULES, known_places, tariff_names
from experiments.scenario.people import NOBODY, HomesGroup, PlantGroup
from experiments.scenario.pilot import Pilot
from experiments.scenario.world import Channel, Clock, Grid, Place, Platforms

CHANNELS: Final = ("gdbn", "market", "cbp", "direct")
"""The channels between parties that the controls of messages move together."""
MIXED: Final = "several, as it is"
WEATHERS: Final = {"nsrdb-2019": "as measured in 2019 (NSRDB)", "generated": "made up by chance (generated)"}


@dataclass(frozen=True)
class Parts:
    """The parts of a scenario, every default filled in; None for what it has not."""

    clock: Clock
    place: Place
    grid: Grid
    people: Sequence[HomesGroup | PlantGroup]
    actors: Actors
    rules: Rules
    platforms: Platforms
    heaters: Heaters | None = None
    pilot: Pilot | None = None
    global_market: GlobalMarket | None = None
    balancing: Balancing | None = None


def parts_of(content: Mapping[str, Any]) -> Parts:
    """The parts of a scenario that can be changed.

    Raises:
        pydantic.ValidationError: something is wrong with the scenario (``coflex validate`` says what, in its own words).
    """

    def read(kind: type[Part], key: str) -> Any:
        return kind.model_validate(content.get(key) or {})

    def own(kind: type[Part], key: str) -> Any:
        return None if content.get(key) is None else kind.model_validate(content[key])

    groups = content.get("people") or [{}]
    people = [(PlantGroup if "mv_plant" in one else HomesGroup).model_validate(one) for one in groups]
    return Parts(
        read(Clock, "clock"), read(Place, "place"), read(Grid, "grid"), people, read(Actors, "actors"),
        read(Rules, "rules"), read(Platforms, "platforms"), own(Heaters, "heaters"), own(Pilot, "pilot"),
        own(GlobalMarket, "global_market"), own(Balancing, "balancing"),
    )  # fmt: skip


def groups(base: Base) -> list[Group]:
    """Every control that means something in this scenario, by theme.

    Raises:
        pydantic.ValidationError: something is wrong with the scenario.
    """
    parts = parts_of(base.content)
    homes = [(number, one) for number, one in enumerate(parts.people) if isinstance(one, HomesGroup)]
    found = [Group("Season and place", list(_season(parts)))]
    for number, group in homes:
        title = "Homes and devices" if len(homes) == 1 else f"Homes called {group.homes.prefix}"
        whose = "" if len(homes) == 1 else f" ({group.homes.prefix})"
        own = _homes(number, group, asked=parts.heaters is not None)
        found.append(Group(title, [replace(one, label=one.label + whose) for one in own]))
    found.append(Group("Grid", list(_grid(parts))))
    if parts.actors.fsps:
        found.append(Group("Market and settlement", list(_market(parts))))
    if parts.actors.communities:
        found.append(Group("Community", list(_communities(parts.actors))))
    if parts.heaters:
        found.append(Group("Water heaters", list(controls_kinds.of_heaters(parts.heaters))))
    if parts.pilot:
        found.append(Group("Pilot", list(controls_kinds.of_pilot(parts.pilot))))
    if parts.global_market:
        found.append(Group("Operators and markets", list(controls_kinds.of_global_market(parts.global_market))))
    if parts.balancing:
        found.append(Group("Balancing", list(controls_kinds.of_balancing(parts.balancing))))
    found.append(Group("Messages", list(_messages(parts.platforms))))
    return [group for group in found if group.controls]


def _season(parts: Parts) -> Iterator[Control]:
    clock, place = parts.clock, parts.place
    yield of_field(clock, "start", ("clock",), "First day of delivery")
    yield of_field(clock, "days", ("clock",), "Days", high=31.0)
    cities = tuple(known_places())
    if place.city in cities:

        def move(city: str) -> Changes:
            kept = {"weather": place.weather, "irradiance_scale": place.irradiance_scale}
            return [(("place",), {"city": city, **kept})]  # whole: coordinates and country go with the city

        yield of_field(place, "city", ("place",), "City", cities, write=move)
    weathers = ("nsrdb-2019", "generated") if place.city in cities else ("generated",)
    yield of_field(place, "weather", ("place",), "Weather", weathers, words=WEATHERS)
    yield of_field(place, "irradiance_scale", ("place",), "Sun, as a factor", low=0.1)


def _homes(number: int, group: HomesGroup, asked: bool) -> Iterator[Control]:
    at: Path_ = ("people", number)
    homes, devices = (*at, "homes"), (*at, "devices")
    yield of_field(group.homes, "count", homes, "Number of homes")
    for name, label in (
        ("ev", "with an electric vehicle"), ("heat_pump", "with a heat pump"), ("pv", "with photovoltaics"),
        ("battery", "with a battery"), ("water_heater", "with an electric water heater"),
    ):  # fmt: skip
        yield of_field(group.devices, name, devices, f"Homes {label}")
    yield _tariff(group, homes)
    yield of_field(group.homes, "contracted_kw", homes, "Contracted power (kW)")
    if set(group.served_by) - {NOBODY}:
        yield _contracts(group, at)
        yield of_field(group, "consent", at, "Homes under contract that consent")
        yield of_field(group, "curtailable", at, "Photovoltaics that may be limited")
    elif asked:
        yield of_field(group, "consent", at, "Homes that consent")
    yield of_field(group, "automatic", at, "Homes in automatic mode")
    yield of_field(group, "override_per_day", at, "Times a day that people take control by hand", high=24.0)


def _tariff(group: HomesGroup, path: Path_) -> Control:
    shares = group.homes.tariff
    now = next(iter(shares)) if len(shares) == 1 else MIXED
    choices = (*([MIXED] if now == MIXED else []), *tariff_names())
    listed = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    made = of_field(group.homes, "tariff", path, "Tariff", choices, value=now, kind="choice",
                    write=lambda name: [((*path, "tariff"), {name: 1.0})])  # fmt: skip
    return Control(**{**vars(made), "help": f"{made.help}\n\nIn the scenario: {listed}"})


def _contracts(group: HomesGroup, path: Path_) -> Control:
    """Share of the homes under contract with any provider; those of the providers keep their proportions."""
    providers = {name: share for name, share in group.served_by.items() if name != NOBODY and share}
    whole = sum(providers.values())

    def write(share: float) -> Changes:
        parts = {name: share * one / whole if whole else share / len(providers) for name, one in providers.items()}
        shares = {name: round(one, 6) for name, one in parts.items()}
        return [((*path, "served_by"), {**shares, NOBODY: round(1.0 - sum(shares.values()), 6)})]

    return of_field(
        group, "served_by", path, "Homes under contract with a provider", value=whole, kind="share", write=write
    )


def _grid(parts: Parts) -> Iterator[Control]:
    grid = parts.grid
    yield of_field(grid, "transformer_rating_factor", ("grid",), "Size of the transformers, as a factor", low=0.05)
    yield of_field(grid, "load_factor", ("grid",), "Other loads of the grid, as a factor")
    limits: Path_ = ("grid", "limits")
    yield of_field(grid.limits, "transformer_percent", limits, "Limit of transformers (%)", low=10.0)
    yield of_field(grid.limits, "line_percent", limits, "Limit of lines (%)", low=10.0)


def _market(parts: Parts) -> Iterator[Control]:
    rules, actors = parts.rules, parts.actors
    at: Path_ = ("rules",)
    if actors.lfmo is not None:
        yield of_rule(rules, "clearing", at, "Clearing: who is taken", "clearing")
        yield of_rule(rules, "pricing", at, "Pricing: what they are paid", "pricing")
    yield of_rule(rules.baseline, "rule", (*at, "baseline"), "Baseline: against which delivery is measured", "baseline")
    settled: Path_ = (*at, "settlement")
    yield of_rule(rules.settlement, "rule", settled, "Settlement: how delivery is paid", "settlement")
    yield of_field(
        rules.settlement, "penalty_eur_per_kwh", settled, "Penalty for what is not delivered (EUR/kWh)", high=10.0
    )
    yield of_field(rules.settlement, "grace", settled, "Full pay from this share delivered")
    yield of_field(actors.dso, "margin_percent", ("actors", "dso"), "Safety margin of the DSO (%)")
    yield _margins(actors.fsps)


def _margins(fsps: Sequence[Fsp]) -> Control:
    """What providers add to their cost, of all at once."""

    def write(value: float) -> Changes:
        return [(("actors", "fsps", number, "margin_percent"), value) for number in range(len(fsps))]

    return of_field(
        fsps[0], "margin_percent", ("actors", "fsps", 0), "What providers add to their cost (%)", write=write
    )


def _communities(actors: Actors) -> Iterator[Control]:
    for number, one in enumerate(actors.communities):
        at: Path_ = ("actors", "communities", number)
        whose = f" of {one.name}" if len(actors.communities) > 1 else ""
        inside = tuple(RULES["internal-price"]) + (tuple(RULES["internal-market"]) if one.mode == "market" else ())
        yield of_rule(one.price, "rule", (*at, "price"), f"Internal price{whose}", "internal-price", inside)
        yield of_rule(one.allocation, "rule", (*at, "allocation"), f"How energy is shared out{whose}", "allocation")
        if one.mode == "centralised":
            aims = [aim for aim in ("total-cost", "self-consumption", "member-profit", "emissions")
                    if aim != "member-profit" or one.chosen]  # fmt: skip
            yield of_field(one, "objective", at, f"What the schedule is for{whose}", aims)
        yield of_field(one, "grid_tariff_eur_per_kwh", at, f"Grid tariff of shared energy{whose} (EUR/kWh)")
        yield of_field(one.flexibility, "offers", (*at, "flexibility"), f"Flexibility is offered{whose}")
        yield of_field(one.flexibility, "penalty_eur_per_kwh", (*at, "flexibility"), f"Penalty{whose} (EUR/kWh)")
        yield of_field(one, "consent", at, f"Members that consent{whose}")


def _messages(platforms: Platforms) -> Iterator[Control]:
    channel = platforms.gdbn
    kind, values = channel.delay_s.kind, channel.delay_s.parameters
    typical = sum(values) / len(values) if kind == "uniform" else values[0]

    def delays(seconds: float) -> Changes:
        scaled = [round(max(0.001, one * seconds / typical), 6) for one in values]
        delay = {kind: scaled if len(scaled) > 1 else scaled[0]}
        return [(("platforms", name, "delay_s"), delay) for name in CHANNELS]

    at: Path_ = ("platforms", "gdbn")
    yield of_field(
        channel, "delay_s", at, "Typical delay of a message (s)", value=typical, kind="number", low=0.01, high=3600.0,
        write=delays,
    )  # fmt: skip
    yield _lost(channel, at)
    yield of_field(platforms, "authenticate", ("platforms",), "Signatures are checked")


def _lost(channel: Channel, at: Path_) -> Control:
    def write(share: float) -> Changes:
        return [(("platforms", name, "loss"), share) for name in CHANNELS]

    return of_field(channel, "loss", at, "Messages that are lost", write=write)
