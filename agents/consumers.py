"""Consumers whose water heaters are retrofitted: what they tell, sign, take back and ask for (SUC03.1). Row i is home i.

They decide by what they are like: who does not want to be controlled does not sign, and whoever takes the approval back is obeyed at that
second, because the module hangs on their wall: the switch to manual is theirs, whatever the EMS has heard.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from agents.payments import pay_many
from data.arrays import F64, I64, Bool
from environment.instruments import Controls
from environment.messages.base import Batch, Record
from environment.messages.retrofit import (
    ApprovalRefusal,
    ApprovalRequest,
    ConsentWithdrawal,
    ContractCopy,
    ControlApproval,
    DataAnswer,
    DataRequest,
    PersonalDataRequest,
    PersonalInformation,
)
from environment.messages.settlement import RetailBill
from environment.party import Party, Process, Seat, handles

KIND = "stratified_heater"


@dataclass(frozen=True)
class Households:
    """What the people of n homes know of themselves and want.

    Attributes:
        names: of the homes, ascending.
        persons: who live there, (n,).
        tariff: name of each home's tariff.
        own_generation: whether there are solar panels, (n,).
        contracted_kw: (n,).
        signs: whether they approve external control, (n,).
        wants_copy: whether they want the contract on paper, (n,).
        wants: services that each wants.
        manual: homes that keep their water heater in manual mode from the start, (n,).
        withdrawals: instant [ms] -> homes that take their approval back then, (n,).
        modes: instant [ms] -> homes in automatic mode from then on, (n,), where that changes.
        requests: (instant [ms], right, homes): what they ask for of their data.
        ems: address of the system that has their data.
        retailer: who supplies them.
    """

    names: tuple[str, ...]
    persons: I64
    tariff: tuple[str, ...]
    own_generation: Bool
    contracted_kw: F64
    signs: Bool
    wants_copy: Bool
    wants: tuple[tuple[str, ...], ...]
    manual: Bool
    withdrawals: Mapping[int, Bool]
    modes: Mapping[int, Bool]
    requests: tuple[tuple[int, str, Bool], ...]
    ems: str
    retailer: str


class Consumers(Party):
    """A population of consumers.

    Args:
        seat: place in the world.
        households: who they are.
        controls: the mode of their water heaters.
    """

    filed = (ContractCopy,)

    def __init__(self, seat: Seat, households: Households, controls: Controls) -> None:
        super().__init__(seat)
        self._homes = households
        self._controls = controls
        self._automatic = ~households.manual
        self._taken_back = np.zeros(len(households.names), bool)
        self._talks: dict[int, str] = {}
        self._signed: set[int] = set()
        self._row = {number: row for row, number in enumerate(self.numbers(households.names).tolist())}

    def processes(self) -> Iterable[Process]:
        """What they do by themselves."""
        yield self.change_modes()
        yield self.withdraw()
        for at_ms, right, homes in self._homes.requests:
            yield self.ask_for_data(at_ms, right, np.flatnonzero(homes))

    def _rows(self, numbers: I64) -> list[int]:
        return [self._row[number] for number in numbers.tolist()]

    # --- the visit -----------------------------------------------------------------------------------------------------

    @handles(PersonalDataRequest)
    def tell(self, batch: Batch[PersonalDataRequest]) -> None:
        """Step 4.1: personal information, for the purposes named."""
        homes, rows = self._homes, self._rows(batch.receiver)
        for row in rows:
            self._talks[row] = batch.conversation
        answers: list[Record] = [
            PersonalInformation(
                consumer=homes.names[row], persons=int(homes.persons[row]), tariff=homes.tariff[row],
                own_generation=bool(homes.own_generation[row]), contracted_kw=float(homes.contracted_kw[row]),
                purposes=asked.purposes, services=homes.wants[row],
            )
            for row, asked in zip(rows, batch.records(), strict=True)
        ]  # fmt: skip
        self.answer(batch, answers)

    @handles(ApprovalRequest)
    def sign(self, batch: Batch[ApprovalRequest]) -> None:
        """Step 4.2: sign, or not."""
        homes = self._homes
        for place, (row, asked) in enumerate(zip(self._rows(batch.receiver), batch.records(), strict=True)):
            one = batch.take(np.array([place]))
            if not homes.signs[row]:
                self.answer(one, ApprovalRefusal(consumer=homes.names[row]))
                continue
            self._signed.add(row)
            self.answer(
                one,
                ControlApproval(
                    consumer=homes.names[row], devices=asked.devices, signature=f"signed by {homes.names[row]}",
                    wants_copy=bool(homes.wants_copy[row]),
                ),
            )  # fmt: skip

    @handles(RetailBill)
    def pay_bill(self, batch: Batch[RetailBill]) -> None:
        """Pay the retailer."""
        names = np.array([self._homes.names[row] for row in self._rows(batch.receiver)], object)
        owed = batch["energy_eur"] + batch["network_eur"] + batch["taxes_eur"]
        retailer = np.array([self._homes.retailer] * len(names), object)
        pay_many(self, names, retailer, np.rint(owed * 100.0) / 100.0, "retail bill", batch.ids)

    # --- afterwards ----------------------------------------------------------------------------------------------------

    def change_modes(self) -> Process:
        """Switch water heaters to manual and back to automatic."""
        self._apply()
        for at_ms in sorted(self._homes.modes):
            yield self.until(at_ms)
            self._automatic = self._homes.modes[at_ms] & ~self._homes.manual
            self._apply()

    def _apply(self) -> None:
        rows = np.arange(len(self._homes.names))
        self._controls.mode(KIND, rows, self._automatic & ~self._taken_back)

    def withdraw(self) -> Process:
        """Take approvals back: the device is one's own at once, and the EMS is told."""
        for at_ms in sorted(self._homes.withdrawals):
            yield self.until(at_ms)
            rows = [row for row in np.flatnonzero(self._homes.withdrawals[at_ms]).tolist() if row in self._signed]
            self._taken_back[rows] = True
            self._apply()
            for row in rows:
                self._signed.discard(row)
                home = self._homes.names[row]
                self._send_as(ConsentWithdrawal(consumer=home), row)
            if rows:
                self.register("withdrawals").add(t_ms=self.now_ms, owner=[self._homes.names[row] for row in rows])

    def ask_for_data(self, at_ms: int, right: str, rows: I64) -> Process:
        """Use a right: see, correct, restrict or erase what is kept."""
        yield self.until(at_ms)
        for row in [row for row in rows.tolist() if row in self._talks]:
            corrected = int(self._homes.persons[row]) + 1 if right == "rectify" else 0
            self._send_as(DataRequest(consumer=self._homes.names[row], right=right, persons=corrected), row)

    def _send_as(self, message: Record, row: int) -> None:
        """Send from a home to the system that has its data."""
        from environment.messages.base import columns_of

        sender = self.numbers([self._homes.names[row]])
        self.send_batch(type(message), columns_of([message]), sender, self.numbers([self._homes.ems]), self._talks[row])

    @handles(DataAnswer)
    def read_answer(self, batch: Batch[DataAnswer]) -> None:
        """Keep what was answered."""
        for row, one in zip(self._rows(batch.receiver), batch.records(), strict=True):
            self.register("data_answers").add(
                t_ms=self.now_ms, owner=self._homes.names[row], right=one.right, items=len(one.items), done=one.done
            )
