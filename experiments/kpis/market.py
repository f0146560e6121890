"""Figures of flexibility: needed, offered, cleared, activated, delivered, what it cost, and how good the baseline was."""

from dataclasses import dataclass

import numpy as np

from data.arrays import F64, I64
from experiments.kpis.facts import Facts, ratio, summed, total
from experiments.kpis.grid import Figure
from experiments.results.frame import Frame


def flexibility_needed_kwh(facts: Facts) -> float | None:
    """Relief that the DSO stated to need: the largest statement for each constraint, direction and interval [kWh]."""
    needs = facts.days("needs")
    return float(_stated(needs).sum()) * facts.market_hours if needs else facts.nothing


def _stated(needs: Frame) -> F64:
    """The largest need stated for each constraint, direction and interval."""
    group = needs.grouped("constraint", "direction", "t_ms")
    largest = np.zeros(int(group.max()) + 1)
    np.maximum.at(largest, group, needs.floats("quantity_kw"))
    return largest


def unmet_need_kwh(facts: Facts) -> float | None:
    """Need less what was cleared for it, where positive, by constraint, direction and interval [kWh]."""
    needs = facts.days("needs")
    if not needs:
        return facts.nothing
    met = _cleared(facts)
    keys = zip(needs.names("constraint"), needs.names("direction"), needs.ints("t_ms"), strict=True)
    group = needs.grouped("constraint", "direction", "t_ms")
    bought = np.zeros(int(group.max()) + 1)
    bought[group] = [met.get((str(c), str(d), int(t)), 0.0) for c, d, t in keys]
    return float(np.maximum(_stated(needs) - bought, 0.0).sum()) * facts.market_hours


def _cleared(facts: Facts) -> dict[tuple[str, str, int], float]:
    """Relief cleared [kW] by constraint, direction and interval, over all sessions."""
    clearings = facts.days("clearings")
    sums: dict[tuple[str, str, int], float] = {}
    if clearings is None:
        return sums
    clearings = clearings.where(~np.isin(clearings.names("session"), _failed_sessions(facts)))
    columns = clearings.names("constraint"), clearings.names("direction"), clearings.ints("t_ms")
    for c, d, t, kw in zip(*columns, clearings.floats("cleared_kw"), strict=True):
        sums[str(c), str(d), int(t)] = sums.get((str(c), str(d), int(t)), 0.0) + float(kw)
    return sums


def _failed_sessions(facts: Facts) -> list[str]:
    """Sessions whose results never reached the DSO: their procurement failed, what was cleared in them was not bought."""
    needs, conversations = facts.all("needs"), facts.all("conversations")
    if not needs or not conversations or not needs.has("conversation"):
        return []
    failed = set(conversations.names("conversation")[conversations.names("outcome") == "failed"].tolist())
    pairs = zip(needs.names("need").tolist(), needs.names("conversation").tolist(), strict=True)
    return sorted({need for need, conversation in pairs if conversation in failed})


def energy(table: str, column: str) -> Figure:
    """The energy [kWh] of a column of power of a market table."""

    def figure(facts: Facts) -> float | None:
        frame = facts.days(table)
        return total(frame.floats(column) * facts.market_hours) if frame else facts.nothing

    return figure


def accepted_calls(calls: Frame | None) -> Frame | None:
    """Of the rows of ``activations`` those that reached their provider and that it accepted; None without any call."""
    return calls.where(calls.bools("accepted")) if calls and calls.has("accepted") else calls


def flexibility_activated_kwh(facts: Facts) -> float | None:
    """Energy ordered in the calls that were accepted [kWh]; 0 when all failed."""
    frame = accepted_calls(facts.days("activations"))
    return facts.nothing if frame is None else total(frame.floats("ordered_kw") * facts.market_hours)


def settled(facts: Facts) -> Frame | None:
    """The deliveries that count: of settlements not disputed, the last settlement of an activation and interval."""
    if "settled" not in facts.memo:
        facts.memo["settled"] = _settled(facts)
    found: Frame | None = facts.memo["settled"]
    return found


def _settled(facts: Facts) -> Frame | None:
    frame, settlements = facts.days("deliveries"), facts.all("settlements")
    if frame is None:
        return None
    if settlements is not None:
        disputed = settlements.names("settlement")[settlements.names("status") == "disputed"]
        frame = frame.where(~np.isin(frame.names("settlement"), disputed))
    if not len(frame):
        return None
    group = frame.grouped("activation", "fsp", "area", "t_ms")
    last = np.zeros(int(group.max()) + 1, np.int64)
    np.maximum.at(last, group, np.arange(len(frame)))
    keep = np.zeros(len(frame), bool)
    keep[last] = True
    return frame.where(keep)


def flexibility_delivered_kwh(facts: Facts) -> float | None:
    """Delivery against the frozen baseline, as paid: nothing for the wrong way, nothing for more than was ordered [kWh]."""
    frame = settled(facts)
    return total(credited_kw(frame) * facts.market_hours) if frame else facts.nothing


def credited_kw(frame: Frame) -> F64:
    """Delivered power that counts, interval by interval [kW]: what earlier orders of the portfolio leave."""
    earlier_kw = frame.floats("earlier_kw") if frame.has("earlier_kw") else 0.0
    return np.clip(frame.floats("delivered_kw") - earlier_kw, 0.0, frame.floats("ordered_kw"))


def flexibility_true_kwh(facts: Facts) -> float | None:
    """Delivery against the twin [kWh]; None without twin."""
    frame = settled(facts)
    return total(frame.floats("true_kw") * facts.market_hours) if frame else None


def delivered_percent(facts: Facts) -> float | None:
    """Delivered against the baseline, of what was ordered in the settled intervals [%]."""
    frame = settled(facts)
    if frame is None:
        return None
    share = ratio(total(credited_kw(frame)), total(frame.floats("ordered_kw")))
    return None if share is None else 100.0 * share


def flexibility_cost_eur(facts: Facts) -> float | None:
    """What the DSO owes for flexibility: remuneration less penalty of the approved settlements [EUR]."""
    settlements = facts.all("settlements")
    if settlements is None:
        return None
    approved = settlements.names("status") == "approved"
    return total(settlements.floats("net_eur")[approved]) if approved.any() else None


def cost_per_delivered(facts: Facts) -> float | None:
    """Cost of flexibility for each kWh delivered against the baseline [EUR/kWh]."""
    return ratio(flexibility_cost_eur(facts), flexibility_delivered_kwh(facts))


def cost_per_true(facts: Facts) -> float | None:
    """Cost of flexibility for each kWh delivered against the twin [EUR/kWh]; None where nothing was truly delivered."""
    true_kwh = flexibility_true_kwh(facts)
    return ratio(flexibility_cost_eur(facts), true_kwh) if true_kwh is not None and true_kwh > 0 else None


def bids_hhi(facts: Facts) -> float | None:
    """Herfindahl-Hirschman index of the energy offered in a session, by bidder, mean of sessions weighted by what was offered; 10 000 is a monopoly."""
    bids = facts.days("bids")
    if bids is None:
        return None
    offered, of_session = by_bidder(bids, "quantity_kw")
    whole = summed(of_session, offered)
    kept = whole > 0.0
    squares = summed(of_session, offered**2)[kept] / whole[kept] ** 2
    return ratio(1e4 * float((squares * whole[kept]).sum()), float(whole.sum()))


def by_bidder(bids: Frame, column: str) -> tuple[F64, I64]:
    """Sums of a column by session and bidder, and the session of each sum, numbered from 0."""
    pair, session = bids.grouped("session", "fsp"), bids.grouped("session")
    first = np.unique(pair, return_index=True)[1]
    return summed(pair, bids.floats(column)), session[first]


@dataclass(frozen=True)
class Portfolios:
    """Settled portfolios by interval, shape (n,): start [ms], frozen baseline, meter, order and true delivery [kW].

    Overlapping activations of one portfolio share baseline and meter; their orders and true deliveries add up. Both count
    positive towards less net load.
    """

    t_ms: I64
    baseline_kw: F64
    metered_kw: F64
    ordered_kw: F64
    true_kw: F64

    @property
    def without_kw(self) -> F64:
        """What the meter would have shown without activation [kW], from the twin; NaN without."""
        return self.metered_kw + self.true_kw


def portfolios(facts: Facts, fsp: str | None = None) -> Portfolios | None:
    """The settled portfolios, of one provider or of all; None without."""
    frame, activations = settled(facts), facts.all("activations")
    if frame is None or activations is None:
        return None
    frame = frame if fsp is None else frame.where(frame.names("fsp") == fsp)
    up = dict(zip(activations.names("activation").tolist(), activations.names("direction") == "up", strict=True))
    sign = np.array([1.0 if up.get(name, True) else -1.0 for name in frame.names("activation").tolist()])
    _, first, group = np.unique(frame.grouped("fsp", "area", "t_ms"), return_index=True, return_inverse=True)
    return Portfolios(
        t_ms=frame.ints("t_ms")[first],
        baseline_kw=frame.floats("baseline_kw")[first],
        metered_kw=frame.floats("metered_kw")[first],
        ordered_kw=summed(group, sign * frame.floats("ordered_kw")),
        true_kw=summed(group, sign * frame.floats("true_kw")),
    )


def _baseline_and_truth(facts: Facts) -> tuple[F64, F64] | None:
    """Baseline, and what the meter would have shown without activation (from the twin), by settled interval [kW]."""
    found = portfolios(facts)
    return None if found is None or np.isnan(found.without_kw).any() else (found.baseline_kw, found.without_kw)


def baseline_are(facts: Facts) -> float | None:
    """Average relative error of the baselines, ``sum(B - A) / sum(A)``: their bias."""
    found = _baseline_and_truth(facts)
    return ratio(float((found[0] - found[1]).sum()), float(found[1].sum())) if found else None


def baseline_rrmse(facts: Facts) -> float | None:
    """Relative root mean square error of the baselines, ``sqrt(mean (B - A)^2) / mean(A)``."""
    found = _baseline_and_truth(facts)
    return ratio(float(np.sqrt(np.mean((found[0] - found[1]) ** 2))), abs(float(found[1].mean()))) if found else None


def rebound_kwh(facts: Facts) -> float | None:
    """Net load of all meters above the twin's, after activation began and outside its intervals, to the end [kWh]."""
    calls, own = accepted_calls(facts.all("activations")), facts.all("meters")
    other = facts.twin.all("meters") if facts.twin else None
    if not calls or own is None or other is None:
        return None
    active = np.unique(calls.ints("t_ms"))
    return _net_after(own, active) - _net_after(other, active)


def _net_after(meters: Frame, active_ms: np.ndarray) -> float:
    t_ms = meters.ints("t_ms")
    rows = (t_ms > active_ms[0]) & ~np.isin(t_ms, active_ms)
    return float((meters.floats("import_kwh") - meters.floats("export_kwh"))[rows].sum())


def put_off_kwh(facts: Facts) -> float | None:
    """Net load of all meters above the twin's after the days that are billed [kWh]: what the balances of a run leave to the next bill."""
    own, other = facts.all("meters"), facts.twin.all("meters") if facts.twin else None
    if own is None or other is None:
        return None
    end_ms = facts.end_ms
    return _net_from(own, end_ms) - _net_from(other, end_ms)


def _net_from(meters: Frame, from_ms: int) -> float:
    rows = meters.ints("t_ms") >= from_ms
    return float((meters.floats("import_kwh") - meters.floats("export_kwh"))[rows].sum())


FIGURES: dict[str, Figure] = {
    "flexibility_needed_kwh": flexibility_needed_kwh,
    "flexibility_offered_kwh": energy("bids", "quantity_kw"),
    "flexibility_cleared_kwh": energy("bids", "accepted_kw"),
    "unmet_need_kwh": unmet_need_kwh,
    "flexibility_activated_kwh": flexibility_activated_kwh,
    "flexibility_delivered_kwh": flexibility_delivered_kwh,
    "flexibility_true_kwh": flexibility_true_kwh,
    "delivered_percent": delivered_percent,
    "rebound_kwh": rebound_kwh,
    "put_off_kwh": put_off_kwh,
    "flexibility_cost_eur": flexibility_cost_eur,
    "cost_eur_per_kwh_delivered": cost_per_delivered,
    "cost_eur_per_kwh_true": cost_per_true,
    "bids_hhi": bids_hhi,
    "baseline_are": baseline_are,
    "baseline_rrmse": baseline_rrmse,
}
