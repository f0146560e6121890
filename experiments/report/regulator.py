"""The section for a regulator: bidders and what they were paid for, provider by provider; who pays and who earns, group by group."""

import numpy as np

from experiments.figures import catalogue
from experiments.kpis.facts import Facts
from experiments.kpis.groups import FIGURES as GROUPS
from experiments.kpis.market import credited_kw, settled
from experiments.kpis.regulator import gaming_by_provider, pivots, untrue_kw
from experiments.plots import View
from experiments.report.page import Section, table
from experiments.results.frame import Frame

TITLE = "For the regulator"
HEAD = (
    "provider",
    "offered kWh",
    "cleared kWh",
    "paid kWh",
    "of it not truly delivered kWh",
    "baseline in calls %",
    "baseline otherwise %",
)


def regulator(view: View) -> Section | None:
    """Competition, delivery and baselines; None where providers neither bid nor declare anything."""
    facts = view.facts
    bids = facts.days("bids")
    if bids is None:
        return None
    note = (
        "<p class='soft'>Not truly delivered is what the baseline credits beyond the difference to the twin. A baseline is compared with what the portfolio takes in "
        "the twin, counted in the direction that pays: much more in calls than otherwise is a sign of gaming, both alike of a poor forecast.</p>"
    )
    return Section(
        "regulator",
        TITLE,
        _competition(facts) + table(HEAD, _providers(facts, bids), numbers=range(1, len(HEAD))) + note + _groups(facts),
    )


def _competition(facts: Facts) -> str:
    found = pivots(facts)
    if found is None:
        return ""
    pivotal, n = int(found.is_pivotal.sum()), len(found.needed_kw)
    return f"<p>In {pivotal} of {n} intervals with a need, it could not be met without the largest bidder; the least residual supply index is {found.residual.min():.2f}.</p>"


def _providers(facts: Facts, bids: Frame) -> list[tuple[str, ...]]:
    """A row for each provider."""
    hours, gaming, paid = facts.market_hours, gaming_by_provider(facts), settled(facts)
    rows = []
    for fsp in sorted(set(bids.names("fsp").tolist())):
        mine = bids.where(bids.names("fsp") == fsp)
        own = paid.where(paid.names("fsp") == fsp) if paid is not None else None
        energies = [mine.floats("quantity_kw").sum(), mine.floats("accepted_kw").sum()]
        energies += [credited_kw(own).sum(), untrue_kw(own).sum()] if own is not None and len(own) else [0.0, 0.0]
        cells = [f"{kw * hours:,.2f}" if np.isfinite(kw) else "-" for kw in energies]
        rows.append((fsp, *cells, *("-" if bias is None else f"{bias:+.1f}" for bias in gaming.get(fsp, (None, None)))))
    return rows


def _groups(facts: Facts) -> str:
    """Mean balance of homes by group, with and without coordination."""
    rows = []
    for key, function in GROUPS.items():
        spec = catalogue()[key]
        value, other = function(facts), function(facts.twin) if facts.twin and spec.twin else None
        if value is not None:
            change = None if other is None else value - other
            rows.append((spec.title, spec.text(value), spec.text(other), spec.text(change, "+"), spec.unit))
    return table(("who pays and earns", "with", "without", "change", "unit"), rows, numbers=(1, 2, 3)) if rows else ""
