"""Weather forecasts: the truth with an error that is revealed little by little.

What is not yet known of an hour t at an earlier hour j is the sum of the surprises between j and t. A surprise revealed in hour j
about hour t is a draw of (j, t), correlated over neighbouring t; its variance makes the error of horizon h have the variance

    v(h) = s^2 (1 - exp(-h / tau))

Hence forecasts made later are better, forecasts made one after another differ little, errors are unbiased, and the same (made,
target) always gives the same error. Standard deviations by horizon (own figures, of the order that verification reports of
weather services give [M]):

    horizon [h]                  1     6    12    24    48
    temperature [K]           0.44  1.02  1.38  1.79  2.16     additive
    irradiance [share]        0.11  0.25  0.32  0.37  0.39     factor of mean 1, the same for global, direct and diffuse
    wind [share]              0.10  0.23  0.29  0.34  0.36     factor of mean 1
"""

from typing import Final, NamedTuple

import numpy as np

from data.arrays import F64, I64
from environment.calendar import Timeline
from environment.chance import Chance, name_hashes
from environment.units import MS_PER_H
from environment.weather.records import Weather


class ErrorModel(NamedTuple):
    """Spread of the error at long horizons, and how fast it is reached [h]."""

    sigma: float
    tau_h: float

    def variance(self, horizon_h: F64) -> F64:
        """Variance of the error by horizon; none for what has already happened."""
        return np.asarray(self.sigma**2 * (1.0 - np.exp(-np.maximum(horizon_h, 0.0) / self.tau_h)))


MODELS: Final = {
    "temperature": ErrorModel(2.4, 30.0),
    "irradiance": ErrorModel(0.39, 12.0),
    "wind": ErrorModel(0.36, 12.0),
}
LONGEST_H: Final = 240
_LAG = 0.9  # correlation of a surprise about neighbouring hours
_REACH = 40
_ORIGIN = 1 << 20


def forecast(weather: Weather, timeline: Timeline, made_ms: int, chance: Chance) -> Weather:
    """What is expected at ``made_ms`` for every step of a timeline; steps that end before are as they were.

    Args:
        weather: the truth, means of each step.
        timeline: its steps.
        made_ms: when the forecast is made.
        chance: source of draws, stream ``weather.forecast``.

    Raises:
        ValueError: the timeline reaches more than ten days beyond ``made_ms``.
    """
    first = max(timeline.index(made_ms), 0)
    if first >= timeline.n:
        return weather
    middles_h = (timeline.starts_ms[first:] + timeline.step_ms / 2.0) / MS_PER_H
    error = errors(middles_h, made_ms / MS_PER_H, chance)
    shift, bright, windy = (np.concatenate([np.zeros(first), row]) for row in error)
    spread = np.maximum(timeline.starts_ms + timeline.step_ms / 2.0 - made_ms, 0.0) / MS_PER_H
    light = np.exp(bright - 0.5 * MODELS["irradiance"].variance(spread))
    return Weather(
        temp_c=weather.temp_c + shift,
        ghi_wm2=weather.ghi_wm2 * light,
        dni_wm2=weather.dni_wm2 * light,
        dhi_wm2=weather.dhi_wm2 * light,
        wind_ms=weather.wind_ms * np.exp(windy - 0.5 * MODELS["wind"].variance(spread)),
    )


def errors(target_h: F64, made_h: float, chance: Chance) -> F64:
    """Normal errors of the three models at ascending targets [h], shape (3, m); variance v(target - made)."""
    if target_h[-1] - made_h > LONGEST_H:
        message = f"a weather forecast reaches {LONGEST_H} h; {target_h[-1] - made_h:.0f} h were asked for"
        raise ValueError(message)
    revealed = np.arange(int(np.floor(made_h)), int(np.ceil(target_h[-1])))
    share = np.sqrt(_revealed_variance(revealed, target_h, made_h))
    surprise = _surprises(revealed, target_h, chance)
    total = np.zeros((len(MODELS), len(target_h)))
    for k in range(len(revealed)):  # one after the other: the sum does not depend on how many targets are asked for
        total += share[:, k] * surprise[:, k]
    return total


def _revealed_variance(revealed: I64, target_h: F64, made_h: float) -> F64:
    """Variance about each target that becomes known in each hour after the making, shape (3, hours, m)."""
    begin = np.maximum(revealed, made_h)[:, None]
    end = np.maximum(np.minimum(revealed[:, None] + 1.0, target_h[None, :]), begin)
    known = [
        model.variance(target_h[None, :] - begin) - model.variance(target_h[None, :] - end) for model in MODELS.values()
    ]
    return np.maximum(np.stack(known), 0.0)


def _surprises(revealed: I64, target_h: F64, chance: Chance) -> F64:
    """Unit normal surprises revealed in each hour about ascending targets, shape (3, hours, m)."""
    hours = np.arange(int(np.floor(target_h[0])), int(np.floor(target_h[-1])) + 2)
    weights = _LAG ** np.arange(_REACH)
    weights /= np.sqrt((weights**2).sum())
    about = np.arange(hours[0] - _REACH + 1, hours[-1] + 1) + _ORIGIN
    index = ((revealed[:, None] + _ORIGIN) << 24) + about[None, :]
    drawn = chance.stream("weather.forecast").normal(name_hashes(MODELS)[:, None, None], index[None, :, :])
    nodes = np.zeros((len(MODELS), len(revealed), len(hours)))
    for k, weight in enumerate(weights):
        nodes += weight * drawn[..., _REACH - 1 - k : _REACH - 1 - k + len(hours)]
    return _between(nodes, hours[0], target_h)


def _between(nodes: F64, first_h: int, target_h: F64) -> F64:
    """Linear between hourly nodes, rescaled to unit variance."""
    cell: I64 = np.floor(target_h).astype(np.int64) - first_h
    part = target_h - np.floor(target_h)
    scale = np.sqrt(part**2 + (1.0 - part) ** 2 + 2.0 * _LAG * part * (1.0 - part))
    return np.asarray(((1.0 - part) * nodes[..., cell] + part * nodes[..., cell + 1]) / scale)
