"""What an aggregator can do of what the DSO needs of it (SUC05.1 rules 6 and 7)."""

import numpy as np

from agents.aggregator_pool import Pool
from agents.aggregator_terms import FspTerms
from data.arrays import F64
from environment.messages.aggregation import CongestionRequirements, FlexibilityPotential

LEAST_SHORT_KW = 0.1
"""A smaller gap is the granularity of bids, no shortfall."""


def answer(pool: Pool, asked: CongestionRequirements, terms: FspTerms) -> tuple[F64, list[FlexibilityPotential]]:
    """Relief that can be sold in the intervals of an event at the price offered, and the potential of each area that helps.

    Args:
        pool: the members' plans.
        asked: the DSO's requirement.
        terms: the aggregator's margin.

    Returns:
        relief at the element in need, shape (steps,) [kW], and a report for each area.
    """
    steps, relief_kw, reports = len(asked.needed_kw), np.zeros(len(asked.needed_kw)), []
    for area, effect in zip(asked.areas, asked.sensitivity.tolist(), strict=True):
        if not pool.serves(area):
            continue
        offer = pool.offerable(area, asked.direction, asked.price_cap_eur_per_kwh, terms.margin_share)
        kw = pool.in_event(asked.from_ms, asked.step_s, offer.kw.sum(axis=0), steps)
        value = pool.in_event(asked.from_ms, asked.step_s, (offer.kw * offer.price[:, None]).sum(axis=0), steps)
        price = np.divide(value, kw, out=np.zeros(steps), where=kw > 0.0)
        relief_kw += effect * kw
        none, up = np.zeros(steps), asked.direction == "up"
        reports.append(
            FlexibilityPotential(
                area=area, from_ms=asked.from_ms, step_s=asked.step_s, up_kw=kw if up else none, down_kw=none if up else kw,
                up_eur_per_kwh=price if up else none, down_eur_per_kwh=none if up else price,
            )
        )  # fmt: skip
    return relief_kw, reports
