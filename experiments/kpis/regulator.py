"""Figures for a regulator: who could set the price, what was paid and not delivered, and whether baselines are made up.

Concentration and pivotal bidders are of a session, direction and interval, since bidders of different markets do not compete. A baseline is judged against
the twin, which alone knows what the portfolio would have taken: in the intervals of its calls, and in those declared without a call.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data.arrays import F64, Bool
from experiments.kpis.facts import Facts, ratio, summed, total
from experiments.kpis.grid import Figure
from experiments.kpis.market import accepted_calls, by_bidder, credited_kw, settled
from experiments.results.frame import Frame


@dataclass(frozen=True)
class Pivots:
    """Intervals of sessions in which something is needed, shape (n,): need, what is offered, and what the largest bidder offers of it [kW]."""

    needed_kw: F64
    offered_kw: F64
    largest_kw: F64

    @property
    def residual(self) -> F64:
        """Residual supply index: what all but the largest bidder offer, over the need."""
        return (self.offered_kw - self.largest_kw) / self.needed_kw

    @property
    def is_pivotal(self) -> Bool:
        """Whether the need could not be met without the largest bidder."""
        return (self.residual < 1.0) & (self.largest_kw > 0.0)


def pivots(facts: Facts) -> Pivots | None:
    """Who is needed, interval by interval; the most demanding constraint counts, and a kW offered as a kW of relief. None without need or market."""
    clearings, bids = facts.days("clearings"), facts.days("bids")
    if clearings is None or bids is None:
        return None
    offered: dict[tuple[str, str, int], dict[str, float]] = {}
    columns = (bids.names("session"), bids.names("direction"), bids.ints("t_ms"), bids.names("fsp"))
    for session, direction, t_ms, fsp, kw in zip(
        *(c.tolist() for c in columns), bids.floats("quantity_kw"), strict=True
    ):
        of = offered.setdefault((session, direction, t_ms), {})
        of[fsp] = of.get(fsp, 0.0) + float(kw)
    group = clearings.grouped("session", "direction", "t_ms")
    needed = np.zeros(int(group.max()) + 1)
    np.maximum.at(needed, group, clearings.floats("needed_kw"))
    first = np.unique(group, return_index=True)[1]
    keys = [
        c[first].tolist() for c in (clearings.names("session"), clearings.names("direction"), clearings.ints("t_ms"))
    ]
    each = [offered.get(key, {}) for key in zip(*keys, strict=True)]
    whole = np.array([sum(one.values()) for one in each])
    largest = np.array([max(one.values(), default=0.0) for one in each])
    mine = needed > 0.0
    return Pivots(needed[mine], whole[mine], largest[mine]) if mine.any() else None


def residual_supply(facts: Facts) -> float | None:
    """Residual supply index, mean of intervals weighted by the need; below 1 the largest bidder cannot be done without."""
    found = pivots(facts)
    return (
        None if found is None else ratio(float((found.residual * found.needed_kw).sum()), float(found.needed_kw.sum()))
    )


def pivotal_percent(facts: Facts) -> float | None:
    """Intervals with a need in which a bidder is pivotal [%]."""
    found = pivots(facts)
    return None if found is None else 100.0 * float(found.is_pivotal.mean())


def largest_share(column: str) -> Figure:
    """Share of the largest bidder of a session, mean of sessions weighted by what all have [%]."""

    def figure(facts: Facts) -> float | None:
        bids = facts.days("bids")
        if bids is None:
            return None
        sums, session = by_bidder(bids, column)
        largest = np.zeros(int(session.max()) + 1)
        np.maximum.at(largest, session, sums)
        share = ratio(float(largest.sum()), float(sums.sum()))
        return None if share is None else 100.0 * share

    return figure


def untrue_kw(frame: Frame) -> F64:
    """What is paid and was not truly delivered, (rows,) [kW]: credited against the baseline less delivered against the twin, where positive."""
    return np.maximum(credited_kw(frame) - np.maximum(frame.floats("true_kw"), 0.0), 0.0)


def unpaid_kw(frame: Frame) -> F64:
    """What was truly delivered of the order and is not paid, (rows,) [kW]."""
    true = np.clip(frame.floats("true_kw"), 0.0, frame.floats("ordered_kw"))
    return np.maximum(true - credited_kw(frame), 0.0)


def untrue_kwh(facts: Facts) -> float | None:
    """Energy that is paid and was not truly delivered."""
    frame = _known(facts)
    return None if frame is None else total(untrue_kw(frame) * facts.market_hours)


def unpaid_kwh(facts: Facts) -> float | None:
    """Energy of orders that was truly delivered and is not paid."""
    frame = _known(facts)
    return None if frame is None else total(unpaid_kw(frame) * facts.market_hours)


def _known(facts: Facts) -> Frame | None:
    """Settled deliveries, where the truth is known."""
    frame = settled(facts)
    return frame if frame is not None and frame.has("true_kw") and not np.isnan(frame.floats("true_kw")).any() else None


def untrue_eur(facts: Facts) -> float | None:
    """Money for what was not truly delivered: the net payment of each approved settlement in proportion to the energy credited."""
    frame, settlements = _known(facts), facts.all("settlements")
    if frame is None or settlements is None:
        return None
    net = dict(
        zip(
            settlements.names("settlement").tolist(),
            np.maximum(settlements.floats("net_eur"), 0.0).tolist(),
            strict=True,
        )
    )
    codes, labels = frame.codes("settlement")
    credited, untrue = summed(codes, credited_kw(frame)), summed(codes, untrue_kw(frame))
    share = np.divide(untrue, credited, out=np.zeros_like(credited), where=credited > 0.0)
    paid = np.array([net.get(label, 0.0) for label in labels[: len(share)]])
    return float((share * paid).sum())


@dataclass(frozen=True)
class Declared:
    """Declared baselines row by row: provider, baseline and truth [kW], whether its portfolio was called then.

    ``gain`` is +1 where a baseline that is too high pays, -1 where one that is too low does (portfolios that are called downward only).
    """

    fsp: np.ndarray
    baseline_kw: F64
    without_kw: F64
    is_called: Bool
    gain: F64

    def bias_percent(self, rows: Bool) -> float | None:
        """By how much baselines are off to their declarer's favour, of what would have been, over these rows [%]."""
        off = float((self.gain * (self.baseline_kw - self.without_kw))[rows].sum())
        share = ratio(off, float(np.abs(self.without_kw[rows]).sum()))
        return None if share is None else 100.0 * share


def declared(facts: Facts) -> Declared | None:
    """Baselines in the delivery days whose truth the twin knows; None without."""
    frame, calls = facts.days("baselines"), accepted_calls(facts.days("activations"))
    if frame is None or calls is None or not frame.has("without_kw"):
        return None
    frame = frame.where(~np.isnan(frame.floats("without_kw")))
    if not len(frame):
        return None
    at = zip(calls.names("fsp").tolist(), calls.names("area").tolist(), calls.ints("t_ms").tolist(), strict=True)
    up = calls.names("direction") == "up"
    mine = {key for key, kw in zip(at, calls.floats("ordered_kw"), strict=True) if kw > 0.0}
    ways: dict[tuple[str, str], set[bool]] = {}
    for fsp, area, way in zip(calls.names("fsp").tolist(), calls.names("area").tolist(), up.tolist(), strict=True):
        ways.setdefault((fsp, area), set()).add(way)
    pairs = list(zip(frame.names("fsp").tolist(), frame.names("area").tolist(), strict=True))
    called = [(*pair, t_ms) in mine for pair, t_ms in zip(pairs, frame.ints("t_ms").tolist(), strict=True)]
    gain = np.array([-1.0 if ways.get(pair) == {False} else 1.0 for pair in pairs])
    return Declared(
        frame.names("fsp"), frame.floats("power_kw"), frame.floats("without_kw"), np.array(called, bool), gain
    )


def bias_percent(called: bool) -> Figure:
    """Bias of declared baselines to their declarers' favour, in the intervals of calls or in the others [%]."""

    def figure(facts: Facts) -> float | None:
        found = declared(facts)
        return None if found is None else found.bias_percent(found.is_called == called)

    return figure


def gaming_by_provider(facts: Facts) -> Mapping[str, tuple[float | None, float | None]]:
    """Provider -> bias of its baselines in the intervals of its calls, and in the others [%]."""
    found = declared(facts)
    if found is None:
        return {}
    each = sorted(set(found.fsp.tolist()))
    return {
        fsp: (
            found.bias_percent((found.fsp == fsp) & found.is_called),
            found.bias_percent((found.fsp == fsp) & ~found.is_called),
        )
        for fsp in each
    }


def gaming_percent(facts: Facts) -> float | None:
    """How much more baselines favour their declarer in calls than otherwise, of the provider with most of it [%]."""
    both = [
        (first, rest) for first, rest in gaming_by_provider(facts).values() if first is not None and rest is not None
    ]
    return max(first - rest for first, rest in both) if both else None


FIGURES: Mapping[str, Figure] = {
    "bids_largest_percent": largest_share("quantity_kw"),
    "cleared_largest_percent": largest_share("accepted_kw"),
    "residual_supply_index": residual_supply,
    "pivotal_percent": pivotal_percent,
    "paid_untrue_kwh": untrue_kwh,
    "paid_untrue_eur": untrue_eur,
    "true_unpaid_kwh": unpaid_kwh,
    "baseline_called_bias_percent": bias_percent(called=True),
    "baseline_uncalled_bias_percent": bias_percent(called=False),
    "baseline_gaming_percent": gaming_percent,
}
