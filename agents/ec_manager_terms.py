"""What the manager of an energy community is told: who is asked to join, what was agreed, and when what happens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from markets.internal_prices.offers import InternalPrice
from markets.internal_prices.pool import Pick


@dataclass(frozen=True)
class Candidate:
    """Somebody who is asked to join: its names, its HEMS, and from when on [ms]."""

    member: str
    hems: str
    from_ms: int = 0


@dataclass(frozen=True)
class CommunityDay:
    """A day of delivery with the instants of the community.

    Attributes:
        start_ms: its local midnight.
        end_ms: the next one.
        opens_ms: when members are asked and forecasts collected.
        looks_ms: when the DSO looks ahead.
        verifies_ms: when the meters of the day are asked for.
        ends_ms: when the day is closed.
        closes: whether a billing period ends with it.
        date: its local date.
    """

    start_ms: int
    end_ms: int
    opens_ms: int
    looks_ms: int
    verifies_ms: int
    ends_ms: int
    closes: bool
    date: str


@dataclass(frozen=True)
class Market:
    """How members agree on the next day before it.

    Attributes:
        one_step: by the welfare optimum; else by the iterated pool.
        rounds: most of them.
        tolerance: by how much members may still gain, of what all pay.
        pick: which price of the equilibrium interval.
    """

    one_step: bool
    rounds: int
    tolerance: float
    pick: Pick


@dataclass(frozen=True)
class ManagerTerms:
    """What was agreed.

    Attributes:
        kind: REC or CEC.
        min_members: least number.
        max_distance_km: as the rules state it; 0 for none.
        mode: who decides on devices.
        objective: of the central schedule.
        chosen: members whose profit counts.
        price_rule: name of the pricing mechanism.
        price: the rule, bound to its parameters.
        market: how members agree on the next day before it, in market mode; None: they do not.
        allocation_rule: name of the rule of coefficients.
        allocate: the rule.
        shares: of the members, for static coefficients.
        levels: of the members, for hierarchical ones.
        grid_tariff_eur_per_kwh: of shared energy.
        penalty_eur_per_kwh: what a member owes for committed energy that is missing.
        two_stage: nobody pays more for energy than alone.
        margin_share: added to the opportunity cost of an offer without a given price.
        curve_eur_per_kwh: prices at which a supply curve is built.
        emissions_g_per_kwh: (start of the day) -> carbon intensity of supply, (T,).
        candidates: who is asked.
        days: of delivery.
        dso: role address of the operator.
        asks: address that offers go to: the operator, or the market operator for it.
        billing_system: address of the billing system.
        wait_s: how long answers are waited for.
    """

    kind: Literal["REC", "CEC"]
    min_members: int
    max_distance_km: float
    mode: Literal["centralised", "market"]
    objective: str
    chosen: tuple[str, ...]
    price_rule: str
    price: InternalPrice
    market: Market | None
    allocation_rule: str
    allocate: Callable[..., Any]
    shares: Mapping[str, float]
    levels: Mapping[str, int]
    grid_tariff_eur_per_kwh: float
    penalty_eur_per_kwh: float
    two_stage: bool
    margin_share: float
    curve_eur_per_kwh: Sequence[float]
    emissions_g_per_kwh: Mapping[int, Any]
    candidates: Sequence[Candidate]
    days: Sequence[CommunityDay]
    dso: str
    asks: str
    offers: bool
    billing_system: str
    wait_s: float = 120.0
