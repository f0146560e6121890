"""SUC01.1 on the EC management platform: integration, scenario preparation and DER sizing, three microservices of the EC manager.

The three services; the EC manager and the members are in ``sizing_people``. Integration is the gate of all inputs and outputs and asks each member for its consent; scenario preparation completes consumption and
simulates generation; DER sizing sizes, estimates flexibility and works out the indicators.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from agents.sizing_preparation import PublicData, completed, generation
from agents.sizing_registers import keep_flexibility, keep_money, keep_sizing
from agents.sizing_results import Results, StudyTerms, community_of, models_of, record_of
from agents.strategies.gap_filling import Completed
from agents.strategies.sizing import SizingError
from agents.strategies.sizing_assessment import pareto, reference, size
from agents.strategies.sizing_community import INVESTOR
from agents.strategies.sizing_economics import COMMUNITY, economics, indicators_of, trades
from agents.strategies.sizing_flexibility import long_term_kw
from environment.messages.base import Batch
from environment.messages.sizing import (
    BusinessModelKpi,
    CommunityDefinition,
    CompletedProfile,
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
    ScenarioRequest,
    SimulatedGeneration,
    StudyDone,
    StudyOrder,
    StudyRefusal,
    StudyReport,
    StudyStart,
    WeatherRequest,
)
from environment.party import Party, Process, Seat, Work, act, handles
from environment.requests import Answers
from markets.community_rules import CommunityType, Placed, distance_faults, size_fault
from markets.internal_prices.offers import InternalPrice

INTEGRATION = "integration-microservice"
PREPARATION, SIZING = "scenario-preparation-microservice", "der-sizing-microservice"
Told = Callable[[str, float, float], None]
_HOUR_S = 3600.0


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
            MemberDataRequest(purpose=f"sizing study {self.archive.study}"), members, talk, INTEGRATION, _HOUR_S
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
        asked: Answers = yield self.ask(wanted, [sizing] * len(wanted), talk, INTEGRATION, _HOUR_S)
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
        wanted = [ConsumptionRequest(member=name) for name in study.members]
        asked: Answers = yield self.ask(wanted, [self.integration] * len(wanted), talk, PREPARATION, _HOUR_S)
        told: Answers = yield self.ask(WeatherRequest(study=study.study), self.integration, talk, PREPARATION, _HOUR_S)
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
        """Step 5: fill gaps, and turn weather into generation."""
        self.histories = histories
        self.filled: dict[str, Completed] = {
            name: completed(one, self.public) for name, one in sorted(histories.items())
        }
        self.generated = dict(zip(self.public.roofs.names, generation(weather, self.public), strict=True))
        hours = self.public.year.timeline.hours
        for name, one in self.filled.items():
            self.register("completions").add(
                member=name, missing_steps=one.missing, method=one.method, rms_share=one.rms_share, bias_share=one.bias_share,
                other_rms_share=one.other_rms_share, annual_kwh=float(one.kw.sum() * hours),
            )  # fmt: skip
        for name, series in self.generated.items():
            self.register("simulated_yields").add(plant=name, kwh_per_kwp=float(series.sum() * hours))
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
        """Step 6: completed consumption and simulated generation."""
        requests = list(batch.records())
        rows = np.array([request.what == "consumption" for request in requests])
        hours = self.public.year.timeline.hours
        for mask, made in ((rows, self._profile), (~rows, self._generation)):
            part = batch.take(np.flatnonzero(mask))
            if len(part):
                self.answer(part, [made(request.name, hours) for request in part.records()])

    def _profile(self, name: str, hours: float) -> CompletedProfile:
        history, kw = self.histories[name], np.maximum(self.filled[name].kw, 0.0)
        return CompletedProfile(
            member=name,
            client=history.client,
            contracted_kw=history.contracted_kw,
            annual_kwh=float(kw.sum() * hours),
            load_kw=kw,
        )

    def _generation(self, name: str, hours: float) -> SimulatedGeneration:
        return SimulatedGeneration(plant=name, kw_per_kwp=self.generated[name])


class DerSizing(Party):
    """The DER sizing microservice: sizes, estimates flexibility, works out the indicators of each business model."""

    def __init__(
        self,
        seat: Seat,
        terms: StudyTerms,
        rules: Mapping[str, Callable[[float], InternalPrice]],
        integration: str,
        preparation: str,
        told: Told = lambda stage, done, total: None,
    ) -> None:
        super().__init__(seat)
        self.terms = terms
        self.rules = rules
        self.integration, self.preparation = integration, preparation
        self.told = told
        self.results: Results | None = None

    def processes(self) -> list[Process]:
        """One study."""
        return [self.study()]

    def study(self) -> Process:
        """Collect, solve, estimate, assess, tell."""
        start: Batch[StudyStart] = yield self.receive(StudyStart)
        talk, name = start.conversation, start.one().study
        asked: Answers = yield self.ask(DefinitionRequest(study=name), self.integration, talk, SIZING, _HOUR_S)
        definition: CommunityDefinition = asked.records()[0]
        asked = yield self.ask(DerDataRequest(study=name), self.integration, talk, SIZING, _HOUR_S)
        costs: DerDataAndCosts = asked.records()[0]
        wanted = [ScenarioRequest(what="consumption", name=member) for member in definition.members]
        solar = [plant for plant, kind in zip(costs.plants, costs.plant_technology, strict=True) if kind == "pv"]
        wanted += [ScenarioRequest(what="generation", name=plant) for plant in solar]
        asked = yield self.ask(wanted, [self.preparation] * len(wanted), talk, SIZING, _HOUR_S)
        if not asked.complete:
            return
        series = asked.records()
        profiles = {one.member: one for one in series if isinstance(one, CompletedProfile)}
        yields = {one.plant: one for one in series if isinstance(one, SimulatedGeneration)}
        results = self.results = community_of(definition, costs, profiles, yields, self.terms)
        rule = self.rules[definition.pricing](definition.pricing_weight)
        try:
            self.solve_sizing(talk, results, definition, rule)
        except SizingError as error:
            self.send(StudyRefusal(study=name, reason=str(error)), self.integration.split("/")[0], talk, SIZING)
            return
        self.estimate_flexibility(talk, results)
        self.assess(talk, results, definition, rule)
        invested = tuple(model for model, money in results.money.items() if INVESTOR in money.accounts)
        plants = tuple(place.name for place in results.community.places)
        done = StudyDone(models=definition.models, plants=plants, members=results.community.members, invested=invested)
        self.send(done, self.integration, talk, SIZING)

    @act("solve_der_sizing", SIZING)
    def solve_sizing(self, talk: str, results: Results, definition: CommunityDefinition, rule: InternalPrice) -> Work:
        """Step 7: the optimal capacities of every business model, with perfect information on the representative days."""
        models = models_of(definition)
        self.told("sizing", 0, len(models) + 1)
        results.reference = reference(results.community, self.terms.whole_units)
        for number, model in enumerate(models):
            results.sized[model.name] = size(results.community, model, results.reference, rule, self.terms.whole_units)
            self.told("sizing", number + 1, len(models) + 1)
        points = self.terms.front_points
        results.front = pareto(
            results.community, models[0], points, lambda done: self.told("front of cost and emissions", done, points)
        )
        keep_sizing(results, self.terms.year, self.register)
        reads = [f"completions/{name}" for name in results.community.members]
        return Work(None, talk, reads, [f"sizes/{model.name}" for model in models])

    @act("estimate_flexibility", SIZING)
    def estimate_flexibility(self, talk: str, results: Results) -> Work:
        """Step 8: what the community could offer, from the sizing's results."""
        for model, one in results.sized.items():
            results.flexibility[model] = long_term_kw(
                results.community, one.solution, self.terms.flexibility_h, self.terms.horizon_years
            )
        keep_flexibility(results, self.register)
        names = list(results.sized)
        return Work(None, talk, [f"sizes/{name}" for name in names], [f"flexibility/{name}" for name in names])

    @act("assess_business_models", SIZING)
    def assess(self, talk: str, results: Results, definition: CommunityDefinition, rule: InternalPrice) -> Work:
        """Step 9: trades, money and indicators of each business model."""
        compared = results.reference
        if compared is None:
            msg = "business models are assessed after the sizing"
            raise RuntimeError(msg)
        for name, one in results.sized.items():
            trade = results.trades[name] = trades(results.community, one.solution, rule)
            money = results.money[name] = economics(
                results.community, one.model, one.solution, trade, compared.today_eur, compared.alone_eur, self.terms.horizon_years, self.terms.interest
            )  # fmt: skip
            found = indicators_of(results.community, one.solution, trade, money, compared.today.emissions_kg)
            up, down = results.flexibility[name]
            offered = {"flexibility_up_kw": up[0], "flexibility_down_kw": down[0]}
            hours = results.community.days.step_hours
            mean = {key: float(value @ hours / hours.sum()) for key, value in offered.items()}
            results.indicators[name] = found | mean | {"price_settled": float(one.settled)}
        keep_money(results, self.register)
        names = list(results.sized)
        return Work(None, talk, [f"sizes/{name}" for name in names], [f"investments/{name}" for name in names])

    @handles(ResultRequest)
    def give_results(self, batch: Batch[ResultRequest]) -> None:
        """Step 10: sizes, schedules, trades, investments, flexibility, and the indicators."""
        if self.results is None:
            msg = "results were asked for before there are any"
            raise RuntimeError(msg)
        records = [record_of(self.results, request) for request in batch.records()]
        kinds = np.array([type(record).__name__ for record in records])
        for kind in sorted(set(kinds)):
            rows = np.flatnonzero(kinds == kind)
            self.answer(batch.take(rows), [records[row] for row in rows])
