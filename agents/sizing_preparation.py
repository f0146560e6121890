"""SUC01.1, the scenario preparation microservice: completes consumption, simulates generation and the courses of flexible devices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from agents.sizing_people import HOUR_S, PREPARATION
from agents.strategies.gap_filling import Completed, complete
from agents.strategies.sizing_devices import Course, Device, course_of
from agents.strategies.study_year import StudyYear
from data.arrays import F64
from environment.messages.base import Batch
from environment.messages.sizing import (
    CompletedProfile,
    ConsumptionHistory,
    ConsumptionRequest,
    DeviceCourse,
    LocalWeather,
    ScenarioRequest,
    SimulatedGeneration,
    StudyRefusal,
    StudyStart,
    WeatherRequest,
)
from environment.party import Party, Process, Seat, Work, act, handles
from environment.requests import Answers
from environment.weather.pv_yield import pv_available_kw_per_kwp
from environment.weather.records import Site, Weather


class Roof(NamedTuple):
    """A plant whose generation is simulated.

    Attributes:
        name: of the plant.
        member: whose it is, for its consent; empty at a shared site.
        tilt_deg: from horizontal.
        azimuth_deg: direction it faces.
    """

    name: str
    member: str
    tilt_deg: float
    azimuth_deg: float


@dataclass(frozen=True, eq=False)
class PublicData:
    """What scenario preparation takes from public sources and its own configuration.

    Attributes:
        year: of the study.
        place: of the community.
        roofs: where generation is simulated.
        typical_kw: typical profile of each member in any scale, by name, shape (T,).
        most_missing: largest share of readings that may be missing.
        devices: whose courses are simulated.
    """

    year: StudyYear
    place: Site
    roofs: tuple[Roof, ...]
    typical_kw: Mapping[str, F64]
    most_missing: float
    devices: tuple[Device, ...] = ()

    def of(self, members: Sequence[str]) -> "PublicData":
        """The same of shared sites and of the members who consent, and nothing of the others (SUC01.1/r34)."""
        here = {"", *members}
        return replace(
            self,
            roofs=tuple(one for one in self.roofs if one.member in here),
            typical_kw={name: self.typical_kw[name] for name in members},
            devices=tuple(one for one in self.devices if one.member in here),
        )


def completed(history: ConsumptionHistory, public: PublicData) -> Completed:
    """A member's consumption without gaps.

    Raises:
        ValueError: too much is missing; says the way out.
    """
    known = np.asarray(history.known) > 0.5
    missing = 1.0 - known.mean()
    if known.any() and missing > public.most_missing:
        msg = (
            f"{history.member}: {100 * missing:.3g}% of the readings are missing, more than profiles.most_missing "
            f"({100 * public.most_missing:g}%); write meter: none and annual_kwh, so that a typical profile stands in, or raise it"
        )
        raise ValueError(msg)
    # Days of 24 steps of universal time: where clocks change they lag the wall by an hour, which usual days do not mind.
    return complete(
        np.asarray(history.metered_kw), known, public.typical_kw[history.member], public.year.local.workday,
        public.year.timeline.hours, history.annual_kwh,
    )  # fmt: skip


def generation(weather: LocalWeather, public: PublicData) -> F64:
    """Power per kWp of each roof, shape (n, T)."""
    if not public.roofs:
        return np.zeros((0, public.year.timeline.n))
    seen = Weather(*(np.asarray(getattr(weather, name)) for name in Weather._fields))
    tilt_deg = np.array([roof.tilt_deg for roof in public.roofs])
    azimuth_deg = np.array([roof.azimuth_deg for roof in public.roofs])
    return pv_available_kw_per_kwp(
        public.place, public.year.calendar, public.year.timeline, seen, tilt_deg, azimuth_deg
    )


class Preparation(Party):
    """The scenario preparation microservice: completes consumption and simulates generation."""

    def __init__(self, seat: Seat, public: PublicData, integration: str) -> None:
        super().__init__(seat)
        self.public = public
        self.integration = integration
        self.waiting: list[Batch[ScenarioRequest]] = []
        self.ready = False

    def processes(self) -> list[Process]:
        """One study."""
        return [self.prepare()]

    def prepare(self) -> Process:
        """Ask for consumption and weather, complete them, answer who waits."""
        start: Batch[StudyStart] = yield self.receive(StudyStart)
        talk, study = start.conversation, start.one()
        self.public = self.public.of(study.members)
        wanted = [ConsumptionRequest(member=name) for name in study.members]
        asked: Answers = yield self.ask(wanted, [self.integration] * len(wanted), talk, PREPARATION, HOUR_S)
        told: Answers = yield self.ask(WeatherRequest(study=study.study), self.integration, talk, PREPARATION, HOUR_S)
        histories = {record.member: record for record in asked.records()}
        try:
            self.complete_dataset(talk, histories, told.records()[0])
        except ValueError as error:
            self.send(
                StudyRefusal(study=study.study, reason=str(error)), self.integration.split("/")[0], talk, PREPARATION
            )
            return
        self.ready = True
        for batch in self.waiting:
            self.hand_over(batch)

    @act("complete_dataset", PREPARATION)
    def complete_dataset(self, talk: str, histories: Mapping[str, ConsumptionHistory], weather: LocalWeather) -> Work:
        """Step 5: fill gaps, and turn weather into generation and into what flexible devices take."""
        self.histories = histories
        self.filled: dict[str, Completed] = {
            name: completed(one, self.public) for name, one in sorted(histories.items())
        }
        plants = [roof.name for roof in self.public.roofs]
        self.generated = dict(zip(plants, generation(weather, self.public), strict=True))
        hours = self.public.year.timeline.hours
        outdoor_c, hour = np.asarray(weather.temp_c), self.public.year.local.hour
        self.devices = {one.name: one for one in self.public.devices}
        self.courses: dict[str, Course] = {
            name: course_of(one, outdoor_c, hour, hours) for name, one in self.devices.items()
        }
        for name, one in self.filled.items():
            self.register("completions").add(
                member=name, missing_steps=one.missing, method=one.method, rms_share=one.rms_share, bias_share=one.bias_share,
                other_rms_share=one.other_rms_share, annual_kwh=float(one.kw.sum() * hours),
            )  # fmt: skip
        for name, series in self.generated.items():
            self.register("simulated_yields").add(plant=name, kwh_per_kwp=float(series.sum() * hours))
        for name, course in self.courses.items():
            self.register("device_courses").add(
                device=name, pieces=self.devices[name].pieces, kwh_each=float(course.base_kw.sum() * hours), coldest_c=course.coldest_c
            )  # fmt: skip
        reads = [f"study_members/{name}" for name in self.filled]
        writes = [f"completions/{name}" for name in self.filled] + [
            f"simulated_yields/{name}" for name in self.generated
        ]
        return Work(None, talk, reads, writes)

    @handles(ScenarioRequest)
    def on_request(self, batch: Batch[ScenarioRequest]) -> None:
        """Step 6 begins when the data are complete; who asks before waits."""
        if self.ready:
            self.hand_over(batch)
        else:
            self.waiting.append(batch)

    def hand_over(self, batch: Batch[ScenarioRequest]) -> None:
        """Step 6: completed consumption, simulated generation, courses of devices."""
        asked = np.array([request.what for request in batch.records()])
        made = {"consumption": self._profile, "generation": self._generation, "device": self._course}
        for what, record in made.items():
            part = batch.take(np.flatnonzero(asked == what))
            if len(part):
                self.answer(part, [record(request.name) for request in part.records()])

    def _profile(self, name: str) -> CompletedProfile:
        hours = self.public.year.timeline.hours
        history, kw = self.histories[name], np.maximum(self.filled[name].kw, 0.0)
        return CompletedProfile(
            member=name,
            client=history.client,
            contracted_kw=history.contracted_kw,
            annual_kwh=float(kw.sum() * hours),
            load_kw=kw,
        )

    def _generation(self, name: str) -> SimulatedGeneration:
        return SimulatedGeneration(plant=name, kw_per_kwp=self.generated[name])

    def _course(self, name: str) -> DeviceCourse:
        one = self.courses[name]
        return DeviceCourse(
            device=name, pieces=self.devices[name].pieces, base_kw=one.base_kw, most_kw=one.most_kw, gain=one.gain,
            low_kwh=one.low_kwh, high_kwh=one.high_kwh, keep=one.keep,
        )  # fmt: skip
