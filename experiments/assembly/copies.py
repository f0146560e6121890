"""Copies of a district: each with people, network, operators and providers of its own, in one world, without interaction.

Everything in a copy is called as in the original with a mark before its name (``data.copies``), and clones draw what their originals draw. So n copies
make n times of everything that can be counted, and leave every ratio as it is: the first law of scaling up.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from data.copies import marked
from experiments.scenario import Scenario
from experiments.scenario.faults import Fault
from experiments.scenario.people import NOBODY, HomesGroup, PlantGroup
from experiments.scenario.world import Outage

if TYPE_CHECKING:
    from environment.world import Physics, World
    from experiments.assembly.history import Histories
    from experiments.assembly.site import Progress, Site

Table = dict[str, Any]
Named = Callable[[str], str]


def build_sites(
    scenario: Scenario, seed: int, progress: "Progress", histories: "Histories | None" = None
) -> "list[Site]":
    """The site of every copy of a scenario; with ``histories`` that were lived before in this process."""
    from experiments.assembly.site import build_site

    return [build_site(scenario, seed, progress, copy, histories) for copy in range(1, scenario.copies + 1)]


def scenario_of_copy(scenario: Scenario, copy: int) -> Scenario:
    """What a copy is built from: the scenario with the names of that copy; the original is copy 1."""
    if copy == 1:
        return scenario
    named = partial(marked, copy)
    actors = scenario.actors
    parties = {key: _called(one, named) for key, one in actors if key in ("dso", "lfmo", "retailer", "dpp") and one}
    fsps = tuple(_called(fsp, named) for fsp in actors.fsps)
    return scenario.model_copy(
        update={
            "actors": actors.model_copy(update={**parties, "fsps": fsps}),
            "people": tuple(_people(group, named) for group in scenario.people),
            "events": tuple(_event(event, named) for event in scenario.events),
            "faults": tuple(_fault(fault, named) for fault in scenario.faults),
        }
    )


def _called(actor: Any, named: Named) -> Any:
    return actor.model_copy(update={"name": named(actor.name)})


def _people(group: HomesGroup | PlantGroup, named: Named) -> HomesGroup | PlantGroup:
    def served(name: str) -> str:
        return name if name == NOBODY else named(name)

    if isinstance(group, HomesGroup):
        homes = group.homes.model_copy(update={"prefix": named(group.homes.prefix)})
        by = {served(name): share for name, share in group.served_by.items()}
        return group.model_copy(update={"homes": homes, "served_by": by})
    plant = group.mv_plant
    called = {"name": named(plant.name), "bus": named(plant.bus), "served_by": served(plant.served_by)}
    return group.model_copy(update={"mv_plant": plant.model_copy(update=called)})


def _event(event: Any, named: Named) -> Any:
    if not isinstance(event, Outage):
        return event
    branches = {key: tuple(map(named, getattr(event, key))) for key in ("closes", "opens")}
    return event.model_copy(update={"outage_of": named(event.branch), **branches})


def _fault(fault: Any, named: Named) -> Any:
    return fault.model_copy(update={"party": named(fault.party)}) if isinstance(fault, Fault) else fault


class SideBySide:
    """The physics of several copies as one: they share the clock and nothing else."""

    def __init__(self, each: "Sequence[Physics]") -> None:
        self._each = each
        self.step_ms = each[0].step_ms
        self.snapshot_ms = each[0].snapshot_ms

    def close_step(self, now_ms: int) -> None:
        """Bring every copy to the end of a step."""
        for one in self._each:
            one.close_step(now_ms)

    def snapshot(self, now_ms: int) -> None:
        """Refresh the real-time measurements of every copy."""
        for one in self._each:
            one.snapshot(now_ms)


def tables_of(sites: "Sequence[Site]", world: "World") -> dict[str, Table]:
    """What a run of all copies keeps, without figures."""
    from experiments.run.tables import party_tables, scada_table, static_tables

    static = [static_tables(site, world) for site in sites]
    shared = {"addresses": static[0]["addresses"]}  # of the whole world
    said = party_tables(sites[0], world)
    if len(sites) > 1:
        said["scada"] = joined([{"scada": scada_table(site)} for site in sites])["scada"]
    return physical_tables_of(sites) | joined(static) | shared | said


def physical_tables_of(sites: "Sequence[Site]") -> dict[str, Table]:
    """Grid, devices, meters and how people fared, of all copies."""
    from experiments.run.tables import physical_tables

    found = joined([physical_tables(site) for site in sites])
    if len(sites) > 1:
        found["unserved"] = _summed(found["unserved"])
    return found


def joined(parts: Sequence[Mapping[str, Table]]) -> dict[str, Table]:
    """The rows of the same tables of several copies, one copy after the other."""
    if len(parts) == 1:
        return dict(parts[0])
    return {
        name: {column: _chained([part[name][column] for part in parts]) for column in parts[0][name]}
        for name in parts[0]
    }


def _chained(columns: Sequence[Any]) -> Any:
    if all(isinstance(column, np.ndarray) for column in columns):
        return np.concatenate(columns)
    if all(isinstance(column, pa.Array) for column in columns):
        return pa.concat_arrays(columns)
    return [value for column in columns for value in (column.tolist() if isinstance(column, np.ndarray) else column)]


def _summed(table: Table) -> Table:
    """Demand that was not supplied, of all copies together."""
    t_ms, place = np.unique(table["t_ms"], return_inverse=True)
    return {"t_ms": t_ms, "power_kw": np.bincount(place, table["power_kw"])}
