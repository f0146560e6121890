"""The installer of retrofits and its app: visits, devices, the success test, personal data, approval (SUC03.1).

One visit is one conversation. A visit takes place only where all that it needs is there (``agents.strategies.retrofit``). The test asks the
system of the EMS: what the installer sees on the wall counts for nothing. What fails is entered or fitted again as often as the visit
allows; a home whose installation does not pass in the end keeps its thermostat, and so does one whose people do not sign.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agents.strategies.retrofit import Eligibility, obstacles
from environment.messages.retrofit import (
    ApprovalRefusal,
    ApprovalRequest,
    ConnectionQuery,
    ConnectionStatus,
    ContractCopy,
    ControlApproval,
    DeviceList,
    DeviceRegistration,
    Fitting,
    PersonalDataRequest,
    PersonalInformation,
    StorageQuery,
    StorageStatus,
    TestResult,
)
from environment.party import Party, Process, Seat


@dataclass(frozen=True)
class Job:
    """What is to be done at one home.

    Attributes:
        consumer: whose home.
        at_ms: when the visit begins.
        devices: address of each device to be installed -> what it is.
        litres: volume on the plate of the water heater.
        heater_kw: power on its plate.
        ceiling_c: what its safety thermostat is set to.
        eligibility: what a visit needs and whether it is there.
        forgotten: devices that are not entered at the first attempt, the second and so on.
    """

    consumer: str
    at_ms: int
    devices: Mapping[str, str]
    litres: float
    heater_kw: float
    ceiling_c: float
    eligibility: Eligibility
    forgotten: Sequence[frozenset[str]]


@dataclass(frozen=True)
class InstallerTerms:
    """How the installer works.

    Attributes:
        ems: address of the system in which devices are registered.
        attempts: how often it tries to make an installation pass, at least once.
        fits_s: time to fit the devices.
        waits_s: time from fitting to the test, in which first values arrive.
        trained: whether it was trained beforehand.
        purposes: what personal data are asked for.
        personal_days: how long they are kept.
        measurement_days: how long measurements are kept.
    """

    ems: str
    attempts: int
    fits_s: float
    waits_s: float
    trained: bool
    purposes: tuple[str, ...]
    personal_days: float
    measurement_days: float


class RetrofitInstaller(Party):
    """Visits homes and makes their water heaters controllable.

    Args:
        seat: place in the world.
        jobs: visits in the order of their times.
        terms: how it works.
    """

    filed = (DeviceList,)

    def __init__(self, seat: Seat, jobs: Sequence[Job], terms: InstallerTerms) -> None:
        super().__init__(seat)
        self._jobs = list(jobs)
        self._terms = terms

    def processes(self) -> Iterable[Process]:
        """One visit after the other."""
        yield self.work()

    def work(self) -> Process:
        """Go to every home that can be equipped, at the appointed time."""
        for job in self._jobs:
            missing = obstacles(job.eligibility, trained=self._terms.trained)
            if missing:
                self._note(job, "not eligible", "; ".join(missing), 0)
                continue
            yield self.until(job.at_ms)
            yield self.join([self.start(self.visit(job))])

    def visit(self, job: Job) -> Process:
        """Register, install, test, and collect consent, in this order."""
        talk = self.open("SUC03.1", "1", job.consumer)
        attempt, result = 0, None
        again = list(job.devices)
        while attempt < self._terms.attempts:
            self._register(job, attempt, talk)  # 1.1, 1.2
            yield self.sleep(self._terms.fits_s)
            self._install(again, job, attempt, talk)  # 2.1, 2.2
            yield self.sleep(self._terms.waits_s)
            result = yield from self._test(job, talk)  # 3.1, 3.3, 3.4
            attempt += 1
            if result.passed:
                break
            again = sorted({*result.not_connected, *result.no_values})
        assert result is not None
        if not result.passed:
            reason = _failure(result)
            self._note(job, "failed", reason, attempt)
            self.end(talk, "failed", reason)
            return
        terms = self._terms
        question = PersonalDataRequest(
            purposes=terms.purposes,
            kept_h=24.0 * terms.personal_days,
            measurements_kept_h=24.0 * terms.measurement_days,
        )
        told = yield self.ask(question, job.consumer, talk, "installation-app")  # 4.1
        asked = ApprovalRequest(devices=(f"{job.consumer}/tank",))
        signed = yield self.ask(asked, job.consumer, talk, "installation-app")  # 4.2
        papers = [one for answers in (told, signed) for one in answers.records()]
        approval = next((one for one in papers if isinstance(one, ControlApproval)), None)
        personal = next((one for one in papers if isinstance(one, PersonalInformation)), None)
        if approval is None or personal is None:
            refused = any(isinstance(one, ApprovalRefusal) for one in papers)
            reason = "the consumer does not approve external control" if refused else "the consumer did not answer"
            self._note(job, "refused", reason, attempt)
            self.end(talk, "refused", reason)
            return
        self.send(personal, terms.ems, talk, "installation-app")
        self.send(approval, terms.ems, talk, "installation-app")
        if approval.wants_copy:
            self.send(ContractCopy(consumer=job.consumer, devices=approval.devices), job.consumer, talk)  # 4.3
        self._note(job, "controllable", "", attempt)
        yield self.sleep(self._terms.waits_s)
        self.end(talk)

    def _register(self, job: Job, attempt: int, talk: str) -> None:
        """Steps 1.1 and 1.2: what is to be installed goes into the app, and from there, tied to the consumer, into the system."""
        left_out = job.forgotten[min(attempt, len(job.forgotten) - 1)] if job.forgotten else frozenset[str]()
        entered = tuple(device for device in job.devices if device not in left_out)
        types = tuple(job.devices[one] for one in entered)
        metered = any(kind == "household meter" for kind in job.devices.values())
        listed = DeviceList(
            consumer=job.consumer, devices=entered, types=types, household_meter=metered, volume_l=job.litres,
            heater_kw=job.heater_kw, ceiling_c=job.ceiling_c,
        )  # fmt: skip
        self.send(listed, self.at("installation-app"), talk)
        registration = DeviceRegistration(
            consumer=job.consumer,
            devices=entered,
            types=types,
            volume_l=job.litres,
            heater_kw=job.heater_kw,
            ceiling_c=job.ceiling_c,
        )
        self.start(self._link(registration, talk))

    def _link(self, registration: DeviceRegistration, talk: str) -> Process:
        """The app passes on what was entered once it has it."""
        yield self.sleep(ENTERS_S)
        self.send(registration, self._terms.ems, talk, "installation-app")

    def _install(self, devices: Iterable[str], job: Job, attempt: int, talk: str) -> None:
        """Steps 2.1 and 2.2: module, probes, and the meter where there is one."""
        fitted = sorted(set(devices))
        if fitted:
            self.send([Fitting(device=device, attempt=attempt) for device in fitted], fitted, talk)

    def _test(self, job: Job, talk: str) -> Process:
        """Steps 3.1 to 3.4: connected and registered, values received and stored, as the system knows it."""
        devices = list(job.devices)
        ems = [self._terms.ems] * len(devices)
        linked = yield self.ask([ConnectionQuery(device=one) for one in devices], ems, talk, "installation-app")
        stored = yield self.ask([StorageQuery(device=one) for one in devices], ems, talk, "installation-app")
        status = {one.device: one for one in linked.records() if isinstance(one, ConnectionStatus)}
        values = {one.device: one for one in stored.records() if isinstance(one, StorageStatus)}
        lacking = {
            "not_registered": tuple(one for one in devices if one not in status or not status[one].registered),
            "not_connected": tuple(one for one in devices if one not in status or not status[one].connected),
            "no_values": tuple(
                one for one in devices if one not in values or not (values[one].received and values[one].stored)
            ),
        }
        result = TestResult(passed=not any(lacking.values()), **lacking)
        self.send(result, self.name, talk, "installation-app")
        shown = yield self.receive(TestResult, talk, self.now_ms + SHOWS_MS)
        return result if shown is None else next(iter(shown.records()))

    def _note(self, job: Job, outcome: str, reason: str, attempts: int) -> None:
        self.register("retrofits").add(
            t_ms=max(self.now_ms, job.at_ms), owner=job.consumer, outcome=outcome, reason=reason, attempts=attempts
        )


ENTERS_S = 1.0
"""Time from entering devices in the app to their registration."""
SHOWS_MS = 60_000
"""The app shows the result within a minute."""


def _failure(result: TestResult) -> str:
    """What was wrong in the end, in words."""
    parts = [
        f"{what}: {', '.join(devices)}"
        for what, devices in (
            ("not registered", result.not_registered),
            ("not connected", result.not_connected),
            ("no values from", result.no_values),
        )
        if devices
    ]
    return "; ".join(parts)
