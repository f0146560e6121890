"""Zones of buses: what hangs together without passing a transformer, named after the transformer that feeds it."""

from collections.abc import Sequence

from data.arrays import F64, I64, Bool
from environment.grid.layout import breadth_first, neighbours
from environment.grid.model import TRAFO

_LOW_VOLTAGE_KV = 1.0  # IEC 60038: low voltage up to 1 kV
_MEDIUM_VOLTAGE_KV = 36.0  # medium voltage up to 36 kV


def level(kv: float) -> str:
    """LV, MV or HV of a nominal voltage."""
    if kv <= _LOW_VOLTAGE_KV:
        return "LV"
    return "MV" if kv <= _MEDIUM_VOLTAGE_KV else "HV"


def zones(
    kv: F64, names: Sequence[str], kinds: Sequence[str], from_bus: I64, to_bus: I64, closed: Bool, slack: int
) -> tuple[str, ...]:
    """Name of each bus's zone, shape (n,): level and first feeding transformer, or the level alone at the slack.

    Args:
        kv: nominal voltages, shape (n,).
        names: names of branches, shape (m,).
        kinds: kinds of branches.
        from_bus: their buses.
        to_bus: their buses.
        closed: which branches connect now; buses that none reaches get the level alone.
        slack: the bus fed from upstream.
    """
    order, parent, via = breadth_first(neighbours(len(kv), from_bus, to_bus, closed), slack)
    zone = [level(value) for value in kv.tolist()]
    for bus in order[1:]:
        branch = via[bus]
        below = f"{level(kv[bus])} of {names[branch]}"
        zone[bus] = below if kinds[branch] == TRAFO else zone[parent[bus]]
    return tuple(zone)
