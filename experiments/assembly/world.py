"""Site -> world: the parties of every part, their addresses, and the bus between them."""

from collections.abc import Sequence
from importlib import import_module
from typing import cast

from environment.addresses import Address, Directory
from environment.bus import Bus
from environment.channels import Channel, Delay
from environment.units import MS_PER_S
from environment.world import World
from experiments.assembly.copies import SideBySide
from experiments.assembly.faults import disturbances
from experiments.assembly.roles import Part
from experiments.assembly.site import Site
from experiments.scenario.world import Channel as ChannelScenario
from experiments.usecases import permissions_of_records

PARTS = (
    "experiments.assembly.homes", "experiments.assembly.flexibility", "experiments.assembly.communities", "experiments.assembly.pilot",
    "experiments.assembly.heaters", "experiments.assembly.global_market", "experiments.assembly.balancing",
    "experiments.assembly.attackers",
)  # fmt: skip
"""Modules that add parties to a world where its scenario has them."""


def build_world(site: Site, *others: Site) -> World:
    """The world of a site, or of all copies of one; without coordination only homes, retailer and state act."""
    sites = (site, *others)
    parts = [cast("Part", import_module(name)) for name in PARTS]
    found: list[Address] = [address for one in sites for part in parts for address in part.addresses(one)]
    directory = Directory(found)
    behind = {name: channel for one in sites for part in parts for name, channel in part.channels(one).items()}
    physics = SideBySide([one.living.physics for one in sites]) if others else site.living.physics
    world = World(directory, _bus(sites, directory, behind), physics)
    for one in sites:
        for part in parts:
            for make in part.makers(one):
                world.add(*make(one, world))
    return world


def _bus(sites: Sequence[Site], directory: Directory, behind: dict[str, str]) -> Bus:
    site = sites[0]
    platforms = site.scenario.platforms
    channel_of = {}
    for name in directory.names:
        channel = behind.get(name) or behind.get(name.split("/")[0])
        if channel:
            channel_of[name] = channel
    named = {name: _channel(name, getattr(platforms, name)) for name in ("gdbn", "market", "cbp", "meters")}
    return Bus(
        directory, site.chance, permissions_of_records(), named, channel_of,
        _channel("direct", platforms.direct), _channel("internal", platforms.internal),
        tuple(disturbance for one in sites for disturbance in disturbances(one, directory, channel_of)),
        authenticate=platforms.authenticate,
    )  # fmt: skip


def _channel(name: str, said: ChannelScenario) -> Channel:
    parameters = said.delay_s.parameters
    delay = Delay(said.delay_s.kind, parameters[0], parameters[-1])  # type: ignore[arg-type]
    within_ms = round(said.acknowledge_within_s * MS_PER_S)
    return Channel(name, delay, said.loss, said.duplication, within_ms, said.attempts, said.messages_per_s)
