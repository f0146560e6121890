"""The flexibility product: everything buyer and seller must agree on before a bid means something.

Attributes are those of SUC06.1 Info-2 (generic attributes) and Info-3 (product parameters) and of the common minimum
set of local flexibility products (direction, location, capacity, granularity, times, price terms, baseline,
divisibility, exclusivity). A product is checked as a whole when it is made: all that is wrong is named at once.
"""

from typing import Literal

import msgspec

from environment.units import MS_PER_H, Direction

ProductType = Literal["availability", "activation"]
Remuneration = Literal["availability", "activation", "both"]
AreaKind = Literal["zone", "postal-code", "connection-point", "line", "perimeter"]


class Window(msgspec.Struct, frozen=True, order=True):
    """A half-open span of time [from_ms, to_ms)."""

    from_ms: int
    to_ms: int

    @property
    def hours(self) -> float:
        """Length [h]."""
        return (self.to_ms - self.from_ms) / MS_PER_H

    def contains(self, other: "Window") -> bool:
        """True if the other window lies wholly inside this one."""
        return self.from_ms <= other.from_ms and other.to_ms <= self.to_ms

    def overlaps(self, other: "Window") -> bool:
        """True if both share an instant."""
        return self.from_ms < other.to_ms and other.from_ms < self.to_ms


class LocalArea(msgspec.Struct, frozen=True):
    """Where the flexibility must be: names of one kind (SUC06.1 Info-3 leaves the kind open)."""

    kind: AreaKind
    names: tuple[str, ...]


class FlexibilityProduct(msgspec.Struct, frozen=True, kw_only=True):
    """One product of a local flexibility market (SUC06.1 Info-2 and Info-3).

    Attributes:
        name: the product's name.
        product_type: ``availability`` pays for being ready, ``activation`` for energy.
        direction: ``up`` is less net load, ``down`` more.
        area: where it must be delivered.
        capacity_min_kw: smallest bid.
        capacity_max_kw: largest bid.
        granularity_kw: bids are whole multiples of it (0: any quantity).
        interval_ms: length of one delivery interval; bids name its start.
        service_window: date and duration of the service.
        activation_windows: parts of the service window in which a resource may be called (empty: all of it).
        estimated_activation_h: hours of activation the buyer expects in the service window.
        max_duration_ms: longest single activation.
        announcement_ms: notice between the buyer's confirmation and the start of the activation.
        full_activation_ms: time from the start of the activation to full power.
        min_acceptance_kw: the smallest part of a bid that the buyer may take.
        divisible: False: every bid is all or nothing.
        remuneration: which price terms a bid has.
        activation_cap_eur_per_kwh: highest activation price.
        availability_cap_eur_per_kw_h: highest availability price.
        baseline: the rule that says what would have been without the activation.
        exclusive: no second flexibility contract of the seller in the service window.
        penalty_eur_per_kwh: price of energy ordered and not delivered; None: the product has no penalty (SUC06.3).
        grace_share: delivered share from which the full price is paid.
        grace_slope: share of the price lost per share of delivery missing below the grace.

    Raises:
        ValueError: an attribute contradicts another; the text lists all contradictions.
    """

    name: str
    product_type: ProductType = "activation"
    direction: Direction = "up"
    area: LocalArea
    capacity_min_kw: float = 1.0
    capacity_max_kw: float = 1e6
    granularity_kw: float = 0.1
    interval_ms: int = 900_000
    service_window: Window
    activation_windows: tuple[Window, ...] = ()
    estimated_activation_h: float = 0.0
    max_duration_ms: int = 4 * MS_PER_H
    announcement_ms: int = 0
    full_activation_ms: int = 0
    min_acceptance_kw: float = 0.0
    divisible: bool = True
    remuneration: Remuneration = "activation"
    activation_cap_eur_per_kwh: float = 3.0
    availability_cap_eur_per_kw_h: float = 0.0
    baseline: str = "declared-schedule"
    exclusive: bool = True
    penalty_eur_per_kwh: float | None = None
    grace_share: float = 0.95
    grace_slope: float = 3.0

    def __post_init__(self) -> None:
        wrong = [text for holds, text in self._checks() if not holds]
        if wrong:
            listed = "; ".join(wrong)
            msg = f"flexibility product {self.name!r}: {listed}"
            raise ValueError(msg)

    @property
    def windows(self) -> tuple[Window, ...]:
        """Where an activation may lie: the activation windows, or the whole service window."""
        return self.activation_windows or (self.service_window,)

    def _checks(self) -> list[tuple[bool, str]]:
        return [*self._capacity_checks(), *self._time_checks(), *self._money_checks()]

    def _capacity_checks(self) -> list[tuple[bool, str]]:
        bounded = 0 <= self.capacity_min_kw <= self.capacity_max_kw
        least = 0 <= self.min_acceptance_kw <= self.capacity_max_kw
        return [
            (bool(self.name), "it has no name"),
            (bool(self.area.names), "area names no place"),
            (bounded, "capacity_min_kw must lie in [0, capacity_max_kw]"),
            (self.granularity_kw >= 0, "granularity_kw cannot be negative"),
            (least, "min_acceptance_kw must lie in [0, capacity_max_kw]"),
        ]

    def _time_checks(self) -> list[tuple[bool, str]]:
        service = self.service_window
        whole = (service.to_ms - service.from_ms) % max(self.interval_ms, 1) == 0
        inside = all(w.from_ms < w.to_ms and service.contains(w) for w in self.activation_windows)
        notice = self.announcement_ms >= 0 and self.full_activation_ms >= 0
        return [
            (self.interval_ms > 0, "interval_ms must be above 0"),
            (service.from_ms < service.to_ms, "service_window must end after it begins"),
            (whole, "service_window must be whole intervals"),
            (inside, "activation_windows must lie in the service window"),
            (0 <= self.estimated_activation_h <= service.hours, "estimated_activation_h must fit in service_window"),
            (self.max_duration_ms >= self.interval_ms, "max_duration_ms must be at least one interval"),
            (notice, "announcement_ms and full_activation_ms cannot be negative"),
        ]

    def _money_checks(self) -> list[tuple[bool, str]]:
        pays = self.remuneration in (self.product_type, "both")
        caps = self.activation_cap_eur_per_kwh >= 0 and self.availability_cap_eur_per_kw_h >= 0
        grace = 0 < self.grace_share <= 1 and self.grace_slope >= 0
        penalty = self.penalty_eur_per_kwh is None or self.penalty_eur_per_kwh >= 0
        return [
            (pays, f"remuneration {self.remuneration!r} does not pay the product type {self.product_type!r}"),
            (caps, "price caps cannot be negative"),
            (penalty, "penalty_eur_per_kwh cannot be negative"),
            (grace, "grace_share must lie in (0, 1] and grace_slope be at least 0"),
        ]
