"""Checks of delivered flexibility: limits of perimeters (SUC10.4), and what a provider reports against what operators measured (SUC08.4)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, Bool


class Compliance(NamedTuple):
    """Outcome of the check of perimeters, each (perimeters, hours) but the last.

    Attributes:
        planned_over_kw: by how much baseline and accepted quantity exceed the limit.
        metered_over_kw: by how much what was metered exceeds it.
        is_positive: whether the BSP kept to the limits in all hours, (perimeters,).
    """

    planned_over_kw: F64
    metered_over_kw: F64
    is_positive: Bool


def compliance(
    baseline_kw: ArrayLike,
    accepted_kw: ArrayLike,
    limit_kw: ArrayLike,
    metered_kw: ArrayLike,
    *,
    tolerance_kw: float = 0.0,
) -> Compliance:
    """Whether activations kept the limits of DSO perimeters.

    The source compares what was planned (baseline and accepted quantity) with the upper limit; measurements show whether it was kept. Both must hold
    for a positive outcome.

    Args:
        baseline_kw: injection of the perimeter's resources without activation, (perimeters, hours).
        accepted_kw: accepted flexibility, upward above 0, same shape.
        limit_kw: most injection that the limit leaves: baseline and usable flexibility, same shape; infinite: not limited.
        metered_kw: injection as metered, same shape; NaN: not read, which is no proof of anything.
        tolerance_kw: error of measurement, on the metered side alone.
    """
    baseline, accepted, limit, metered = (
        np.asarray(one, np.float64) for one in (baseline_kw, accepted_kw, limit_kw, metered_kw)
    )
    planned = np.maximum(baseline + accepted - limit, 0.0)
    over = np.maximum(np.where(np.isnan(metered), -np.inf, metered) - limit - tolerance_kw, 0.0)
    tiny = 1e-6
    return Compliance(planned, over, np.asarray(((planned <= tiny) & (over <= tiny)).all(axis=-1)))


class Discrepancies(NamedTuple):
    """Where a report and measurements differ.

    Attributes:
        difference_kwh: reported less measured, shape of the input; NaN where nothing was measured.
        is_open: whether it has to be cleared up, same shape.
    """

    difference_kwh: F64
    is_open: Bool


def discrepancies(
    reported_kwh: ArrayLike, measured_kwh: ArrayLike, *, tolerance_share: float, tolerance_kwh: float
) -> Discrepancies:
    """Compare a provider's preliminary report with what an operator measured (SUC08.4, steps 3 and 4).

    What was reported but not measured is always open: a report proves nothing by itself.

    Args:
        reported_kwh: of each service and period, (n,).
        measured_kwh: same shape; NaN: no reading.
        tolerance_share: of the measured amount; the source states none.
        tolerance_kwh: the least difference that counts.
    """
    reported, measured = np.asarray(reported_kwh, np.float64), np.asarray(measured_kwh, np.float64)
    difference = reported - measured
    known = ~np.isnan(measured)
    allowed = np.maximum(tolerance_kwh, tolerance_share * np.abs(np.where(known, measured, 0.0)))
    return Discrepancies(difference, np.where(known, np.abs(np.where(known, difference, 0.0)) > allowed, reported != 0))


def perimeter_compliance(
    baseline_kw: ArrayLike,
    accepted_kw: ArrayLike,
    is_limited: ArrayLike,
    limit_kw: ArrayLike,
    metered_kw: ArrayLike,
    is_up: ArrayLike,
    *,
    tolerance_kw: ArrayLike = 0.0,
) -> Compliance:
    """Whether providers kept the limits of perimeters, each for itself, in both directions (SUC10.4).

    The source speaks of an upper limit of injection; a limit downward is the same with both signs turned.

    Args:
        baseline_kw: net load of a provider's points in a perimeter without activation, (rows, hours).
        accepted_kw: at least 0, same shape.
        is_limited: hours in which there is a limit, same shape.
        limit_kw: most flexibility that was admitted, at least 0, same shape; read where there is a limit.
        metered_kw: net load, same shape; NaN: not read.
        is_up: direction of each row, (rows,).
        tolerance_kw: on the metered side, broadcast to the shape.
    """
    sign = np.where(np.asarray(is_up, bool), -1.0, 1.0)[:, None]
    baseline = sign * np.asarray(baseline_kw, np.float64)
    limit = np.where(np.asarray(is_limited, bool), baseline + np.asarray(limit_kw, np.float64), np.inf)
    metered = sign * np.asarray(metered_kw, np.float64) - np.asarray(tolerance_kw, np.float64)
    return compliance(baseline, accepted_kw, limit, metered)


def set_points_over_kw(
    set_kw: ArrayLike, is_limited: ArrayLike, limit_kw: ArrayLike, *, share: float, least_kw: float
) -> F64:
    """By how much what resources were set to exceeds limits, all arguments of one shape (SUC10.4, rules 1 and 14).

    What a gateway saw of orders has no error of a baseline in it: it shows every excess beyond what providers ask for in reserve, however small it is
    against the load. It is no measurement: who does not carry out what he was set to harms nobody, but was not kept from it by his provider.

    Args:
        set_kw: change that the points of a provider were set to in a perimeter, at least 0; NaN: not read, which is no proof of anything.
        is_limited: hours in which there is a limit.
        limit_kw: most that was admitted, read where there is a limit.
        share: of the limit, that may be asked for beyond it.
        least_kw: the least excess that counts.
    """
    set_, limit = np.asarray(set_kw, np.float64), np.asarray(limit_kw, np.float64)
    over = np.where(np.isnan(set_), 0.0, set_) - np.maximum(limit * (1.0 + share), limit + least_kw)
    return np.asarray(np.where(np.asarray(is_limited, bool), np.maximum(over, 0.0), 0.0))


def agreed_kwh(
    is_open: ArrayLike, accepts: ArrayLike, reported_kwh: ArrayLike, final_kwh: ArrayLike, measured_kwh: ArrayLike
) -> F64:
    """What counts as delivered after the dialogue, all arguments of one shape (SUC08.4, steps 4 to 6).

    Where nobody asked the final report counts so far as it repeats what was reported; what was in question is as measured, whether the provider accepted that
    or stands by its own value; what was not measured counts for nothing, since a report proves nothing by itself.

    Args:
        is_open: hours that were in question.
        accepts: hours in which the provider took what was measured; read where in question.
        reported_kwh: preliminary report.
        final_kwh: final report; NaN: none came in time.
        measured_kwh: NaN: no reading.
    """
    asked, accepted = np.asarray(is_open, bool), np.asarray(accepts, bool)
    reported, final, measured = (
        np.asarray(one, np.float64) for one in (reported_kwh, final_kwh, measured_kwh)
    )  # fmt: skip
    proven = np.where(np.isnan(measured), 0.0, measured)
    plain = np.where(
        np.isnan(final) | (np.abs(final - reported) > TINY_KWH), np.where(np.isnan(measured), 0.0, measured), final
    )
    return np.asarray(np.where(asked | accepted, proven, plain))


TINY_KWH = 1e-9
"""Two reports that differ by less say the same."""
