"""Small markets for tests: random bids, needs and radial networks drawn by hypothesis."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from markets.baselines.occasion import Occasion
from markets.bids import Bid, BidColumns, NeedColumns, Sensitivities

HOURS = 0.25
UNMET = 5.0
AREAS = ("a1", "a2", "a3")
CONSTRAINTS = ("trafo", "line-1", "line-2")


@dataclass(frozen=True)
class Market:
    """One session's input."""

    bids: BidColumns
    needs: NeedColumns
    network: Sensitivities
    headrooms: NeedColumns

    def cleared_by(self, rule, **changes):
        """Outcome of a rule on this market."""
        given = {
            "bids": self.bids,
            "needs": self.needs,
            "network": self.network,
            "headrooms": self.headrooms,
            "hours": HOURS,
            "unmet_eur_per_kwh": UNMET,
        }
        given |= changes
        return rule.clear(given.pop("bids"), given.pop("needs"), given.pop("network"), **given)


@st.composite
def bid_rows(draw, divisible=True, max_size=12, intervals=2, directions=("up", "down")):
    """Bids with prices and quantities on a coarse grid, so that ties are frequent."""
    count = draw(st.integers(0, max_size))
    rows = []
    for k in range(count):
        quantity = draw(st.integers(1, 40)) / 2
        rows.append(
            Bid(
                bid=f"b{k:02d}",
                fsp=f"fsp-{k % 3}",
                area=draw(st.sampled_from(AREAS)),
                direction=draw(st.sampled_from(directions)),
                t_ms=900_000 * draw(st.integers(0, intervals - 1)),
                quantity_kw=quantity,
                price_eur_per_kwh=draw(st.integers(0, 30)) / 10,
                received_ms=draw(st.integers(0, 3)),
                min_acceptance_kw=0.0 if divisible else draw(st.sampled_from([0.0, 0.0, quantity / 2, quantity])),
                divisible=divisible or draw(st.booleans()),
            )
        )
    return rows


@st.composite
def markets(draw, divisible=True, guarded=True, constraints=CONSTRAINTS, max_size=12):
    """A market in a small network with sensitivities on a coarse grid: 0 and 1 most of the time, some meshed."""
    share = st.sampled_from([0.0, 1.0, 1.0, 0.5, 0.8, -0.3])
    table = np.array([[draw(share) for _ in AREAS] for _ in CONSTRAINTS])
    spots = [(c, d, t) for c in constraints for d in ("up", "down") for t in (0, 900_000)]
    needs = [(*spot, draw(st.integers(0, 60)) / 2) for spot in spots if draw(st.booleans())]
    rooms = [(c, d, t, draw(st.integers(0, 60)) / 2) for c, d, t in spots if guarded and draw(st.booleans())]
    return Market(
        BidColumns.of(draw(bid_rows(divisible=divisible, max_size=max_size))),
        NeedColumns.of(needs),
        Sensitivities(CONSTRAINTS, AREAS, table),
        NeedColumns.of(rooms),
    )


def occasion(metered_kw, first, stop, notice=None, days_kw=None):
    """An event on a day; announced when it begins unless said otherwise."""
    metered = np.asarray(metered_kw, float)
    days = np.zeros((0, len(metered))) if days_kw is None else np.asarray(days_kw, float)
    return Occasion(metered, days, first, stop, first if notice is None else notice)
