"""The aggregator of households, fourth part: offers, commitments, activations by signal, income and its shares (4, 10 and 12)."""

from typing import Any

import numpy as np

from agents.home_power_control import Activation, HomePowerControl, cents
from agents.payments import pay_many
from data.arrays import F64, I64
from environment.messages.base import Batch
from environment.messages.homes_control import MARKET, OptimisationResult
from environment.messages.homes_data import DataQuery, PreferencesQuery
from environment.messages.homes_market import (
    ActivationCall,
    AvailablePower,
    ClearingNotice,
    Commitment,
    FlexibilityOffer,
    NothingNeeded,
    OfferPeriodNotice,
    SimulatedMarket,
)
from environment.messages.settlement import Invoice, MemberStatement
from environment.party import Process, handles

SHARES_EVERY_S = 3600.0


class HomeTrading(HomePowerControl):
    """Offers what the households can leave out, and shares what it earns."""

    def watch_local_market(self) -> Process:
        """Scenario 4, a conversation a day: share availability again and again until the operator has decided."""
        for from_ms, to_ms in self.terms.congestion_windows:
            yield self.until(from_ms - round(self.terms.share_ahead_s * 1000.0))
            rows = np.flatnonzero(self.flexible())
            if not len(rows) or self.planner.current is None:
                continue
            talk = self.open("SUC13.1", "4", f"availability/{from_ms}")
            homes = [self.terms.sites[row].home for row in rows.tolist()]
            wanted = yield self.ask(PreferencesQuery(about="flexibility"), homes, talk)
            self._take_wishes(wanted.batches)
            self._closed.discard(talk)
            while self.now_ms < from_ms and talk not in self._closed:
                self.send(self._available(from_ms, to_ms), self.terms.operator, talk)
                yield self.sleep(SHARES_EVERY_S)

    def _available(self, from_ms: int, to_ms: int) -> AvailablePower:
        """What the portfolio could leave out, or take more, in the periods of a window."""
        now, first = self.timeline.index(self.now_ms), self.timeline.index(from_ms)
        steps = self.timeline.index(to_ms) - first
        rows = np.flatnonzero(self.flexible())
        price, total = 0.0, np.zeros(steps)
        if len(rows) and self.planner.current is not None and first + steps <= self.planner.current.end:
            self.planner.renew(now, self.readings, rows)
            promise = self.planner.promise(now, first, steps, self.readings, rows)
            total = promise.kw.sum(axis=0)
            some = promise.kw.sum(axis=1) > 0.0
            price = float(promise.eur_per_kwh[some].min()) if some.any() else 0.0
        return AvailablePower(
            from_ms=from_ms,
            step_s=self.timeline.step_ms / 1000.0,
            up_kw=total,
            down_kw=np.zeros(steps),
            price_eur_per_kwh=price,
        )

    @handles(NothingNeeded)
    def hear_no(self, batch: Batch[NothingNeeded]) -> None:
        """The operator takes nothing, or nothing more."""
        for one in batch.records():
            self._closed.add(batch.conversation)
            self.end(batch.conversation, "refused", one.reason)

    @handles(Commitment)
    def prepare(self, batch: Batch[Commitment]) -> None:
        """Step 4.3: what was taken is expected in the next optimisations."""
        for one in batch.records():
            self._closed.add(batch.conversation)
            self.buyers[one.commitment] = self.directory.names[int(batch.sender[0])]
            self._note_commitment(
                one.commitment,
                one.market,
                one.from_ms,
                one.step_s,
                one.power_kw,
                np.full(len(one.power_kw), one.price_eur_per_kwh),
            )

    def _note_commitment(self, name: str, market: str, from_ms: int, step_s: float, power_kw: F64, price: F64) -> None:
        t_ms = from_ms + round(step_s * 1000.0) * np.arange(len(power_kw), dtype=np.int64)
        n = len(t_ms)
        self.register("home_commitments").add(
            t_ms=t_ms,
            commitment=[name] * n,
            market=[market] * n,
            power_kw=np.asarray(power_kw, np.float64),
            price_eur_per_kwh=price,
        )

    @handles(ActivationCall)
    def adjust_portfolio(self, batch: Batch[ActivationCall]) -> Any:
        """Steps 4.4 and 4.5."""
        children = [self._adjust(one, batch.conversation) for one in batch.records()]
        for child in children[1:]:
            self.start(child)
        return children[0] if children else None

    def _adjust(self, told: ActivationCall, talk: str) -> Process:
        one = self.call(told.activation, told.power_kw, told.from_ms, told.to_ms)
        called_h = (told.to_ms - told.from_ms) / 3_600_000
        if one is None:
            self.count_delivery(None, told.power_kw, called_h)
            return
        self.name_sites(one, told.commitment, talk)
        yield self.until(told.from_ms + 25_000)
        if not self.command(one, talk):
            self.count_delivery(None, told.power_kw, called_h)
            return
        while self.now_ms < told.to_ms:
            yield self.sleep(self.terms.tick_s)
            if self.now_ms >= told.to_ms:
                break
            question = DataQuery(what="readings", purpose="control", since_ms=self.now_ms)
            answers = yield self.ask(question, self.terms.database, talk)
            for answer in answers.records():
                self._take_readings(answer)
            self.correct(one, talk)
        self.note_delivery(one, told.power_kw, called_h, "congestion")

    # --- 10 ------------------------------------------------------------------------------------------------------------

    @handles(OfferPeriodNotice)
    def make_offers(self, batch: Batch[OfferPeriodNotice]) -> Process:
        """Scenario 10: forecasts, the best consumption of each household, what is flexible in the most profitable periods, offers."""
        notice, talk = batch.one(), batch.conversation
        operator = self.directory.names[int(batch.sender[0])]
        answers = yield self.ask(
            DataQuery(what="forecast", purpose="market", since_ms=self.now_ms), self.terms.database, talk
        )
        if not answers.complete or self.planner.current is None:
            self.send(NothingNeeded(market=notice.market, reason="no forecast to offer on yet"), operator, talk)
            return
        power, price = self._offerable(notice)
        self.send(self._best(power.sum(axis=0)), self.terms.database, talk)
        shared = AvailablePower(
            from_ms=notice.from_ms, step_s=notice.step_s, up_kw=power.sum(axis=0), down_kw=np.zeros(notice.periods),
            price_eur_per_kwh=float(price.min()) if len(price) else 0.0,
        )  # fmt: skip
        self.send(shared, self.terms.database, talk)
        offers = self._offers(notice, power, price)
        if not offers:
            self.send(
                NothingNeeded(market=notice.market, reason="nothing flexible below the price cap"), operator, talk
            )
        for offer in offers:
            self.send(offer, operator, talk)

    def _offerable(self, notice: OfferPeriodNotice) -> tuple[F64, F64]:
        """Power of each flexible household in each period, (k, periods), and its price, (k,)."""
        now, first = self.timeline.index(self.now_ms), self.timeline.index(notice.from_ms)
        width = round(notice.step_s * 1000.0) // self.timeline.step_ms
        rows = np.flatnonzero(self.flexible())
        current = self.planner.current
        if not len(rows) or current is None or first + width * notice.periods > current.end:
            return np.zeros((0, notice.periods)), np.zeros(0)
        self.planner.renew(now, self.readings, rows)
        promise = self.planner.promise(now, first, width * notice.periods, self.readings, rows)
        return promise.kw.reshape(len(rows), notice.periods, width).min(axis=2), promise.eur_per_kwh

    def _best(self, flexible_kw: F64) -> OptimisationResult:
        """The best consumption of the portfolio, from which it could depart."""
        current = self.planner.current
        assert current is not None
        rows = np.flatnonzero(self.members)
        place = self.timeline.index(self.now_ms) - current.first
        net = current.plan.net_kw[rows, place:].sum(axis=0)
        return OptimisationResult(
            household=MARKET, quarter_ms=self.now_ms, step_s=self.timeline.step_ms / 1000.0, reference_kw=float(flexible_kw.max(initial=0.0)),
            net_kw=net, cost_eur=0.0, solved=0, devices=(), references_kw=np.zeros(1),
            contracted_kw=float(self.planner.book.limit_kw[rows].sum()), saved_eur=0.0,
        )  # fmt: skip

    def _offers(self, notice: OfferPeriodNotice, power: F64, price: F64) -> list[FlexibilityOffer]:
        """Two blocks, the cheaper half of the households and the dearer one, below the price cap with the own margin."""
        asked = np.round(price * (1.0 + self.terms.margin_share), 4)
        fits = (asked <= notice.cap_eur_per_kwh) & (power.sum(axis=1) > 0.0)
        order = np.flatnonzero(fits)[np.argsort(asked[fits], kind="stable")]
        blocks = [part for part in (order[: len(order) // 2], order[len(order) // 2 :]) if len(part)]
        return [
            FlexibilityOffer(
                offer=f"{notice.market}/{notice.from_ms}/{number}", market=notice.market, from_ms=notice.from_ms,
                step_s=notice.step_s, power_kw=np.round(power[part].sum(axis=0), 3),
                price_eur_per_kwh=float(asked[part].max()),
            )
            for number, part in enumerate(blocks, start=1)
        ]  # fmt: skip

    @handles(ClearingNotice)
    def take_clearing(self, batch: Batch[ClearingNotice]) -> None:
        """Step 10.5: what was accepted at which prices."""
        for one in batch.records():
            self.buyers[one.commitment] = self.directory.names[int(batch.sender[0])]
            self._note_commitment(
                one.commitment, one.market, one.from_ms, one.step_s, one.power_kw, one.price_eur_per_kwh
            )

    # --- 12 ------------------------------------------------------------------------------------------------------------

    def use_simulation(self, what: str, talk: str) -> Process:
        """Step 12.3: simulated results take the place of real ones where a market is not open: prices and activations expected."""
        answers = yield self.ask(
            DataQuery(what=what, purpose="market", since_ms=self.now_ms), self.terms.database, talk
        )
        for one in answers.records():
            if isinstance(one, SimulatedMarket):
                self.prices_eur_per_kwh = one.price_eur_per_kwh
                n = len(one.accepted_kw)
                t_ms = one.from_ms + round(one.step_s * 1000.0) * np.arange(n, dtype=np.int64)
                self.register("simulated_markets").add(
                    made_ms=np.full(n, self.now_ms, np.int64), t_ms=t_ms, market=[one.market] * n, accepted_kw=one.accepted_kw, activation_kw=one.activation_kw,
                    price_eur_per_kwh=one.price_eur_per_kwh,
                )  # fmt: skip

    # --- money ---------------------------------------------------------------------------------------------------------

    @handles(Invoice)
    def share_income(self, batch: Batch[Invoice]) -> None:
        """What an activation earned is shared with the households that took part, by what each was expected to do."""
        for record, message in zip(batch.records(), batch.ids, strict=True):
            one = self.activations.get(record.invoice.removeprefix("invoice/"))
            if record.creditor == self.name and record.invoice not in self._paid:
                self._paid.add(record.invoice)
                self.came["earned_eur"] += record.eur
                if one is not None:
                    self._share(one, record, message, batch.conversation)
            if batch.conversation and record.purpose == "flexibility":
                self.end(batch.conversation)

    def _share(self, one: Activation, invoice: Invoice, message: np.uint64, talk: str) -> None:
        homes = [self.terms.sites[row].home for row in one.rows]
        there = np.array([home in self.people for home in homes], bool)
        weight = np.maximum(one.expected_kw, 0.0) * there
        if not weight.sum() > 0.0:
            return
        eur = cents(invoice.eur * self.terms.share_to_homes * weight / weight.sum())
        due = np.flatnonzero(eur > 0.0)
        if not len(due):
            return
        rows: I64 = one.rows[due]
        self._earned[rows] += eur[due]
        receivers = self.home_number[rows]
        columns = {"delivered_kwh": one.expected_kw[due] * one.hours, "eur": eur[due]}
        self.send_batch(MemberStatement, columns, self.numbers([self.name]), receivers, talk)
        names = np.array([self.directory.names[number] for number in receivers], object)
        payer = np.array([self.name] * len(due), object)
        pay_many(self, payer, names, eur[due], "flexibility share", np.full(len(due), message, np.uint64))
