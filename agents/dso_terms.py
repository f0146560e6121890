"""What a distribution system operator is told: the days of delivery, who the others are, products and deadlines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agents.settlement import Service
from markets.baselines.method import Method
from markets.clearing.outcome import Clearing


@dataclass(frozen=True)
class MarketDay:
    """One day of delivery with the instants of its market, by the wall clock: days of 23 and 25 hours have their own.

    Attributes:
        start_ms: its local midnight.
        end_ms: the next one.
        procures_ms: when the DSO looks ahead and asks for a session (or, without a market, dispatches).
        gate_ms: when the gate closes; without a market, until when baselines may be declared.
        from_ms: start of the service window.
        steps: intervals of the window.
    """

    start_ms: int
    end_ms: int
    procures_ms: int
    gate_ms: int
    from_ms: int
    steps: int


@dataclass(frozen=True)
class Standing:
    """Standing contracts of a DSO with FSPs: whatever they have available may be called at the contract's price.

    Attributes:
        eur_per_kwh: FSP -> price.
        reports_valid_s: a report of availability that is older does not count.
        clear: the rule by which the DSO chooses at least cost.
    """

    eur_per_kwh: Mapping[str, float]
    reports_valid_s: float
    clear: Callable[..., Clearing]


@dataclass(frozen=True)
class DsoTerms:
    """What the DSO is told.

    Attributes:
        days: every day of delivery.
        step_s: length of an interval.
        fsps: role addresses of the FSPs.
        market: role address of the market operator; empty where there is none.
        gdbn: address of the GDBN.
        service: the DSO's own settlement service (SUC06.3 scenario 2).
        product: name of the product.
        directions: directions of the product.
        price_cap_eur_per_kwh: highest price of a kWh, or of a kW held ready for an hour where only that is paid.
        granularity_kw: step of quantities.
        min_quantity_kw: smallest bid.
        max_quantity_kw: largest bid.
        min_acceptance_kw: least that may be accepted of a bid.
        divisible: whether a part of a bid may be accepted.
        max_duration_s: longest activation without a break.
        exclusive: no second contract of the FSP in the window.
        announcement_s: notice before an activation.
        full_activation_s: time to full activation.
        margin_share: safety margin, in real time too.
        tap_change_eur: cost of a tap operation on load.
        off_load_tap_eur: cost of one for which the transformer is switched off.
        interruption_notice_ms: how long before it an interruption of customers must be announced.
        switching_eur: cost of a switching operation.
        direct: whether calls go straight to the FSP's technical platform, and not through the GDBN (SUC06.2 rule 2).
        settles: whether it settles; otherwise the GDBN does and the DSO approves or disputes (scenario 1).
        settle_after_ms: how long after a day it settles.
        standing: the contracts that stand where there is no market; None where there is one.
        block_steps: intervals that are called at a time.
        calling_s: time before the announcement at which a block is decided.
        receipt_within_s: how long the FSP's confirmation is waited for.
        verify_after_s: when delivery is verified after its start.
        results_within_s: how long after the gate results may come.
        availability_wait_s: how long availability reports are waited for.
        method: the baseline rule of the market.
        flexibility_within_s: how long aggregators have to share their flexibility in a cycle.
        shortfall_heard_s: how long after stating its needs it listens whether an aggregator falls short of them.
        shortfall_within_s: how long such an aggregator has to say what it can do.
        asks_again_times: how many times the price cap it then offers.
        remuneration: form of remuneration of the product, as a session request names it.
        availability_cap_eur_per_kw_h: highest availability price where energy is paid too.
    """

    days: Sequence[MarketDay]
    step_s: float
    fsps: Sequence[str]
    market: str
    gdbn: str
    service: Service
    product: str
    directions: Sequence[str]
    price_cap_eur_per_kwh: float
    granularity_kw: float
    min_quantity_kw: float
    max_quantity_kw: float
    min_acceptance_kw: float
    divisible: bool
    max_duration_s: float
    exclusive: bool
    announcement_s: float
    full_activation_s: float
    margin_share: float
    tap_change_eur: float
    switching_eur: float
    off_load_tap_eur: float = 300.0
    interruption_notice_ms: int = 72 * 3_600_000
    direct: bool = False
    settles: bool = False
    settle_after_ms: int = 0
    standing: Standing | None = None
    block_steps: int = 4
    calling_s: float = 300.0
    receipt_within_s: float = 200.0
    verify_after_s: float = 330.0
    results_within_s: float = 900.0
    availability_wait_s: float = 30.0
    method: Method = field(default_factory=Method)
    flexibility_within_s: float = 3600.0
    shortfall_heard_s: float = 10.0
    shortfall_within_s: float = 180.0
    asks_again_times: float = 2.0
    remuneration: str = "activation"
    availability_cap_eur_per_kw_h: float = 0.0

    @property
    def activation_cap_eur_per_kwh(self) -> float:
        """The highest activation price of a session; 0 where energy is not paid."""
        return 0.0 if self.remuneration == "availability" else self.price_cap_eur_per_kwh

    @property
    def held_cap_eur_per_kw_h(self) -> float:
        """The highest availability price of a session; 0 where it is not paid."""
        cap = {"availability": self.price_cap_eur_per_kwh, "activation": 0.0}
        return cap.get(self.remuneration, self.availability_cap_eur_per_kw_h)

    @property
    def largest_whole_kw(self) -> float:
        """The largest part of a bid that can only be taken as a whole."""
        return self.min_acceptance_kw if self.divisible else self.max_quantity_kw
