"""What a community offers the grid: a quantity at given prices, or a supply curve, each from a schedule of all members (SUC02.1 step 1.5).

The baseline is the schedule without a need. At a price the schedule is made again with every kWh below (or above) the baseline paid in
the window: what it then gives is worth giving, for it covers whatever it costs members otherwise - dearer energy, losses, wear, and what
comes before and after the window. A curve does so at rising prices; each step keeps what the steps below give, so that it can be taken
up to any step, and what a step adds costs at most its price.

Members also have a reservation price, in which they weigh what schedules do not show. It is asked on top: its mean over those who move,
by how much they do.

Source: SUC02.1 (the form of the offer depends on whether buying prices are given; every opportunity cost counts).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from agents.strategies.community_schedule import CommunitySchedule, Scheduler
from agents.strategies.community_view import Need, limited, priced
from agents.strategies.home_view import HomeView
from data.arrays import F64, Bool

Direction = Literal["up", "down"]

LEAST_KW = 0.01
"""Smaller quantities are not offered."""
ROOM = 1e-7
"""By which a step may fall behind those below it, so that the solver finds them again."""


class Offer(NamedTuple):
    """A quantity at a price.

    Attributes:
        direction: up: less net load than the baseline.
        quantity_kw: (m,); 0 outside the window.
        price_eur_per_kwh: least that is asked.
        cost_eur: what giving all of it costs members more than the baseline, without reservation.
        schedule: that gives it.
    """

    direction: Direction
    quantity_kw: F64
    price_eur_per_kwh: float
    cost_eur: float
    schedule: CommunitySchedule


class Curve(NamedTuple):
    """Offers at rising prices; quantities are those of all steps up to this one, and never fall."""

    offers: tuple[Offer, ...]

    @property
    def quantity_kw(self) -> F64:
        """Up to each step, (steps, m)."""
        return np.array([one.quantity_kw for one in self.offers])

    @property
    def price_eur_per_kwh(self) -> F64:
        """Of each step, (steps,)."""
        return np.array([one.price_eur_per_kwh for one in self.offers])

    def added_kw(self) -> F64:
        """What each step adds, (steps, m)."""
        return np.diff(self.quantity_kw, axis=0, prepend=0.0 * self.quantity_kw[:1])


class Seller:
    """A community that answers what the grid needs.

    Args:
        scheduler: of the community.
        view: of its members, in their order.
        baseline: its schedule without a need.
    """

    def __init__(self, scheduler: Scheduler, view: HomeView, baseline: CommunitySchedule) -> None:
        self._scheduler, self._view, self.baseline = scheduler, view, baseline

    def at_price(self, direction: Direction, needed_kw: F64, price_eur_per_kwh: float) -> Offer:
        """What is worth giving at a price.

        Args:
            direction: up: less net load.
            needed_kw: most that is bought, (m,); inf: all there is.
            price_eur_per_kwh: that the grid pays; members' reservation is taken off it first.
        """
        worth = price_eur_per_kwh - self._expected_reservation()
        return self._offer(direction, needed_kw, worth, np.zeros_like(needed_kw))._replace(
            price_eur_per_kwh=price_eur_per_kwh
        )

    def curve(self, direction: Direction, needed_kw: F64, prices_eur_per_kwh: Sequence[float]) -> Curve:
        """A supply curve over a window; steps that add nothing are left out.

        Args:
            direction: up: less net load.
            needed_kw: most that is asked, (m,); inf: all there is, 0 outside the window.
            prices_eur_per_kwh: at which schedules are made; members' reservation comes on top.
        """
        offers: list[Offer] = []
        least = np.zeros_like(needed_kw)
        for price in sorted(prices_eur_per_kwh):
            offer = self._offer(direction, needed_kw, price, least)
            if (offer.quantity_kw - least).max(initial=0.0) < LEAST_KW:
                continue
            asked = max(offer.price_eur_per_kwh, offers[-1].price_eur_per_kwh if offers else 0.0)
            offers.append(offer._replace(price_eur_per_kwh=asked))
            least = offer.quantity_kw
        return Curve(tuple(offers))

    def committed(self, direction: Direction, ordered_kw: F64) -> CommunitySchedule:
        """The schedule that gives what was ordered, (m,), at least cost; what cannot be given stands in its limits passed."""
        base, asked = self.baseline.net_kw, ordered_kw > 0.0
        if direction == "up":
            return self._scheduler.schedule(limited(len(base), high_kw=np.where(asked, base - ordered_kw, np.inf)))
        return self._scheduler.schedule(limited(len(base), low_kw=np.where(asked, base + ordered_kw, -np.inf)))

    def _offer(self, direction: Direction, needed_kw: F64, price: float, least_kw: F64) -> Offer:
        found = self._scheduler.schedule(self._need(direction, needed_kw, price, np.maximum(least_kw - ROOM, 0.0)))
        sold = found.up_kw if direction == "up" else found.down_kw
        quantity = np.where(sold >= LEAST_KW, np.maximum(sold, least_kw), least_kw)
        paid = price * float(sold.sum()) * self._view.hours
        cost = found.value + paid * self._scheduler.money - self.baseline.value
        return Offer(direction, quantity, price + self._reservation(found, needed_kw > 0.0), cost, found)

    def _need(self, direction: Direction, needed_kw: F64, price: float, least_kw: F64) -> Need:
        base = self.baseline.net_kw
        if direction == "up":
            return priced(base, up_kw=needed_kw, up_eur_per_kwh=price)._replace(up_least_kw=least_kw)
        return priced(base, down_kw=needed_kw, down_eur_per_kwh=price)._replace(down_least_kw=least_kw)

    def _reservation(self, found: CommunitySchedule, window: Bool) -> float:
        moved = (np.abs(found.plan.net_kw - self.baseline.plan.net_kw) * window).sum(axis=1)
        return _mean(self._view.reservation_eur_per_kwh, moved)

    def _expected_reservation(self) -> float:
        """Of those whose devices can move, by their ratings."""
        view = self._view
        return _mean(
            view.reservation_eur_per_kwh, view.automatic * (view.battery_kw + view.ev_kw + view.heater_kw + view.hp_kw)
        )


def _mean(values: F64, weights: F64) -> float:
    total = float(weights.sum())
    return float((values * weights).sum()) / total if total > 0.0 else 0.0
