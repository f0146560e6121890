r"""What a transmission system operator has to balance: the frequency of the synchronous area, and the imbalance of its control area.

Frequency: a stochastic model of aggregated swing dynamics with primary and secondary control, driven by the jumps of scheduled generation,

.. math:: d\omega = (-c_1 \omega - c_2 \theta + \Delta P(t))\,dt + \epsilon\,dW, \qquad d\theta = \omega\,dt

:math:`\omega` is the deviation [Hz], :math:`\Delta P` [Hz/s] is constant between the quarters of an hour at which schedules change; the change at a
full hour is the largest. Its deviations are therefore not Gaussian, decay within minutes, and peak just after the full hour.

Source: L. Rydin Gorjao et al., "Data-driven model of the power-grid frequency dynamics", IEEE Access 8 (2020) 43082, doi
10.1109/ACCESS.2020.2967834, with c1, c2 and epsilon of Continental Europe. The mismatches of schedules are drawn within ranges that are
fitted so that the deviation comes to the 20 mHz (standard deviation) known of Continental Europe: an assumption, as is their ratio. What the pools of a run do moves this frequency by nothing that could be seen:
Continental Europe has some 15 GW of load for every hertz.

Imbalance: errors of forecasts, which last an hour or so, and of control, which last some minutes; both Ornstein-Uhlenbeck processes. Their
size is a matter of the area; their time constants and shares are assumptions, stated in ``IMBALANCE``.

Both are pure functions of seed and instant (law 4), and nobody in a run changes them: the imbalance is that *without* the reserves of the run.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, I64
from environment.chance import Chance
from environment.units import MS_PER_S
from environment.weather.autoregression import autoregressive

QUARTER_S = 900


class Swing(NamedTuple):
    """Parameters of the frequency model, Continental Europe.

    Attributes:
        primary_per_s: c1, damping with primary control.
        secondary_per_s2: c2, restoring by secondary control.
        noise_hz_per_sqrt_s: epsilon.
        hour_hz_per_s: largest mismatch after a full hour.
        quarter_hz_per_s: largest mismatch after the other quarters.
    """

    primary_per_s: float = 0.008311
    secondary_per_s2: float = 0.000030
    noise_hz_per_sqrt_s: float = 0.00105
    hour_hz_per_s: float = 0.0007
    quarter_hz_per_s: float = 0.0003


CONTINENTAL_EUROPE = Swing()
"""c1, c2 and epsilon of the paper, mismatches fitted."""
WARM_UP_S = 10_800
"""After so long nothing of the start is left (a decay of exp(-45))."""


class Errors(NamedTuple):
    """The parts of an imbalance: time constants and shares of the variance (assumptions)."""

    slow_s: float = 3600.0
    fast_s: float = 300.0
    slow_share: float = 0.8


IMBALANCE = Errors()


def frequency_hz(chance: Chance, from_ms: int, ticks: int, tick_s: float, swing: Swing = CONTINENTAL_EUROPE) -> F64:
    """Deviation of the frequency from its nominal value at the beginning of each tick, (ticks,) [Hz].

    Args:
        chance: source of all draws.
        from_ms: instant of the first tick, a whole number of ticks.
        ticks: how many.
        tick_s: length of a tick; it divides a quarter of an hour.
        swing: parameters of the model.
    """
    warm_up = round(WARM_UP_S / tick_s)
    number = round(from_ms / (tick_s * MS_PER_S)) - warm_up + np.arange(warm_up + ticks, dtype=np.int64)
    drive = _mismatch_hz_per_s(chance, number, tick_s, swing)
    kick = (
        swing.noise_hz_per_sqrt_s * np.sqrt(tick_s) * chance.stream("frequency.noise").normal("area", number + _ORIGIN)
    )
    step = _propagator(swing, tick_s)
    return _walk(step, drive, kick)[warm_up:]


def _mismatch_hz_per_s(chance: Chance, number: I64, tick_s: float, swing: Swing) -> F64:
    """Scheduled generation less load in each tick, drawn anew each quarter of an hour."""
    quarter = np.floor_divide(number, round(QUARTER_S / tick_s))
    each, inverse = np.unique(quarter, return_inverse=True)
    drawn = 2.0 * chance.stream("frequency.schedule").uniform("area", each + _ORIGIN) - 1.0
    most = np.where(each % 4 == 0, swing.hour_hz_per_s, swing.quarter_hz_per_s)
    return np.asarray((drawn * most)[inverse])


def _propagator(swing: Swing, tick_s: float) -> F64:
    """The exact step of angle, deviation and constant drive over a tick, (2, 3)."""
    from scipy.linalg import expm

    rate = np.array([[0.0, 1.0, 0.0], [-swing.secondary_per_s2, -swing.primary_per_s, 1.0], [0.0, 0.0, 0.0]])
    return np.asarray(expm(rate * tick_s)[:2], np.float64)


def _walk(step: F64, drive: F64, kick: F64) -> F64:
    """Deviation at the beginning of each tick."""
    (aa, ab, ad), (ba, bb, bd) = step.tolist()
    found, angle, deviation = [], 0.0, 0.0
    for push, noise in zip(drive.tolist(), kick.tolist(), strict=True):
        found.append(deviation)
        angle, deviation = aa * angle + ab * deviation + ad * push, ba * angle + bb * deviation + bd * push + noise
    return np.array(found)


def imbalance_kw(
    chance: Chance, from_ms: int, ticks: int, tick_s: float, std_kw: float, parts: Errors = IMBALANCE
) -> F64:
    """Imbalance of the area without reserves at the beginning of each tick, above 0: surplus, (ticks,) [kW]."""
    number = round(from_ms / (tick_s * MS_PER_S)) + np.arange(ticks, dtype=np.int64)
    slow, fast = (
        autoregressive(chance.stream("imbalance"), name, number, float(np.exp(-tick_s / last_s)))
        for name, last_s in (("slow", parts.slow_s), ("fast", parts.fast_s))
    )
    return np.asarray(std_kw * (np.sqrt(parts.slow_share) * slow + np.sqrt(1.0 - parts.slow_share) * fast))


_ORIGIN = 1 << 32
"""Keeps indices of instants before the start of a scenario at or above 0."""
