"""World -> tables of balancing services: the frequency that devices measured, and what they were asked and gave."""

from typing import Any

import numpy as np

from experiments.assembly.site import Site

Table = dict[str, Any]


def balancing_tables(site: Site) -> dict[str, Table]:
    """The truth about frequency and responses; nothing where no device listens."""
    if site.scenario.balancing is None or not site.scenario.coordination:
        return {}
    return {"frequency": _frequency(site), "reserve_responses": _responses(site)}


def _frequency(site: Site) -> Table:
    """The frequency in the intervals of the world."""
    heard = site.living.physics.installed["battery"].fleet.reserve.frequency
    assert heard is not None
    timeline = site.timeline
    steps = site.living.physics.meters.known - site.living.physics.first
    mhz = 1000.0 * heard.deviation_hz.reshape(-1, timeline.step_ms // heard.tick_ms)[:steps]
    return {
        "t_ms": timeline.starts_ms[site.living.physics.first :][: len(mhz)],
        "mean_mhz": mhz.mean(axis=1),
        "std_mhz": mhz.std(axis=1),
        "least_mhz": mhz.min(axis=1),
        "most_mhz": mhz.max(axis=1),
    }


def _responses(site: Site) -> Table:
    physics = site.living.physics
    names = ("asked_kwh", "given_kwh", "moved_kwh", "missed_kwh")
    parts: dict[str, list[Any]] = {name: [] for name in ("owner", "kind", "t_ms", *names)}
    for kind, accounts in physics.record.reserve.items():
        owners = np.array(physics.installed[kind].fleet.owners, object)
        for step, account in accounts:
            rows = np.flatnonzero(account.moved_kwh > 0.0)
            parts["owner"].append(owners[rows])
            parts["kind"].append(np.full(len(rows), kind, object))
            parts["t_ms"].append(np.full(len(rows), site.timeline.starts_ms[physics.first + step]))
            for name in names:
                parts[name].append(getattr(account, name)[rows])
    return {name: np.concatenate(columns) if columns else np.zeros(0) for name, columns in parts.items()}
