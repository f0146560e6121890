"""What a scenario says about a pilot with a service for households (SUC13.1): who runs it, whom it takes, how it controls and trades."""

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, model_validator

from experiments.scenario.actor import NAME
from experiments.scenario.fields import JUDGEMENT, DayTime, Part, Share, check_whole, given, refuse

SILENT = "SUC13.1 does not quantify it; judgement"


class PilotNames(Part):
    """The parties of a pilot, beside the DSO and the homes."""

    aggregator: str = given("agg-1", source="a name", pattern=NAME)
    """Aggregator, who runs the service."""
    leader: str = given("pilot-1", source="a name", pattern=NAME)
    """Pilot leader (community manager)."""
    service: str = given("service-1", source="a name", pattern=NAME)
    """Service developer, who also runs the virtual market."""
    weather: str = given("weather-1", source="a name", pattern=NAME)
    """Weather agency."""
    tso: str = given("tso-1", source="a name", pattern=NAME)
    """Transmission system operator."""
    market: str = given("market-1", source="a name", pattern=NAME)
    """Market operator whose market is not open yet."""
    installers: tuple[str, ...] = given(("installer-1", "installer-2"), source="a name", min_length=1)
    """Installers."""


class Admission(Part):
    """Who may take part, and what equipping costs."""

    minimum_kw: float = given(1.0, unit="kW", source=SILENT, ge=0)
    """Least rated power of the controllable appliances."""
    minimum_devices: int = given(1, source=SILENT, ge=1, le=4)
    """Least number of controllable appliances."""
    interested: Share = given(0.9, unit="share", source=JUDGEMENT)
    """Share of the homes that would hear of a pilot."""
    cautious: Share = given(0.15, unit="share", source=JUDGEMENT)
    """Share of the homes that let their data go to nobody but the aggregator (and an installer)."""
    control_eur_per_year: float = given(
        22.0,
        unit="EUR/a",
        source="middle of the 4.8 to 99 EUR a year that Danish households asked for switch-offs of appliances (Energy 238 (2022) 121749)",
        ge=0,
    )
    """What half of the homes would want at least for others switching their devices, beside their price of the energy moved."""
    control_spread: float = given(
        0.9,
        source="that span taken as the middle 90 % of a log-normal distribution (its form is an assumption)",
        ge=0,
        le=3,
    )
    """Standard deviation of its logarithm among homes."""
    places: int = given(60, source=JUDGEMENT, ge=1)
    """Most homes that the pilot takes."""
    late: Share = given(0.1, unit="share", source=JUDGEMENT)
    """Share of the homes that are invited in a second round, a day later."""
    saving_eur_per_kw_year: float = given(
        25.0, unit="EUR/kW/a", source="judgement: shifting 250 h a year by 0.05 EUR/kWh, and flexibility", ge=0
    )
    """What a household is told that it saves in a year, per kW of controllable power."""
    site_eur: float = given(900.0, unit="EUR", source=JUDGEMENT, gt=0)
    """Most that the pilot leader spends on a site."""
    total_eur: float = given(30_000.0, unit="EUR", source=JUDGEMENT, gt=0)
    """Most that it spends on all sites."""
    visit_eur: float = given(180.0, unit="EUR", source="judgement: two hours of an electrician, with travel", ge=0)
    """What an installer asks for a visit."""
    device_eur: float = given(110.0, unit="EUR", source="judgement: a relay with meter and gateway part", ge=0)
    """What it asks for a control device."""
    crews: int = given(3, source=JUDGEMENT, ge=1, le=50)
    """Crews of each installer."""
    visit_h: float = given(1.5, unit="h", source=JUDGEMENT, gt=0, le=12)
    """Time that a visit takes."""
    least_link: Share = given(0.15, unit="share", source=f"{SILENT} (CI-1)")
    """Quality of a site's communication link below which nothing is installed."""


class Modes(Part):
    """In which modes people run their devices."""

    initial: Annotated[dict[str, Share], AfterValidator(check_whole)] = given(
        {"automatic": 0.78, "manual": 0.12, "on": 0.1}, unit="share by mode", source=JUDGEMENT
    )
    """Mode that people choose for a device when it is installed."""
    changes_per_day: float = given(0.15, unit="1/d", source=JUDGEMENT, ge=0, le=24)
    """How often a day the people of a home change the mode of a device, for some hours."""
    displays_per_day: float = given(0.7, unit="1/d", source=JUDGEMENT, ge=0, le=24)
    """How often a day they open the interface."""
    rights: Share = given(0.1, unit="share", source=JUDGEMENT)
    """Share of the homes that use a right over their data during the run (access, rectify, restrict, withdraw, erase in turn)."""
    tank_hysteresis_k: float = given(2.5, unit="K", source=SILENT, gt=0, le=20)
    """Half width of the band of manual mode around the tank's reference."""
    room_hysteresis_k: float = given(0.4, unit="K", source=SILENT, gt=0, le=5)
    """Half width of the band of manual mode around the rooms' reference."""

    KNOWN: ClassVar = ("automatic", "manual", "on", "off")

    @model_validator(mode="after")
    def _check(self) -> Self:
        unknown = sorted(set(self.initial) - set(self.KNOWN))
        if unknown:
            refuse(f"a device has no mode {', '.join(unknown)}; there is {', '.join(self.KNOWN)}")
        return self


class Control(Part):
    """How the service controls."""

    tick_s: int = given(300, unit="s", source=SILENT, ge=60, le=900)
    """Period of real-time control within the quarter of an hour, and of the meters' samples; divides 900 s."""
    peak_percent: float = given(95.0, unit="% of the contracted power", source=SILENT, gt=0, le=100)
    """From when on consumption is near the contracted power."""
    surplus_kw: float = given(0.4, unit="kW", source=SILENT, gt=0)
    """Injection that is worth avoiding."""
    tank_above_k: float = given(8.0, unit="K", source="within the tank's own guard", ge=0, le=30)
    """How far above its reference a tank may be heated."""
    tank_below_k: float = given(6.0, unit="K", source=JUDGEMENT, ge=0, le=30)
    """How far below its reference a tank may fall."""
    audit_every: int = given(16, unit="quarters of an hour", source=JUDGEMENT, ge=1)
    """Every how many cycles all homes are solved beside, to measure what re-solving only where inputs moved costs."""
    outside_every_s: int = given(3600, unit="s", source=JUDGEMENT, ge=900)
    """How often the cloud database asks outside sources."""
    retention_days: int = given(30, unit="d", source=JUDGEMENT, ge=1, le=3650)
    """How long measurements of a household are kept (GDPR-2)."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if 900 % self.tick_s:
            refuse(f"tick_s: {self.tick_s} s does not divide a quarter of an hour; write for example 300")
        return self


class Balancing(Part):
    """What the TSO buys a day ahead (scenarios 10 and 11)."""

    opens: DayTime = given(DayTime.model_validate("10:00 the day before"), source=JUDGEMENT)
    """When the offer period opens."""
    gate_h: float = given(2.0, unit="h", source=JUDGEMENT, gt=0, le=12)
    """How long offers are taken."""
    window: tuple[str, str] = given(("17:00", "21:00"), unit="local time", source="the evening peak")
    """Hours of the day in which reserve is bought, one product an hour."""
    reserve_kw: float = given(8.0, unit="kW", source=JUDGEMENT, gt=0)
    """Reserve wanted of the pilot in each hour."""
    cap_eur_per_kwh: float = given(1.0, unit="EUR/kWh", source=JUDGEMENT, gt=0)
    """Highest price of a delivered kWh."""
    called_share: Share = given(0.4, unit="share", source=JUDGEMENT)
    """Share of the committed hours in which a contingency calls half an hour of it."""


class Congestion(Part):
    """What the DSO buys some hours ahead (scenario 4)."""

    limit_kw: float = given(60.0, unit="kW", source="judgement: what the feeder of the pilot carries", gt=0)
    """Net load of the pilot's homes above which the DSO needs relief."""
    decides: DayTime = given(
        DayTime.model_validate("15:00 on the day"), source="some hours ahead (SUC13.1, bid timing)"
    )
    """When it decides what it takes of the power that is shared with it."""
    window: tuple[str, str] = given(("17:00", "23:00"), unit="local time", source="the evening peak")
    """Hours of the day that it looks at."""
    eur_per_kwh: float = given(0.35, unit="EUR/kWh", source=JUDGEMENT, gt=0)
    """What it pays for a delivered kWh."""
    margin_percent: float = given(5.0, unit="% of the forecast", source=JUDGEMENT, ge=0, le=100)
    """Added to the forecast net load."""


class Virtual(Part):
    """The market that is not open, and is simulated instead (scenario 12)."""

    price_eur_per_kwh: float = given(0.30, unit="EUR/kWh", source=JUDGEMENT, ge=0)
    """What a kWh would earn at the peak of need."""
    buys: Share = given(0.3, unit="share", source=JUDGEMENT)
    """Part of the portfolio's load above its mean that would be bought."""
    called_share: Share = given(0.5, unit="share", source=JUDGEMENT)
    """Part of it that would be called."""
    hour: float = given(12.5, unit="h", source=JUDGEMENT, ge=0, lt=24)
    """Hour of the day at which it is simulated."""


class Pilot(Part):
    """A pilot of a service for households (SUC13.1): onboarding, four modes, control within the quarter of an hour, flexibility."""

    names: PilotNames = given(PilotNames())
    """The parties."""
    admission: Admission = given(Admission())
    """Who may take part, and what equipping costs."""
    modes: Modes = given(Modes())
    """In which modes people run their devices."""
    control: Control = given(Control())
    """How the service controls."""
    balancing: Balancing = given(Balancing())
    """What the TSO buys."""
    congestion: Congestion = given(Congestion())
    """What the DSO buys."""
    virtual: Virtual = given(Virtual())
    """The market that is simulated."""
    margin_percent: float = given(10.0, unit="% of the price", source="a usual intermediary margin", ge=0, le=1000)
    """What the aggregator adds to the households' prices."""
    share_to_homes: Share = given(0.8, unit="share of the income", source=JUDGEMENT)
    """Part of what flexibility earns that goes to the households."""
