"""Prosumers of whom some belong to energy communities: they approve rules, report, follow schedules, bid, and pay (SUC02.1).

A member's HEMS has an address of its own (``home/hems``); its people are reached at the home's.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.payments import pay_many
from agents.prosumer import Prosumers
from agents.prosumer_belonging import Belonging, DerMeters, adopt, forecast, plan_next_alone, registration
from agents.prosumer_consent import take_back
from agents.prosumer_internal_market import Answers
from data.arrays import I64
from environment.messages.base import Batch, columns_of
from environment.messages.community import (
    CommunityRules,
    DerForecast,
    DerSchedule,
    MarketSchedule,
    MemberRegistration,
    MembershipNotice,
    OperationDataRequest,
    PriceAnswer,
    PriceRound,
)
from environment.messages.community_settlement import (
    CommunityBill,
    DerReadings,
    EnergyBid,
    IndicatorRequest,
    MemberIndicators,
    SmartMeterData,
)
from environment.messages.homes_data import DataSubjectAnswer, DataSubjectRequest
from environment.party import Process, handles
from environment.refusals import refuse

BEFORE_MS = 1
"""A commitment is looked at just before its step begins, so that the step's own set-points keep to it."""


class MemberHomes(Prosumers):
    """A population of homes, some of them members of communities.

    Args:
        args: as of ``Prosumers``.
        belongings: the communities that homes were asked to join.
        days_ms: (start, end) of every day of delivery.
    """

    filed = (*Prosumers.filed, MemberIndicators)

    def __init__(self, *args: Any, belongings: Sequence[Belonging], days_ms: Sequence[tuple[int, int]]) -> None:
        super().__init__(*args)
        self._belongings = list(belongings)
        self._of = np.full(self._hems.book.n, -1, np.int64)
        for number, one in enumerate(self._belongings):
            self._of[one.rows] = number
        self._hems_rows = self._rows_of_hems()
        self._answers = Answers(self._hems)
        self._talks: dict[str, str] = {}
        self._joined, self._leaving = np.zeros((2, self._hems.book.n), np.bool_)
        self._withdrawn = np.zeros(self._hems.book.n, np.bool_)
        self._days = list(days_ms)
        self._meters = DerMeters(self._hems.book.n, self._timeline.n)
        self._committed_kw = np.zeros((self._hems.book.n, self._timeline.n))
        self._called = self._hems.called = np.zeros((self._hems.book.n, self._timeline.n))
        self._grid_eur_per_kwh = np.zeros(self._hems.book.n)

    def _rows_of_hems(self) -> dict[int, int]:
        return {int(at): int(row) for one in self._belongings for at, row in zip(one.hems, one.rows, strict=True)}

    def processes(self) -> Iterable[Process]:
        """The homes' day, the read-out of their resources' meters, and what they ask for."""
        yield self.read_out()
        yield self.withdraw_from_communities()
        yield from (self.use_rights(of) for of in self._belongings if of.rights)
        yield from (
            self.give_notice(of, at_ms)
            for of in self._belongings
            for at_ms in np.unique(of.leaves_ms).tolist()
            if at_ms
        )
        yield from super().processes()

    def read_out(self) -> Process:
        """Note at every step what the meters of the resources recorded in the step that ended."""
        for step in range(self._timeline.index(self.now_ms) + 1, self._timeline.n):
            yield self.until(int(self._timeline.starts_ms[step]))
            self._meters.read(step - 1, self._readings, self._timeline.hours)

    def _parts(self, batch: Batch[Any]) -> Iterable[tuple[Belonging, Batch[Any], I64]]:
        """The messages of a batch by community, with the homes that they reached."""
        rows = np.array([self._hems_rows[number] for number in batch.receiver.tolist()], np.int64)
        for number in np.unique(self._of[rows]).tolist():
            mine = np.flatnonzero(self._of[rows] == number)
            yield self._belongings[number], batch.take(mine), rows[mine]

    # --- definition: steps 1.1 and 2.1 -----------------------------------------------------------------------------------

    @handles(CommunityRules)
    def register_as_member(self, batch: Batch[CommunityRules]) -> None:
        """Approve the rules or not, and register resources, shares and tariffs with who will run them."""
        for of, part, rows in self._parts(batch):
            step = self._timeline.index(self.now_ms)
            ahead = slice(step, min(step + round(168 / self._timeline.hours), self._timeline.n))
            self._grid_eur_per_kwh[rows] = part["grid_tariff_eur_per_kwh"]
            self._talks[of.community] = batch.conversation
            columns = registration(self._hems.book, of, part, ahead, self._hems.automatic)
            columns["consent"] = columns["consent"] & ~self._withdrawn[rows]
            columns["approved"] = columns["approved"] & ~self._leaving[rows]
            columns["reason"][self._leaving[rows]] = "it is about to leave"
            self._joined[rows] = columns["approved"]
            for mode, to in (("centralised", of.planner), ("market", of.market)):
                mine = np.flatnonzero(part["mode"] == mode)
                if len(mine):
                    self.send_batch(
                        MemberRegistration, {name: column[mine] for name, column in columns.items()},
                        part.receiver[mine], self.numbers([to]), batch.conversation,
                    )  # fmt: skip

    # --- the day before: steps 1.2, 1.7, 2.2 -----------------------------------------------------------------------------

    @handles(OperationDataRequest)
    def tell_operation_data(self, batch: Batch[OperationDataRequest]) -> None:
        """Tell forecasts and prices of the next day; after it, read out the meters and look at the indicators."""
        for of, part, rows in self._parts(batch):
            self._talks[of.community] = batch.conversation
            day = self._hems.next
            if day is None:
                for row in range(len(part)):
                    refuse(self, part, row, of.community, "no day was planned yet")
                continue
            self.answer_batch(part, DerForecast, forecast(self._hems, day, rows))
            for from_ms in np.unique(part["from_ms"]).tolist():
                mine = part["from_ms"] == from_ms
                self.start(self.report_readings(of, rows[mine], part.receiver[mine], from_ms, batch.conversation))

    @handles(PriceRound)
    def answer_prices(self, batch: Batch[PriceRound]) -> None:
        """Answer prices of the internal market with the plan that the home would live by; after the last round live by what it came to."""
        for of, part, rows in self._parts(batch):
            if not self._answers.fits(part):
                for row in range(len(part)):
                    refuse(self, part, row, of.community, "not about a day that the home has planned")
                continue
            last = part["last"]
            self._answers.adopt(rows[last & ~self._withdrawn[rows]])
            mine = np.flatnonzero(~last & ~self._withdrawn[rows])
            if len(mine):
                asked = part.take(mine)
                self.answer_batch(asked, PriceAnswer, self._answers.answer(rows[mine], asked, self._grid_eur_per_kwh))

    @handles(MarketSchedule)
    @handles(DerSchedule)
    def follow_schedule(self, batch: Batch[DerSchedule]) -> None:
        """Take the set-points of the day; where flexibility is committed, keep the net load."""
        for _, part, rows in self._parts(batch):
            taken = adopt(self._hems, rows, part)
            for row in np.flatnonzero(~taken).tolist():
                refuse(
                    self, part, row, str(part["schedule"][row]), "not about a day that the home has planned, or by hand"
                )
            first = self._timeline.index(int(part["from_ms"][0]))
            for place in np.flatnonzero(taken).tolist():
                kw = part["committed_kw"][place]
                self._committed_kw[rows[place], first : first + len(kw)] = kw
                self._called[rows[place], first : first + len(kw)] = part["called"][place]
            bound = rows[taken & (part["committed_kw"] != 0.0).any(axis=1)]
            if len(bound):
                self.start(self.keep_commitments(bound, first, part["committed_kw"].shape[1]))

    def keep_commitments(self, rows: I64, first: int, steps: int) -> Process:
        """In steps with a commitment batteries keep the scheduled net load, whatever else moves."""
        for step in range(first, min(first + steps, self._timeline.n)):
            mine = rows[self._committed_kw[rows, step] != 0.0]
            if len(mine):
                yield self.until(int(self._timeline.starts_ms[step]) - BEFORE_MS)
                self._hems.ordered_until[mine] = np.maximum(self._hems.ordered_until[mine], step + 1)

    # --- consent and leaving: O-1, O-3 -----------------------------------------------------------------------------------

    def give_notice(self, of: Belonging, at_ms: int) -> Process:
        """Homes that leave tell the community before, and approve nothing any more."""
        yield self.until(max(at_ms - of.notice_ms, self.now_ms))
        rows = of.rows[(of.leaves_ms == at_ms) & self._joined[of.rows]]
        self._leaving[rows] = True
        self._tell_change(of, rows, "leaves", at_ms)

    def withdraw_from_communities(self) -> Process:
        """Members who take back their consent live by plans of their own from that second on, and tell their community."""
        for at_ms, homes in sorted(self._withdrawals.items()):
            yield self.until(at_ms)
            for of in self._belongings:
                rows = of.rows[homes[of.rows] & of.consent & self._joined[of.rows] & ~self._withdrawn[of.rows]]
                self._live_alone(rows)
                self._tell_change(of, rows, "withdraws-consent", self.now_ms)
                if len(rows):
                    self.register("withdrawals").add(
                        t_ms=self.now_ms, owner=[self._hems.book.names[row] for row in rows]
                    )

    def use_rights(self, of: Belonging) -> Process:
        """People ask about the own data; a restriction ends the use of data and control here and now, as withdrawn consent does."""
        for at_ms, row, right in of.rights:
            yield self.until(at_ms)
            if not self._joined[row] or of.community not in self._talks:
                continue
            if right == "restrict":
                self._live_alone(np.array([row]))
            tariff = of.tariff[int(np.searchsorted(of.rows, row))]
            asked = DataSubjectRequest(right=right, purpose="", value=tariff if right == "rectify" else "")
            columns, home = columns_of([asked]), self._to.home[[row]]
            self.send_batch(DataSubjectRequest, columns, home, self.numbers([of.community]), self._talks[of.community])
            self.register("rights").add(
                t_ms=self.now_ms, owner=self._hems.book.names[row], right=right, purpose=asked.purpose
            )

    @handles(DataSubjectAnswer)
    def read_answer(self, batch: Batch[DataSubjectAnswer]) -> None:
        """Keep what was answered."""
        names = [self._hems.book.names[row] for row in np.searchsorted(self._to.home, batch.receiver)]
        self.register("data_answers").add(
            t_ms=self.now_ms, owner=names, right=batch["right"], items=batch["items"], done=batch["done"]
        )

    def _live_alone(self, rows: I64) -> None:
        """Their devices are their own again: no set-points of the community's for now and for tomorrow."""
        if not len(rows):
            return
        step = self._timeline.index(self.now_ms)
        self._withdrawn[rows] = True
        self._committed_kw[rows, step:] = self._called[rows, step:] = 0.0
        self._hems.plan_alone(step, rows, self._readings)
        plan_next_alone(self._hems, rows)
        take_back(self._hems, self._controls, self._readings, (), step, rows)

    def _tell_change(self, of: Belonging, rows: I64, change: str, from_ms: int) -> None:
        """Tell the manager in the conversation that is on; before the first there is nobody who would have to know."""
        if of.community not in self._talks or not len(rows):
            return
        n = len(rows)
        columns: dict[str, NDArray[Any]] = {
            "community": np.array([of.community] * n, object),
            "member": np.array([self._hems.book.names[row] for row in rows], object),
            "change": np.array([change] * n, object),
            "from_ms": np.full(n, from_ms, np.int64),
        }
        manager = self.numbers([of.community])
        self.send_batch(MembershipNotice, columns, self._to.home[rows], manager, self._talks[of.community])

    # --- after delivery: steps 1.9, 1.15, 1.16 ---------------------------------------------------------------------------

    def report_readings(self, of: Belonging, rows: I64, hems: I64, from_ms: int, conversation: str) -> Process:
        """Hand the DSO what the meters of the resources recorded; then, where people want to know, ask for the indicators."""
        start_ms, end_ms = next(day for day in self._days if day[0] == from_ms)
        yield self.until(end_ms + of.reads_after_ms)
        told = ~self._withdrawn[rows]
        mine, n = rows[told], int(told.sum())
        if n:
            columns: dict[str, NDArray[Any]] = {
                "member": np.array([self._hems.book.names[row] for row in mine], object),
                "from_ms": np.full(n, start_ms, np.int64),
                "step_s": np.full(n, self._timeline.step_ms / 1000.0),
            }
            columns |= self._meters.columns(mine, self._timeline.steps(start_ms, end_ms))
            self.send_batch(DerReadings, columns, hems[told], self.numbers([of.dso]), conversation)
        yield self.until(end_ms + of.asks_after_ms)
        asks = of.asks[self._days.index((start_ms, end_ms))][np.searchsorted(of.rows, rows)]
        curious = rows[asks]
        if len(curious):
            asked = {
                "member": np.array([self._hems.book.names[row] for row in curious], object),
                "asked_ms": np.full(len(curious), self.now_ms, np.int64),
            }
            self.send_batch(IndicatorRequest, asked, self._to.home[curious], self.numbers([of.platform]), conversation)

    @handles(SmartMeterData)
    def bid_energy(self, batch: Batch[SmartMeterData]) -> None:
        """Bid what is left over or wanted after delivery, at what it is worth outside the community."""
        for of, part, rows in self._parts(batch):
            volume = part["withdrawal_kwh"] - part["injection_kwh"] - part["owned_kwh"]
            steps = self._timeline.steps(int(part["from_ms"][0]), int(part["from_ms"][0])).start
            over = slice(steps, steps + volume.shape[1])
            book = self._hems.book
            buy = book.buy_eur_per_kwh[book.tariff[rows], over] - self._grid_eur_per_kwh[rows, None]
            sell = book.sell_eur_per_kwh[book.tariff[rows], over]
            committed = self._committed_kw[rows, over] != 0.0
            columns = {
                "member": part["member"],
                "from_ms": part["from_ms"],
                "step_s": part["step_s"],
                "volume_kwh": volume,
                "price_eur_per_kwh": np.where(volume > 0.0, buy, sell),
                "flexibility_kwh": np.where(committed, part["delivered_kw"] * self._timeline.hours, 0.0),
                "withdrawal_kwh": part["withdrawal_kwh"],
                "consumption_kwh": part["consumption_kwh"],
                "given_kwh": part["injection_kwh"] + part["owned_kwh"],
            }
            self.send_batch(EnergyBid, columns, part.receiver, self.numbers([of.market]), batch.conversation)

    @handles(CommunityBill)
    def pay_community(self, batch: Batch[CommunityBill]) -> None:
        """Pay what is owed to the community; what it owes, its manager pays."""
        owed = np.maximum(batch["net_eur"], 0.0)
        pay_many(self, batch["member"], batch["community"], owed, "community bill", batch.ids)
