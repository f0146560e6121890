"""What of a home's flexibility may be promised: what its devices can surely leave out, as the buyer's reference will show it (SUC13.1 10 and 4).

A buyer measures a reduction against the *reference*: the mean net load of the called homes in the two quarters of an hour before the call (meter
before, NAESB REQ.13). A plan is no reference: charging that is planned for the window and has not begun is on no meter, so that leaving it out shows
nowhere. And a plan rests on a forecast: a car that is not there charges nothing that could be left out, nor does a store that waits for the sun.
Promised is therefore the smallest of

- what the plan could leave out, less what of it rests on a car or a sun that may not come (:func:`firm_kw`);
- the reference less the least net load that the home can reach (:func:`promised_kw`).

Arrays are over homes and steps of the window, (n, w); row i of a result depends on row i alone.
"""

import numpy as np

from data.arrays import F64, Bool

BEFORE_STEPS = 2
"""Quarters of an hour before a call whose mean is the reference."""
LONGEST_STEPS = 4
"""A call lasts an hour at most; when it begins is not known when the offer is made."""


def references_kw(net_kw: F64, first: int, steps: int) -> F64:
    """The least reference that a call could have in each step of a window, (n, steps) [kW].

    Args:
        net_kw: planned net load from the present on, (n, m).
        first: first step of the window, position in it.
        steps: steps of the window; a call begins within it and lasts at most ``LONGEST_STEPS``.
    """
    begins = np.array([_before_kw(net_kw, begin) for begin in range(first, first + steps)]).T
    found = [begins[:, max(place - LONGEST_STEPS + 1, 0) : place + 1].min(axis=1) for place in range(steps)]
    return np.array(found).T.reshape(len(net_kw), steps)


def _before_kw(net_kw: F64, begin: int) -> F64:
    """Mean net load of the steps before a call, (n,); at the present that of the present step."""
    before = net_kw[:, max(begin - BEFORE_STEPS, 0) : max(begin, 1)]
    total = np.zeros(len(net_kw))
    for column in before.T:
        total = total + column
    return np.asarray(total / before.shape[1])


def firm_kw(up_kw: F64, car_kw: F64, there: Bool, others_kw: F64, pv_kw: F64, least_pv_kw: F64) -> F64:
    """What of a possible reduction does not rest on a car or a sun that may not come, (n, w) [kW].

    Args:
        up_kw: possible reduction of the plan.
        car_kw: planned charging of the car.
        there: steps in which the car is surely at its charger.
        others_kw: planned power of the other devices; discharging is negative and rests on no sun of the window.
        pv_kw: generation that the plan expects.
        least_pv_kw: generation on the pessimistic side of the forecast.
    """
    rests_on_car = np.where(there, 0.0, car_kw)
    moved_by_sun = np.maximum(others_kw, 0.0) + np.where(there, car_kw, 0.0)
    rests_on_sun = np.minimum(moved_by_sun, np.maximum(pv_kw - least_pv_kw, 0.0))
    return np.asarray(np.maximum(up_kw - rests_on_car - rests_on_sun, 0.0))


def promised_kw(net_kw: F64, up_kw: F64, firm: F64, reference_kw: F64) -> F64:
    """What may be promised, (n, w) [kW]: firm, and seen against the reference.

    Args:
        net_kw: planned net load.
        up_kw: possible reduction of the plan; plan less it is the least net load.
        firm: what of it is firm.
        reference_kw: what a reduction will be measured against.
    """
    return np.asarray(np.clip(reference_kw - (net_kw - up_kw), 0.0, firm))


def to_order_kw(asked_kw: F64, net_kw: F64, up_kw: F64, reference_kw: F64) -> F64:
    """Reduction of the plan that makes what is asked be seen against the reference, (n, w) [kW].

    A plan above its reference is first brought down to it; a plan below it gives all the same what it is asked for.
    """
    return np.asarray(np.minimum(asked_kw + np.maximum(net_kw - reference_kw, 0.0), up_kw))
