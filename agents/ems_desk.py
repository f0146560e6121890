"""Where an EMS meets its customers: devices registered, installations tested, approvals kept, people's data looked after (SUC03.1)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.ems_memory import CONTROL, LEARNING, Memory
from environment.messages.base import Batch
from environment.messages.retrofit import (
    ConnectionQuery,
    ConnectionStatus,
    ConsentWithdrawal,
    ControlApproval,
    DataAnswer,
    DataRequest,
    DeviceRegistration,
    FirstValue,
    ModuleHello,
    PersonalInformation,
    StorageQuery,
    StorageStatus,
)
from environment.party import Party, Seat, handles
from environment.refusals import refuse

PLAUSIBLE = {"temperature_c": (0.0, 99.0), "heater_kw": (0.0, 10.0), "household_kw": (-100.0, 100.0)}
"""First values outside are not stored."""


class CustomerDesk(Party):
    """The side of an EMS that registers, tests and keeps.

    Args:
        seat: place in the world.
        memory: what it knows.
    """

    def __init__(self, seat: Seat, memory: Memory) -> None:
        super().__init__(seat)
        self.memory = memory

    @handles(DeviceRegistration)
    def register_devices(self, batch: Batch[DeviceRegistration]) -> None:
        """Step 1.2: each device gets an entry that ties it to the consumer."""
        memory = self.memory
        for one in batch.records():
            row = memory.row(one.consumer)
            memory.device_of |= dict.fromkeys(one.devices, row)
            memory.litres[row], memory.heater_kw[row], memory.ceiling_c[row] = (
                one.volume_l,
                one.heater_kw,
                one.ceiling_c,
            )
            memory.metered[row] = "household meter" in one.types
            self.register("registrations").add(
                t_ms=self.now_ms, owner=one.consumer, device=list(one.devices), kind=list(one.types)
            )

    @handles(ModuleHello)
    def hear_module(self, batch: Batch[ModuleHello]) -> None:
        """A module is connected, and sees what is wired to it."""
        for one in batch.records():
            self.memory.heard |= set(one.devices)

    @handles(FirstValue)
    def store_value(self, batch: Batch[FirstValue]) -> None:
        """Step 3.2: first values are stored where they can be true."""
        for one in batch.records():
            low, high = PLAUSIBLE[one.quantity]
            if low <= one.value <= high:
                self.memory.stored.add(one.device)
            self.register("first_values").add(
                t_ms=self.now_ms, device=one.device, quantity=one.quantity, value=one.value
            )

    @handles(ConnectionQuery)
    def tell_connection(self, batch: Batch[ConnectionQuery]) -> None:
        """Step 3.1."""
        memory = self.memory
        self.answer(
            batch,
            [
                ConnectionStatus(
                    device=one.device, connected=one.device in memory.heard, registered=one.device in memory.device_of
                )
                for one in batch.records()
            ],
        )

    @handles(StorageQuery)
    def tell_storage(self, batch: Batch[StorageQuery]) -> None:
        """Step 3.3."""
        known = {str(name) for name in self.register("first_values").columns().get("device", ())}
        self.answer(
            batch,
            [
                StorageStatus(device=one.device, received=one.device in known, stored=one.device in self.memory.stored)
                for one in batch.records()
            ],
        )

    @handles(PersonalInformation)
    def keep_person(self, batch: Batch[PersonalInformation]) -> None:
        """A consumer's file is opened, for the purposes that it agreed to."""
        memory = self.memory
        for one in batch.records():
            row = memory.row(one.consumer)
            memory.people.enrol(one.consumer)
            memory.people.consent(one.consumer, one.purposes, self.now_ms)
            for key in ("persons", "tariff"):
                if memory.people.may_process(one.consumer, CONTROL, self.now_ms):
                    memory.people.keep(one.consumer, "personal", key, getattr(one, key), CONTROL, self.now_ms)
            memory.tariff[row], memory.generation[row] = one.tariff, one.own_generation
            memory.contracted_kw[row], memory.wanted[row] = one.contracted_kw, one.services

    @handles(ControlApproval)
    def begin_service(self, batch: Batch[ControlApproval]) -> None:
        """A signed approval: from the next midnight on the water heater is learned."""
        for one in batch.records():
            self.memory.approved[self.memory.row(one.consumer)] = True

    @handles(ConsentWithdrawal)
    def stop_service(self, batch: Batch[ConsentWithdrawal]) -> None:
        """Consent taken back: neither control nor learning from now on. Nobody takes back another's."""
        memory = self.memory
        for row, one in enumerate(batch.records()):
            if one.consumer != self.directory.names[batch.sender[row]]:
                refuse(self, batch, row, one.consumer, "consent is taken back by the consumer itself")
                continue
            memory.approved[memory.row(one.consumer)] = False
            if one.consumer in memory.people:  # who had everything erased has nothing left to take back
                memory.people.withdraw(one.consumer, (CONTROL, LEARNING), self.now_ms)

    @handles(DataRequest)
    def answer_person(self, batch: Batch[DataRequest]) -> None:
        """People see, correct, restrict or erase what is kept of them, without delay; of others they are told and do nothing."""
        senders = [self.directory.names[sender] for sender in batch.sender.tolist()]
        answers = [self._serve_right(one, sender) for one, sender in zip(batch.records(), senders, strict=True)]
        sent: Batch[Any] = Batch(
            DataAnswer, batch.receiver, batch.sender,
            {name: _column([getattr(one, name) for one in answers], name) for name in ("right", "items", "done")},
            batch.conversation,
        )  # fmt: skip
        self.send_batch(DataAnswer, sent.columns, sent.sender, sent.receiver, batch.conversation)

    def _serve_right(self, asked: DataRequest, sender: str) -> DataAnswer:
        people, person, now = self.memory.people, asked.consumer, self.now_ms
        if person not in people or person != sender:
            return DataAnswer(right=asked.right, items=(), done=False)
        people.ask(person, asked.right, now)
        match asked.right:
            case "access":
                items = tuple(f"{one.category}/{one.key}" for one in people.access(person, now))
                return DataAnswer(right="access", items=items, done=True)
            case "rectify":
                people.rectify(person, "personal", "persons", asked.persons, now)
            case "restrict":
                people.restrict(person)
            case _:
                self.forget(person)
        return DataAnswer(right=asked.right, items=(), done=True)

    def forget(self, person: str) -> None:
        """Erase what is kept of a customer by name; what was learned and planned is kept by a pseudonym that then leads to nobody (GDPR-3)."""
        self.register("registrations").drop("owner", [person])
        self.register("first_values").drop("device", self.memory.devices(person))
        self.memory.erase(person, self.now_ms)


def _column(values: list[Any], name: str) -> NDArray[Any]:
    column = np.empty(len(values), bool if name == "done" else object)
    column[:] = values
    return column
