"""Situations for tests: a transmission operator with two areas, two distribution operators on radial feeders."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from markets.bids import Bid, BidColumns
from markets.coordination.situation import Situation, WantColumns

OPERATORS = ("tso", "dso-1", "dso-2")
AREAS = ("north", "south", "a", "b", "c", "d")
OPERATOR_OF_AREA = np.array([0, 0, 1, 1, 2, 2])
CONSTRAINTS = ("tie-line", "root-1", "end-1", "root-2", "end-2")
OPERATOR_OF_CONSTRAINT = np.array([0, 1, 1, 2, 2])
# dso-1 hangs on the north, dso-2 on the south; the tie line runs from north to south, and half of what the north injects leaves over it.
RELIEF = np.array(
    [
        [-0.5, 0.5, -0.5, -0.5, 0.5, 0.5],
        [0, 0, 1, 1, 0, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 1, 1],
        [0, 0, 0, 0, 0, 1],
    ],
    float,
)
WIDE = 1e6


def situation(bids: list[Bid], **given: Any) -> Situation:
    """One interval; limits are wide, nobody needs anything, unless it is given."""
    fields: dict[str, Any] = {
        "operators": OPERATORS, "areas": AREAS, "operator_of_area": OPERATOR_OF_AREA, "constraints": CONSTRAINTS,
        "operator_of_constraint": OPERATOR_OF_CONSTRAINT, "relief": RELIEF, "low_kw": np.full((5, 1), -WIDE),
        "high_kw": np.full((5, 1), WIDE), "imbalance_kw": np.zeros((3, 1)), "capability_kw": np.full((2, 6, 1), np.inf),
        "t_ms": np.array([0]), "hours": 1.0, "wants": WantColumns.none(),
    }  # fmt: skip
    return Situation(**fields | given, bids=BidColumns.of(bids))


def offer(name: str, area: str, quantity_kw: float, price: float, *, up: bool = True, received_ms: int = 0) -> Bid:
    """A divisible bid for the one interval."""
    return Bid(
        bid=name, fsp="f", area=area, direction="up" if up else "down", t_ms=0, quantity_kw=quantity_kw,
        price_eur_per_kwh=price, received_ms=received_ms,
    )  # fmt: skip


def column(values: Mapping[int, float], fill: float, n: int) -> np.ndarray:
    """A column (n, 1) of one value with others in places."""
    out = np.full((n, 1), fill)
    for place, value in values.items():
        out[place, 0] = value
    return out


@st.composite
def situations(draw: st.DrawFn, *, needy: bool = True) -> Situation:
    """Random bids, limits and needs; ``needy``: distribution operators may have needs of their own."""
    count = draw(st.integers(4, 14))
    quantity, price = st.integers(1, 200).map(float), st.integers(0, 60).map(lambda cents: cents / 100)
    bids = [
        offer(f"b{k}", draw(st.sampled_from(AREAS)), draw(quantity), draw(price), up=draw(st.booleans()), received_ms=k)
        for k in range(count)
    ]
    room = st.sampled_from([0.0, 20.0, 60.0, WIDE])
    low = np.array([[-draw(room)] for _ in CONSTRAINTS])
    high = np.array([[draw(room)] for _ in CONSTRAINTS])
    if needy:
        for place in range(len(CONSTRAINTS)):
            need = draw(st.sampled_from([0.0, 0.0, 15.0, 40.0]))
            if need:
                low[place, 0], high[place, 0] = need, max(high[place, 0], need + 30.0)
    imbalance = np.array([[draw(st.integers(-100, 100)) * 1.0] for _ in OPERATORS])
    return situation(bids, low_kw=low, high_kw=high, imbalance_kw=imbalance)
