"""Households of a pilot: a population whose devices a service controls by mode (SUC13.1).

Row i of every array is home i. Households answer what they are asked, decide by their preferences (``household_people``), and their control
devices do what their mode says (``household_devices``). Before control devices are in, and again after consent is withdrawn,
a home lives as it always did: devices by their own controls, people taking over by hand.
"""

from collections.abc import Iterable

import numpy as np

from agents.household_joining import HouseholdJoining
from agents.household_life import texts
from agents.household_terms import Wish
from agents.payments import pay_many
from data.arrays import I64
from environment.messages.base import Batch
from environment.messages.homes import ControlNotice, ServiceRecommendation
from environment.messages.homes_data import DataSubjectAnswer, DataSubjectRequest, DisplayRequest, HomeDisplay
from environment.messages.settlement import MemberStatement, RetailBill
from environment.party import Process, handles


class Households(HouseholdJoining):
    """The population; see the module."""

    filed = (ServiceRecommendation, HomeDisplay, MemberStatement, ControlNotice, DataSubjectAnswer)

    def processes(self) -> Iterable[Process]:
        """The homes' life, and what their people do."""
        yield self.live()
        yield self.use_the_interface()

    def use_the_interface(self) -> Process:
        """People change modes, open the display and use their rights, when they feel like it."""
        for wish in self._wishes:
            yield self.until(wish.at_ms)
            row = np.array([wish.row])
            if not self.devices.installed[wish.row] or not self._day:
                continue
            if wish.right == "display":
                self._send(
                    DisplayRequest, {"view": texts(["today"]), "opened": np.array([True])}, row, self._to.aggregator
                )
            elif wish.right:
                self._use_right(wish, row)
            elif self.devices.rated_kw[wish.kind, wish.row] > 0.0:
                self._set_mode(wish.row, wish.kind, wish.mode)
                self._tell_settings(row)
                self._act(self._timeline.index(self.now_ms))

    def _use_right(self, wish: Wish, row: I64) -> None:
        """Withdrawn consent, restriction and erasure end control here and now, whatever the service does next."""
        if (wish.right, wish.purpose) in (("withdraw", "control"), ("restrict", ""), ("erase", "")):
            self.devices.consent[row] = False
            self.devices.release(row)
            self._act(self._timeline.index(self.now_ms))
        value = f"new-{self._hems.book.names[wish.row]}@example.org" if wish.right == "rectify" else ""
        columns = {"right": texts([wish.right]), "purpose": texts([wish.purpose]), "value": texts([value])}
        self._send(DataSubjectRequest, columns, row, self._to.aggregator)
        self.register("rights").add(
            t_ms=self.now_ms, owner=self._hems.book.names[wish.row], right=wish.right, purpose=wish.purpose
        )

    @handles(RetailBill)
    def pay_bill(self, batch: Batch[RetailBill]) -> None:
        """Pay the retailer."""
        rows = self._rows(batch.receiver)
        names = np.array([self._hems.book.names[row] for row in rows], object)
        owed = batch["energy_eur"] + batch["network_eur"] + batch["taxes_eur"]
        retailer = np.array([self._to.retailer] * len(rows), object)
        pay_many(self, names, retailer, np.rint(owed * 100.0) / 100.0, "retail bill", batch.ids)
