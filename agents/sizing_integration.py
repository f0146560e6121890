"""SUC01.1, the integration microservice: the gate of all inputs and outputs, which asks each member for its consent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from agents.sizing_people import HOUR_S, INTEGRATION
from agents.strategies.sizing_community import INVESTOR
from agents.strategies.sizing_economics import COMMUNITY
from environment.messages.base import Batch
from environment.messages.sizing import (
    BusinessModelKpi,
    CommunityDefinition,
    ConsumptionHistory,
    ConsumptionRequest,
    DefinitionRequest,
    DerDataAndCosts,
    DerDataRequest,
    InvestmentPlan,
    LocalWeather,
    MemberData,
    MemberDataRequest,
    MemberReport,
    ResultRequest,
    StudyDone,
    StudyOrder,
    StudyRefusal,
    StudyReport,
    StudyStart,
    WeatherRequest,
)
from environment.party import Party, Process, Seat, handles
from environment.requests import Answers
from markets.community_rules import CommunityType, Placed, distance_faults, size_fault


@dataclass(frozen=True, eq=False)
class Archive:
    """What the integration microservice has stored before a study.

    Attributes:
        study: name of the study.
        members: who belongs to the community, by name sorted.
        places: where members and shared sites are.
        define: the definition, given who consented.
        costs: DER, costs and prices, given who consented.
        weather: of a year at the place.
    """

    study: str
    members: tuple[str, ...]
    places: Mapping[str, Placed]
    define: Callable[[tuple[str, ...]], CommunityDefinition]
    costs: Callable[[tuple[str, ...]], DerDataAndCosts]
    weather: LocalWeather


class Integration(Party):
    """The integration microservice: the gate of all inputs and outputs."""

    def __init__(self, seat: Seat, archive: Archive, preparation: str, sizing: str) -> None:
        super().__init__(seat)
        self.archive = archive
        self.services = (preparation, sizing)
        self.data: dict[str, MemberData] = {}

    def processes(self) -> list[Process]:
        """One study."""
        return [self.serve()]

    def serve(self) -> Process:
        """Ask members, check the community, start the services, fetch the results, report."""
        order: Batch[StudyOrder] = yield self.receive(StudyOrder)
        talk, manager = order.conversation, self.directory.names[order.sender[0]]
        members = list(self.archive.members)
        asked: Answers = yield self.ask(
            MemberDataRequest(purpose=f"sizing study {self.archive.study}"), members, talk, INTEGRATION, HOUR_S
        )
        for batch in asked.batches:
            for number, data in zip(batch.sender, batch.records(), strict=True):
                self.data[self.directory.names[number]] = data
        given = tuple(name for name in members if name in self.data and self.data[name].consent == "explicit")
        if fault := self._fault(given):
            self.send(StudyRefusal(study=self.archive.study, reason=fault), manager, talk, INTEGRATION)
            return
        self.definition, self.costs = self.archive.define(given), self.archive.costs(given)
        self._keep(given)
        self.send(StudyStart(study=self.archive.study, members=given), list(self.services), talk, INTEGRATION)
        done: Batch[StudyDone] = yield self.receive(StudyDone, talk)
        yield from self.fetch(done.one(), talk)
        self.report(done.one(), talk, manager)

    def _fault(self, given: tuple[str, ...]) -> str:
        """Why the members who consented make no community; empty if they do."""
        definition = self.archive.define(given)
        fault = size_fault(given, definition.minimum_members)
        if fault:
            return f"{len(self.archive.members) - len(given)} members withhold consent; {fault}"
        at = self.archive.places
        kind: CommunityType = "REC" if definition.community_type == "REC" else "CEC"
        faults = distance_faults(kind, [at[name] for name in given], [at[name] for name in definition.assets], definition.maximum_distance_m)  # fmt: skip
        return "; ".join(faults[:3])

    def _keep(self, given: tuple[str, ...]) -> None:
        for name in self.archive.members:
            told = self.data.get(name)
            consents = name in given
            self.register("study_members").add(
                member=name, consent=consents, client=told.client if told and consents else "", tariff=told.tariff if told and consents else "",
                contracted_kw=told.contracted_kw if told else 0.0, metered_share=float(np.mean(told.known)) if told and consents else 0.0,
                x_m=self.archive.places[name].x_m, y_m=self.archive.places[name].y_m,
            )  # fmt: skip

    @handles(DefinitionRequest)
    def define(self, batch: Batch[DefinitionRequest]) -> None:
        """Step 1: the definition of the community and of its business models."""
        self.answer(batch, self.definition)

    @handles(DerDataRequest)
    def give_costs(self, batch: Batch[DerDataRequest]) -> None:
        """Step 2: DER, costs and prices."""
        self.answer(batch, self.costs)

    @handles(ConsumptionRequest)
    def give_consumption(self, batch: Batch[ConsumptionRequest]) -> None:
        """Step 3: past consumption of members who consented; of others there is none here."""
        self.answer(batch, [self._history(request.member) for request in batch.records()])

    def _history(self, member: str) -> ConsumptionHistory:
        data = self.data[member]
        return ConsumptionHistory(
            member=member, consent=data.consent, client=data.client, contracted_kw=data.contracted_kw, annual_kwh=data.annual_kwh,
            metered_kw=np.asarray(data.metered_kw), known=np.asarray(data.known),
        )  # fmt: skip

    @handles(WeatherRequest)
    def give_weather(self, batch: Batch[WeatherRequest]) -> None:
        """Step 4: the weather at the community's place."""
        self.answer(batch, self.archive.weather)

    def fetch(self, done: StudyDone, talk: str) -> Process:
        """Step 10: all results, by business model."""
        self.plans: dict[tuple[str, str], InvestmentPlan] = {}
        wanted = [
            ResultRequest(what=what, model=model, name=name)
            for model in done.models
            for what, names in (
                ("size", done.plants), ("schedule", done.plants), ("trade", self.costs.sites), ("investment", done.members),
                ("investment", (COMMUNITY,)), ("investment", (INVESTOR,) if model in done.invested else ()),
                ("flexibility", ("",)), ("kpi", ("",)),
            )
            for name in names
        ]  # fmt: skip
        sizing = self.services[1]
        asked: Answers = yield self.ask(wanted, [sizing] * len(wanted), talk, INTEGRATION, HOUR_S)
        for record in asked.records():
            if isinstance(record, InvestmentPlan):
                self.plans[record.model, record.account] = record
            if isinstance(record, BusinessModelKpi):
                values, defined = np.asarray(record.values), np.asarray(record.defined) > 0.5
                self.register("study_indicators").add(
                    model=record.model, indicator=list(record.indicators), value=np.where(defined, values, np.nan)
                )

    def report(self, done: StudyDone, talk: str, manager: str) -> None:
        """Tell members what each business model means for them, and the manager that the study is done."""
        for model in done.models:
            plans = [self.plans[model, name] for name in self.definition.members]
            reports = [
                MemberReport(
                    model=model, investment_eur=plan.investment_eur, total_eur=plan.total_eur, today_eur=plan.today_eur
                )
                for plan in plans
            ]
            self.send(reports, list(self.definition.members), talk, INTEGRATION)
        total = np.array([self.plans[model, COMMUNITY].total_eur for model in done.models])
        self.send(
            StudyReport(study=self.archive.study, models=done.models, total_eur=total), manager, talk, INTEGRATION
        )
