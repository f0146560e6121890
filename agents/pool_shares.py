"""What the homes of a pool get of what their assets earned with balancing services (SUC05.2 step 1.13)."""

from typing import Any

import numpy as np

from agents.payments import pay_when_told
from agents.pool_terms import PoolTerms
from data.arrays import F64
from environment.messages.balancing import MemberShare, ProvisionSettlement
from environment.party import Party
from environment.units import MS_PER_H
from markets.ledger import split


class MemberShares:
    """The accounts of a pool's homes: in proportion to the power that their assets held, times its time.

    Args:
        party: whose they are.
        terms: how the pool works.
    """

    def __init__(self, party: Party, terms: PoolTerms) -> None:
        self._party = party
        self._terms = terms
        self._held_kwh: dict[int, F64] = {}

    def note(self, day_ms: int, held_kw: F64) -> None:
        """An interval of the day that began at ``day_ms``: power held by each asset, (assets,)."""
        held = held_kw * self._terms.step_ms / MS_PER_H
        self._held_kwh[day_ms] = self._held_kwh.get(day_ms, np.zeros(len(held))) + held

    def pay(self, one: ProvisionSettlement, cents: int, talk: str) -> None:
        """Tell the homes of their share of what a product earned on a day, to the cent, and pay those who were told."""
        party, terms, held = self._party, self._terms, self._held_kwh.get(one.from_ms)
        share = int(cents * terms.homes_share)
        if held is None or held.sum() <= 0.0 or not share:
            return
        by_home = np.bincount(np.searchsorted(terms.ems, terms.asset_ems), held, minlength=len(terms.ems))
        parts = split(share, by_home) / 100.0
        due = np.flatnonzero(parts > 0.0)
        names = np.array(terms.homes, object)[due]
        columns: dict[str, Any] = {
            "pool": np.full(len(due), party.name, object), "from_ms": np.full(len(due), one.from_ms),
            "held_kwh": by_home[due], "eur": parts[due],
        }  # fmt: skip
        sent = party.send_batch(MemberShare, columns, party.numbers([party.name]), party.numbers(names.tolist()), talk)
        party.start(pay_when_told(party, sent, names, parts[due], "reserve share"))
