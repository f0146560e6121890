"""Who buys the flexibility of households, or speaks for a market: DSO some hours ahead, TSO a day ahead, a market that is not open (SUC13.1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from agents.payments import pay
from agents.strategies.home_promise import BEFORE_STEPS
from data.arrays import F64
from environment.calendar import Calendar
from environment.chance import Stream
from environment.instruments import MeterStore
from environment.messages.base import Batch
from environment.messages.homes_data import DataQuery, ExternalData
from environment.messages.homes_market import (
    ActivationCall,
    ActivationSites,
    AvailablePower,
    ClearingNotice,
    Commitment,
    Contingency,
    FlexibilityOffer,
    NothingNeeded,
    OfferPeriodNotice,
)
from environment.messages.settlement import Invoice
from environment.party import Party, Process, Seat, handles
from environment.refusals import refuse

LOOKS_BACK_DAYS = 3
"""Days whose same quarter hours a forecast of the net load averages."""
SETTLES_AFTER_MS = 1_800_000


@dataclass(frozen=True)
class BuyerTerms:
    """What a buyer is told.

    Attributes:
        aggregator: address of the aggregator.
        database: address of its cloud database.
        meters: names of the meters of the area.
        windows: (start, end) of the hours looked at, a day each.
        step_ms: length of a period traded.
    """

    aggregator: str
    database: str
    meters: Sequence[str]
    windows: Sequence[tuple[int, int]]
    step_ms: int


class Buyer(Party):
    """Reads the meters of its area, and pays for what it called and got."""

    def __init__(self, seat: Seat, store: MeterStore, calendar: Calendar, terms: BuyerTerms) -> None:
        super().__init__(seat)
        self.store, self.calendar, self.terms = store, calendar, terms
        self._sites: dict[str, tuple[str, ...]] = {}

    def net_kw(self, from_ms: int, to_ms: int, meters: Sequence[str] | None = None) -> F64:
        """Net load as metered, of the area or of some of its meters, (steps,)."""
        return np.asarray(self.store.read(self.terms.meters if meters is None else meters, from_ms, to_ms).sum(axis=0))

    def expected_kw(self, from_ms: int, to_ms: int) -> F64:
        """Mean net load of the same quarter hours on the days before, (steps,)."""
        days = [
            self.store.read(self.terms.meters, from_ms - back * 86_400_000, to_ms - back * 86_400_000).sum(axis=0)
            for back in range(1, LOOKS_BACK_DAYS + 1)
        ]
        return np.asarray(np.nanmean(np.array(days), axis=0))

    @handles(ActivationSites)
    def hear_sites(self, batch: Batch[ActivationSites]) -> None:
        """Where an activation is carried out; the word before it begins counts, and no meter outside the area."""
        area = set(self.terms.meters)
        for place, one in enumerate(batch.records()):
            if area.issuperset(one.meters):
                self._sites.setdefault(one.activation, one.meters)
            else:
                refuse(self, batch, place, "a metering point", "not in the area of this operator")

    def settle(self, name: str, called: "_Called", eur_per_kwh: float, talk: str) -> Process:
        """Pay what was delivered: the named meters before the call less the same meters within it, at most what was called."""
        yield self.until(called.to_ms + SETTLES_AFTER_MS)
        hours = self.terms.step_ms / 3_600_000
        sites = self._sites.pop(name, ())
        before = float(self.net_kw(called.from_ms - BEFORE_STEPS * self.terms.step_ms, called.from_ms, sites).mean())
        within = self.net_kw(called.from_ms, called.to_ms, sites)
        delivered = np.clip(before - within, 0.0, called.kw)
        eur = np.floor(float(delivered.sum()) * hours * eur_per_kwh * 100.0) / 100.0
        self.register("home_settlements").add(
            t_ms=called.from_ms, activation=name, buyer=self.name, ordered_kwh=called.kw * len(within) * hours,
            delivered_kwh=float(delivered.sum()) * hours, eur=eur,
        )  # fmt: skip
        invoice = Invoice(
            invoice=f"invoice/{name}",
            debtor=self.name,
            creditor=self.terms.aggregator,
            purpose="flexibility",
            eur=float(eur),
        )
        self.send(invoice, [self.terms.aggregator, self.name], talk)
        yield self.sleep(5.0)

    @handles(Invoice)
    def pay_invoice(self, batch: Batch[Invoice]) -> None:
        """The own copy of an invoice is the one that the payment cites."""
        for record, message in zip(batch.records(), batch.ids, strict=True):
            if record.debtor == self.name:
                pay(self, self.name, record.creditor, record.eur, record.purpose, message)


@dataclass(frozen=True)
class _Called:
    from_ms: int
    to_ms: int
    kw: float


class CongestionBuyer(Buyer):
    """DSO: takes of the power that is shared with it what its feeder will need, and calls it when meters show that it does.

    Args:
        seat: place in the world.
        store: readings of the meters of the area.
        calendar: local time.
        terms: whom it deals with.
        limit_kw: net load that the feeder carries.
        eur_per_kwh: price of a delivered kWh.
        margin_share: added to the forecast.
        decides_ms: when it decides, a day each.
    """

    def __init__(
        self, seat: Seat, store: MeterStore, calendar: Calendar, terms: BuyerTerms, limit_kw: float, eur_per_kwh: float,
        margin_share: float, decides_ms: Sequence[int],
    ) -> None:  # fmt: skip
        super().__init__(seat, store, calendar, terms)
        self._limit_kw, self._price, self._margin = limit_kw, eur_per_kwh, margin_share
        self._decides_ms = decides_ms
        self._shared: dict[int, tuple[AvailablePower, str]] = {}

    def processes(self) -> Iterable[Process]:
        """A decision a day, and its evening."""
        yield self.buy()

    @handles(AvailablePower)
    def hear_availability(self, batch: Batch[AvailablePower]) -> None:
        """Step 4.2: the latest word about a window counts."""
        for one in batch.records():
            self._shared[one.from_ms] = one, batch.conversation

    def buy(self) -> Process:
        """Steps 4.3 and 4.4, day by day."""
        for (from_ms, to_ms), decides_ms in zip(self.terms.windows, self._decides_ms, strict=True):
            yield self.until(decides_ms)
            if from_ms not in self._shared:
                continue
            shared, talk = self._shared[from_ms]
            need = np.maximum((1.0 + self._margin) * self.expected_kw(from_ms, to_ms) - self._limit_kw, 0.0)
            taken = np.minimum(need, shared.up_kw)
            self._note(from_ms, need, taken)
            if not (taken > 0.0).any() or shared.price_eur_per_kwh > self._price:
                dear = shared.price_eur_per_kwh > self._price
                reason = "too dear" if dear else "the feeder is expected to carry the evening"
                self.send(NothingNeeded(market="congestion", reason=reason), self.terms.aggregator, talk)
                continue
            name = f"congestion/{from_ms}"
            commitment = Commitment(
                commitment=name,
                market="congestion",
                from_ms=from_ms,
                step_s=shared.step_s,
                power_kw=taken,
                price_eur_per_kwh=self._price,
            )
            self.send(commitment, self.terms.aggregator, talk)
            yield from self._evening(name, from_ms, to_ms, taken, talk)

    def _note(self, from_ms: int, need: F64, taken: F64) -> None:
        t_ms = from_ms + self.terms.step_ms * np.arange(len(need), dtype=np.int64)
        self.register("feeder_needs").add(t_ms=t_ms, needed_kw=need, taken_kw=taken)

    def _evening(self, name: str, from_ms: int, to_ms: int, taken: F64, talk: str) -> Process:
        """Call an hour of what was taken when the last metered quarter, and the forecast, exceed the limit."""
        called: list[tuple[str, _Called]] = []
        step_ms, at = self.terms.step_ms, from_ms
        while at < to_ms:
            yield self.until(at + 60_000)
            begin = at + step_ms
            place = (begin - from_ms) // step_ms
            now = float(self.net_kw(at - step_ms, at)[0])
            until = min(begin + 4 * step_ms, to_ms)
            kw = (
                min(max(now - self._limit_kw, 0.0), float(taken[place : place + 4].max(initial=0.0)))
                if begin < to_ms
                else 0.0
            )
            if kw > 0.5:
                one = f"{name}/{begin}"
                call = ActivationCall(
                    activation=one, commitment=name, direction="up", from_ms=begin, to_ms=until, power_kw=kw
                )
                self.send(call, self.terms.aggregator, talk)
                called.append((one, _Called(begin, until, kw)))
                at = until
            else:
                at += step_ms
        if not called:
            reason = "what was taken was not needed"
            self.send(NothingNeeded(market="congestion", reason=reason), self.terms.aggregator, talk)
        for one, what in called:
            yield from self.settle(one, what, self._price, talk)

    @handles(DataQuery)
    def tell_constraints(self, batch: Batch[DataQuery]) -> None:
        """Step 6.2: what the area may take in coming periods."""
        for place in range(len(batch)):
            constraint_kw = np.full(96, self._limit_kw)
            told = about("grid", self.now_ms, self.terms.step_ms, ("congestion",), constraint_kw=constraint_kw)
            self.answer(batch.take(np.array([place])), told)


@dataclass(frozen=True)
class Reserve:
    """What a TSO buys: power wanted in each hour, its highest price, and how often a committed hour is called."""

    kw: float
    cap_eur_per_kwh: float
    called_share: float
    opens_ms: Sequence[int]
    gate_ms: Sequence[int]
    imbalance: Stream


class ReserveBuyer(Buyer):
    """TSO: buys reserve a day ahead, and calls half an hour of it where its area is short."""

    def __init__(self, seat: Seat, store: MeterStore, calendar: Calendar, terms: BuyerTerms, reserve: Reserve) -> None:
        super().__init__(seat, store, calendar, terms)
        self._reserve = reserve
        self._offers: dict[str, list[FlexibilityOffer]] = {}
        self._declined: dict[str, str] = {}

    def processes(self) -> Iterable[Process]:
        """One market a day."""
        for number, (from_ms, to_ms) in enumerate(self.terms.windows):
            yield self.trade(number, from_ms, to_ms)

    @handles(FlexibilityOffer)
    def take_offer(self, batch: Batch[FlexibilityOffer]) -> None:
        """Step 10.4."""
        self._offers.setdefault(batch.conversation, []).extend(batch.records())

    @handles(NothingNeeded)
    def hear_no(self, batch: Batch[NothingNeeded]) -> None:
        """The aggregator has nothing to offer."""
        self._declined[batch.conversation] = batch.one().reason

    @handles(DataQuery)
    def tell_participation(self, batch: Batch[DataQuery]) -> None:
        """Step 6.2: its reserve is open, up to a price."""
        price = np.full(24, self._reserve.cap_eur_per_kwh)
        for place in range(len(batch)):
            told = about("balancing", self.now_ms, 3_600_000, ("balancing",), price_eur_per_kwh=price)
            self.answer(batch.take(np.array([place])), told)

    def trade(self, number: int, from_ms: int, to_ms: int) -> Process:
        """Scenario 10: open the offer period, clear at the gate, tell prices and requirements; then the hours themselves."""
        said = self._reserve
        yield self.until(said.opens_ms[number])
        talk = self.open("SUC13.1", "10", f"balancing/{from_ms}")
        hour_ms = 4 * self.terms.step_ms
        notice = OfferPeriodNotice(
            market="balancing", direction="up", from_ms=from_ms, step_s=hour_ms / 1000.0, periods=(to_ms - from_ms) // hour_ms,
            gate_ms=said.gate_ms[number], cap_eur_per_kwh=said.cap_eur_per_kwh, obligation_only=True,
        )  # fmt: skip
        self.send(notice, self.terms.aggregator, talk)
        yield self.until(said.gate_ms[number])
        offers = self._offers.get(talk, [])
        if not offers:
            self.end(talk, "refused", self._declined.get(talk, "nobody offered"))
            return
        accepted = self.clear(offers)
        for offer, kw in zip(offers, accepted, strict=True):
            told = ClearingNotice(
                commitment=offer.offer, market="balancing", from_ms=offer.from_ms, step_s=offer.step_s, power_kw=kw,
                price_eur_per_kwh=np.full(len(kw), offer.price_eur_per_kwh), obligation_only=True,
            )  # fmt: skip
            self.send(told, self.terms.aggregator, talk)
        yield self.sleep(60.0)
        self.end(talk)
        total = np.sum(accepted, axis=0)
        price = max(offer.price_eur_per_kwh for offer in offers)
        yield from self._hours(from_ms, hour_ms, total, offers[0].offer, price)

    def clear(self, offers: Sequence[FlexibilityOffer]) -> list[F64]:
        """Cheapest first until the reserve of each hour is bought; each is paid its own price."""
        left = np.full(len(offers[0].power_kw), self._reserve.kw)
        accepted: dict[str, F64] = {}
        for offer in sorted(offers, key=lambda one: (one.price_eur_per_kwh, one.offer)):
            fits = offer.price_eur_per_kwh <= self._reserve.cap_eur_per_kwh
            accepted[offer.offer] = np.minimum(offer.power_kw, left) if fits else np.zeros(len(left))
            left = left - accepted[offer.offer]
            n = len(left)
            t_ms = offer.from_ms + round(offer.step_s * 1000.0) * np.arange(n, dtype=np.int64)
            self.register("home_bids").add(
                t_ms=t_ms, offer=[offer.offer] * n, market=[offer.market] * n, power_kw=offer.power_kw, accepted_kw=accepted[offer.offer],
                price_eur_per_kwh=np.full(n, offer.price_eur_per_kwh),
            )  # fmt: skip
        return [accepted[offer.offer] for offer in offers]

    def _hours(self, from_ms: int, hour_ms: int, committed: F64, name: str, price: float) -> Process:
        """Scenario 11: in some of the committed hours the area is short; half an hour of the reserve is called."""
        for place, kw in enumerate(committed.tolist()):
            start_ms = from_ms + place * hour_ms
            drawn = float(self._reserve.imbalance.uniform(np.array([start_ms // 1000], np.uint64))[0])
            if kw <= 0.5 or drawn >= self._reserve.called_share:
                continue
            begin = start_ms + self.terms.step_ms
            yield self.until(begin - 120_000)
            activation = f"balancing/{begin}"
            talk = self.open("SUC13.1", "11", activation)
            told = Contingency(
                activation=activation, commitment=name, joint=False, direction="up", from_ms=begin,
                to_ms=begin + 2 * self.terms.step_ms, power_kw=kw,
            )  # fmt: skip
            self.send(told, self.terms.database, talk)
            self.start(self.settle(activation, _Called(told.from_ms, told.to_ms, kw), price, talk))


class ClosedMarket(Party):
    """A market operator whose market does not take households yet: it says so to who asks (step 6.2)."""

    @handles(DataQuery)
    def tell_participation(self, batch: Batch[DataQuery]) -> None:
        """Nobody may take part; what is asked for beyond the market is refused on record."""
        for place in range(len(batch)):
            question = batch.take(np.array([place]))
            if str(question["what"][0]) != "market":
                refuse(self, question, 0, str(question["what"][0]), "this source speaks of its market alone")
                continue
            told = about("market", self.now_ms, 3_600_000, ())
            self.answer(question, told)


def about(kind: str, now_ms: int, step_ms: int, participation: tuple[str, ...], **columns: F64) -> ExternalData:
    """What an operator says of the periods to come; what it does not speak of has one value, 0."""
    names = ("temp_c", "ghi_wm2", "constraint_kw", "price_eur_per_kwh", "observed_temp_c", "observed_ghi_wm2")
    values = dict.fromkeys(names, np.zeros(1)) | columns
    return ExternalData(
        kind=kind,
        from_ms=now_ms,
        step_s=step_ms / 1000.0,
        participation=participation,
        observed_from_ms=now_ms,
        **values,
    )
