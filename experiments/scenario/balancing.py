"""What a scenario says about balancing services: the operator, its products and signals, and the pools that serve it."""

from typing import Literal

from pydantic import model_validator

from experiments.scenario.actor import NAME, Actor
from experiments.scenario.fields import JUDGEMENT, DayTime, Part, Share, given, refuse

SUC = "SUC05.2"
DAY_AHEAD = (
    0.042, 0.039, 0.036, 0.034, 0.034, 0.038, 0.048, 0.062, 0.072, 0.070, 0.065, 0.062,
    0.060, 0.056, 0.053, 0.052, 0.056, 0.066, 0.080, 0.084, 0.074, 0.062, 0.054, 0.047,
)  # fmt: skip
SOGL = "Reg. (EU) 2017/1485"


def responsible(seller: str) -> str:
    """Name of the balance responsible party behind a seller."""
    return f"{seller}-brp"


class ReserveProduct(Part):
    """A reserve that the operator buys: how much, in which lots, at which price, and how delivery is judged."""

    need_kw: float = given(0.0, unit="kW", source="nothing unless said", ge=0, le=1e7)
    """Power bought in every block; of restoration reserves in each direction."""
    min_bid_kw: float = given(
        1000.0, unit="kW", source="1 MW in Continental Europe, 100 kW with Svenska kraftnät's FCR", gt=0, le=1e6
    )
    """Smallest offer."""
    granularity_kw: float = given(1000.0, unit="kW", source="1 MW in Continental Europe", gt=0, le=1e6)
    """Offers are whole multiples of it."""
    cap_eur_per_kw_h: float = given(
        0.05, unit="EUR/kW/h", source="judgement: a multiple of usual prices of 5 to 20 EUR/MW/h", gt=0, le=100
    )
    """Highest price of capacity at which the operator buys."""
    pays_as_cleared: bool = given(True, source="the FCR cooperation pays the marginal price")
    """Whether all accepted offers get the price of the dearest; otherwise each its own."""
    tolerance: Share = given(0.1, unit="share", source=JUDGEMENT)
    """Share of the power held by which delivery may fall short without consequence."""
    penalty: float = given(1.0, unit="multiple", source="judgement: on top of the price not paid", ge=0, le=100)
    """Penalty for capacity that was not there, as a multiple of its price."""

    @model_validator(mode="after")
    def _check(self) -> "ReserveProduct":
        if self.granularity_kw > self.min_bid_kw:
            refuse(
                f"granularity_kw: {self.granularity_kw:g} is above min_bid_kw, {self.min_bid_kw:g}; write at most that"
            )
        return self


class Signals(Part):
    """What has to be balanced."""

    tick_s: int = given(4, unit="s", source="regelleistung.net: control cycle of 4 s", ge=1, le=60)
    """Resolution of the frequency that devices measure; it divides a quarter of an hour."""
    dead_band_mhz: float = given(10.0, unit="mHz", source=f"{SOGL}, annex V: at most 10 mHz", ge=0, le=10)
    """Deviation of the frequency up to which a droop does nothing."""
    cycle_s: int = given(
        60,
        unit="s",
        source="judgement: real controllers take 4 s; a message each cycle goes to every pool",
        ge=4,
        le=300,
    )
    """Time between two set-points of automatic restoration reserves; it divides a quarter of an hour."""
    imbalance_kw: float = given(
        100.0, unit="kW", source="judgement: of the size of the reserves that this area buys", ge=0, le=1e7
    )
    """Standard deviation of the area's imbalance without reserves."""

    @model_validator(mode="after")
    def _check(self) -> "Signals":
        for key in ("tick_s", "cycle_s"):
            if 900 % getattr(self, key):
                refuse(f"{key}: {getattr(self, key)} s does not divide a quarter of an hour; write for example 4 or 60")
        return self


class PoolScenario(Actor):
    """A pool of homes' assets and who runs it; its name alone is enough."""

    small: bool = given(False, source=f"{SUC}: a pool below the minimum size goes through the aggregator platform")
    """Whether it offers through the aggregator platform, joined with others."""
    capacity_eur_per_kw_h: float = given(0.01, unit="EUR/kW/h", source="judgement: 10 EUR/MW/h", ge=0, le=100)
    """What it asks for holding a kW for an hour."""
    energy_eur_per_kwh: float = given(0.07, unit="EUR/kWh", source=JUDGEMENT, ge=0, le=100)
    """What it asks for activated energy, beyond its day-ahead value."""
    offers: Share = given(0.8, unit="share", source="judgement: forecasts of single assets are wrong now and then")
    """Share of what its optimisation finds available that it offers."""
    shares: Share = given(0.7, unit="share", source=JUDGEMENT)
    """Share of what it earns that goes to the homes."""


class UnitScenario(Part):
    """A conventional unit that competes with the pools; its name alone is enough."""

    name: str = given(source="a name", pattern=NAME)
    """Name of its operator."""
    capacity_kw: float = given(500.0, unit="kW", source="judgement: of the size of what is bought", gt=0, le=1e7)
    """Greatest output."""
    least_kw: float = given(0.0, unit="kW", source="judgement: storage hydro runs at any output", ge=0, le=1e7)
    """Least output while it runs."""
    cost_eur_per_kwh: float = given(0.06, unit="EUR/kWh", source="judgement", ge=0, le=10)
    """Marginal cost: decides with the day-ahead price whether it runs anyhow, and what reserves cost it."""
    ramp_kw_per_min: float = given(
        200.0, unit="kW/min", source="judgement: storage hydro 40 % of its capacity a minute", gt=0, le=1e7
    )
    """Greatest change of output; with the full activation time it limits what is offered."""
    readiness_eur_per_kw_h: float = given(0.002, unit="EUR/kW/h", source=JUDGEMENT, ge=0, le=100)
    """Asked for holding a kW for an hour besides the profit that it forgoes."""
    markup_eur_per_kwh: float = given(0.02, unit="EUR/kWh", source=JUDGEMENT, ge=0, le=100)
    """Asked for activated energy beyond cost and value."""
    sells: tuple[Literal["fcr", "afrr", "mfrr"], ...] = given(
        ("fcr", "afrr", "mfrr"), source="all there is", min_length=1
    )
    """Services that it sells; band and ramp are shared equally among them."""

    @model_validator(mode="after")
    def _check(self) -> "UnitScenario":
        if self.least_kw >= self.capacity_kw:
            refuse(f"least_kw: {self.least_kw:g} is not below capacity_kw, {self.capacity_kw:g}; write less")
        return self


class Balancing(Part):
    """Aggregated pools in the balancing services of a transmission system operator (SUC05.2)."""

    tso: str = given("tso-1", source="a name", pattern=NAME)
    """Name of the operator."""
    pools: tuple[PoolScenario, ...] = given((PoolScenario(name="agg-1"),), source="one pool")
    """Pools; homes join one by ``served_by``."""
    units: tuple[UnitScenario, ...] = given((), source="pools alone")
    """Conventional units that compete with the pools."""
    day_ahead_eur_per_kwh: tuple[float, ...] = given(
        DAY_AHEAD,
        unit="EUR/kWh",
        source="judgement: form of a winter working day, with a morning and an evening peak",
        min_length=24,
        max_length=24,
    )
    """Day-ahead price of the hours of a day: the value of energy in settlements, and what units forgo."""
    others: str = given("others-brp", source="a name", pattern=NAME)
    """Name of the balance responsible party of everybody else in the area, whose imbalance is balanced."""
    aggregator: str = given("agg-platform", source="a name", pattern=NAME)
    """Name of the resource aggregator whose platform joins the offers of small pools."""
    gate: DayTime = given(
        DayTime.model_validate("14:00 the day before"),
        source="judgement: after homes have planned the next day at noon; the FCR cooperation closes at 08:00",
    )
    """Gate closure of all products for a day of delivery."""
    block_h: Literal[1, 2, 3, 4, 6, 8, 12, 24] = given(4, unit="h", source="regelleistung.net: blocks of four hours")
    """Length of a block of all products; the last of a day ends with it."""
    fcr: ReserveProduct = given(ReserveProduct())
    """Frequency containment reserve: symmetric, by droop."""
    afrr: ReserveProduct = given(ReserveProduct(pays_as_cleared=False))
    """Automatic frequency restoration reserve, up and down: a followed set-point, full activation within 5 min."""
    mfrr: ReserveProduct = given(ReserveProduct(pays_as_cleared=False))
    """Manual frequency restoration reserve, up and down: a block of a quarter of an hour, full activation within 12.5 min."""
    signals: Signals = given(Signals())
    """What has to be balanced."""
    battery_share: Share = given(0.7, unit="share", source="judgement: the rest stays for the home's own sun")
    """Share of the power and of the energy of a battery that its home lets be reserved."""
    endurance_h: float = given(
        0.25,
        unit="h",
        source=f"{SOGL}, article 156: at least 15 min of full activation of limited reservoirs",
        ge=0.1,
        le=4,
    )
    """For so long a reserve must be able to give all it holds, in each direction that it holds."""

    def products(self) -> dict[str, ReserveProduct]:
        """Terms by name of product."""
        return {
            "fcr": self.fcr, "afrr-up": self.afrr, "afrr-down": self.afrr, "mfrr-up": self.mfrr, "mfrr-down": self.mfrr
        }  # fmt: skip

    def names(self) -> list[str]:
        """Names of the parties."""
        small = [self.aggregator] if any(pool.small for pool in self.pools) else []
        parties = [
            self.tso,
            self.others,
            *small,
            *(pool.name for pool in self.pools),
            *(unit.name for unit in self.units),
        ]
        return [*parties, *(responsible(seller) for seller in self.sellers())]

    def sellers(self) -> list[str]:
        """Who sells to the operator: pools, the aggregator of small ones, units."""
        small = [self.aggregator] if any(pool.small for pool in self.pools) else []
        return [*(pool.name for pool in self.pools if not pool.small), *small, *(unit.name for unit in self.units)]
