"""Installer: signs up, makes budgets, assesses sites and installs the control devices (SUC13.1 scenarios 1 and 5)."""

from dataclasses import dataclass

import numpy as np

from environment.calendar import Calendar
from environment.chance import Stream, name_hash
from environment.messages.base import Batch
from environment.messages.homes import (
    BudgetDecision,
    HandoverNote,
    InstallationBudget,
    InstallationOrder,
    InstallationReport,
    InstallerRegistration,
    PilotInvitation,
    SiteDevices,
    SiteVisit,
)
from environment.party import Party, Process, Seat, handles


@dataclass(frozen=True)
class InstallerTerms:
    """What an installer is told.

    Attributes:
        aggregator: address of the aggregator.
        leader: address of the pilot leader.
        employees: who can visit a site at a time.
        from_hour: begin of work.
        to_hour: end of work.
        visit_s: time that a visit takes.
        visit_eur: price of a visit.
        device_eur: price of a control device.
        least_link: quality of the link below which nothing is installed (CI-1).
        link: chance of the quality of a site's link.
    """

    aggregator: str
    leader: str
    employees: int
    from_hour: float
    to_hour: float
    visit_s: float
    visit_eur: float
    device_eur: float
    least_link: float
    link: Stream


class Installer(Party):
    """An installer with its crews."""

    filed = (SiteDevices,)

    def __init__(self, seat: Seat, calendar: Calendar, terms: InstallerTerms) -> None:
        super().__init__(seat)
        self._calendar, self._terms = calendar, terms
        self._registered = False
        self._orders: dict[str, tuple[InstallationOrder, str]] = {}
        self._free_ms = [0] * terms.employees

    @handles(PilotInvitation)
    def sign_up(self, batch: Batch[PilotInvitation]) -> None:
        """Step 5.6: own terms signed, who works when; once."""
        if self._registered:
            return
        self._registered = True
        terms = self._terms
        hours = terms.to_hour - terms.from_hour
        signed = InstallerRegistration(
            terms_signed=True, employees=terms.employees, company=self.name, from_h=terms.from_hour, to_h=terms.to_hour,
            sites_per_day=int(terms.employees * hours * 3600.0 // terms.visit_s),
        )  # fmt: skip
        self.send(signed, terms.aggregator, batch.conversation)

    @handles(InstallationOrder)
    def make_budget(self, batch: Batch[InstallationOrder]) -> None:
        """Step 5.11: the devices ordered and one visit."""
        for one in batch.records():
            self._orders[one.prosumer_id] = one, batch.conversation
            eur = self._terms.visit_eur + self._terms.device_eur * len(one.control_devices)
            self.send(
                InstallationBudget(prosumer_id=one.prosumer_id, budget_eur=eur), self._terms.leader, batch.conversation
            )

    @handles(BudgetDecision)
    def go_to_site(self, batch: Batch[BudgetDecision]) -> None:
        """Step 5.13: a site whose budget is approved gets the next free crew."""
        for one in batch.records():
            order, conversation = self._orders.pop(one.prosumer_id)
            if one.approved:
                self.start(self._visit(order, conversation))

    def _visit(self, order: InstallationOrder, conversation: str) -> Process:
        crew = int(np.argmin(self._free_ms))
        begins_ms = self._working_time(max(self._free_ms[crew], self.now_ms))
        ends_ms = begins_ms + round(self._terms.visit_s * 1000.0)
        self._free_ms[crew] = ends_ms
        yield self.until(ends_ms)
        quality = self._link_of(order.site)
        good = quality >= self._terms.least_link
        reason = "" if good else "the communication link is too poor (CI-1)"
        self.send(SiteVisit(installed=good, link_share=quality, reason=reason), order.site, conversation)
        told = InstallationReport(prosumer_id=order.prosumer_id, installed=good, link_share=quality, reason=reason)
        self.send(told, self._terms.aggregator, conversation)
        if good:
            yield self.sleep(60.0)
            self.send(HandoverNote(control_devices=order.control_devices), order.site, order.engagement)

    def _link_of(self, site: str) -> float:
        """Quality of the link at a site, drawn by its name: mostly good, poor in some cellars."""
        drawn = float(self._terms.link.uniform(np.array([name_hash(site)], np.uint64))[0])
        return 1.0 - drawn**3

    def _working_time(self, at_ms: int) -> int:
        """The first instant from one on at which a visit can begin within working hours."""
        local = self._calendar.local(at_ms)
        hour = local.hour + local.minute / 60.0 + local.second / 3600.0
        last = self._terms.to_hour - self._terms.visit_s / 3600.0
        if hour < self._terms.from_hour:
            return at_ms + round((self._terms.from_hour - hour) * 3_600_000)
        if hour > last:
            return self._calendar.day_start(at_ms, 1) + round(self._terms.from_hour * 3_600_000)
        return at_ms
