"""The part of attackers: parties that listen on the wire and send what they should not."""

from functools import partial

from environment.addresses import Address
from environment.wiretap import Wiretap
from environment.world import World
from experiments.assembly.faults import attackers, plans
from experiments.assembly.flexibility import GDBN
from experiments.assembly.roles import Made, Maker, role
from experiments.assembly.site import Site


def addresses(site: Site) -> list[Address]:
    """An attacker has a connection of its own."""
    return [Address(name, name, (), name) for name in attackers(site)]


def channels(site: Site) -> dict[str, str]:
    """They use the channels of those whom they write to."""
    return {}


def makers(site: Site) -> list[Maker]:
    """One of each."""
    return [partial(_attacker, name=name) for name in attackers(site)]


def _attacker(site: Site, world: World, name: str) -> Made:
    tried = plans(site, world.directory, name, GDBN)
    tap = Wiretap(world.directory.number(name), frozenset(record for plan in tried for record in plan.hears()))
    world.bus.listen(tap)
    party = role("attacker")(world.seat(name), tap, tried, site.timeline.step_ms)
    return Made(party, [lambda: world.post.put_on_wire(name, tap)])
