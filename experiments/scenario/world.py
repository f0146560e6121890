"""What a scenario says about the world: clock, place, grid, message channels, planned events and faults."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from experiments.scenario.fields import JUDGEMENT, Delay, Moment, Part, Share, given, refuse
from experiments.scenario.library import known_places

if TYPE_CHECKING:
    from environment.calendar import Calendar

DENA = "dena-Verteilnetzstudie 2012"

METER_PERIOD_S = 900
"""Metering period of European smart meters [s]."""


def _dividing(step_s: int) -> int:
    if METER_PERIOD_S % step_s:
        refuse(
            f"{step_s} does not divide {METER_PERIOD_S} s, the meters' period; "
            f"write {METER_PERIOD_S} (or, without coordination, 300 or 60)"
        )
    return step_s


class Clock(Part):
    """When the run happens: from ``lead_h`` before the first delivery day to ``tail_h`` after the last."""

    start: date = given(
        date(2016, 1, 19),
        source="a Tuesday of the SimBench profile year 2016",
        ge=date(1980, 1, 1),
        le=date(2100, 12, 31),
    )
    """First day of delivery."""
    days: int = given(1, unit="d", source=JUDGEMENT, ge=1, le=366)
    """Days of delivery; the figures of a run count these."""
    history_days: int = given(28, unit="d", source="four weeks: every weekday is seen four times", ge=0, le=366)
    """Days lived before the world begins, without coordination, from which the parties learn."""
    lead_h: int = given(12, unit="h", source="markets of the day before open after noon", ge=0, le=48)
    """Hours of the world before the first delivery day."""
    tail_h: int = given(12, unit="h", source="rebound and settlement follow delivery", ge=1, le=72)
    """Hours of the world after the last delivery day."""
    physics_step_s: Annotated[int, AfterValidator(_dividing)] = given(
        METER_PERIOD_S, unit="s", source="metering period of European smart meters", ge=60, le=METER_PERIOD_S
    )
    """Length of a physics step and of a metered interval; with coordination it is the product's ``interval_s``."""

    @property
    def last(self) -> date:
        """The last day of delivery."""
        return self.start + timedelta(days=self.days - 1)


class Place(Part):
    """Where the run happens, and its weather."""

    city: str = given("Rome", source="one of four cities with measured weather (data/profiles/weather)")
    """Name of the place; a place that coflex does not know needs its coordinates, time zone and country."""
    weather: str = given("nsrdb-2019", source="NSRDB Meteosat 2019, 15 minutes; see data/NOTICE")
    """``nsrdb-2019`` (measured, known cities), ``generated`` (from the seed), or an .epw or .csv file."""
    irradiance_scale: float = given(
        1.0, source="the data as they are; 1.10 to 1.15 would correct the low bias of NSRDB", gt=0, le=2
    )
    """Factor on all irradiance."""
    latitude: float = given(unit="degrees north", source="data/scenarios/library/places.yaml", ge=-66, le=66)
    """Latitude; known for a known city."""
    longitude: float = given(unit="degrees east", source="data/scenarios/library/places.yaml", ge=-180, le=180)
    """Longitude; known for a known city."""
    altitude_m: float = given(unit="m", source="data/scenarios/library/places.yaml", ge=-400, le=5000)
    """Height above sea level; known for a known city."""
    timezone: str = given(source="data/scenarios/library/places.yaml")
    """Time zone, as ``Europe/Rome``; known for a known city."""
    country: Literal["IT", "ES", "FR", "SE", "DE", "PT"] = given(source="data/scenarios/library/places.yaml")
    """Country, for holidays and units; known for a known city."""

    @model_validator(mode="before")
    @classmethod
    def _fill_known(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"city": value}
        if not isinstance(value, dict):
            return value
        return {**known_places().get(str(value.get("city", "Rome")), {}), **value}


def _ordered(band: tuple[float, float]) -> tuple[float, float]:
    if not 0.5 <= band[0] < band[1] <= 1.5:
        refuse("write [low, high] in per unit of nominal voltage, for example [0.95, 1.05]")
    return band


class Limits(Part):
    """What the DSO holds its grid to."""

    transformer_percent: float = given(100.0, unit="% of rated current", source="continuous rating", gt=0, le=200)
    """Highest loading of a transformer."""
    line_percent: float = given(100.0, unit="% of rated current", source="continuous rating", gt=0, le=200)
    """Highest loading of a line."""
    voltage_pu: Annotated[tuple[float, float], AfterValidator(_ordered)] = given(
        (0.95, 1.05), unit="p.u.", source="planning band inside the 0.90 to 1.10 of EN 50160"
    )
    """Lowest and highest voltage."""


class Scada(Part):
    """What the DSO measures in real time."""

    period_s: int = given(300, unit="s", source=JUDGEMENT, ge=1, le=3600)
    """Time between two snapshots."""
    voltage_noise_percent: float = given(0.5, unit="% of the value", source="SCADA class, 0.3 to 1 %", ge=0, le=20)
    """Standard deviation of a voltage reading."""
    power_noise_percent: float = given(1.0, unit="% of the value", source="SCADA class, 1 to 3 %", ge=0, le=50)
    """Standard deviation of a power or current reading."""


class Reinforcement(Part):
    """What a stronger grid would cost, with which flexibility is compared."""

    lv_transformer_eur: float = given(10_000.0, unit="EUR", source=f"{DENA}: MV/LV transformer", ge=0)
    """Replacing a distribution transformer."""
    mv_transformer_eur: float = given(1_000_000.0, unit="EUR", source=f"{DENA}: HV/MV transformer", ge=0)
    """Replacing a transformer that feeds medium voltage."""
    lv_line_eur_per_km: float = given(
        80_000.0, unit="EUR/km", source=f"{DENA}: LV cable with earthwork, between rural (60 k) and urban (100 k)", ge=0
    )
    """Replacing a low-voltage line."""
    mv_line_eur_per_km: float = given(
        110_000.0,
        unit="EUR/km",
        source=f"{DENA}: MV cable with earthwork, between rural (80 k) and urban (140 k)",
        ge=0,
    )
    """Replacing a medium-voltage line."""
    lifetime_years: float = given(
        40.0, unit="a", source="judgement: usual depreciation of cables and transformers", gt=0
    )
    """Years over which it is paid."""
    interest: Share = given(0.05, unit="share", source="judgement: 3 to 7 % is usual for regulated grids")
    """Interest on what is not yet paid."""
    instead_days_per_year: float = given(
        60.0, unit="d/a", source="judgement: working days of December to February", ge=0, le=366
    )
    """On how many days a year flexibility as in this run would be bought instead (for cost-effectiveness)."""


class Means(Part):
    """What the DSO's own means cost; flexibility is bought when they do not suffice (SUC06.1, aim)."""

    tap_change_eur: float = given(5.0, unit="EUR", source="judgement: wear of a tap changer per operation", ge=0)
    """One operation of an on-load tap changer."""
    off_load_tap_eur: float = given(
        300.0, unit="EUR", source="judgement: a crew of two for half a day, and the notice to customers", ge=0
    )
    """Moving the tap of a transformer that must be switched off for it."""
    interruption_notice_h: float = given(
        72.0, unit="h", source="as Spain asks for planned interruptions (RD 1955/2000, article 101)", ge=0
    )
    """How long before it a measure that interrupts customers must be announced; nearer to delivery it is no means."""
    switching_eur: float = given(50.0, unit="EUR", source="judgement: crew or remote switching, per operation", ge=0)
    """One switching operation."""
    reinforcement: Reinforcement = given(Reinforcement())
    """A stronger grid, for comparison; nobody builds it within a run."""


class Grid(Part):
    """The network and its operation."""

    network: str = given("simbench/1-MVLV-semiurb-3.202-0-sw", source="SimBench: one MV grid with one LV grid in full")
    """Name of a network (``coflex schema`` lists them), or a pandapower .json file."""
    limits: Limits = given(Limits())
    """What the DSO holds its grid to."""
    transformer_rating_factor: float = given(1.0, source="the ratings of the network's data", gt=0, le=10)
    """Factor on the rating of the distribution transformers (MV to LV)."""
    load_factor: float = given(1.0, source="the loads of the network's data", ge=0, le=10)
    """Factor on the loads that are not simulated homes."""
    scada: Scada = given(Scada())
    """What the DSO measures in real time."""
    means: Means = given(Means())
    """What the DSO's own means cost."""


class Channel(Part):
    """A way for messages: how long they take, what is lost, when a missing acknowledgement is given up."""

    delay_s: Delay = given(
        Delay.model_validate({"uniform": (1.0, 2.0)}), unit="s", source="SUC06.2: 1 to 2 s between machines"
    )
    """Time a message takes."""
    loss: Share = given(0.0, unit="share", source="a good day; vary it")
    """Share of messages that never arrive."""
    duplication: Share = given(0.0, unit="share", source="a good day; vary it")
    """Share of messages that arrive twice."""
    acknowledge_within_s: float = given(60.0, unit="s", source="SUC06.2, SUC06.3: acknowledged within a minute", gt=0)
    """A transmission not acknowledged in this time is repeated, after the last attempt given up."""
    attempts: int = given(3, source=JUDGEMENT, ge=1, le=20)
    """Transmissions of one message at most."""
    messages_per_s: float = given(0.0, unit="1/s", source="no limit unless said", ge=0, le=1e6)
    """Quota of each sender: messages beyond it wait at their sender, and nobody else waits for them; 0 is no limit."""


class Platforms(Part):
    """The channels between parties."""

    gdbn: Channel = given(Channel())
    """The grid data and business network: activation and settlement."""
    market: Channel = given(Channel())
    """The flexibility market platform: sessions, bids, results."""
    cbp: Channel = given(Channel())
    """The Crowd Balancing Platform with the Flexibility Register, between system operators and balancing service providers."""
    direct: Channel = given(Channel())
    """From party to party without a platform."""
    meters: Channel = given(Channel())
    """From meters and devices to those who may read them."""
    internal: Channel = given(Channel(delay_s=Delay.model_validate(0.05)))
    """Between systems of one operator."""
    authenticate: bool = given(True, source="SUC05.1/SEC-1, SUC06.2/SEC-1, SUC06.3/SEC-1")
    """Whether receivers check signature, role and repeated ids of what they are sent; without, an attack meets no door."""


def _rename_at(value: Any) -> Any:
    if isinstance(value, dict) and "at" in value and "from" not in value:
        return {"from" if key == "at" else key: entry for key, entry in value.items()}
    return value


class Window(Part):
    """A stretch of the run."""

    starts: Moment = Field(alias="from")
    """Begin, as ``18:40``, ``day 2 18:40`` or ``2016-01-20 18:40``; ``at`` means the same."""
    ends: Moment | None = given(None, alias="to", source="it lasts to the end of the run")
    """End."""

    def between(self, calendar: "Calendar", first_day: date, last_ms: int) -> tuple[int, int]:
        """Begin and end [ms since the world's start]; ``last_ms`` is the end of the run."""
        return self.starts.at(calendar, first_day), last_ms if self.ends is None else self.ends.at(calendar, first_day)

    @model_validator(mode="before")
    @classmethod
    def _at(cls, value: Any) -> Any:
        return _rename_at(value)


class Outage(Window):
    """A line or transformer out of service, planned and known to the DSO, with the switching plan approved for it."""

    outage_of: str
    """Name of the line or transformer in the network; the word ``line`` or ``transformer`` before it does no harm."""
    closes: tuple[str, ...] = given(
        (), source="no switching unless said; approved plans are an input of the forecast (SUC06.1)"
    )
    """Open lines (ties) that are closed meanwhile, to supply those who would be cut off."""
    opens: tuple[str, ...] = given((), source="no switching unless said")
    """Branches opened meanwhile beside it."""

    @property
    def branch(self) -> str:
        """Name of the branch in the network."""
        return self.outage_of.removeprefix("line ").removeprefix("transformer ")


class PlatformDown(Window):
    """A channel that relays nothing for a while."""

    platform_down: Literal["gdbn", "market", "cbp", "direct", "meters"]
    """The channel."""


class ManualMode(Window):
    """People switch their energy management to manual mode, and back to automatic at the end."""

    manual: Share = given(unit="share")
    """Share of the homes that switch; they tell nobody, and take no orders until the end (SUC06.1/CI-2)."""


class Withdrawal(Window):
    """People take back their consent, for good: from that second on nobody controls their devices."""

    withdraw: Share = given(unit="share")
    """Share of the homes under contract that withdraw; they tell their provider and the DSO (SUC05.1/GDPR-1)."""

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.ends is not None:
            refuse("consent that is taken back stays so; leave out 'to'")
        return self


EVENT_KINDS: dict[str, type[Window]] = {
    "outage_of": Outage, "platform_down": PlatformDown, "manual": ManualMode, "withdraw": Withdrawal
}  # fmt: skip
"""Kinds of events by the key that tells them apart."""


def _event_kind(value: Any) -> str:
    for key, kind in EVENT_KINDS.items():
        if key in value if isinstance(value, dict) else isinstance(value, kind):
            return f"({key})"
    return "(outage_of)"


Event = Annotated[
    Annotated[Outage, Tag("(outage_of)")]
    | Annotated[PlatformDown, Tag("(platform_down)")]
    | Annotated[ManualMode, Tag("(manual)")]
    | Annotated[Withdrawal, Tag("(withdraw)")],
    Discriminator(_event_kind),
]
