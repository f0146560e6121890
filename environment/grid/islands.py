"""Several distribution networks in one world: each an island of its own behind one stiff transmission bus.

The slack stands for the transmission grid, whose voltage no distribution network moves. Each network hangs on it by a coupling that is an ideal
transformer to the voltage at which it is fed, so that what happens in one moves nothing in another; kV and set-points may differ. Names get the prefix of
their network (``dso-1:Bus 4``), and so a network is found again by :func:`island`.

The coupling has an impedance of 1e-6 per unit on 1 MVA (10 MVA move a voltage by 1e-5), since a network has no branch without one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from data.arrays import F64, I64
from data.copies import marked
from environment.grid.model import LINE, Branches, Network, Points, Transformers

SLACK = "transmission"
"""Name of the bus that feeds all."""
SEPARATOR = ":"
_COUPLING_PU, _UNLIMITED_KA = 1e6, 1e6
_GAP = 0.15


def prefixed(network: str, name: str) -> str:
    """The name that an element of a network has among others."""
    return f"{network}{SEPARATOR}{name}"


def joined(parts: Mapping[str, Network]) -> Network:
    """One network of several, in the order of their names.

    Args:
        parts: network by name.
    """
    names = sorted(parts)
    each = [parts[name] for name in names]
    first = 1 + np.concatenate([[0], np.cumsum([one.n_bus for one in each])])
    slack_kv = max(float(one.bus_kv[one.slack]) for one in each)
    return Network(
        name=" + ".join(one.name for one in each),
        title="; ".join(f"{name}: {one.title or one.name}" for name, one in zip(names, each, strict=True)),
        bus_names=(
            SLACK,
            *(prefixed(name, bus) for name, one in zip(names, each, strict=True) for bus in one.bus_names),
        ),
        bus_kv=np.concatenate([[slack_kv], *(one.bus_kv for one in each)]),
        bus_zone=(
            SLACK,
            *(prefixed(name, zone) for name, one in zip(names, each, strict=True) for zone in one.bus_zone),
        ),
        bus_shunt=np.concatenate([[0j], *(one.bus_shunt for one in each)]),
        coordinates=_side_by_side(each),
        geographic=False,
        slack=0,
        slack_pu=1.0,
        branches=_branches(names, each, first),
        transformers=_transformers(each),
        loads=_points(names, [one.loads for one in each], first),
        generators=_points(names, [one.generators for one in each], first),
        merged={prefixed(name, old): prefixed(name, new) for name in names for old, new in parts[name].merged.items()},
        notice="\n".join(dict.fromkeys(one.notice for one in each if one.notice)),
        island_of_bus=("", *(name for name, one in zip(names, each, strict=True) for _ in range(one.n_bus))),
    )


def beside(network: Network, copy: int) -> Network:
    """A copy of a network with the names of its own (``data.copies``), drawn beside those before it; the original is copy 1."""
    if copy == 1:
        return network

    def named(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(marked(copy, name) for name in names)

    shift = (copy - 1) * (1.0 + _GAP) * (float(np.ptp(network.coordinates[:, 0])) or 1.0)
    return replace(
        network,
        bus_names=named(network.bus_names),
        bus_zone=named(network.bus_zone),
        coordinates=network.coordinates + np.array([shift, 0.0]),
        branches=replace(network.branches, names=named(network.branches.names)),
        loads=replace(network.loads, names=named(network.loads.names)),
        generators=replace(network.generators, names=named(network.generators.names)),
        merged={marked(copy, old): marked(copy, new) for old, new in network.merged.items()},
    )


def island(network: Network, name: str) -> I64:
    """Numbers of the buses of one network among others, in its own order; of all buses where there is only one network."""
    if not network.island_of_bus:
        return np.arange(network.n_bus)
    return np.flatnonzero(np.array([one == name for one in network.island_of_bus], bool))


def _branches(names: Sequence[str], each: Sequence[Network], first: I64) -> Branches:
    """Lines of all, then the couplings, then transformers of all."""
    split = [int(one.branches.is_line.sum()) for one in each]
    couplings = _couplings(names, each, first)

    def placed(column: str, shift: I64 | None = None) -> Any:
        values = [getattr(one.branches, column) for one in each]
        values = values if shift is None else [value + by for value, by in zip(values, shift[:-1], strict=True)]
        lines = [value[:count] for value, count in zip(values, split, strict=True)]
        rest = [value[count:] for value, count in zip(values, split, strict=True)]
        return np.concatenate([*lines, couplings[column], *rest])

    texts: dict[str, Any] = {}
    for column in ("names", "kind"):
        values = [getattr(one.branches, column) for one in each]
        if column == "names":
            values = [tuple(prefixed(name, one) for one in own) for name, own in zip(names, values, strict=True)]
        lines = [one for own, count in zip(values, split, strict=True) for one in own[:count]]
        rest = [one for own, count in zip(values, split, strict=True) for one in own[count:]]
        texts[column] = (*lines, *couplings[column], *rest)
    numbers = {
        field.name: placed(field.name, first if field.name in {"from_bus", "to_bus"} else None)
        for field in fields(Branches)
        if field.name not in texts
    }
    return Branches(**texts, **numbers)


def _couplings(names: Sequence[str], each: Sequence[Network], first: I64) -> dict[str, Any]:
    n = len(each)
    zero, no = np.zeros(n, np.complex128), np.zeros(n, bool)
    return {
        "names": [prefixed(name, "feed") for name in names],
        "kind": [LINE] * n,
        "from_bus": np.zeros(n, np.int64),
        "to_bus": np.array([by + one.slack for one, by in zip(each, first[:-1], strict=True)], np.int64),
        "series": np.full(n, _COUPLING_PU + 0j),
        "shunt_from": zero,
        "shunt_to": zero,
        "tap": np.array([1.0 / one.slack_pu + 0j for one in each]),
        "limit_from_ka": np.full(n, _UNLIMITED_KA),
        "limit_to_ka": np.full(n, _UNLIMITED_KA),
        "length_km": np.zeros(n),
        "open_from": no,
        "open_to": no,
        "switchable": no,
    }


def _transformers(each: Sequence[Network]) -> Transformers:
    """Plates of all; row by row the branches that they are in the joined table."""
    lines = [int(one.branches.is_line.sum()) for one in each]
    rest = [len(one.branches) - count for one, count in zip(each, lines, strict=True)]
    start = sum(lines) + len(each) + np.concatenate([[0], np.cumsum(rest)])
    plates = [
        replace(one.transformers, branch=one.transformers.branch - count + by)
        for one, count, by in zip(each, lines, start[:-1], strict=True)
    ]
    columns: dict[str, Any] = {}
    for field in fields(Transformers):
        values = [getattr(plate, field.name) for plate in plates]
        columns[field.name] = (
            tuple(v for own in values for v in own) if field.name == "tap_side" else np.concatenate(values)
        )
    return Transformers(**columns)


def _points(names: Sequence[str], each: Sequence[Points], first: I64) -> Points:
    return Points(
        names=tuple(prefixed(name, one) for name, points in zip(names, each, strict=True) for one in points.names),
        bus=np.concatenate([points.bus + by for points, by in zip(each, first[:-1], strict=True)]),
        p_kw=np.concatenate([points.p_kw for points in each]),
        q_kvar=np.concatenate([points.q_kvar for points in each]),
        profile=tuple(one for points in each for one in points.profile),
        kind=tuple(one for points in each for one in points.kind),
    )


def _side_by_side(each: Sequence[Network]) -> F64:
    """A drawing: every network in a box of one by one, one after the other, the transmission bus above."""
    boxes = []
    for number, one in enumerate(each):
        low, high = one.coordinates.min(axis=0), one.coordinates.max(axis=0)
        size = np.where(high > low, high - low, 1.0)
        boxes.append((one.coordinates - low) / size + [number * (1.0 + _GAP), 0.0])
    top = [[(len(each) * (1.0 + _GAP) - _GAP) / 2.0, 1.0 + _GAP]]
    return np.concatenate([top, *boxes])
