"""Checks of a scenario with local and global markets: names that are one's own, homes in networks that there are, times in their order."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from experiments.errors import did_you_mean
from experiments.scenario.checks_faults import MARKET_SYSTEMS
from experiments.scenario.checks_global_bids import global_bids
from experiments.scenario.fields import DayTime

if TYPE_CHECKING:
    from experiments.scenario import Scenario
    from experiments.scenario.global_market import GlobalMarket


def global_market(scenario: "Scenario") -> Iterator[str]:
    """Names and times of a global market; nothing where there is none."""
    said = scenario.global_market
    dsos = [one.name for one in said.dsos] if said else []
    for place, group in enumerate(scenario.homes):
        if said is None and group.homes.dso is not None:
            yield f"people[{place}].homes.dso: there is one network only; leave it out, or add global_market.dsos"
        elif said and group.homes.dso is not None and group.homes.dso not in dsos:
            yield f"people[{place}].homes.dso: unknown system operator '{group.homes.dso}'{did_you_mean(group.homes.dso, dsos)}"
    if said is None:
        return
    for name, count in Counter(
        [*said.names(), said.transmission.company, *MARKET_SYSTEMS, scenario.actors.retailer.name, "state"]
    ).items():
        if count > 1:
            yield f"global_market: more than one party is called '{name}'; give each its own name"
    for other in ("pilot", "heaters"):
        if getattr(scenario, other):
            yield f"global_market: it stands alone; leave out {other}, or global_market"
    if scenario.actors.fsps or scenario.actors.communities:
        yield "global_market: balancing service providers serve the homes, beside whom no other provider can; leave out actors.fsps and actors.communities"
    yield from _order(said)
    yield from global_bids(said)


def _order(said: "GlobalMarket") -> Iterator[str]:
    """What is fixed before the market's gate must be due before it."""
    lights = said.lights
    steps: list[tuple[str, DayTime]] = [
        ("lights.first", lights.first), ("lights.deadline", lights.deadline), ("gate", said.gate),
    ]  # fmt: skip
    for (first, early), (second, late) in pairwise(steps):
        if not early.before(late):
            yield f"global_market.{second}: {late} must be after global_market.{first} ({early})"
    dsos = [one.name for one in said.dsos]
    for place, moved in enumerate(said.tso_updates):
        if moved.dso not in dsos:
            yield f"global_market.tso_updates[{place}].dso: unknown system operator '{moved.dso}'{did_you_mean(moved.dso, dsos)}"
    for place, bsp in enumerate(said.bsps):
        for number, update in enumerate(bsp.updates):
            if update.dso is not None and update.dso not in dsos:
                key = f"global_market.bsps[{place}].updates[{number}].dso"
                yield f"{key}: unknown system operator '{update.dso}'{did_you_mean(update.dso, dsos)}"
        for key in ("registers", "registers_late"):
            if not getattr(bsp, key).before(lights.first):
                yield f"global_market.bsps[{place}].{key}: {getattr(bsp, key)} must be before lights.first ({lights.first})"
