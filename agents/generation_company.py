"""Operator of conventional units at the transmission network: bids what their schedules leave (SUC10.3).

A bid has one price, so a unit bids once for each price that it asks in the day and in each direction, with 0 in the hours that have another one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from agents.payments import pay
from data.arrays import F64
from environment.messages.base import Batch
from environment.messages.delivery import PurchaseStatement
from environment.messages.global_market import AsmAward, AsmBid, SessionCall
from environment.party import Party, Process, Seat, Work, act, handles
from environment.refusals import refuse
from environment.units import MS_PER_H
from markets.traffic_light import HOURS_OF_DAY

Offers = Callable[[int], Mapping[str, tuple[F64, F64]]]
"""Start of a day -> direction -> quantity and price of each unit and hour, (U, 24)."""


@dataclass(frozen=True, eq=False)
class UnitTerms:
    """What a company is told.

    Attributes:
        units: names, (U,).
        nodes: transmission node of each.
        zones: market zone of each.
        offers: what they can offer beyond their schedules.
        market: address of the market operator.
        tso: address of the TSO.
        unix_ms: Unix time at which the world begins.
        bids_after_s: time between the call and the bids.
    """

    units: tuple[str, ...]
    nodes: tuple[str, ...]
    zones: tuple[str, ...]
    offers: Offers
    market: str
    tso: str
    unix_ms: int
    bids_after_s: float = 600.0


class GenerationCompany(Party):
    """Bids conventional units, and keeps what was taken of them.

    Args:
        seat: place in the world.
        terms: what it is told.
    """

    def __init__(self, seat: Seat, terms: UnitTerms) -> None:
        super().__init__(seat)
        self._terms = terms
        self._settled: set[tuple[str, str]] = set()

    @handles(SessionCall)
    def hear_of_session(self, batch: Batch[SessionCall]) -> None:
        """Bid in a session that the TSO calls."""
        for row, call in enumerate(batch.records()):
            if self.directory.names[batch.sender[row]] == self._terms.tso:
                self.start(self._take_part(call, batch.conversation))
            else:
                refuse(self, batch, row, call.session, "only the TSO calls sessions")

    def _take_part(self, call: SessionCall, conversation: str) -> Process:
        yield self.sleep(self._terms.bids_after_s)
        bids = self.create_bids(call, conversation)
        self.send(bids, [self._terms.market] * len(bids), conversation)

    @act("create_asm_bid")
    def create_bids(self, call: SessionCall, conversation: str) -> Work:
        """One bid for each unit, direction and price."""
        terms, bids = self._terms, []
        for way, (kw, price) in terms.offers(call.from_ms).items():
            for k, unit in enumerate(terms.units):
                for number, asked in enumerate(np.unique(price[k][kw[k] > 0.0]).tolist()):
                    bids.append(
                        AsmBid(
                            bid=f"{call.session}/{self.name}/{unit}/{way}/{number}", version=1, adapted=False, session=call.session, bsp=self.name, uva=unit,
                            zone=terms.zones[k], node=terms.nodes[k], direction=way, quantity_kw=np.where(price[k] == asked, kw[k], 0.0),
                            price_eur_per_kwh=asked, validity_s=(terms.unix_ms + call.from_ms) // 1000,
                            timestamp_s=(terms.unix_ms + self.now_ms) // 1000,
                        )
                    )  # fmt: skip
        for bid in bids:
            self.register("asm_bids").add(
                t_ms=self.now_ms, session=call.session, bid=bid.bid, version=1, bsp=self.name, uva=bid.uva, direction=bid.direction,
                price_eur_per_kwh=bid.price_eur_per_kwh, quantity_kwh=float(bid.quantity_kw.sum()), change="offered",
            )  # fmt: skip
        return Work(bids, conversation, [f"conversations/{conversation}"], [f"asm_bids/{bid.bid}" for bid in bids])

    @handles(PurchaseStatement)
    def take_statement(self, batch: Batch[PurchaseStatement]) -> None:
        """What an operator pays for the day; where it is below 0, for energy that was not generated, the company does."""
        for row, one in enumerate(batch.records()):
            key = one.settlement, one.buyer
            if self.directory.names[batch.sender[row]] != self._terms.tso or one.bsp != self.name:
                refuse(self, batch, row, one.settlement, "only the TSO settles, with whom it concerns")
            elif one.final_eur < 0 and key not in self._settled:
                self._settled.add(key)
                pay(self, self.name, one.buyer, -one.final_eur, "unit service", batch.ids[row])

    @handles(AsmAward)
    def hear_award(self, batch: Batch[AsmAward]) -> None:
        """Units follow what was taken of them: they are the transmission side, and deliver it."""
        for row, record in enumerate(batch.records()):
            if self.directory.names[batch.sender[row]] != self._terms.market:
                refuse(self, batch, row, record.bid, "not the market operator")
                continue
            self.register("global_schedules").add(
                t_ms=record.from_ms + np.arange(HOURS_OF_DAY, dtype=np.int64) * MS_PER_H, known_ms=self.now_ms, bid=record.bid, bsp=self.name,
                perimeter=record.areas[0] if record.areas else "", direction=record.direction, scheduled_kw=record.accepted_kw, why="awarded",
            )  # fmt: skip
