"""What the aggregator of households is told: who the others are, and by which parameters it works."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from data.arrays import F64, I64


@dataclass(frozen=True)
class Round:
    """A round of recruiting: when it opens, when it ends, and which homes are invited."""

    name: str
    opens_ms: int
    ends_ms: int
    homes: I64


@dataclass(frozen=True)
class Site:
    """Addresses of one home: its own, and of its devices by kind ("" where there is none)."""

    home: str
    meter: str
    devices: Mapping[str, str]


@dataclass(frozen=True)
class HomeTerms:
    """Parameters of a service for households.

    Attributes:
        sites: all homes of the pilot's area, in the order of their names.
        rounds: of recruiting.
        leader: address of the pilot leader.
        installers: addresses of the installers.
        database: address of the cloud database.
        service: address of the service developer.
        days_ms: starts of the days, and the end of the last.
        minimum_kw: least rated power of controllable appliances for admission.
        minimum_devices: least number of them.
        tariffs: name -> (buying price, selling price) per step.
        saving_eur_per_kw_year: what it expects a household to save in a year, per kW of controllable power.
        tick_s: period of real-time control.
        peak_share: part of the contracted power from which consumption is near it.
        surplus_kw: injection that is worth avoiding.
        surplus_every: every how many ticks it looks for injection.
        limits_k: how far a tank may be heated above its reference, how far it may fall below.
        share_to_homes: part of what is earned that goes to the households.
        margin_share: added to the households' prices in offers.
        retention_ms: category of personal data -> time kept.
        operator: address of the DSO.
        congestion_windows: (start, end) of the hours that the DSO looks at, a day each.
        share_ahead_s: how long before such a window the availability is shared for the first time.
    """

    sites: Sequence[Site]
    rounds: Sequence[Round]
    leader: str
    installers: Sequence[str]
    database: str
    service: str
    days_ms: Sequence[int]
    minimum_kw: float
    minimum_devices: int
    tariffs: Mapping[str, tuple[F64, F64]]
    saving_eur_per_kw_year: float
    tick_s: float
    peak_share: float
    surplus_kw: float
    surplus_every: int
    limits_k: tuple[float, float]
    share_to_homes: float
    margin_share: float
    retention_ms: Mapping[str, int] = field(default_factory=dict)
    operator: str = "dso-1"
    congestion_windows: Sequence[tuple[int, int]] = ()
    share_ahead_s: float = 5.0 * 3600.0
