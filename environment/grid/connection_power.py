"""The largest power of a connection point that a network bears: by bisection on the full power flow, in normal operation and in stated outages.

A static traffic light rests on it (SUC08.1, SUC10.1): of what a point offers, the largest part is validated with which no limit is violated in any of
the examined cases (for example the least load with all generation, and the peak load) and states of the network (N-0, and the N-1 states that the
operator names). A point whose network violates a limit already without it gets nothing in a direction in which it would not help.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64, Bool
from environment.grid.limits import Limits, find_violations
from environment.grid.power_flow import PowerFlow

ACCURACY_KW = 0.01
"""By how much less than the largest power is found at most."""


def largest_power_kw(
    states: Sequence[PowerFlow], limits: Limits, p_kw: ArrayLike, q_kvar: ArrayLike, buses: I64, offered_kw: ArrayLike
) -> F64:
    """The largest part of each offer that keeps every limit in every case and state, (m,), in the sign of the offer.

    One point at a time is added to the cases, as it is examined when it registers; what several points may do together is what dynamic lights are for.

    Args:
        states: power flows of one network in its states; the first is normal operation.
        limits: limits of operation.
        p_kw: net load of every bus in each case, (cases, n_bus).
        q_kvar: reactive net load, same shape or one that broadcasts to it.
        buses: where the points are connected, (m,).
        offered_kw: modulating power, upward (more injection) above 0, (m,).
    """
    cases = np.atleast_2d(np.asarray(p_kw, np.float64))
    reactive = np.broadcast_to(np.asarray(q_kvar, np.float64), cases.shape)
    offered = np.asarray(offered_kw, np.float64)

    def fits(points: I64, power_kw: F64) -> Bool:
        return _fits(states, limits, cases, reactive, buses[points], power_kw)

    everyone = np.arange(len(offered))
    if not fits(
        everyone[:1], np.zeros(len(everyone[:1]))
    ).all():  # what mends a violated limit is validated as a whole or not
        return np.where(fits(everyone, offered), offered, 0.0)
    place, of_point = np.unique(np.stack([buses, np.sign(offered).astype(np.int64)]), axis=1, return_inverse=True)
    most = np.lexsort((np.abs(offered), of_point.ravel()))
    last = np.flatnonzero(np.diff(of_point.ravel()[most], append=place.shape[1]))
    largest = most[last]  # of each bus and direction: between nothing and a clean power everything is clean
    low, high = np.zeros(len(largest)), offered[largest]
    whole = fits(largest, high)
    low = np.where(whole, high, low)
    rest = np.flatnonzero(~whole)
    while len(rest) and np.abs(high[rest] - low[rest]).max() > ACCURACY_KW:
        middle = (low[rest] + high[rest]) / 2.0
        good = fits(largest[rest], middle)
        low[rest], high[rest] = np.where(good, middle, low[rest]), np.where(good, high[rest], middle)
    bears = np.abs(low)[of_point.ravel()]
    return np.asarray(np.sign(offered) * np.minimum(np.abs(offered), bears))


def _fits(states: Sequence[PowerFlow], limits: Limits, cases: F64, reactive: F64, buses: I64, power_kw: F64) -> Bool:
    """Whether no limit is violated with a point's power at its bus, in all cases and states, (m,)."""
    count = len(buses)
    if not count:
        return np.zeros(0, bool)
    loads = np.repeat(cases, count, axis=0)
    loads[np.arange(len(loads)), np.tile(buses, len(cases))] -= np.tile(power_kw, len(cases))
    reactive = np.repeat(reactive, count, axis=0)
    good = np.ones(count, bool)
    for state in states:
        flow = state.solve(loads, reactive, stubborn=False)
        good &= ~find_violations(state, flow, limits).steps.reshape(len(cases), count).any(axis=0)
    return good
