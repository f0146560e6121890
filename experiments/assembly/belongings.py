"""Who belongs to which community: the homes that are asked, what they own of shared plants, and their HEMS addresses."""

from itertools import cycle

import numpy as np

from agents.prosumer_belonging import Belonging
from data.arrays import I64, U64
from environment.addresses import Directory
from environment.chance import name_hashes
from experiments.assembly.site import Site
from experiments.scenario import Scenario
from experiments.scenario.communities import Community, share_by_member

PARTS = {
    "platform": "platform", "integration": "integration", "planner": "energy-management", "market": "transactions",
    "settlement": "settlement",
}  # fmt: skip
"""Systems of a community's platform, by what they are called in an address."""

READ_OUT_S = 300.0
"""Meters of resources are read out five minutes after midnight (judgement)."""
NOTICE_H = 24.0
"""Who leaves says so a day before (judgement)."""
LOOKS_H = 7.5
"""People who want to know look at half past seven in the morning (judgement)."""

RIGHTS = ("access", "rectify", "restrict")
"""What members ask about their data; who leaves is erased."""


def operator(scenario: Scenario) -> str:
    """Address of the grid operator towards communities; beside providers of flexibility it has a desk (and an account) of its own for them."""
    actors = scenario.actors
    return f"{actors.dso.name}-communities" if actors.fsps else actors.dso.name


def asked(site: Site) -> dict[str, list[str]]:
    """Community -> homes that are asked to join, sorted; a home is asked by the first community that names it."""
    names, taken = site.people.names, set[str]()
    hashes = name_hashes(names)
    found = {}
    for number, one in enumerate(site.scenario.actors.communities):
        draw = site.chance.stream("community.member").uniform(hashes, number)
        chosen = [
            name for name, u in zip(names, draw.tolist(), strict=True) if name not in taken and u < _share(one, name)
        ]
        taken.update(chosen)
        found[one.name] = chosen
    return found


def _share(one: Community, home: str) -> float:
    return one.members.get(home, one.members.get(home.rsplit("-", 1)[0], 0.0))


def belongings(site: Site, directory: Directory) -> list[Belonging]:
    """What the homes know of the communities that ask them; nothing without coordination."""
    if not site.scenario.coordination:
        return []
    groups = asked(site)
    return [_belonging(site, directory, one, groups[one.name]) for one in site.scenario.actors.communities]


def _belonging(site: Site, directory: Directory, one: Community, members: list[str]) -> Belonging:
    people, days = site.people, len(site.days_ms)
    rows = np.array([people.names.index(name) for name in members], np.int64)
    hashes = name_hashes(members)
    looks = site.chance.stream("community.looks").uniform(hashes[None, :], np.arange(days, dtype=np.uint64)[:, None])
    asks = looks < one.looks
    if one.looks and not asks.any() and len(members):
        asks[:, np.argmin(looks[0])] = True
    shares = {asset.plant: share_by_member(asset.owners, members) for asset in one.shared_assets}
    at = {key: f"{one.name}/{part}" for key, part in PARTS.items()}
    return Belonging(
        community=one.name, platform=at["platform"], planner=at["planner"], market=at["market"],
        billing=f"{one.billing}/billing-system", dso=operator(site.scenario), rows=rows,
        hems=directory.numbers([f"{name}/hems" for name in members]),
        consent=site.chance.stream("community.consent").uniform(hashes) < one.consent,
        tariff=tuple(people.tariff_names[people.tariff[row]] for row in rows), assets=tuple(shares),
        owned=np.array([[held.get(name, 0.0) for held in shares.values()] for name in members]).reshape(len(members), len(shares)),
        pv=people.owns["pv"][rows], leaves_ms=_leaves(site, one, members), notice_ms=round(NOTICE_H * 3_600_000), asks=asks, asks_after_ms=round(LOOKS_H * 3_600_000), reads_after_ms=round(READ_OUT_S * 1000),
        rights=_rights(site, one, rows, hashes),
    )  # fmt: skip


def _rights(site: Site, one: Community, rows: I64, hashes: U64) -> tuple[tuple[int, int, str], ...]:
    """Some members use a right over their data, in the middle of the run; which one goes by turns."""
    first, last = site.days_ms[0][0], site.days_ms[-1][1]
    use = np.flatnonzero(site.chance.stream("community.rights").uniform(hashes) < one.rights)
    hour = site.chance.stream("community.rights-hour").uniform(hashes[use])
    at_ms = first + ((0.2 + 0.6 * hour) * (last - first)).astype(np.int64)
    asked = zip(at_ms.tolist(), rows[use].tolist(), cycle(RIGHTS))
    return tuple(sorted(asked))


def _leaves(site: Site, one: Community, members: list[str]) -> I64:
    """When each member leaves, 0 where it stays."""
    first = site.scenario.clock.start
    at = [one.leaves[name].at(site.calendar, first) if name in one.leaves else 0 for name in members]
    return np.array(at, np.int64)
