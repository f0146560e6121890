"""Checks of what a scenario says about faults and attacks: parties, records and fields that exist, values that fit."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from experiments.errors import did_you_mean
from experiments.scenario.faults import Alter, Attack, Fault, Forge

if TYPE_CHECKING:
    from environment.messages.base import Field, Record
    from experiments.scenario import Scenario

Problems = Iterator[str]
NUMBERS = ("float", "int", "profile")
MARKET_SYSTEMS = ("cbp", "flexibility-register", "tso-market", "pgui")
"""Parties that every global market has."""
GDBN = "gdbn-1"
"""Name of the grid data and business network among the parties."""


def fault_parties(scenario: "Scenario") -> Problems:
    """Problems of the parties that faults and attacks name."""
    known = party_names(scenario)
    for place, fault in enumerate(scenario.faults):
        path = f"faults[{place}]"
        if isinstance(fault, Fault):
            named = scenario.actors.names() + [group.mv_plant.name for group in scenario.plants] + of_market(scenario)
            if fault.party not in named:
                yield f"{path}.party: unknown party '{fault.party}'{did_you_mean(fault.party, named)}"
            elif fault.offers is not None and fault.party not in [fsp.name for fsp in scenario.actors.fsps] + providers(
                scenario
            ):
                yield f"{path}.offers: '{fault.party}' is no flexibility service provider and offers nothing"
            elif fault.inflates is not None and fault.party not in [fsp.name for fsp in scenario.actors.fsps]:
                yield f"{path}.inflates: '{fault.party}' is no flexibility service provider and declares no baseline"
            elif fault.inflates is not None and scenario.actors.lfmo is None:
                yield f"{path}.inflates: a baseline is inflated where its provider bids, and there is no market (actors.lfmo: none)"
            elif (fault.reports is not None or fault.ignores_limits) and fault.party not in providers(scenario):
                key = "reports" if fault.reports is not None else "ignores_limits"
                yield f"{path}.{key}: '{fault.party}' is no provider of balancing services{did_you_mean(fault.party, providers(scenario))}"
            continue
        if fault.attacker in known or is_home(scenario, fault.attacker):
            yield f"{path}.attacker: a party is called '{fault.attacker}' already; give the attacker a name of its own"
        for key, name in (("as", fault.claims), ("target", fault.target)):
            own = [*known, fault.attacker]
            if name is not None and name not in own and not is_home(scenario, name):
                yield f"{path}.{key}: unknown party '{name}'{did_you_mean(name, own)}"


def party_names(scenario: "Scenario") -> list[str]:
    """Names of all parties but the homes."""
    plants = (group.mv_plant.name for group in scenario.plants)
    return [*scenario.actors.names(), *plants, *of_market(scenario), GDBN]


def of_market(scenario: "Scenario") -> list[str]:
    """Names of the parties of a global market, its platforms included."""
    return [*scenario.global_market.names(), *MARKET_SYSTEMS] if scenario.global_market else []


def providers(scenario: "Scenario") -> list[str]:
    """Names of the balancing service providers."""
    return [one.name for one in scenario.global_market.bsps] if scenario.global_market else []


def is_home(scenario: "Scenario", name: str) -> bool:
    """Whether a home has this name."""
    found = re.fullmatch(r"(.+)-(\d{4,})", name)
    return found is not None and any(
        group.homes.prefix == found[1] and 1 <= int(found[2]) <= group.homes.count for group in scenario.homes
    )


def attacks(scenario: "Scenario") -> Problems:
    """Problems of the records and fields that attacks name."""
    for place, fault in enumerate(scenario.faults):
        if isinstance(fault, Attack):
            if not scenario.actors.fsps and scenario.global_market is None:
                yield f"faults[{place}]: there is nothing to attack without flexibility service providers (actors.fsps)"
            yield from (f"faults[{place}].{problem}" for problem in _of_record(fault))


def _of_record(attack: Attack) -> Iterable[str]:
    from environment.messages import records
    from environment.messages.base import fields

    name = attack.record
    if name not in records():
        yield f"{attack.verb}: unknown record '{name}'{did_you_mean(name, records(), most=40)}"
        return
    record = records()[name]
    known = {one.name: one for one in fields(record)}
    if isinstance(attack, Forge):
        for field, value in attack.fields.items():
            yield from _unknown(record, field, known, f"fields.{field}")
            if field in known:
                yield from _of_value(record, known[field], value, f"fields.{field}")
    elif isinstance(attack, Alter):
        yield from _unknown(record, attack.field, known, "field")
        if attack.field in known:
            yield from _of_change(record, known[attack.field], attack)


def _unknown(record: "type[Record]", field: str, known: dict[str, "Field"], key: str) -> Iterable[str]:
    if field not in known:
        yield f"{key}: {record.__name__} has no field '{field}'{did_you_mean(field, known)}"


def _of_change(record: "type[Record]", field: "Field", attack: Alter) -> Iterable[str]:
    """Whether the change gives a value that the field can have."""
    if attack.by is None:
        assert attack.value is not None
        yield from _of_value(record, field, attack.value, "value")
    elif field.kind not in NUMBERS:
        yield f"by: {record.__name__}.{field.name} is no number; write value"


def _of_value(record: "type[Record]", field: "Field", value: float | str, key: str) -> Iterable[str]:
    """Whether a field can have a value."""
    where, item = f"{record.__name__}.{field.name}", field.item
    kind = "bool" if isinstance(value, bool) else "float" if isinstance(value, float) else "str"
    number = kind == "float"
    if kind != ("float" if field.kind in NUMBERS else field.kind):
        what = {"str": "a text", "bool": "true or false", "names": "a list, which nobody alters"}
        yield f"{key}: {where} is {what.get(field.kind, 'a number')}"
    elif number and not _within(float(value), item):
        yield f"{key}: {value:g} is out of the range of {where}"
    elif item.one_of and value not in item.one_of:
        yield f"{key}: {where} is one of {', '.join(item.one_of)}"


def _within(value: float, item: Any) -> bool:
    return (item.ge is None or value >= item.ge) and (item.le is None or value <= item.le)
