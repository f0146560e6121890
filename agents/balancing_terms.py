"""What a TSO that buys reserves needs, and how it works (SUC05.2)."""

from dataclasses import dataclass

from data.arrays import F64
from markets.balancing.auction import Terms
from markets.balancing.reserve_delivery import Tolerance


@dataclass(frozen=True, eq=False)
class TsoTerms:
    """What the operator needs and how it works.

    Attributes:
        days_ms: (start, end) of every day of delivery.
        gates_ms: gate closure of each.
        step_ms: length of a metered interval.
        block_ms: length of a block.
        cycle_s: time between two set-points.
        needs_kw: power bought in every block, by product.
        products: terms by product.
        tolerances: by product.
        sellers: address that awards and orders to a seller go to, by name of the seller.
        members: owners of the assets behind each seller.
        responsible: address of the balance responsible party behind each seller.
        others: address of that of everybody else in the area.
        value_eur_per_kwh: day-ahead value of energy, by interval of the timeline of the meters.
    """

    days_ms: tuple[tuple[int, int], ...]
    gates_ms: tuple[int, ...]
    step_ms: int
    block_ms: int
    cycle_s: float
    needs_kw: dict[str, float]
    products: dict[str, Terms]
    tolerances: dict[str, Tolerance]
    sellers: dict[str, str]
    members: dict[str, tuple[str, ...]]
    responsible: dict[str, str]
    others: str
    value_eur_per_kwh: F64
