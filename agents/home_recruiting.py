"""The aggregator of households, first part: it recruits them, keeps their data lawfully and answers for it (SUC13.1 scenarios 1 and 5)."""

from typing import Any, ClassVar

import numpy as np

from agents.home_terms import HomeTerms, Round
from environment.messages.base import Batch, Record
from environment.messages.homes import (
    CONSENTS,
    DEVICE_KINDS,
    AccountConfirmation,
    AdmissionDecision,
    ControlNotice,
    DeviceProposal,
    FacilityDeclaration,
    FinalApproval,
    InstallationOrder,
    InstallationReport,
    InstallerRegistration,
    Login,
    PilotInvitation,
    PlanApplication,
    PlanOffer,
    ProsumerRegistration,
    ServiceRecommendation,
    SiteDevices,
    VehicleRecord,
)
from environment.messages.homes_data import DataSubjectAnswer, DataSubjectRequest, ProcessingOrder, UserPreferences
from environment.party import Party, Process, Seat, Work, act, handles
from markets.registers.personal_data import PersonalData, PersonalDataError, Policy

HOUR_S = 3600.0
PLAN_KINDS = ("flex", "solar", "technology")
"""The catalogue of plans; the pilot leader says which are on offer."""


class HomeRecruiting(Party):
    """Recruits and equips households in rounds; each round is one conversation of scenario 5 with its engagement (scenario 1).

    Args:
        seat: place in the world.
        terms: whom it works with, and how.
    """

    stored: ClassVar[tuple[type[Record], ...]] = (
        FacilityDeclaration, ProsumerRegistration, PlanApplication, VehicleRecord, InstallationReport, InstallerRegistration,
        DeviceProposal, Login,
    )  # fmt: skip

    def __init__(self, seat: Seat, terms: HomeTerms) -> None:
        super().__init__(seat)
        self.terms = terms
        self.people = PersonalData(self.name, Policy(dict(terms.retention_ms)), "prosumer")
        n = len(terms.sites)
        self._home_row = {site.home: row for row, site in enumerate(terms.sites)}
        self.equipped = np.zeros(n, bool)
        self.surveys: dict[int, PlanApplication] = {}
        self._admitted: dict[str, bool] = {}
        self._decided: set[str] = set()
        self._began: dict[str, UserPreferences] = {}

    # --- a round -------------------------------------------------------------------------------------------------------

    def recruit(self, said: Round) -> Process:
        """One round from invitation to installation; each gate is closed before the next begins (rule 7)."""
        yield self.until(said.opens_ms)
        homes = [self.terms.sites[row].home for row in said.homes]
        engagement = self.open("SUC13.1", "1", said.name)
        talk = self.open("SUC13.1", "5", said.name, parent=engagement)
        fresh = not self.registers.get("installers")
        call = PilotInvitation(round=said.name, plan_kinds=PLAN_KINDS, new_installers=fresh)
        self.send(call, [*homes, *self.terms.installers, self.terms.leader], talk)
        yield self.sleep(HOUR_S / 2)
        admitted = yield from self._admit(talk)
        if not admitted:
            self._close(engagement, talk, "no household was admitted")
            return
        proposals = yield from self._settle_devices(talk, admitted)
        members = yield from self._sign_up(talk, engagement, list(proposals))
        yield from self._offer_plans(talk, engagement, members, proposals)
        yield self.sleep(HOUR_S / 2)
        ordered = self._approve(talk, engagement, proposals)
        if not ordered:
            self._close(engagement, talk, "no household applied")
            return
        yield self.until(said.ends_ms)
        self._finish(engagement, talk)

    def _close(self, engagement: str, talk: str, reason: str) -> None:
        for conversation in (talk, engagement):
            self.end(conversation, "refused", reason)

    def _read(self, record: Any) -> list[tuple[str, Any]]:
        """Stored messages of a class: (sender, record), by sender."""
        found = [
            (self.directory.names[sender], one)
            for batch in self.stored_rows(record)
            for sender, one in zip(batch.sender.tolist(), batch.records(), strict=True)
        ]
        return sorted(found, key=lambda pair: pair[0])

    def _admit(self, talk: str) -> Process:
        """Step 5.2: facilities against the minimum; a household is in when aggregator and pilot leader both say so."""
        declared = dict(self._read(FacilityDeclaration))
        for home, one in declared.items():
            reason = self._unfit(one)
            if not reason and not self._admitted.get(home, False):
                reason = "the pilot leader did not agree"
            approved = not reason
            decision = AdmissionDecision(household=home, approved=approved, reason=reason)
            self.send(decision, home, talk)
            self.register("admissions").add(
                t_ms=self.now_ms, household=home, flexible_kw=one.flexible_kw, devices=len(one.appliances), approved=approved,
                reason=reason,
            )  # fmt: skip
            if approved:
                self._decided.add(home)
        yield self.sleep(1.0)
        return sorted(home for home in declared if home in self._decided and home not in self.people)

    def _unfit(self, one: FacilityDeclaration) -> str:
        if len(one.appliances) < self.terms.minimum_devices:
            return f"fewer than {self.terms.minimum_devices} controllable appliances"
        if one.flexible_kw < self.terms.minimum_kw:
            return f"less than {self.terms.minimum_kw:g} kW of controllable power"
        return ""

    @handles(AdmissionDecision)
    def hear_leader(self, batch: Batch[AdmissionDecision]) -> None:
        """What the pilot leader decided of each household."""
        for one in batch.records():
            self._admitted[one.household] = one.approved

    def _settle_devices(self, talk: str, homes: list[str]) -> Process:
        """Step 5.3: which devices are worth controlling, together with the pilot leader, who names the installer."""
        proposals = [self._proposal(home) for home in homes]
        self.settle_installation(talk, proposals)
        self.send(proposals, [self.terms.leader] * len(proposals), talk)
        yield self.sleep(600.0)
        return {one.household: one for _, one in self._read(DeviceProposal) if one.agreed}

    def _proposal(self, home: str) -> DeviceProposal:
        devices = tuple(kind for kind, address in self.terms.sites[self._home_row[home]].devices.items() if address)
        return DeviceProposal(
            household=home, plan_kind="flex", assets=devices, control_devices=tuple(f"{kind} relay" for kind in devices),
            agreed=False, installer="",
        )  # fmt: skip

    @act("best_initial_installation_resolution")
    def settle_installation(self, talk: str, proposals: list[DeviceProposal]) -> Work:
        """Step 5.3, the aggregator's part."""
        for one in proposals:
            self.register("installation_plans").add(
                t_ms=self.now_ms, household=one.household, by=self.name, control_devices=", ".join(one.control_devices)
            )
        return Work(None, talk, [f"admissions/{one.household}" for one in proposals],
                    [f"installation_plans/{one.household}" for one in proposals])  # fmt: skip

    def _sign_up(self, talk: str, engagement: str, homes: list[str]) -> Process:
        """Step 5.4: who has signed gets an account; the e-mail address is tied to one id (rule 9)."""
        members = []
        for home, one in self._read(ProsumerRegistration):
            if home not in homes or not one.terms_signed:
                continue
            prosumer_id = self.people.enrol(home)
            self.people.consent(home, one.purposes, self.now_ms)
            self.people.keep(home, "account", "email", one.email, "service", self.now_ms)
            self._note_consent(prosumer_id, one.purposes, given=True)
            order = ProcessingOrder(prosumer_id=prosumer_id, site=home, purposes=one.purposes, erase=False)
            self.send(order, self.terms.database, talk)
            self.send(AccountConfirmation(prosumer_id=prosumer_id), home, engagement)
            members.append(home)
        yield self.sleep(60.0)
        self._logged_in = {home for home, _ in self._read(Login)}
        return members

    def _note_consent(self, prosumer_id: str, purposes: tuple[str, ...], *, given: bool) -> None:
        n = len(purposes)
        if n:
            self.register("consents").add(
                t_ms=np.full(n, self.now_ms, np.int64),
                prosumer=[prosumer_id] * n,
                purpose=list(purposes),
                given=np.full(n, given),
            )

    def _offer_plans(
        self, talk: str, engagement: str, members: list[str], proposals: dict[str, DeviceProposal]
    ) -> Process:
        """Steps 5.5, 5.7 and 1.2: plans for who has signed and logged in, a preview for the installers (GDPR-4: with consent)."""
        self._note_installers()
        for home in members:
            one = proposals[home]
            kw = sum(float(row) for row in self._rated(home))
            offer = PlanOffer(
                plan_kinds=PLAN_KINDS, assets=one.assets, control_devices=one.control_devices,
                annual_saving_eur=self.terms.saving_eur_per_kw_year * kw, effort_share=len(one.assets) / len(DEVICE_KINDS),
            )  # fmt: skip
            self.send(offer, home, talk)
            if home in self._logged_in:
                advice = ServiceRecommendation(plan_kinds=PLAN_KINDS, control_devices=one.control_devices)
                self.send(advice, home, engagement)
            if self.people.may_transfer(home, "installer", self.now_ms):
                preview = SiteDevices(prosumer_id=self.people.pseudonym(home), control_devices=one.control_devices)
                self.send(preview, one.installer, talk)
        yield self.sleep(1.0)

    def _note_installers(self) -> None:
        for installer, one in self._read(InstallerRegistration):
            if one.terms_signed:
                self.register("installers").add(
                    t_ms=self.now_ms, installer=installer, employees=one.employees, sites_per_day=one.sites_per_day
                )

    def _rated(self, home: str) -> list[float]:
        """Rated power of the controllable appliances, as declared in the admission."""
        columns = self.register("admissions").columns()
        mine = columns["household"] == home
        return [float(columns["flexible_kw"][mine][-1])]

    def _approve(self, talk: str, engagement: str, proposals: dict[str, DeviceProposal]) -> int:
        """Steps 5.9 and 5.10: the survey is analysed; who is approved is handed to the installer."""
        ordered = 0
        for home, one in self._read(PlanApplication):
            reason = self._objection(home, one)
            self.send(FinalApproval(approved=not reason, reason=reason), home, talk)
            if reason:
                continue
            self.surveys[self._home_row[home]] = one
            order = InstallationOrder(
                prosumer_id=self.people.pseudonym(home), site=home, control_devices=one.control_devices,
                appliances=one.appliances, engagement=engagement,
            )  # fmt: skip
            self.send(order, proposals[home].installer, talk)
            ordered += 1
        return ordered

    def _objection(self, home: str, one: PlanApplication) -> str:
        """Why an application is refused; empty if it is not."""
        survey = dict(zip(one.characteristics, one.values.tolist(), strict=True))
        if home not in self.people:
            return "no account"
        if not self.people.may_transfer(home, "installer", self.now_ms):
            return "no consent to hand the particulars to an installer"
        if survey.get("contracted_kw", 0.0) <= 0.0:
            return "the contracted power is not known"
        if one.tariff not in self.terms.tariffs:
            return f"the tariff {one.tariff} is not known"
        return ""

    def _finish(self, engagement: str, talk: str) -> None:
        """Steps 1.4 and 1.5: who uses the service now is told what takes its orders."""
        installed = {one.prosumer_id for _, one in self._read(InstallationReport) if one.installed}
        began, self._began = self._began, {}
        vehicles = dict(self._read(VehicleRecord))
        notices: dict[str, ControlNotice] = {}
        for home, wishes in began.items():
            if home in self.people and self.people.pseudonym(home) in installed:
                row = self._home_row[home]
                self.equipped[row] = True
                self._welcome(row, wishes, vehicles.get(home))
                notices[home] = self._notice(row, wishes)
        if not notices:
            self._close(engagement, talk, "nothing was installed")
            return
        for home, notice in notices.items():
            self.send(notice, home, engagement)
        self.end(talk)
        self.end(engagement)

    def _welcome(self, row: int, wishes: UserPreferences, vehicle: VehicleRecord | None) -> None:
        """A household is equipped: what the survey said goes to where plans are made."""

    @handles(UserPreferences)
    def hear_settings(self, batch: Batch[UserPreferences]) -> None:
        """Step 1.4: a household begins to use the service."""
        for sender, one in zip(batch.sender.tolist(), batch.records(), strict=True):
            self._began[self.directory.names[sender]] = one

    def _notice(self, row: int, wishes: UserPreferences) -> ControlNotice:
        devices = tuple(kind for kind, address in self.terms.sites[row].devices.items() if address)
        modes = tuple(wishes.modes[DEVICE_KINDS.index(kind)] for kind in devices)
        bounds = [self.bounds(row, kind, wishes) for kind in devices] or [(0.0, 0.0)]
        low, high = (np.array(side, np.float64) for side in zip(*bounds, strict=True))
        return ControlNotice(devices=devices, modes=modes, low=low, high=high)

    def bounds(self, row: int, kind: str, wishes: UserPreferences) -> tuple[float, float]:
        """Limits of a device: temperatures of thermal ones, energies of stores."""
        values = dict(zip(self.surveys[row].characteristics, self.surveys[row].values.tolist(), strict=True))
        above_k, below_k = self.terms.limits_k
        match kind:
            case "water_heater":
                return wishes.tank_c - below_k, wishes.tank_c + above_k
            case "heat_pump":
                return wishes.room_c - wishes.room_width_k, wishes.room_c + wishes.room_width_k
            case "battery":
                return values["battery_min_kwh"], values["battery_max_kwh"]
        return 0.0, wishes.soc_share * values["ev_kwh"]

    # --- people's rights (GDPR-1, GDPR-3) ------------------------------------------------------------------------------

    @handles(DataSubjectRequest)
    def respect_right(self, batch: Batch[DataSubjectRequest]) -> None:
        """Do at once what a person asks about the own data, and answer."""
        for sender, one in zip(batch.sender.tolist(), batch.records(), strict=True):
            home = self.directory.names[sender]
            try:
                items, prosumer_id = self._respect(home, one), self._pseudonym_before
                answer = DataSubjectAnswer(right=one.right, items=items, done=True, reason="")
            except PersonalDataError as error:
                prosumer_id = "unknown"
                answer = DataSubjectAnswer(right=one.right, items=0, done=False, reason=str(error))
            self.send(answer, home, batch.conversation)
            self.register("data_requests").add(
                t_ms=self.now_ms, prosumer=prosumer_id, right=one.right, purpose=one.purpose, items=answer.items,
                done=answer.done,
            )  # fmt: skip

    _pseudonym_before = ""

    def _respect(self, home: str, one: DataSubjectRequest) -> int:
        self.people.ask(home, one.right, self.now_ms)
        prosumer_id = self._pseudonym_before = self.people.pseudonym(home)
        row = self._home_row[home]
        match one.right:
            case "access":
                return len(self.people.access(home, self.now_ms))
            case "rectify":
                self.people.rectify(home, "account", "email", one.value, self.now_ms)
                return 1
            case "withdraw":
                self.people.withdraw(home, [one.purpose], self.now_ms)
                self._note_consent(prosumer_id, (one.purpose,), given=False)
                items = 1
            case "restrict":
                self.people.restrict(home)
                items = 1
            case _:
                items = self.people.erase(home, self.now_ms)
        self._tell_database(home, prosumer_id, erase=one.right == "erase")
        self._stop(row, forget=one.right == "erase")
        return items

    def _tell_database(self, home: str, prosumer_id: str, *, erase: bool) -> None:
        purposes = () if erase else tuple(
            purpose for purpose in CONSENTS
            if self.people.may_process(home, purpose, self.now_ms)
        )  # fmt: skip
        order = ProcessingOrder(prosumer_id=prosumer_id, site="" if erase else home, purposes=purposes, erase=erase)
        self.send(order, self.terms.database, self.day)

    day = ""
    """The conversation of the present day of the service."""

    def _stop(self, row: int, *, forget: bool) -> None:
        """A household has taken something back: what of it may still be controlled is looked at again."""
