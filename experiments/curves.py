"""The shape of a figure over a factor: no effect, linear, saturating, or breaking at a point; and where, with its interval.

Four models are fitted by least squares to all runs:

    none        y = a
    linear      y = a + b x
    saturating  y = a + b min(x, k)
    breaking    y = a + b x + c max(0, x - k)

The one with the least Bayesian information criterion for small samples is taken, n ln(RSS / n) + p n ln(n) / (n - p - 2) (McQuarrie 1999, "A
small-sample correction for the Schwarz SIC model selection criterion"), where a break k counts for three parameters, since it is sought (as Hall,
Osborn, Sakkas 2013, "Inference on structural breaks using information criteria", find for one break). Of models within 2 of the least, the one with
fewest parameters is taken. k is sought between the second and the last but one level. Its interval holds every k whose fit is not worse than the best
by more than an F test of one degree of freedom allows (the profile likelihood interval, by test inversion as in Hansen 2017, "Regression kink with an
unknown threshold", J. Bus. Econ. Stat. 35(2)). Where no break is taken, none is ruled out either: the largest change of slope that a t test does not
exclude, wherever a break might be, is stated too. Where it could turn the line level or double its slope, or move what has no effect by a twentieth, the
verdict is that no break can be told. Where seeds are common to all levels, the mean of each seed is taken out first, since it says nothing about the
factor; it costs a degree of freedom each.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from data.arrays import F64
from experiments.statistics import t_quantile

Shape = Literal["none", "linear", "saturating", "breaking"]
CONFIDENCE = 0.99
"""Of the interval of a break: level by level the F test is approximate, and 99 % holds what 95 % promises."""
_BARELY = 2.0
"""A better criterion by less than this is "not worth more than a bare mention" (Raftery 1995, "Bayesian model selection in social research")."""
_SLIGHT = 0.05
"""A figure without effect may hide a break that moves it by less than this part of itself from the first level to the last: a judgement."""
_GRID = 201
_BREAK_COUNTS = 3
_EXACT = 1e-9
"""A fit that leaves less than this part of the values' span is exact; what is left then is rounding."""


@dataclass(frozen=True)
class Fit:
    """A model fitted to the runs.

    Attributes:
        shape: which model.
        a: value at x = 0.
        b: slope before the break (or everywhere).
        c: change of the slope at the break.
        k: the break; NaN where there is none.
        rss: sum of squared residuals.
        bic: criterion; least is best.
    """

    shape: Shape
    a: float
    b: float
    c: float
    k: float
    rss: float
    bic: float

    def at(self, x: F64) -> F64:
        """The model's values."""
        bent = 0.0 if np.isnan(self.k) else self.c * np.maximum(0.0, x - self.k)
        return np.asarray(self.a + self.b * x + bent, float)


@dataclass(frozen=True)
class Verdict:
    """What shape a figure has over a factor.

    Attributes:
        fit: the model that was taken.
        others: the models that were not, the next best first.
        low: lower end of the break's interval; NaN where there is no break.
        high: upper end.
        hidden: the largest change of slope, up or down, that a break may make unseen; 0 where a break is seen.
        told: whether the runs tell if there is a break: there is, or an unseen one would be small.
    """

    fit: Fit
    others: tuple[Fit, ...]
    low: float
    high: float
    hidden: float
    told: bool

    @property
    def margin(self) -> float:
        """By how much the best other criterion is worse; below 2 the choice is weak."""
        return self.others[0].bic - self.fit.bic if self.others else np.inf

    @property
    def short(self) -> str:
        """The verdict in a cell of a table: shape, slopes, place of a break with its interval; a question mark where the choice is weak."""
        fit, weak = self.fit, " ?" if self.margin < _BARELY else ""
        unseen = "" if self.told else f", no break told (slope may change by {_size(self.hidden)})"
        where = f" at {fit.k:.3g} ({self.low:.3g} to {self.high:.3g})"
        words = {
            "none": f"no effect{unseen}", "linear": f"linear {_slope(fit.b)}{unseen}", "saturating": f"saturating{where}, {_slope(fit.b)} before",
            "breaking": f"breaking{where}, {_slope(fit.b)} before, {_slope(fit.b + fit.c)} after",
        }  # fmt: skip
        return words[fit.shape] + weak

    def text(self, x: str, unit: str) -> str:
        """The verdict in words."""
        fit, weak = self.fit, " (weak: another shape fits nearly as well)" if self.margin < _BARELY else ""
        per = f"{unit} for each unit of {x}".strip()
        unseen = (
            "" if self.told else f"; no break can be told: a change of slope by {_size(self.hidden)} would not show"
        )
        if fit.shape == "none":
            return f"no effect of {x}{unseen}{weak}"
        if fit.shape == "linear":
            return f"linear: {fit.b:+.4g} {per}{unseen}{weak}"
        where = f"{x} = {fit.k:.3g} ({self.low:.3g} to {self.high:.3g})"
        if fit.shape == "saturating":
            return f"saturating: {fit.b:+.4g} {per} up to {where}, level beyond{weak}"
        return f"breaking point at {where}: slope {fit.b:+.4g} before, {fit.b + fit.c:+.4g} {per} after{weak}"


def _size(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000.0 else f"{value:.3g}"


def _slope(value: float) -> str:
    return f"{value:+,.0f}" if abs(value) >= 1000.0 else f"{value:+.3g}"


def judge(x: F64, y: F64, confidence: float = CONFIDENCE, common: bool = True) -> Verdict | None:
    """The shape of a figure over a factor.

    Args:
        x: levels of the factor, shape (levels,), increasing.
        y: the figure, shape (levels, seeds); levels with an unknown value (NaN) are left out.
        confidence: level of the break's interval, and of the change of slope that may be hidden.
        common: whether the columns of y are the same seeds at every level.

    Returns:
        The verdict; None with fewer than four levels that are known, which do not tell a bend from a line.
    """
    known = ~np.isnan(y).any(axis=1)
    x, y = x[known], y[known]
    if len(x) < 4:
        return None
    levels, seeds = y.shape
    taken = common and seeds > 1
    if taken:
        y = y - y.mean(axis=0) + y.mean()
    n = levels * seeds - (seeds - 1 if taken else 0)
    curve = _Curve(x, y.mean(axis=1), seeds, float(((y - y.mean(axis=1, keepdims=True)) ** 2).sum()), n)
    grid = np.unique(np.concatenate([np.linspace(x[1], x[-2], _GRID), x[1:-1]]))
    fits = [
        curve.fit("none", grid[:1]),
        curve.fit("linear", grid[:1]),
        *(curve.fit(bent, grid) for bent in _bent(levels)),
    ]
    least = min(fit.bic for fit in fits)
    best = next(fit for fit in fits if fit.bic <= least + _BARELY)  # the fits are in the order of their parameters
    others = sorted((fit for fit in fits if fit is not best), key=lambda fit: fit.bic)
    if not np.isnan(best.k):
        low, high = _interval(grid, curve.least_squares(best.shape, grid)[1], best, n, confidence)
        return Verdict(best, tuple(others), low, high, hidden=0.0, told=True)
    hidden = curve.hidden(grid, confidence)
    small = abs(best.b) if best.shape == "linear" else _SLIGHT * abs(best.a) / float(np.ptp(x))
    return Verdict(best, tuple(others), np.nan, np.nan, hidden, told=hidden <= small)


def _bent(levels: int) -> tuple[Shape, ...]:
    """The models with a break that so many levels can tell apart."""
    return ("saturating", "breaking") if levels > 4 else ("saturating",)


@dataclass(frozen=True)
class _Curve:
    """Means by level, and what scatters about them: all that least squares needs.

    Attributes:
        x: levels, shape (levels,).
        mean: of the runs of each level, shape (levels,).
        seeds: runs a level.
        within: sum of squares about the means.
        n: independent values.
    """

    x: F64
    mean: F64
    seeds: int
    within: float
    n: int

    def least_squares(self, shape: Shape, k: F64) -> tuple[F64, F64]:
        """One model with each of these breaks: its parameters, shape (breaks, parameters), and its sums of squared residuals, shape (breaks,)."""
        q, r = np.linalg.qr(self._design(shape, k))
        inside = np.einsum("klp,l->kp", q, self.mean)
        left = self.mean - np.einsum("klp,kp->kl", q, inside)
        rss = np.maximum(self.seeds * (left**2).sum(axis=1) + self.within, self._rounding)
        return np.linalg.solve(r, inside[..., None])[..., 0], rss

    def _design(self, shape: Shape, k: F64) -> F64:
        x = np.broadcast_to(self.x, (len(k), len(self.x)))
        one, breaks = np.ones_like(x), k[:, None]
        columns = {
            "none": [one],
            "linear": [one, x],
            "saturating": [one, np.minimum(x, breaks)],
            "breaking": [one, x, np.maximum(0.0, x - breaks)],
        }[shape]
        return np.stack(columns, axis=-1)

    def fit(self, shape: Shape, k: F64) -> Fit:
        """One model with the best of these breaks."""
        solutions, rss = self.least_squares(shape, k)
        best, bent = int(np.argmin(rss)), shape in ("saturating", "breaking")
        criterion = self._criterion(float(rss[best]), solutions.shape[1] + _BREAK_COUNTS * bent)
        return _made(shape, solutions[best].tolist(), float(k[best]) if bent else np.nan, float(rss[best]), criterion)

    def hidden(self, k: F64, confidence: float) -> float:
        """The largest change of slope at any of these breaks that a t test does not exclude."""
        degrees = self.n - 3
        if degrees < 1:
            return np.inf
        solutions, rss = self.least_squares("breaking", k)
        if float(rss.min()) <= self._rounding:
            return 0.0  # what is left of an exact fit is rounding
        r = np.linalg.qr(self._design("breaking", k)).R
        error = np.sqrt(rss / degrees / self.seeds) / np.abs(
            r[:, 2, 2]
        )  # what of the bend no line has carries the change
        return float((np.abs(solutions[:, 2]) + t_quantile(confidence, degrees) * error).max())

    @property
    def _rounding(self) -> float:
        scale = max(
            float(np.abs(self.mean).max()), 1e-100
        )  # a figure that is 0 throughout is asked for its logarithm too
        return self.n * (_EXACT * scale) ** 2

    def _criterion(self, rss: float, p: int) -> float:
        n = self.n
        return np.inf if n <= p + 2 else float(n * np.log(rss / n) + p * n * np.log(n) / (n - p - 2))


def _made(shape: Shape, solution: list[float], k: float, rss: float, bic: float) -> Fit:
    a, b, c = [*solution, 0.0, 0.0][:3]
    slope = -b if shape == "saturating" else c  # a + b min(x, k) = a + b x - b max(0, x - k)
    return Fit(shape, a, b, slope, k, rss, bic)


def _interval(k: F64, rss: F64, best: Fit, n: int, confidence: float) -> tuple[float, float]:
    """The breaks that an F test does not tell from the best."""
    from scipy.special import fdtri

    degrees = max(n - (4 if best.shape == "breaking" else 3), 1)
    among = k[rss <= best.rss * (1.0 + float(fdtri(1, degrees, confidence)) / degrees)]
    step = float(k[1] - k[0]) if len(k) > 1 else 0.0  # the grid's own width
    return float(among.min()) - step, float(among.max()) + step
