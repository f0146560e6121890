"""Messages of SUC13.1 about markets: offers, commitments, activations, simulated markets, and the figures of what came of it."""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]


def _of(*items: str) -> Source:
    return tuple(("SUC13.1", item) for item in items)


class OfferPeriodNotice(Record, frozen=True, kw_only=True):
    """The clearer of a market opens its offer period."""

    source: ClassVar[Source] = _of("N11")
    market: Annotated[str, Item("which market", catalogue="market")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the first period traded", catalogue="offer_period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    periods: Annotated[int, Item("number of periods", ge=1)]
    gate_ms: Annotated[int, Item("until when offers are taken", catalogue="offer_period")]
    cap_eur_per_kwh: Annotated[float, Item("highest price", ge=0)]
    obligation_only: Annotated[
        bool, Item("a commitment is an obligation to be available; otherwise an activation by itself")
    ]


class AvailablePower(Record, frozen=True, kw_only=True):
    """What the portfolio could change in the coming periods, without a price: shared periodically."""

    source: ClassVar[Source] = _of("6")
    from_ms: Annotated[int, Item("start of the first period", catalogue="period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    up_kw: Annotated[Profile, Item("possible reduction of net load", ge=0, catalogue="available_power")]
    down_kw: Annotated[Profile, Item("possible increase of net load", ge=0, catalogue="available_power")]
    price_eur_per_kwh: Annotated[float, Item("least price of a kWh", ge=0)]


class FlexibilityOffer(Record, frozen=True, kw_only=True):
    """An offer to a market: power per period at a price."""

    source: ClassVar[Source] = _of("6")
    offer: Annotated[str, Item("id of the offer")]
    market: Annotated[str, Item("which market")]
    from_ms: Annotated[int, Item("start of the first period", catalogue="period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    power_kw: Annotated[Profile, Item("power offered", ge=0, catalogue="available_power")]
    price_eur_per_kwh: Annotated[float, Item("price of a kWh", ge=0)]


class Commitment(Record, frozen=True, kw_only=True):
    """What an operator takes of the power shared with it: bound to be available, or to deliver."""

    source: ClassVar[Source] = _of("7")
    commitment: Annotated[str, Item("id", catalogue="accepted_bids")]
    market: Annotated[str, Item("which market", catalogue="market")]
    from_ms: Annotated[int, Item("start of the first period", catalogue="period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    power_kw: Annotated[Profile, Item("power required: reduction", ge=0, catalogue="power_requirement")]
    price_eur_per_kwh: Annotated[float, Item("price of a delivered kWh", ge=0, catalogue="price")]


class NothingNeeded(Record, frozen=True, kw_only=True):
    """An operator tells that it takes nothing of the power shared with it."""

    source: ClassVar[Source] = ()
    market: Annotated[str, Item("which market")]
    reason: Annotated[str, Item("why")]


class ClearingNotice(Record, frozen=True, kw_only=True):
    """After clearing a market tells participants prices and requirements per period."""

    source: ClassVar[Source] = _of("7")
    commitment: Annotated[str, Item("id of the offer it is about", catalogue="accepted_bids")]
    market: Annotated[str, Item("which market", catalogue="market")]
    from_ms: Annotated[int, Item("start of the first period", catalogue="period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    power_kw: Annotated[Profile, Item("power accepted", ge=0, catalogue="power_requirement")]
    price_eur_per_kwh: Annotated[Profile, Item("price of each period", ge=0, catalogue="price")]
    obligation_only: Annotated[bool, Item("to be available; an activation follows where it is needed")]


class ChangeOfNetLoad(Record, frozen=True, kw_only=True):
    """Power that an operator asks for of a commitment, in whichever message it says so."""

    activation: Annotated[str, Item("id of the activation")]
    commitment: Annotated[str, Item("the commitment called upon")]
    direction: Annotated[
        str, Item("up: less net load", one_of=("up", "down"), catalogue="direction_increase_or_reduce")
    ]
    from_ms: Annotated[int, Item("start", catalogue="period")]
    to_ms: Annotated[int, Item("end", catalogue="period")]
    power_kw: Annotated[float, Item("change of net load", ge=0, catalogue="power_change")]


class ActivationCall(ChangeOfNetLoad, frozen=True, kw_only=True):
    """An operator asks for power of a commitment now."""

    source: ClassVar[Source] = _of("8")


class Contingency(ChangeOfNetLoad, frozen=True, kw_only=True):
    """A contingency of TSO or DSO, alone or jointly, as it is stored for whoever is committed."""

    source: ClassVar[Source] = _of("8")
    joint: Annotated[bool, Item("TSO and DSO need it together")]


class ActivationSites(Record, frozen=True, kw_only=True):
    """The aggregator names the metering points that carry out an activation; what it delivers is measured at them."""

    source: ClassVar[Source] = ()
    activation: Annotated[str, Item("id of the activation")]
    meters: Annotated[tuple[str, ...], Item("metering points that take part")]


class ActivationState(Record, frozen=True, kw_only=True):
    """Which activation is in force now, as the cloud database has it."""

    source: ClassVar[Source] = _of("8")
    activation: Annotated[str, Item("id of the activation; empty where none is in force")]
    direction: Annotated[
        str, Item("up: less net load", one_of=("up", "down"), catalogue="direction_increase_or_reduce")
    ]
    to_ms: Annotated[int, Item("its end", catalogue="period")]
    power_kw: Annotated[float, Item("change of net load", ge=0, catalogue="power_change")]


class SimulatedMarket(Record, frozen=True, kw_only=True):
    """What a market that is not open would have come to, by a routine run on forecasts."""

    source: ClassVar[Source] = _of("N12")
    market: Annotated[str, Item("which market")]
    from_ms: Annotated[int, Item("start of the first period", catalogue="period")]
    step_s: Annotated[float, Item("length of a period", ge=1)]
    price_eur_per_kwh: Annotated[Profile, Item("price of each period", ge=0, catalogue="price")]
    accepted_kw: Annotated[Profile, Item("power that would be accepted", ge=0, catalogue="accepted_quantity")]
    activation_kw: Annotated[Profile, Item("power that would be called", ge=0, catalogue="activation")]


class KpiInputs(Record, frozen=True, kw_only=True):
    """What the cloud database gives a service developer for its figures: sums over enough households to hide each of them."""

    source: ClassVar[Source] = _of("1", "2", "7", "8", "N9", "N10")
    from_ms: Annotated[int, Item("start of the period")]
    to_ms: Annotated[int, Item("end of the period")]
    names: Annotated[tuple[str, ...], Item("names of the values")]
    values: Annotated[Profile, Item("the values")]


class KpiValues(Record, frozen=True, kw_only=True):
    """Figures of a period, by kind. A figure that is not defined (nothing was called, too few households) is 0 and named."""

    source: ClassVar[Source] = _of("N13")
    from_ms: Annotated[int, Item("start of the period")]
    to_ms: Annotated[int, Item("end of the period")]
    savings_eur: Annotated[
        float, Item("cost without plan less cost with it, by the first plan of the day", catalogue="savings")
    ]
    peak_share: Annotated[
        float, Item("quarter hours near the contracted power, share", ge=0, le=1, catalogue="system_behaviour")
    ]
    plan_error_kw: Annotated[
        float, Item("mean distance of net load to its plan", ge=0, catalogue="result_against_expectation")
    ]
    delivered_share: Annotated[float, Item("delivered of what was called", ge=0, catalogue="commitment_compliance")]
    load_error_percent: Annotated[float, Item("error of the load forecast", ge=0, catalogue="forecast_performance")]
    yesterday_error_percent: Annotated[
        float, Item("error that the load of the day before would have", ge=0, catalogue="forecast_performance")
    ]
    last_week_error_percent: Annotated[
        float, Item("error that the load of a week before would have", ge=0, catalogue="forecast_performance")
    ]
    displays: Annotated[int, Item("how often the interface was opened", ge=0, catalogue="interface_use")]
    automatic_share: Annotated[float, Item("devices in automatic mode, share", ge=0, le=1, catalogue="device_use")]
    import_kwh: Annotated[float, Item("energy taken from the grid", ge=0, catalogue="energy_behaviour")]
    earned_eur: Annotated[float, Item("earned with flexibility", catalogue="monetary_indicators")]
    undefined: Annotated[tuple[str, ...], Item("figures that are not defined for the period")]
