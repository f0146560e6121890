"""Drawing of a network without coordinates: a tidy tree, the root on top, a level of depth per branch.

Leaves take consecutive columns in the order of a depth-first walk, a parent stands over the middle of its children (the idea of
Reingold and Tilford 1981, "Tidier drawings of trees", without their compaction).
"""

from collections.abc import Iterator

import numpy as np

from data.arrays import F64, I64, Bool


def neighbours(n_bus: int, from_bus: I64, to_bus: I64, closed: Bool) -> list[list[tuple[int, int]]]:
    """For each bus its (neighbour, branch) pairs over closed branches, in the order of the branches."""
    around: list[list[tuple[int, int]]] = [[] for _ in range(n_bus)]
    for branch in np.flatnonzero(closed).tolist():
        start, end = int(from_bus[branch]), int(to_bus[branch])
        around[start].append((end, branch))
        around[end].append((start, branch))
    return around


def breadth_first(around: list[list[tuple[int, int]]], root: int) -> tuple[list[int], list[int], list[int]]:
    """Buses reachable from the root in breadth-first order, with parent bus and parent branch of every bus (-1: none)."""
    parent, via = [-1] * len(around), [-1] * len(around)
    seen = [False] * len(around)
    seen[root] = True
    order = [root]
    for bus in order:
        for other, branch in around[bus]:
            if not seen[other]:
                seen[other], parent[other], via[other] = True, bus, branch
                order.append(other)
    return order, parent, via


def tree_layout(n_bus: int, from_bus: I64, to_bus: I64, closed: Bool, root: int) -> F64:
    """Coordinates (n, 2) of a tidy drawing; buses not reached stand in a row below."""
    order, parent, _ = breadth_first(neighbours(n_bus, from_bus, to_bus, closed), root)
    children: list[list[int]] = [[] for _ in range(n_bus)]
    for bus in order[1:]:
        children[parent[bus]].append(bus)
    xy = np.zeros((n_bus, 2))
    for column, leaf in enumerate(_leaves(children, root)):
        xy[leaf, 0] = column
    for bus in order[1:]:
        xy[bus, 1] = xy[parent[bus], 1] - 1.0
    for bus in reversed(order):
        if children[bus]:
            xy[bus, 0] = (xy[children[bus][0], 0] + xy[children[bus][-1], 0]) / 2
    cut_off = sorted(set(range(n_bus)) - set(order))
    xy[cut_off, 0] = np.arange(len(cut_off))
    xy[cut_off, 1] = xy[:, 1].min() - 1.0
    return xy


def _leaves(children: list[list[int]], root: int) -> Iterator[int]:
    stack = [root]
    while stack:
        bus = stack.pop()
        if not children[bus]:
            yield bus
        stack.extend(reversed(children[bus]))
