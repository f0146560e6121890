"""The desk of the TSO that settles conventional units: they follow what sessions took of them, so that nothing is verified; each operator pays its part (BUC09)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from agents.payments import pay
from environment.messages.delivery import PurchaseStatement
from environment.messages.global_market import GlobalClearing
from environment.office import Desk
from environment.party import Process
from markets.balancing.buyers import Bill, Sale, sale_bills
from markets.traffic_light import HOURS_OF_DAY


@dataclass(frozen=True, eq=False)
class UnitSettlementTerms:
    """What the TSO goes by.

    Attributes:
        days_ms: (start, end) of the days of delivery.
        company: address of the company of units.
        sold: start of a day -> what sessions took of its bids.
        day_ahead_eur_per_kwh: value of energy.
        settles_after_s: how long after a day.
    """

    days_ms: Sequence[tuple[int, int]]
    company: str
    sold: Callable[[int], Sequence[GlobalClearing]]
    day_ahead_eur_per_kwh: float = 0.1
    settles_after_s: float = 32_400.0


class UnitDesk(Desk):
    """Settlement of units.

    Args:
        terms: see there.
    """

    def __init__(self, terms: UnitSettlementTerms) -> None:
        self._terms = terms

    def processes(self) -> Iterable[Process]:
        """One life a day of delivery."""
        return [self._settle(from_ms, to_ms) for from_ms, to_ms in self._terms.days_ms]

    def _settle(self, from_ms: int, to_ms: int) -> Process:
        terms, party = self._terms, self.party
        yield party.until(to_ms + round(terms.settles_after_s * 1000))
        sales = [_sale(one) for one in terms.sold(from_ms) if one.accepted_kw.any()]
        talk = f"units:{party.name}:{from_ms}"
        for bill in sale_bills(sales, party.name, terms.day_ahead_eur_per_kwh):
            statement = self._statement(bill, from_ms, to_ms)
            to = [terms.company] if bill.buyer == party.name else [bill.buyer, terms.company]
            sent = party.send([statement] * len(to), to, talk)
            yield party.confirm(sent)
            if bill.buyer == party.name:
                pay(party, party.name, terms.company, max(statement.final_eur, 0.0), "unit service", sent.batch.ids[0])

    def _statement(self, bill: Bill, from_ms: int, to_ms: int) -> PurchaseStatement:
        name, company = f"units/{self._terms.company}/{from_ms}", self._terms.company
        self.register("service_purchases").add(
            t_ms=self.now_ms, settlement=name, buyer=bill.buyer, bsp=company, ordered_kwh=bill.ordered_kwh, delivered_kwh=bill.delivered_kwh,
            service_eur=bill.service_cents / 100, energy_eur=bill.energy_cents / 100, imbalance_eur=0.0,
        )  # fmt: skip
        return PurchaseStatement(
            settlement=name, buyer=bill.buyer, bsp=company, from_ms=from_ms, to_ms=to_ms, ordered_kwh=bill.ordered_kwh,
            delivered_kwh=bill.delivered_kwh, service_eur=bill.service_cents / 100, energy_eur=bill.energy_cents / 100,
            final_eur=bill.to_provider_cents / 100, imbalance_eur=0.0,
        )  # fmt: skip


def _sale(one: GlobalClearing) -> Sale:
    """What was taken of a bid, by who pays for it [kWh of the day]."""
    parts = one.bought_kw.reshape(len(one.buyers), -1, HOURS_OF_DAY).sum(axis=(1, 2)) if one.buyers else np.zeros(0)
    return Sale(one.direction, one.price_eur_per_kwh, dict(zip(one.buyers, parts.tolist(), strict=True)))
