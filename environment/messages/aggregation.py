"""Messages of SUC05.1: pooling controllable assets so that together they relieve a congestion of the DSO."""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]


class AggregationCycle(Record, frozen=True, kw_only=True):
    """The platform provider opens the periodic cycle in which assets meet the DSO's constraints."""

    source: ClassVar[Source] = ()
    from_ms: Annotated[int, Item("start of the period that the cycle is about")]
    to_ms: Annotated[int, Item("end of that period")]
    shortfall: Annotated[
        str, Item("the need that an aggregator found larger than its potential; empty in a usual cycle")
    ]
    aggregator: Annotated[str, Item("that aggregator; empty in a usual cycle")]


class OnboardingFile(Record, frozen=True, kw_only=True):
    """A home that passed the capacitation stage becomes discoverable with its assets."""

    source: ClassVar[Source] = (("SUC05.1", "INFO 2"), ("SUC05.1", "INFO 3"))
    baseline_kwh_per_day: Annotated[
        float, Item("mean daily net energy of the metered history", catalogue="active power")
    ]
    flexible_kw: Annotated[float, Item("rated power of the controllable assets", ge=0, catalogue="volume")]
    assets: Annotated[int, Item("number of controllable assets", ge=0)]
    consent: Annotated[bool, Item("the member agreed to be controlled within its preferences")]


class CongestionRequirements(Record, frozen=True, kw_only=True):
    """What the DSO needs of an aggregator: the constraint set agreed beforehand and the volume of this cycle.

    Profiles are empty where nothing is needed, and towards assets, which are told the constraint set alone.
    """

    source: ClassVar[Source] = (("SUC05.1", "INFO 1"), ("SUC05.1", "INFO 2"), ("SUC05.1", "INFO 3"))
    need: Annotated[str, Item("the need it is about, as in the DSO's register")]
    area: Annotated[str, Item("the element that needs relief")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the event")]
    duration_s: Annotated[float, Item("duration of the event", ge=0, catalogue="event duration")]
    volume_kw: Annotated[float, Item("largest power needed in the event", ge=0, catalogue="volume")]
    step_s: Annotated[float, Item("length of an interval of the profile", ge=1)]
    needed_kw: Annotated[
        Profile, Item("this aggregator's part of what is needed, per interval", ge=0, catalogue="volume")
    ]
    areas: Annotated[tuple[str, ...], Item("local areas that can help")]
    sensitivity: Annotated[Profile, Item("relief per kW of each of them")]
    price_cap_eur_per_kwh: Annotated[float, Item("most that the DSO pays", ge=0, catalogue="price")]
    baseline_horizon_s: Annotated[
        float, Item("period that a baseline has to cover", ge=0, catalogue="baseline horizon")
    ]
    activation_horizon_s: Annotated[
        float, Item("how long before delivery a call comes", ge=0, catalogue="activation horizon")
    ]
    activation_timing_s: Annotated[float, Item("time to full activation", ge=0, catalogue="activation timing")]


class FlexibilityShortfall(Record, frozen=True, kw_only=True):
    """An aggregator tells the platform provider that its potential is smaller than what is needed of it."""

    source: ClassVar[Source] = (("SUC05.1", "INFO 1"), ("SUC05.1", "INFO 3"))
    need: Annotated[str, Item("the need it is about, as in the DSO's register")]
    from_ms: Annotated[int, Item("start of the event")]
    to_ms: Annotated[int, Item("end of the event")]
    needed_kwh: Annotated[float, Item("energy needed of the aggregator", ge=0, catalogue="volume")]
    missing_kwh: Annotated[float, Item("what of it the potential does not cover", ge=0, catalogue="volume")]


class AssetTelemetry(Record, frozen=True, kw_only=True):
    """What an asset streams: power, voltage and its states of connection."""

    source: ClassVar[Source] = (("SUC05.1", "N1"),)
    active_kw: Annotated[float, Item("net load of the controllable assets", catalogue="active power P")]
    reactive_kvar: Annotated[float, Item("reactive power", catalogue="reactive power Q")]
    voltage_pu: Annotated[float, Item("voltage at the connection point", ge=0, catalogue="voltage V")]
    connected: Annotated[bool, Item("the asset can be used", catalogue="connectivity status")]
    communicating: Annotated[bool, Item("the link to the asset works", catalogue="communication status")]


class AssetBaseline(Record, frozen=True, kw_only=True):
    """The forecast net load of a pool without activation, per step."""

    source: ClassVar[Source] = (("SUC05.1", "INFO 2"),)
    area: Annotated[str, Item("local area of the grid")]
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    net_kw: Annotated[Profile, Item("load and generation, net", catalogue="active power", uftp="BaselinePower")]


class FlexibilityPotential(Record, frozen=True, kw_only=True):
    """How far net load can be moved from its baseline, per step and direction, and what that costs."""

    source: ClassVar[Source] = (("SUC05.1", "INFO 3"),)
    area: Annotated[str, Item("local area of the grid")]
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1, catalogue="event duration")]
    up_kw: Annotated[Profile, Item("possible reduction of net load", ge=0, catalogue="volume")]
    down_kw: Annotated[Profile, Item("possible increase of net load", ge=0, catalogue="volume")]
    up_eur_per_kwh: Annotated[Profile, Item("mean price at which it is reduced", ge=0, catalogue="price")]
    down_eur_per_kwh: Annotated[Profile, Item("mean price at which it is increased", ge=0, catalogue="price")]


class HomePlanReport(Record, frozen=True, kw_only=True):
    """A home tells its aggregator the net load that it plans and how far it could leave it (the same two informations, per home).

    A profile without steps: nobody has asked for that direction.
    """

    source: ClassVar[Source] = (("SUC05.1", "INFO 2"), ("SUC05.1", "INFO 3"))
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    net_kw: Annotated[Profile, Item("planned net load", catalogue="active power")]
    up_kw: Annotated[Profile, Item("possible reduction of net load", ge=0, catalogue="volume")]
    down_kw: Annotated[Profile, Item("possible increase of net load by its stores", ge=0, catalogue="volume")]
    curtail_kw: Annotated[Profile, Item("further increase by own generation given up", ge=0, catalogue="volume")]
    up_eur_per_kwh: Annotated[float, Item("lowest price of the reduction", ge=0, catalogue="price")]
    down_eur_per_kwh: Annotated[float, Item("lowest price of the increase by stores", ge=0, catalogue="price")]
    curtail_eur_per_kwh: Annotated[float, Item("lowest price of generation given up", ge=0, catalogue="price")]


class PlantPlanReport(Record, frozen=True, kw_only=True):
    """A plant tells its aggregator the net load that it forecasts and what of its generation it could do without."""

    source: ClassVar[Source] = (("SUC05.1", "INFO 2"), ("SUC05.1", "INFO 3"))
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    net_kw: Annotated[Profile, Item("forecast net load", catalogue="active power")]
    curtail_kw: Annotated[Profile, Item("possible increase of net load: curtailment", ge=0, catalogue="volume")]
    curtail_eur_per_kwh: Annotated[float, Item("lowest price at which it is given", ge=0, catalogue="price")]


class ActivationFeedback(Record, frozen=True, kw_only=True):
    """An asset confirms an activation and says what it can do of it."""

    source: ClassVar[Source] = (("SUC05.1", "INFO 5"),)
    activation: Annotated[str, Item("id of the activation")]
    ordered_kw: Annotated[float, Item("mean change asked for", catalogue="activation signal")]
    expected_kw: Annotated[float, Item("mean change that the asset will make", catalogue="feedback signal")]
