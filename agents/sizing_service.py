"""SUC01.1, the DER sizing microservice: sizes, estimates flexibility, works out the indicators of each business model."""

from collections.abc import Callable, Mapping

import numpy as np

from agents.sizing_people import HOUR_S, SIZING
from agents.sizing_registers import keep_flexibility, keep_money, keep_sizing
from agents.sizing_results import Results, StudyTerms, community_of, models_of, record_of
from agents.strategies.sizing import SizingError
from agents.strategies.sizing_assessment import Sizings, pareto, reference, size
from agents.strategies.sizing_community import INVESTOR
from agents.strategies.sizing_economics import economics, indicators_of, trades
from agents.strategies.sizing_flexibility import long_term_kw
from environment.messages.base import Batch
from environment.messages.sizing import (
    CommunityDefinition,
    CompletedProfile,
    DefinitionRequest,
    DerDataAndCosts,
    DerDataRequest,
    DeviceCourse,
    ResultRequest,
    ScenarioRequest,
    SimulatedGeneration,
    StudyDone,
    StudyRefusal,
    StudyStart,
)
from environment.party import Party, Process, Seat, Work, act, handles
from environment.requests import Answers
from markets.internal_prices.offers import InternalPrice

Told = Callable[[str, float, float], None]


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
        asked: Answers = yield self.ask(DefinitionRequest(study=name), self.integration, talk, SIZING, HOUR_S)
        definition: CommunityDefinition = asked.records()[0]
        asked = yield self.ask(DerDataRequest(study=name), self.integration, talk, SIZING, HOUR_S)
        costs: DerDataAndCosts = asked.records()[0]
        wanted = [ScenarioRequest(what="consumption", name=member) for member in definition.members]
        series_of = {"pv": "generation", "control": "device"}
        for plant, technology in zip(costs.plants, costs.plant_technology, strict=True):
            if (kind := self.terms.technologies[technology].kind) in series_of:
                wanted.append(ScenarioRequest(what=series_of[kind], name=plant))
        asked = yield self.ask(wanted, [self.preparation] * len(wanted), talk, SIZING, HOUR_S)
        if not asked.complete:
            return
        series = asked.records()
        profiles = {one.member: one for one in series if isinstance(one, CompletedProfile)}
        yields = {one.plant: one for one in series if isinstance(one, SimulatedGeneration)}
        courses = {one.device: one for one in series if isinstance(one, DeviceCourse)}
        results = self.results = community_of(definition, costs, profiles, yields, courses, self.terms)
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
        sizings = Sizings(results.community, self.terms.whole_units)
        for number, model in enumerate(models):
            results.sized[model.name] = size(sizings, model, results.reference, rule)
            self.told("sizing", number + 1, len(models) + 1)
        points = self.terms.front_points
        results.front = pareto(
            sizings, models[0], points, lambda done: self.told("front of cost and emissions", done, points)
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
            results.indicators[name] = (
                found | mean | {"price_settled": float(one.settled) if one.model.objective == "profit" else np.nan}
            )
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
