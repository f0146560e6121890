"""Why a power flow has no solution: said in the words of whoever runs the grid, never an exception."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64
from environment.grid.power_flow import PowerFlow
from environment.grid.validation import listed

Reason = Literal["solved", "not a number", "voltage collapse"]
_HALVINGS: Final = 24


@dataclass(frozen=True)
class Diagnosis:
    """What is the matter with one step.

    Attributes:
        reason: ``solved``, ``not a number`` (an input), or ``voltage collapse`` (more power than the lines can carry).
        text: the same as a sentence, with the islands if there are any.
        bus: the weakest bus of the last solvable step (lowest voltage), or the first bus with a wrong input; empty if solved.
        load_multiple: share of the given powers at which there is still a solution; 1 if solved.
        v_pu: voltage of ``bus`` there.
        cut_off: buses that no closed branch connects to the slack.
        unserved_kw: consumption at those.
    """

    reason: Reason
    text: str
    bus: str = ""
    load_multiple: float = 1.0
    v_pu: float = float("nan")
    cut_off: tuple[str, ...] = ()
    unserved_kw: float = 0.0


def diagnose(power_flow: PowerFlow, p_kw: ArrayLike, q_kvar: ArrayLike = 0.0) -> Diagnosis:
    """Diagnosis of one step.

    Args:
        power_flow: network and switching state.
        p_kw: net load of every bus, shape (n_bus,).
        q_kvar: reactive net load, same shape.
    """
    p = np.asarray(p_kw, np.float64)
    q = np.array(np.broadcast_to(np.asarray(q_kvar, np.float64), p.shape))
    names = power_flow.network.bus_names
    wrong = np.flatnonzero(~np.isfinite(p) | ~np.isfinite(q))
    island = _island(power_flow, p)
    if len(wrong):
        bad = [names[bus] for bus in wrong]
        return Diagnosis(
            "not a number", f"the load is not a number at {listed(bad)}{island[0]}", bad[0], 0.0, *_nan(island)
        )
    if power_flow.solve(p, q).converged[0]:
        return Diagnosis("solved", f"solved{island[0]}", "", 1.0, *_nan(island))
    share, v = _last_solvable(power_flow, p, q)
    weakest = int(np.argmin(np.where(power_flow.energised, v, np.inf)))
    text = (
        f"voltage collapse: the network carries {100 * share:.1f} % of this load; there {names[weakest]!r} "
        f"is down to {v[weakest]:.3f} pu{island[0]}"
    )
    return Diagnosis("voltage collapse", text, names[weakest], share, float(v[weakest]), *island[1:])


def _nan(island: tuple[str, tuple[str, ...], float]) -> tuple[float, tuple[str, ...], float]:
    return float("nan"), island[1], island[2]


def _island(power_flow: PowerFlow, p: F64) -> tuple[str, tuple[str, ...], float]:
    """Sentence about what is cut off, the buses, and the consumption unserved."""
    cut_off = power_flow.cut_off
    unserved = float(np.nansum(np.maximum(p[~power_flow.energised], 0.0)))
    text = f"; cut off from the slack, {unserved:.1f} kW unserved: {listed(cut_off)}" if cut_off else ""
    return text, cut_off, unserved


def _last_solvable(power_flow: PowerFlow, p: F64, q: F64) -> tuple[float, F64]:
    """The largest share of the load that has a solution, by bisection, and the voltages there."""
    low, high = 0.0, 1.0
    v = power_flow.solve(0.0 * p, 0.0 * q).v_pu[0]
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        flow = power_flow.solve(middle * p, middle * q)
        if flow.converged[0]:
            low, v = middle, flow.v_pu[0]
        else:
            high = middle
    return low, v
