r"""Price less penalty: each delivered kWh is paid its price, each missing kWh costs the penalty.

Of each interval, with ordered power :math:`o` and delivered power :math:`d` within [0, o]: price = d * price; penalty = penalty price *
(o - d); net settlement = price - penalty. There is no grace; whether shortfall hurts depends on the penalty alone.

Source: settlement of the USEF Flexibility Trading Protocol (delivered flex power, power deficiency, NetSettlement = Price - Penalty).
"""

from numpy.typing import ArrayLike

from markets.settlement.outcome import Settlement, read


def settle(
    ordered_kw: ArrayLike,
    delivered_kw: ArrayLike,
    price_eur_per_kwh: ArrayLike,
    *,
    hours: float,
    penalty_eur_per_kwh: float | None = None,
) -> Settlement:
    """Settle intervals; arguments as in ``markets.settlement.outcome.read``.

    Args:
        ordered_kw: called power.
        delivered_kw: delivered power in the ordered direction.
        price_eur_per_kwh: price of the accepted bid.
        hours: length of an interval.
        penalty_eur_per_kwh: price of missing energy.

    Raises:
        ValueError: a number is missing, or negative where it cannot be.
    """
    delivery = read(ordered_kw, delivered_kw, price_eur_per_kwh, hours, penalty_eur_per_kwh)
    return delivery.pay(lambda ratio: ratio, tolerated_share=1.0)
