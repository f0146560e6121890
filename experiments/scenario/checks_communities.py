"""Checks of energy communities in a scenario: rules that exist, members that can be, shares that add up, what regulation allows."""

from collections.abc import Iterator
from itertools import combinations
from math import asin, cos, radians, sin, sqrt
from typing import TYPE_CHECKING, Any

from experiments.errors import did_you_mean
from experiments.scenario.communities import Community, Flexibility
from experiments.scenario.library import RULES, tariff_names
from experiments.scenario.people import NOBODY
from experiments.sharing import sharing_rules

if TYPE_CHECKING:
    from experiments.scenario import Scenario

Problems = Iterator[str]
EARTH_KM = 6371.0


def communities(scenario: "Scenario") -> Problems:
    """All problems of the communities of a scenario that need no network data."""
    for place, one in enumerate(scenario.actors.communities):
        path = f"actors.communities[{place}]"
        yield from _rules(path, one)
        yield from _members(path, one, scenario)
        yield from _assets(path, one, scenario)
        yield from _tariffs(path, one, scenario)
    yield from _together(scenario)


def _rules(path: str, one: Community) -> Problems:
    for kind, key, name, known_rules in (
        ("internal-price", "price.rule", one.price.rule, (*RULES["internal-price"], *RULES["internal-market"])),
        ("allocation", "allocation.rule", one.allocation.rule, tuple(RULES["allocation"])),
    ):
        if name not in known_rules:
            yield f"{path}.{key}: unknown {kind} rule '{name}'{did_you_mean(name, known_rules)}"
    if one.price.rule in RULES["internal-market"] and one.mode != "market":
        yield f"{path}.price.rule: by '{one.price.rule}' members decide for themselves; write mode: market, or {', '.join(RULES['internal-price'])}"
    known = sharing_rules()
    if one.regulation not in known:
        yield f"{path}.regulation: no rules of sharing for '{one.regulation}'{did_you_mean(one.regulation, known)}"
    elif one.allocation.rule in RULES["allocation"] and one.allocation.rule not in known[one.regulation].coefficients:
        allowed = ", ".join(known[one.regulation].coefficients)
        yield f"{path}.allocation.rule: {known[one.regulation].title}, takes no {one.allocation.rule}; write {allowed}, or another regulation"
    if one.mode == "market" and one.flexibility != Flexibility():
        yield f"{path}.flexibility: in market mode nobody schedules for all, so that no flexibility is sold (SUC02.1 rule 2); write mode: centralised"


def _members(path: str, one: Community, scenario: "Scenario") -> Problems:
    prefixes = {group.homes.prefix: group for group in scenario.homes}
    names = {name for group in scenario.homes for name in group.names}
    known = [*prefixes, *sorted(names)[:50]]
    plants = {group.mv_plant.name for group in scenario.plants}
    parts = {
        "members": list(one.members),
        "allocation.shares": list(one.allocation.shares),
        "allocation.levels": list(one.allocation.levels),
    }
    parts |= {f"shared_assets[{k}].owners": list(asset.owners) for k, asset in enumerate(one.shared_assets)}
    parts |= {"chosen": list(one.chosen), "joins": list(one.joins), "leaves": list(one.leaves)}
    for key, listed in parts.items():
        for name in listed:
            if name in plants and name not in names:
                yield f"{path}.{key}: '{name}' is a plant, not a home with a meter of its own use; name it in shared_assets with its owners"
            elif name not in prefixes and name not in names:
                yield f"{path}.{key}: there is no home and no group of homes '{name}'{did_you_mean(name, known)}"
            elif key != "members" and name not in one.members and name.rsplit("-", 1)[0] not in one.members:
                yield f"{path}.{key}: '{name}' is not asked to be a member; name it in members, or leave it out here"
    most = sum(group.homes.count for prefix, group in prefixes.items() if one.members.get(prefix, 0.0) > 0.0)
    most += len([name for name in one.members if name in names])
    if 0 < most < one.min_members:
        yield f"{path}.min_members: {one.min_members} are needed, but at most {most} homes are asked; write less, or ask more"


def _assets(path: str, one: Community, scenario: "Scenario") -> Problems:
    plants = [group.mv_plant.name for group in scenario.plants]
    for k, asset in enumerate(one.shared_assets):
        if asset.plant not in plants:
            yield f"{path}.shared_assets[{k}].plant: there is no mv_plant '{asset.plant}'{did_you_mean(asset.plant, plants)}; add it to people"
    named = [asset.plant for asset in one.shared_assets]
    for name in sorted({name for name in named if named.count(name) > 1}):
        yield f"{path}.shared_assets: '{name}' is listed twice; write one entry with all its owners"


def _tariffs(path: str, one: Community, scenario: "Scenario") -> Problems:
    """A member whose retailer pays more for surplus than it asks would trade with it in circles; sharing must be worth its grid tariff."""
    from environment.people.tariffs import tariff

    for place, group in enumerate(scenario.homes):
        if group.homes.prefix not in one.members:
            continue
        for name in group.homes.tariff:
            if name not in tariff_names():
                continue
            said = tariff(name)
            net = [
                sum(said.energy_eur_per_kwh[party][band] for party in said.energy_eur_per_kwh)
                for band in said.energy_eur_per_kwh["retailer"]
            ]
            least = min(price + said.tax_eur(price) for price in net)
            if said.sell_eur_per_kwh > least:
                yield (
                    f"people[{place}].homes.tariff: '{name}' pays {said.sell_eur_per_kwh:.3f} EUR/kWh for surplus and asks {least:.3f} in its cheapest "
                    f"hours; selling must not beat buying for members of {one.name}: choose another tariff"
                )
            elif said.sell_eur_per_kwh + one.grid_tariff_eur_per_kwh >= max(
                price + said.tax_eur(price) for price in net
            ):
                yield f"{path}.grid_tariff_eur_per_kwh: {one.grid_tariff_eur_per_kwh:g} leaves nothing to share under '{name}'; write less"


def _together(scenario: "Scenario") -> Problems:
    actors = scenario.actors
    for place, one in enumerate(actors.communities):
        if one.flexibility.through == "lfmo" and actors.lfmo is None:
            yield f"actors.communities[{place}].flexibility.through: there is no market operator (lfmo: none); write direct, or name an actors.lfmo"
    for place, one in enumerate(actors.communities):
        if not actors.fsps:
            break
        if one.mode == "centralised" and one.flexibility.offers:
            yield (
                f"actors.communities[{place}].flexibility.offers: beside fsps a need of the grid would be bought twice, since the operator buys at a market and "
                "from communities apart; write offers: false, mode: market, or leave out fsps"
            )
        for number, group in enumerate(scenario.homes):
            prefix = group.homes.prefix
            if any(name.rsplit("-", 1)[0] == prefix or name == prefix for name in one.members) and set(
                group.served_by
            ) != {NOBODY}:
                yield (
                    f"people[{number}].served_by: homes of '{prefix}' are asked by {one.name}, so that two would act on their devices; "
                    "write served_by: nobody, or name other homes in its members"
                )
    if actors.communities and scenario.clock.history_days < 1 and scenario.coordination:
        yield "clock.history_days: 0, so that homes have seen no whole day to plan from; write at least 1"
    for place, one in enumerate(actors.communities):
        if not one.plans.before(actors.dso.procures) and one.mode == "centralised":
            yield f"actors.communities[{place}].plans: forecasts ({one.plans}) must be in before the DSO looks ahead ({actors.dso.procures})"


def distances(
    one: Community, members: list[str], at: dict[str, tuple[float, float]], area: dict[str, str], *, degrees: bool
) -> Problems:
    """Members of a community who are too far from each other, or behind different transformers.

    Args:
        one: the community.
        members: names of the homes that are asked.
        at: coordinates of each connection point, longitude and latitude, or metres.
        area: local area of each.
        degrees: whether coordinates are degrees.
    """
    most = one.max_distance_km or sharing_rules()[one.regulation].radius_km
    if most is not None and one.kind == "REC":
        far = [(_km(at[a], at[b], degrees=degrees), a, b) for a, b in combinations(members, 2)]
        worst = max(far, default=(0.0, "", ""))
        if worst[0] > most:
            yield (
                f"{one.name}: {worst[1]} and {worst[2]} are {worst[0]:.2f} km apart, a REC under regulation {one.regulation} reaches {most:g} km; "
                "ask fewer homes (members), write kind: CEC, or a larger max_distance_km if the regulation allows it"
            )
    if one.same_transformer and len(found := sorted({area[name] for name in members})) > 1:
        yield f"{one.name}: members are connected behind {len(found)} transformers ({', '.join(found[:3])}); ask those of one, or write same_transformer: false"


def _km(a: tuple[float, float], b: tuple[float, float], *, degrees: bool) -> float:
    """Distance on a sphere (haversine), or in the plane."""
    if not degrees:
        return sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) / 1000.0
    (lon_a, lat_a), (lon_b, lat_b) = ([radians(value) for value in point] for point in (a, b))
    half = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin((lon_b - lon_a) / 2) ** 2
    return 2.0 * EARTH_KM * asin(sqrt(half))


def check_distances(site: Any, groups: dict[str, list[str]]) -> list[str]:
    """Problems of distance and proximity of all communities, from the network of a site."""
    from environment.grid.areas import areas_of

    network, people = site.network, site.people
    areas, xy = areas_of(network), network.coordinates
    degrees = bool((abs(xy[:, 0]) <= 180.0).all() and (abs(xy[:, 1]) <= 90.0).all())
    bus = dict(zip(people.names, people.bus.tolist(), strict=True))
    names = [area.name for area in areas.areas]
    found = []
    for one in site.scenario.actors.communities:
        members = groups[one.name]
        at = {name: (float(xy[bus[name], 0]), float(xy[bus[name], 1])) for name in members}
        area = {name: names[areas.of_bus[bus[name]]] for name in members}
        found += list(distances(one, members, at, area, degrees=degrees))
    return found
