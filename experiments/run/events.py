"""What happened to the grid as a whole: switching, islands, and steps for which no power flow exists, each with its diagnosis."""

from typing import Any

import numpy as np

from data.arrays import I64
from environment.grid.diagnosis import diagnose
from environment.grid.flow import Flow
from environment.grid.power_flow import PowerFlow
from environment.physics import Physics

Row = tuple[int, str, str, str]


def grid_events(physics: Physics, batches: list[tuple[int, Flow]], t_ms: I64) -> dict[str, Any]:
    """The table ``events``.

    Args:
        physics: the physical side after a run.
        batches: its power flows by switching state, (first step, flow).
        t_ms: starts of the run's steps.
    """
    rows = _switching(physics, int(t_ms[0]))
    for first, flow in batches:
        rows += _unsolved(physics.grid.at(int(t_ms[first])), flow, t_ms[first : first + len(flow)])
    names = ("t_ms", "kind", "element", "text")
    return {name: [row[k] for row in sorted(set(rows))] for k, name in enumerate(names)}


def _switching(physics: Physics, begins_ms: int) -> list[Row]:
    """Every change of the switching state, and who is cut off by it."""
    rows: list[Row] = []
    before: PowerFlow | None = None
    for at_ms, state in physics.grid.states:
        t_ms = max(at_ms, begins_ms)
        old = before or PowerFlow(state.network)
        rows += [(t_ms, "opened", name, f"{name} is out of service") for name in state.opened if name not in old.opened]
        rows += [
            (t_ms, "closed", name, f"{name} is back in service") for name in old.opened if name not in state.opened
        ]
        rows += [(t_ms, "closed", name, f"tie {name} is closed") for name in state.tied if name not in old.tied]
        rows += [(t_ms, "opened", name, f"tie {name} is open again") for name in old.tied if name not in state.tied]
        rows += [(t_ms, "tap", name, f"tap of {name} as before") for name in old.taps if name not in state.taps]
        rows += [
            (t_ms, "tap", name, f"tap of {name} to {tap:+d}")
            for name, tap in state.taps.items()
            if old.taps.get(name) != tap
        ]
        if state.cut_off and state.cut_off != old.cut_off:
            text = f"{len(state.cut_off)} buses are without supply: {', '.join(state.cut_off[:5])}"
            rows.append((t_ms, "island", state.cut_off[0], text + (" ..." if len(state.cut_off) > 5 else "")))
        before = state
    return rows


def _unsolved(state: PowerFlow, flow: Flow, t_ms: I64) -> list[Row]:
    """Steps without solution; the first of each stretch is diagnosed, the others refer to it."""
    rows: list[Row] = []
    text = ""
    for step in np.flatnonzero(~flow.converged).tolist():
        if not text or flow.converged[step - 1]:
            found = diagnose(state, flow.p_kw[step], flow.q_kvar[step])
            text = found.text
            rows.append((int(t_ms[step]), "no solution", found.bus, text))
        else:
            rows.append((int(t_ms[step]), "no solution", rows[-1][2], "as before"))
    return rows
