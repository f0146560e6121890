"""What a scenario says about those who decide, what is traded and by which rules."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, SerializerFunctionWrapHandler, model_serializer, model_validator

from experiments.scenario.actor import NAME, Actor
from experiments.scenario.communities import Community
from experiments.scenario.fields import JUDGEMENT, DayTime, Part, Share, given, read_clock, refuse


def _plain(value: Any) -> Any:
    """``by GDBN`` and ``GDBN`` mean ``gdbn``."""
    return value.strip().lower().removeprefix("by ") if isinstance(value, str) else value


def _nobody(value: Any) -> Any:
    """``none`` means that there is no such party."""
    return None if value == "none" else value


class StandingContracts(Part):
    """What the DSO has agreed with every FSP in advance, where no market operator trades (``lfmo: none``)."""

    product: str = given("congestion-day-ahead", source="data/scenarios/library/products.yaml")
    """The product that may be called: window, directions, notice."""
    reports_every_h: float = given(
        1.0, unit="h", source="judgement: the FSPs report periodically (SUC06.1)", gt=0, le=24
    )
    """How often an FSP reports what it has available over the following 24 hours, beside after every order."""
    reports_valid_h: float = given(2.0, unit="h", source="judgement: two reports may be missed", gt=0, le=24)
    """A report that is older does not count: what nobody has confirmed lately is not called."""


class Dso(Actor):
    """Distribution system operator."""

    name: str = given("dso-1", source="a name", pattern=NAME)
    """Name, also its address."""
    forecast: Literal["regression", "persistence", "same-hour-last-week"] = given(
        "regression", source="inputs as in SUC06.1: metering, weather, calendar"
    )
    """How it forecasts load."""
    margin_percent: float = given(5.0, unit="% of the forecast", source=JUDGEMENT, ge=0, le=100)
    """Added to the forecast load before the need is computed."""
    procures: DayTime = given(DayTime.model_validate("13:00 the day before"), source=JUDGEMENT)
    """When it looks ahead and asks for a market session; without a market, when it dispatches, on the day itself."""
    availability_wait_s: float = given(
        30.0, unit="s", source="judgement: ten times the way of a question and its answer", ge=1, le=3600
    )
    """How long it waits for what the FSPs report that they could offer, before it looks ahead."""
    asks_again_times: float = given(
        2.0, source="judgement: what relief is worth before a stronger grid is cheaper", ge=1, le=100
    )
    """How many times the product's price cap it offers to an aggregator whose potential is too small (SUC05.1 step 2.4)."""
    activates: Annotated[Literal["gdbn", "direct"], BeforeValidator(_plain)] = given(
        "gdbn", source="SUC06.2: through the GDBN, or straight to the FSP"
    )
    """The way of its activation requests."""
    contracts: StandingContracts = given(StandingContracts())
    """Its standing contracts, where there is no market operator."""


class Lfmo(Actor):
    """Local flexibility market operator."""

    name: str = given("lfmo-1", source="a name", pattern=NAME)
    """Name, also its address."""
    gate: DayTime = given(DayTime.model_validate("15:00 the day before"), source=JUDGEMENT)
    """Gate closure; a bid received later is refused."""
    product: str = given("congestion-day-ahead", source="data/scenarios/library/products.yaml")
    """The product traded."""


class Fsp(Actor):
    """Flexibility service provider (aggregator of homes and plants)."""

    margin_percent: float = given(10.0, unit="% of the cost", source=JUDGEMENT, ge=0, le=500)
    """Added to its cost when it bids."""
    share_to_homes: Share = given(0.7, unit="share", source=JUDGEMENT)
    """Share of its remuneration that goes to the homes that delivered."""
    contract_eur_per_kwh: float = given(
        0.25, unit="EUR/kWh", source="judgement: about the price of the energy that is moved", gt=0, le=10
    )
    """Price of its standing contract with the DSO, where there is no market operator."""
    availability_eur_per_kw_h: float = given(
        0.02, unit="EUR/kW/h", source="judgement: a tenth of the price of the energy", ge=0, le=100
    )
    """What it asks for each kW that it holds ready for an hour, where the product pays availability."""


class Retailer(Actor):
    """Sells energy to the homes and buys their surplus."""

    name: str = given("retailer-1", source="a name", pattern=NAME)
    """Name, also its address."""


class Provider(Actor):
    """Digital platform provider: operates the GDBN and its settlement service."""

    name: str = given("dpp-1", source="a name", pattern=NAME)
    """Name, also its address."""


class Actors(Part):
    """Those who decide, beside the people."""

    dso: Dso = given(Dso())
    """Distribution system operator."""
    lfmo: Annotated[Lfmo | None, BeforeValidator(_nobody)] = given(Lfmo())
    """Local flexibility market operator; ``none`` where the DSO calls on standing contracts."""
    fsps: tuple[Fsp, ...] = given((), source="none unless named")
    """Flexibility service providers, by name or with what is special about them."""
    communities: tuple[Community, ...] = given((), source="none unless named")
    """Energy communities, by name or with what is special about them."""
    retailer: Retailer = given(Retailer())
    """The homes' retailer."""
    dpp: Provider = given(Provider())
    """Digital platform provider."""

    def names(self) -> list[str]:
        """Names of all, in the order written."""
        market = [self.lfmo.name] if self.lfmo else []
        shared = [name for one in self.communities for name in (one.name, one.billing)]
        return [self.dso.name, *market, *(fsp.name for fsp in self.fsps), *shared, self.retailer.name, self.dpp.name]

    @model_serializer(mode="wrap")
    def _say_nobody(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {**write(self), **({} if self.lfmo else {"lfmo": "none"})}


def _clocks(window: tuple[str, str]) -> tuple[str, str]:
    try:
        first, last = (read_clock(clock) for clock in window)
    except ValueError as error:
        refuse(str(error))
    if not first < last:
        refuse("a window opens before it closes; write for example ['16:00', '23:00']")
    return window


class Product(Part):
    """A flexibility product with the attributes of SUC06.1 Info-2 and Info-3."""

    title: str = given("", source="none")
    """What people call it."""
    kind: Literal["activation", "availability"] = given("activation", source="SUC06.1 Info-3")
    """Energy when activated, or capacity held ready."""
    directions: tuple[Literal["up", "down"], ...] = given(("up",), source="up relieves an evening peak")
    """up: less net load; down: more net load."""
    negotiation: Literal["auction"] = given("auction", source="SUC06.1 Info-2")
    """How the price is found."""
    area: Literal["zone", "connection-point"] = given("zone", source="SUC06.1 Info-3, local area")
    """What one bid covers: the grid behind one transformer (or one MV feeder), or a single point."""
    service_window: Annotated[tuple[str, str], AfterValidator(_clocks)] = given(
        ("16:00", "23:00"), unit="local time", source="the winter evening peak"
    )
    """Between which times of the day of delivery it can be called."""
    interval_s: int = given(900, unit="s", source="metering period", ge=900, le=3600, multiple_of=900)
    """Length of one traded interval."""
    capacity_min_kw: float = given(1.0, unit="kW", source="judgement: small, for one LV grid", gt=0)
    """Least quantity of a bid."""
    capacity_max_kw: float = given(10_000.0, unit="kW", source="no practical bound", gt=0)
    """Largest quantity of a bid."""
    granularity_kw: float = given(0.1, unit="kW", source=JUDGEMENT, gt=0)
    """Quantities are multiples of it."""
    max_duration_h: float = given(4.0, unit="h", source=JUDGEMENT, gt=0, le=24)
    """Longest time without a break that one bid can be called."""
    announcement_s: int = given(900, unit="s", source="one interval ahead (SUC06.1 Info-3)", ge=0)
    """Notice between the request and the begin of delivery."""
    full_activation_s: int = given(300, unit="s", source=JUDGEMENT, ge=0)
    """Time in which delivery must be complete."""
    min_acceptance_kw: float = given(0.0, unit="kW", source="bids are fully divisible", ge=0)
    """Least quantity that may be accepted of a bid."""
    divisible: bool = given(True, source=JUDGEMENT)
    """Whether a part of a bid may be accepted."""
    remuneration: Literal["activation", "availability", "both"] = given("activation", source="SUC06.1 Info-3")
    """What is paid; availability and both need a market, a cap and the settlement rule availability-and-activation."""
    activation_cap_eur_per_kwh: float = given(3.0, unit="EUR/kWh", source="judgement: ten times the retail price", ge=0)
    """Highest activation price of a bid."""
    availability_cap_eur_per_kw_h: float = given(0.0, unit="EUR/kW/h", source="no availability is paid", ge=0)
    """Highest availability price of a bid."""
    exclusive: bool = given(True, source="SUC06.1: no other contract of the FSP within the window")
    """Whether a second contract in the window is refused."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.capacity_min_kw > self.capacity_max_kw:
            refuse("capacity_min_kw is larger than capacity_max_kw")
        return self

    @property
    def form_of_remuneration(self) -> str:
        """What is paid, as a session request names it."""
        return "availability+activation" if self.remuneration == "both" else self.remuneration

    @property
    def relief_cap_eur_per_kwh(self) -> float:
        """The most that is paid for a kWh of energy, or for a kW held ready for an hour where only that is paid."""
        only = self.remuneration == "availability"
        return self.availability_cap_eur_per_kw_h if only else self.activation_cap_eur_per_kwh


class Settlement(Part):
    """How delivery is paid."""

    rule: str = given("linear-with-grace", source="use in British flexibility tenders")
    """Name of the settlement rule."""
    grace: Share = given(0.95, unit="share of the order", source="Flexible Power: full pay from 95 % delivered")
    """Delivered share from which all is paid."""
    slope: float = given(3.0, source="Flexible Power: three points of pay lost per point missing", ge=0, le=100)
    """Pay lost per share missing below the grace."""
    floor: Share = given(
        0.5, unit="share of the order", source="SSEN TRANSITION: a scale from 50 to 100 % delivered", lt=1
    )
    """Delivered share below which a sliding scale pays nothing."""
    floor_pay: Share = given(0.5, unit="share of the price", source="each delivered kWh is paid its price")
    """Share of the ordered value that a sliding scale pays at its floor."""
    penalty_eur_per_kwh: float = given(0.0, unit="EUR/kWh", source="none in the product", ge=0)
    """Penalty for what was ordered and not delivered."""

    ARGUMENTS: ClassVar[Mapping[str, str]] = {
        "grace": "grace_share", "slope": "grace_slope", "floor": "floor_share", "floor_pay": "floor_pay_share",
        "penalty_eur_per_kwh": "penalty_eur_per_kwh",
    }  # fmt: skip

    def arguments(self) -> dict[str, float]:
        """The parameters by the names that the rules of ``markets.settlement`` give them."""
        return {argument: getattr(self, key) for key, argument in self.ARGUMENTS.items()}


def _by_rule(value: Any) -> Any:
    return {"rule": value} if isinstance(value, str) else value


class Baseline(Part):
    """What would have been without the activation; the name of the rule alone is enough."""

    rule: str = given("declared-schedule", source="SUC06.3: the baseline stored at bidding time")
    """Name of the baseline rule. Of a method, the rule, its parameters and the eligible days are frozen at bidding time."""
    x: int = given(10, unit="days", source="CAISO and AEMO: 10 of 10", ge=1, le=60)
    """x-of-y: number of days averaged."""
    y: int = given(10, unit="days", source="CAISO and AEMO: 10 of 10", ge=1, le=60)
    """x-of-y: number of eligible days looked at."""
    pick: Literal["high", "middle", "low"] = given("high", source="NYISO, PJM")
    """x-of-y: which of the Y, by their mean in the hours of the event."""
    adjustment: Literal["none", "additive", "multiplicative"] = given("none", source="the plain average")
    """x-of-y: to what was metered before the first notice of the day."""
    adjustment_h: float = given(
        3.0, unit="h", source="three to four hours in American programmes", gt=0, le=12, multiple_of=0.25
    )
    """x-of-y: how long before the notice it looks."""
    floor: float = given(0.8, unit="factor", source="NYISO: factor within 0.8 and 1.2", ge=0, le=1)
    """x-of-y: smallest factor of a multiplicative adjustment."""
    cap: float = given(1.2, unit="factor", source="NYISO: factor within 0.8 and 1.2", ge=1, le=10)
    """x-of-y: largest factor of a multiplicative adjustment."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.x > self.y:
            refuse(f"{self.x} of {self.y} days cannot be; x must be at most y")
        return self


class Rules(Part):
    """The rules of the market, by name."""

    clearing: str = given("network-aware", source="DSO as single buyer with network sensitivities")
    """How bids are chosen."""
    pricing: str = given("pay-as-bid", source="usual in local flexibility markets")
    """What an accepted bid is paid."""
    baseline: Annotated[Baseline, BeforeValidator(_by_rule)] = given(Baseline())
    """What would have been without the activation."""
    settlement: Settlement = given(Settlement())
    """How delivery is paid."""
    settled_by: Annotated[Literal["gdbn", "dso"], BeforeValidator(_plain)] = given(
        "gdbn", source="SUC06.3: scenario 1, or 2 (by the DSO)"
    )
    """Who computes the settlement."""
