"""What a scenario says about bids, clearing and the transmission side of a global market (SUC08.2, SUC10.3, BUC09)."""

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator

from experiments.scenario.actor import NAME, Actor
from experiments.scenario.fields import JUDGEMENT, DayTime, Part, Share, given, refuse


def _rule_of(kind: str) -> Callable[[str], str]:
    def known(name: str) -> str:
        from experiments.errors import did_you_mean
        from experiments.scenario.library import RULES

        if name not in RULES[kind]:
            refuse(f"unknown {kind} rule '{name}'{did_you_mean(name, RULES[kind])}")
        return name

    return known


class Transmission(Part):
    """The transmission side: a small direct-current network with conventional units."""

    network: str = given("five-bus", source="Li, Bo 2010: the five-bus system of PJM's training material", pattern=NAME)
    """Name of a network in ``data/networks/transmission``."""
    peak_kw: float = given(
        20_000.0,
        unit="kW",
        source="judgement: errors of its schedule are of the size of what some hundred homes and two plants can move",
        gt=0,
    )
    """Peak load of the system; the network is scaled to it, which changes none of its sensitivities."""
    error_percent: float = given(
        3.0, unit="% of the load", source="judgement: the size of day-ahead errors of load forecasts", ge=0, le=50
    )
    """Standard deviation of what each control area is short of against the market's schedule."""
    correlation: Share = given(0.8, unit="share", source="judgement: errors of a forecast keep on for some hours")
    """Autocorrelation of that error from hour to hour."""
    markup_eur_per_kwh: float = given(
        0.12,
        unit="EUR/kWh",
        source="judgement: what ancillary services cost beyond the day-ahead price is of the size of that price",
        ge=0,
    )
    """What conventional units ask for changing their schedule, beyond cost and value of the energy."""
    company: str = given("units", source="a name", pattern=NAME)
    """Name of the company that bids them."""


class Buyer(Actor):
    """A commercial party, balance responsible, with an open position that it may close with flexibility (integrated scheme)."""

    error_kw: float = given(200.0, unit="kW", source=JUDGEMENT, gt=0)
    """Standard deviation of what it is short of in an hour, against what it bought day-ahead; beside what the TSO expects of its control area."""
    correlation: Share = given(0.8, unit="share", source="as the TSO's error")
    """Autocorrelation of that from hour to hour."""
    value_eur_per_kwh: float = given(
        0.15, unit="EUR/kWh", source="judgement: of the size of what an imbalance costs beyond the energy", ge=0
    )
    """What a kWh is worth to it at most, beside the energy."""


class Bids(Part):
    """Sessions of the global market: one for each day of delivery."""

    opens: DayTime = given(
        DayTime.model_validate("12:30 the day before"), source="judgement: when homes have planned the next day"
    )
    """When the TSO calls the session and bids are made."""
    coordination: Annotated[str, AfterValidator(_rule_of("coordination"))] = given(
        "central-with-traffic-light", source="SUC10.3: the TSO clears within traffic lights"
    )
    """Coordination scheme by which the session is cleared (BUC09), a rule."""
    counts: bool = given(True, source="BUC09 leaves it open; the schemes say which of them ask")
    """Whether what distribution system operators activate counts for the transmission system operator's balance (multi-level and fragmented schemes); if not,
    it is an imbalance of theirs."""
    limits: Annotated[str, AfterValidator(_rule_of("bid-component"))] = given(
        "merit-order-components", source="judgement: SUC10.3 leaves open how components share a capability"
    )
    """How components of a perimeter share its capability, a rule."""
    unmet_eur_per_kwh: float = given(3.0, unit="EUR/kWh", source="price cap of the shipped products", gt=0)
    """What an operator would rather pay than see a need open."""
