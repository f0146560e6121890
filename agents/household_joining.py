"""Households of a pilot, second part: how they join it, from the invitation to the first day (SUC13.1 scenarios 5 and 1)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.household_life import HouseholdLife
from agents.household_people import chosen_plan, decide
from agents.prosumer_book import known
from data.arrays import I64
from environment.messages.base import Batch
from environment.messages.homes import (
    DEVICE_KINDS,
    EV,
    MODES,
    AccountConfirmation,
    AdmissionDecision,
    FacilityDeclaration,
    FinalApproval,
    HandoverNote,
    Login,
    PilotInvitation,
    PlanApplication,
    PlanOffer,
    ProsumerRegistration,
    SiteVisit,
    VehicleRecord,
)
from environment.messages.homes_data import MeasurementHistory, UserPreferences
from environment.party import Process, handles


class HouseholdJoining(HouseholdLife):
    """Decides by its people's preferences whether and how it takes part."""

    @handles(PilotInvitation)
    def hear_of_pilot(self, batch: Batch[PilotInvitation]) -> None:
        """Step 5.1: who is interested says what there is in the home."""
        for row in self._rows(batch.receiver).tolist():
            if self._people.interested[row]:
                appliances = self._to.appliances[row]
                declared = FacilityDeclaration(
                    appliances=appliances, electrical_devices=("household",), flexible_kw=self._flexible_kw(row)
                )
                self._say(declared, row, [self._to.aggregator, self._to.leader], batch.conversation)

    def _flexible_kw(self, row: int) -> float:
        return float(self.devices.rated_kw[:, row].sum())

    def _say(self, record: Any, row: int, to: Sequence[int], conversation: str) -> None:
        """Send one record from a home to some addresses."""
        columns = {name: np.repeat(column, len(to), axis=0) for name, column in _columns(record).items()}
        sender = np.full(len(to), self._to.home[row])
        self.send_batch(type(record), columns, sender, np.array(to, np.int64), conversation)

    @handles(AdmissionDecision)
    def sign_up(self, batch: Batch[AdmissionDecision]) -> None:
        """Step 5.4: who is admitted by both enters personal data and signs; the aggregator's word comes last."""
        for place, row in enumerate(self._rows(batch.receiver).tolist()):
            if batch["approved"][place] and batch.sender[place] == self._to.aggregator:
                registered = ProsumerRegistration(
                    email=f"{self._hems.book.names[row]}@example.org", prosumer_id="",
                    personal_data=("name", "address", "e-mail", "bank account"), purposes=self._people.purposes(row),
                    terms_signed=True,
                )  # fmt: skip
                self._say(registered, row, [self._to.aggregator], batch.conversation)

    @handles(AccountConfirmation)
    def log_in(self, batch: Batch[AccountConfirmation]) -> None:
        """Step 1.1: the first log-in with the new account."""
        for place, row in enumerate(self._rows(batch.receiver).tolist()):
            self._account[row] = str(batch["prosumer_id"][place])
            login = Login(email=f"{self._hems.book.names[row]}@example.org", prosumer_id=self._account[row])
            self._say(login, row, [self._to.aggregator], batch.conversation)

    @handles(PlanOffer)
    def choose_plan(self, batch: Batch[PlanOffer]) -> None:
        """Step 5.8: apply for a plan where it is worth it, and answer the survey; who declines lets the offer pass."""
        for place, row in enumerate(self._rows(batch.receiver).tolist()):
            offer = batch.one(place)
            people = self._people
            decision = decide(
                offer.annual_saving_eur, offer.effort_share, self._flexible_kw(row), float(people.reservation_eur_per_kwh[row]),
                float(people.control_eur_per_year[row]),
            )  # fmt: skip
            self.register("plan_decisions").add(
                t_ms=self.now_ms, owner=self._hems.book.names[row], accepted=decision.accepted, saving_eur=decision.saving_eur,
                moving_eur=decision.moving_eur, control_eur=decision.control_eur, reason=decision.reason,
            )  # fmt: skip
            if not decision.accepted:
                continue
            has = {"pv": bool(self._to.has_pv[row]), "devices": bool(self._to.appliances[row])}
            survey = self._to.surveys
            application = PlanApplication(
                plan_kind=chosen_plan(offer.plan_kinds, has), assets=offer.assets, control_devices=offer.control_devices,
                appliances=self._to.appliances[row], characteristics=tuple(survey),
                values=np.array([column[row] for column in survey.values()], np.float64),
                has_vehicle=bool(self.devices.rated_kw[EV, row] > 0.0), tariff=self._to.tariff[row],
            )  # fmt: skip
            self._say(application, row, [self._to.aggregator], batch.conversation)

    @handles(FinalApproval)
    def register_vehicle(self, batch: Batch[FinalApproval]) -> None:
        """Step 5.14, for homes with a car: its technical details, and the driver's habits as the own records show them."""
        for place, row in enumerate(self._rows(batch.receiver).tolist()):
            if batch["approved"][place] and self.devices.rated_kw[EV, row] > 0.0:
                self.start(self._register_vehicle(row, batch.conversation))

    def _register_vehicle(self, row: int, conversation: str) -> Process:
        yield self.sleep(600.0)
        arrives, leaves, soc = self._habits(row)
        vehicle = VehicleRecord(
            capacity_kwh=float(self._hems.book.ev["kwh"][row]), charger_kw=float(self.devices.rated_kw[EV, row]),
            cloud_access=bool(self._to.cloud_access[row]), arrival_h=arrives, departure_h=leaves, soc_at_arrival_share=soc,
            soc_at_departure_share=float(self._people.soc_share[row]),
        )  # fmt: skip
        self._say(vehicle, row, [self._to.aggregator], conversation)

    def _habits(self, row: int) -> tuple[float, float, float]:
        """Median hours of arrival and departure, and mean state of charge on return, of what was recorded."""
        seen = self._hems.seen
        here = seen.plugged[row, : seen.steps]
        hour = self._hems.calendar.local_columns(self._timeline.starts_ms[: seen.steps]).hour
        came, left = np.flatnonzero(here[1:] & ~here[:-1]) + 1, np.flatnonzero(~here[1:] & here[:-1]) + 1
        capacity = max(float(self._hems.book.ev["kwh"][row]), 1.0)
        driven = float(seen.driven_kwh[row, : seen.steps].sum()) / max(len(came), 1)
        soc = max(float(self._people.soc_share[row]) - driven / capacity, 0.0)
        median = [
            float(np.median(hour[edges])) if len(edges) else default for edges, default in ((came, 18.0), (left, 8.0))
        ]
        return median[0], median[1], min(soc, 1.0)

    @handles(SiteVisit)
    def get_devices(self, batch: Batch[SiteVisit]) -> None:
        """The control devices are in: they start in the modes that people chose, and hand over what the meters recorded."""
        rows = self._rows(batch.receiver)[batch["installed"].astype(bool)]
        self.devices.installed[rows] = True
        self.devices.consent[rows] = self._people.control[rows]
        self._plugged = known(self._readings["ev_plugged"], 0.0) > 0.5
        for row in rows.tolist():
            for kind in np.flatnonzero(self.devices.rated_kw[:, row] > 0.0).tolist():
                self.register("modes").add(
                    t_ms=self.now_ms, owner=self._hems.book.names[row], kind=DEVICE_KINDS[kind],
                    mode=MODES[self.devices.mode[kind, row]],
                )  # fmt: skip

    @handles(HandoverNote)
    def start_using(self, batch: Batch[HandoverNote]) -> None:
        """Step 1.4: people begin to use the service: they look at their settings and confirm them."""
        rows = self._rows(batch.receiver)
        self._send(UserPreferences, self._settings(rows), rows, self._to.aggregator, batch.conversation)
        self.start(self._hand_over_history(rows))

    def _hand_over_history(self, rows: I64) -> Process:
        """Step 6.1: what the meters recorded before, once the service's day has begun; nothing without consent."""
        yield self.sleep(60.0)
        while not self._day:
            yield self.sleep(60.0)
        rows = rows[self.devices.consent[rows]]
        if not len(rows):
            return
        seen = self._hems.seen
        lived, n = slice(0, seen.steps), len(rows)
        columns = {
            "from_ms": np.full(n, self._timeline.start_ms, np.int64),
            "step_s": np.full(n, self._timeline.step_ms / 1000.0),
            "load_kw": seen.load_kw[rows, lived], "pv_kw": seen.pv_kw[rows, lived],
            "plugged_share": seen.plugged[rows, lived].astype(np.float64), "driven_kwh": seen.driven_kwh[rows, lived],
            "draw_kwh": seen.draw_kwh[rows, lived],
        }  # fmt: skip
        meters = self._to.device[0, rows]
        self.send_batch(MeasurementHistory, columns, meters, np.full(n, self._to.database), self._day)
        self._tell_settings(rows)


def _columns(record: Any) -> dict[str, NDArray[Any]]:
    from environment.messages.base import columns_of

    return columns_of([record])
