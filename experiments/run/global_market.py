"""What a run keeps of the Flexibility Register: its tables, and its database as a file in the run's folder."""

import shutil
from pathlib import Path
from typing import Any

from environment.world import World
from experiments.assembly.site import Site

Table = dict[str, Any]
REGISTER = "flexibility-register"
FILE = "register.sqlite"


def register_tables(site: Site, world: World) -> dict[str, Table]:
    """Points, pools and accesses as the database has them at the end; nothing where there is no register."""
    if site.scenario.global_market is None or not site.scenario.coordination:
        return {}
    store = _party(world).entries.store
    points, accesses = store.points(), store.accesses()
    kept = ("gcp", "bsp", "dso", "kind", "status", "grid_element", "up_kw", "down_kw", "validated_up_kw",
            "validated_down_kw", "tso_perimeter", "version")  # fmt: skip
    pools = [
        (pool, bsp, len(members), service, state)
        for pool, bsp, members, services in store.pools()
        for service, state in services.items()
    ]
    log = {"t_ms": "at_ms"} | {name: name for name in ("number", "by", "role", "what", "subject", "admitted", "reason")}
    found = {
        "register_points": {name: [row[name] for row in points] for name in kept},
        "register_accesses": {name: [row[column] for row in accesses] for name, column in log.items()},
    }
    if pools:
        columns = ("pool", "bsp", "points", "service", "qualification")
        found["register_pools"] = dict(zip(columns, map(list, zip(*pools, strict=True)), strict=True))
    return found


def keep_register(site: Site, world: World, out: Path) -> None:
    """Put the database into the run's folder, where it is a file of the register's own."""
    if site.scenario.global_market is None or site.scenario.global_market.register_url:
        return
    store = _party(world).entries.store
    store.close()
    shutil.move(Path(store.url.removeprefix("sqlite:///")), out / FILE)


def _party(world: World) -> Any:
    return next(actor.party for actor in world.agents if actor.party.name == REGISTER)
