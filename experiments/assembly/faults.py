"""Scenario -> what goes wrong in a world: disturbances of channels and parties, and attackers with what they will try."""

from collections.abc import Iterable

import numpy as np

from agents.attacker import Plan
from environment.addresses import Address, Directory
from environment.channels import Disturbance, DroppedAcknowledgements, Outage
from environment.messages import records
from environment.units import MS_PER_S
from experiments.assembly.site import Site
from experiments.scenario.faults import ORDERS, Alter, Attack, Forge
from experiments.scenario.world import PlatformDown
from experiments.usecases import permissions_of_records


def disturbances(site: Site, directory: Directory, channel_of: dict[str, str]) -> tuple[Disturbance, ...]:
    """Platforms that are down, parties that are silent, acknowledgements that get lost.

    Args:
        site: with the scenario and its calendar.
        directory: all addresses.
        channel_of: address -> channel that it is reached by; ``direct`` where it is not in it.
    """
    scenario, calendar, end_ms = site.scenario, site.calendar, site.timeline.end_ms
    first = scenario.clock.start
    found: list[Disturbance] = []
    for event in scenario.events:
        if isinstance(event, PlatformDown):
            down = np.array([channel_of.get(name, "direct") == event.platform_down for name in directory.names], bool)
            until = end_ms if event.ends is None else event.ends.at(calendar, first)
            found.append(Outage(down, event.starts.at(calendar, first), until))
    for fault in scenario.failing:
        party = np.array([address.operator == fault.party for address in directory.addresses], bool)
        if fault.silent is not None:
            until = end_ms if fault.silent.ends is None else fault.silent.ends.at(calendar, first)
            found.append(Outage(party, fault.silent.starts.at(calendar, first), until))
        if fault.drop_acknowledgements:
            found.append(DroppedAcknowledgements(party, 0, end_ms, fault.drop_acknowledgements))
    return tuple(found)


def attackers(site: Site) -> list[str]:
    """Names of the attackers, sorted; there are none in a world without coordination."""
    return sorted({attack.attacker for attack in site.scenario.attacks}) if site.scenario.coordination else []


def plans(site: Site, directory: Directory, attacker: str, gdbn: str) -> list[Plan]:
    """What an attacker will try, in the order written.

    Args:
        site: with the scenario and its calendar.
        directory: all addresses.
        attacker: its name.
        gdbn: address of the platform that dispatch notices go to.
    """
    mine = [attack for attack in site.scenario.attacks if attack.attacker == attacker]
    return [_plan(site, directory, attack, f"{number}", gdbn) for number, attack in enumerate(mine)]


def _plan(site: Site, directory: Directory, attack: Attack, number: str, gdbn: str) -> Plan:
    senders = _addresses_of(directory, attack.claims)
    targets = _addresses_of(directory, attack.target) if attack.target else []
    if attack.verb == "forge" and attack.record in ORDERS:
        targets = _receivers(directory, attack.record, targets, gdbn)
    altering = attack if isinstance(attack, Alter) else None
    forging = attack if isinstance(attack, Forge) else None
    return Plan(
        name=number, kind=attack.verb, record=records()[attack.record], claimed=_claimed(attack.record, senders),
        senders=directory.numbers([one.name for one in senders]), targets=directory.numbers([one.name for one in targets]),
        at_ms=_instants(site, attack), within_ms=round(attack.every_s * MS_PER_S),
        field=altering.field if altering else "", by=altering.by if altering else None,
        value=altering.value if altering else None, kw=forging.kw if forging else None,
        words=tuple(forging.fields.items()) if forging else (),
    )  # fmt: skip


def _instants(site: Site, attack: Attack) -> range | list[int]:
    first = attack.first.at(site.calendar, site.scenario.clock.start)
    if attack.ends is None:
        return [first]
    return range(first, attack.ends.at(site.calendar, site.scenario.clock.start), round(attack.every_s * MS_PER_S))


def _addresses_of(directory: Directory, name: str) -> list[Address]:
    """Addresses of a party and its systems; of a home, its own and that of its devices."""
    return [address for address in directory.addresses if address.name.partition("/")[0] == name]


def _claimed(record: str, senders: list[Address]) -> str:
    """The address of the claimed party that may send such a record by the catalogue, else the party's own."""
    may = permissions_of_records().get(record, frozenset())
    return next((one.name for one in senders if may & set(one.actors)), senders[0].name)


def _receivers(directory: Directory, record: str, targets: Iterable[Address], gdbn: str) -> list[Address]:
    """Who gets a made-up message: the devices (all, or those of the target) for signals, one system for a notice."""
    targets = list(targets)
    if record == "ActivationSignal":
        devices = [address for address in targets or directory.addresses if address.device]
        return devices or targets
    if not targets:
        return [address for address in directory.addresses if address.name == gdbn]
    return [one for one in targets if "fsp-technical-platform" in one.actors] or targets[:1]
