"""How homes answer the prices of their community's internal market, and live by what they came to (SUC02.1 scenario 2, iterated pool).

A home tells no more than net loads. What it would live by moves towards its answers as the market's rule says (``markets.internal_prices.iterated``); a mean of
plans is one, since what its devices can do is convex.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.prosumer_belonging import view_of_next
from agents.prosumer_hems import Hems
from agents.strategies.community_market import own_plans, wear_eur
from agents.strategies.home_model import simulate
from agents.strategies.home_view import HomePlan, take
from data.arrays import F64, I64
from environment.messages.base import Batch
from environment.messages.community import PriceRound
from markets.internal_prices.iterated import towards


class Answers:
    """What homes would live by, from the first round of a day to its last.

    Args:
        hems: their energy management.
    """

    def __init__(self, hems: Hems) -> None:
        self._hems = hems
        self._mean: HomePlan | None = None

    def fits(self, part: Batch[PriceRound]) -> bool:
        """Whether prices are about the day that is planned."""
        day = self._hems.next
        if day is None or part["price_eur_per_kwh"].shape[1] != day.m:
            return False
        return bool((part["from_ms"] == self._hems.timeline.starts_ms[day.first]).all())

    def answer(self, rows: I64, part: Batch[PriceRound], share_eur_per_kwh: F64) -> dict[str, NDArray[Any]]:
        """Columns of ``PriceAnswer``: the plan at the prices announced, towards which the own one moves."""
        hems, n = self._hems, self._hems.book.n
        view = take(view_of_next(hems), rows)
        made = own_plans(view, share_eur_per_kwh[rows, None], part["price_eur_per_kwh"])
        if self._mean is None or self._mean.net_kw.shape[1] != view.m:
            self._mean = HomePlan(*(np.zeros((n, view.m)) for _ in HomePlan._fields))
        step = np.array([towards(number) for number in part["number"].tolist()])[:, None]
        for old, new in zip(self._mean, made, strict=True):
            old[rows] += step * (new - old[rows])
        member = np.empty(len(rows), object)
        member[:] = [hems.book.names[row] for row in rows]
        return {
            "member": member, "number": part["number"], "net_kwh": made.net_kw * view.hours, "wear_eur": wear_eur(view, made),
        }  # fmt: skip

    def adopt(self, rows: I64) -> None:
        """Live by it on the next day: those whose devices follow their energy management."""
        day, mean = self._hems.next, self._mean
        mine = rows[self._hems.automatic[rows]]
        if day is None or mean is None or not len(mine):
            return
        view = take(view_of_next(self._hems), mine)
        plan = HomePlan(*(column[mine] for column in mean))
        day.splice(mine, 0, view, plan, simulate(view, plan).ev_kwh)
