r"""What a conventional unit asks for balancing reserves: the profit that it forgoes on the day-ahead market, and what an activation costs it.

A unit of capacity K, least output L and marginal cost c runs in a block whose day-ahead price p covers its cost, at :math:`K - U`; otherwise only for its
reserves, at :math:`L + D`. U and D are what it sells upward and downward. For each kW held over an hour it asks

.. math:: p \ge c: \quad o_\uparrow = p - c, \quad o_\downarrow = 0 \qquad\qquad p < c: \quad o_\uparrow = o_\downarrow = (c - p)\,\frac{L + D}{U + D}

plus what readiness costs; containment reserve, held both ways, asks for both. For a kWh it asks beyond the day-ahead value of the energy what that
differs from its cost: :math:`\max(c - p, 0)` upward, :math:`\max(p - c, 0)` downward, plus a markup. All its services together fit into its band and into its ramp:
with n services each gets a share :math:`1/n` of both, and :math:`r T / n` is what a ramp r reaches within the full activation time T.

Sources: C. Just, S. Weber, "Pricing of reserves: Valuing system reserve capacity against spot prices in electricity markets", Energy Economics 30 (2008) 3198;
F. Muesgens, A. Ockenfels, M. Peek, "Economics and design of balancing power markets in Germany", Int. J. Electrical Power & Energy Systems 55 (2014) 392.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from data.arrays import F64
from markets.balancing.auction import Terms, whole_kw
from markets.balancing.responses import AFRR_FULL_S, FCR_FULL_S, MFRR_FULL_S

FULL_S = {"fcr": FCR_FULL_S, "afrr": AFRR_FULL_S, "mfrr": MFRR_FULL_S}
"""Full activation time by service."""


class Unit(NamedTuple):
    """A conventional unit.

    Attributes:
        capacity_kw: greatest output.
        least_kw: least output while it runs, below the capacity.
        cost_eur_per_kwh: marginal cost.
        ramp_kw_per_min: greatest change of output.
        readiness_eur_per_kw_h: what holding a reserve costs besides.
        markup_eur_per_kwh: on activated energy.
    """

    capacity_kw: float
    least_kw: float
    cost_eur_per_kwh: float
    ramp_kw_per_min: float
    readiness_eur_per_kw_h: float
    markup_eur_per_kwh: float

    def runs(self, price_eur_per_kwh: float) -> bool:
        """Whether the day-ahead market covers its cost."""
        return price_eur_per_kwh >= self.cost_eur_per_kwh


class UnitOffer(NamedTuple):
    """What a unit offers of a product in a block: power and prices, all at least 0."""

    product: str
    kw: float
    capacity_eur_per_kw_h: float
    energy_eur_per_kwh: float


def reserve_offers(
    unit: Unit, price_eur_per_kwh: float, services: Sequence[str], terms: Mapping[str, Terms]
) -> list[UnitOffer]:
    """Offers of one block, in the order of ``terms``.

    Args:
        unit: whose.
        price_eur_per_kwh: mean day-ahead price of the block.
        services: of ``FULL_S``, that the unit sells.
        terms: product -> its terms; a product is a service, or a service and a direction (``afrr-up``).
    """
    band, part = unit.capacity_kw - unit.least_kw, 1.0 / max(len(services), 1)
    kw = {
        name: whole_kw(min(part * band / 2.0, part * unit.ramp_kw_per_min * FULL_S[_service(name)] / 60.0), one)
        for name, one in terms.items()
        if _service(name) in services
    }
    up, down = (sum(one for name, one in kw.items() if not name.endswith(other)) for other in ("down", "up"))
    off = price_eur_per_kwh - unit.cost_eur_per_kwh
    both = -off * (unit.least_kw + down) / (up + down) if up + down > 0.0 else 0.0
    held = {"up": off if off >= 0.0 else both, "down": 0.0 if off >= 0.0 else both}
    activated = {"up": max(-off, 0.0) + unit.markup_eur_per_kwh, "down": max(off, 0.0) + unit.markup_eur_per_kwh}
    found = []
    for name, power in kw.items():
        if power > 0.0:
            way = name.rpartition("-")[2]
            asks = held.get(way, held["up"] + held["down"]) + unit.readiness_eur_per_kw_h
            found.append(UnitOffer(name, power, asks, activated.get(way, 0.0)))
    return found


def _service(product: str) -> str:
    return product.partition("-")[0]


def scheduled_kw(unit: Unit, price_eur_per_kwh: F64, up_kw: F64, down_kw: F64) -> F64:
    """Output without activation, (n,), given what is held upward and downward: it leaves room for both.

    Args:
        unit: whose.
        price_eur_per_kwh: day-ahead price, (n,).
        up_kw: held upward, (n,).
        down_kw: held downward, (n,).
    """
    held = up_kw + down_kw > 0.0
    return np.where(
        price_eur_per_kwh >= unit.cost_eur_per_kwh,
        unit.capacity_kw - up_kw,
        np.where(held, unit.least_kw + down_kw, 0.0),
    )
