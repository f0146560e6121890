"""What is wrong with a study beside its types: names that do not exist, and the rules of communities; all at once, with the way out."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import data
from experiments.assembly.sizing_devices import car
from experiments.errors import did_you_mean
from experiments.scenario.library import tariff_names
from experiments.sizing.study import Asset, BusinessModel, Member, Study
from markets.community_rules import Placed, distance_faults, membership_faults, share_fault, size_fault

INVESTOR = "investor"


def problems(study: Study) -> list[str]:
    """One sentence a fault: ``members[3].tariff: unknown tariff ...``."""
    parts = (_names, _members, _assets, _charging, _models, _community, _profiles)
    return [fault for part in parts for fault in part(study)]


def _names(study: Study) -> Iterator[str]:
    if not study.members:
        yield "members: there is none; a community has at least two"
    counted = Counter([*(member.name for member in study.members), *(asset.name for asset in study.assets)])
    for name in sorted(name for name, count in counted.items() if count > 1):
        yield f"members, assets: the name '{name}' is given {counted[name]} times; names are unique"
    for name in sorted(name for name in counted if "/" in name or name in (INVESTOR, "community")):
        yield f"members, assets: '{name}' cannot be a name (no /, and not {INVESTOR} or community)"
    models = Counter(model.name for model in study.business_models)
    for name in sorted(name for name, count in models.items() if count > 1):
        yield f"business_models: the name '{name}' is given {models[name]} times; names are unique"


def _members(study: Study) -> Iterator[str]:
    for number, member in enumerate(study.members):
        where = f"members[{number}]"
        yield from _tariff(f"{where}.tariff", member.tariff, member)
        known = uses()
        if member.use not in known:
            yield f"{where}.use: '{member.use}' is not a known kind of consumption{did_you_mean(member.use, known)}"
        if member.meter == "none" and member.annual_kwh is None:
            yield (
                f"{where} ({member.name}): it has neither a meter nor annual_kwh; write annual_kwh, so that a typical profile can stand in "
                "for the readings, or meter: smart"
            )
        if (
            study.profiles.history == "simulated"
            and member.meter == "smart"
            and member.missing > study.profiles.most_missing
        ):
            yield (
                f"{where}.missing ({member.name}): {100 * member.missing:g}% of the readings are missing, more than "
                f"profiles.most_missing ({100 * study.profiles.most_missing:g}%); write meter: none and annual_kwh, so that a typical profile "
                "stands in, or raise profiles.most_missing"
            )


def uses() -> tuple[str, ...]:
    """Kinds of consumption with a typical profile."""
    return tuple(sorted(data.read_yaml("profiles", "typical_consumers.yaml")["uses"]))


def _tariff(where: str, name: str, of: Member | Asset) -> Iterator[str]:
    if name not in tariff_names():
        yield f"{where}: unknown tariff '{name}'{did_you_mean(name, tariff_names())}"
        return
    from environment.people.tariffs import tariff

    given = tariff(name)
    sell = (
        of.surplus_eur_per_kwh
        if isinstance(of, Member) and of.surplus_eur_per_kwh is not None
        else given.sell_eur_per_kwh
    )
    bands = {band for prices in given.energy_eur_per_kwh.values() for band in prices}
    least = min(
        sum(prices[band] for prices in given.energy_eur_per_kwh.values())
        * (1.0 + given.tax_share)
        * (1.0 + given.vat_share)
        for band in bands
    )
    if sell >= least:
        key = "surplus_eur_per_kwh" if isinstance(of, Member) else "tariff"
        yield (
            f"{where.rpartition('.')[0]}.{key} ({of.name}): surplus is paid {sell:g} EUR/kWh, buying costs {least:.4g} EUR/kWh at least, so that "
            "selling beats buying and every size pays; give a price below it"
        )


def _assets(study: Study) -> Iterator[str]:
    members = [member.name for member in study.members]
    for number, asset in enumerate(study.assets):
        where = f"assets[{number}]"
        yield from _tariff(f"{where}.tariff", asset.tariff, asset)
        for name in asset.owners:
            if name not in members:
                yield f"{where}.owners: '{name}' is not a member{did_you_mean(name, members)}"
        if asset.owners and (fault := share_fault(asset.owners)):
            yield f"{where}.owners ({asset.name}): {fault}"


def _charging(study: Study) -> Iterator[str]:
    for number, one in enumerate(study.sites):
        if given := one.charging:
            at = f"members[{number}]" if isinstance(one, Member) else f"assets[{number - len(study.members)}]"
            where = f"{at}.charging ({one.name})"
            if fault := car(given).fault:
                yield f"{where}: {fault}"
            if given.existing > given.cars:
                yield f"{where}: {given.existing} chargers for {given.cars} cars; write no more existing ones than cars"


def _models(study: Study) -> Iterator[str]:
    members = [member.name for member in study.members]
    if not study.business_models:
        yield "business_models: there is none; name one at least"
    for number, model in enumerate(study.business_models):
        yield from _model(f"business_models[{number}]", model, members, bool(study.assets))


def _model(where: str, model: BusinessModel, members: list[str], shared: bool) -> Iterator[str]:
    if model.ownership in ("shared", "third-party") and not shared:
        yield f"{where}.ownership: {model.ownership} needs a shared site; list one under assets, or write individual"
    if model.objective == "profit" and model.ownership != "third-party" and not model.profit_of:
        yield f"{where}.profit_of: whose profit? name members, or write ownership: third-party"
    known = [*members, *([INVESTOR] if model.ownership == "third-party" else [])]
    for name in model.profit_of:
        if name not in known:
            yield f"{where}.profit_of: '{name}' is not one of the accounts{did_you_mean(name, known)}"


def _community(study: Study) -> Iterator[str]:
    community = study.community
    kept = [member for member in study.members if member.consent]
    if study.members and (fault := size_fault([member.name for member in kept], community.minimum_members)):
        yield f"community.minimum_members: {fault} (members without consent do not count)"
    places = [Placed(member.name, member.position.x_m, member.position.y_m) for member in kept]
    plants = [Placed(asset.name, asset.position.x_m, asset.position.y_m) for asset in study.assets]
    faults = distance_faults(community.type, places, plants, community.maximum_distance_m)
    for fault in [*faults, *membership_faults(community.type, {member.name: member.who for member in kept})]:
        yield f"community.type: {fault}"


def _profiles(study: Study) -> Iterator[str]:
    one = study.profiles
    if one.representative_days <= one.extreme_days:
        yield f"profiles.representative_days: {one.representative_days} leave no day beside {one.extreme_days} extreme ones; write more"
    if one.history != "simulated" and not Path(one.history).is_file():
        yield f"profiles.history: there is no file {one.history}; write simulated, or the path of a .csv file"
