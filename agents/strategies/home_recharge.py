"""A car that is plugged in with other energy or at another time than planned: its charging alone is planned again.

One car, one departure: the cheapest way to deliver an amount of energy before a deadline is to fill the cheapest steps first. Prices
decide, equal prices the earlier step; the other devices keep their plan and the contracted power holds.
"""

import numpy as np

from data.arrays import F64, I64


def recharge(
    needed_kwh: F64, deadline: I64, rated_kw: F64, eta: F64, others_kw: F64, limit_kw: F64, buy: F64, sell: F64, hours: float
) -> F64:  # fmt: skip
    """Charging power of each car, (n, m) [kW]; row i depends on row i alone.

    Args:
        needed_kwh: energy missing in the battery, (n,).
        deadline: position of the departure, (n,); the car charges before it.
        rated_kw: power of the charger, (n,).
        eta: energy stored per energy taken, (n,).
        others_kw: net load of the rest of the home, (n, m).
        limit_kw: contracted power, (n,).
        buy: price of a consumed kWh, (n, m).
        sell: price of an injected kWh, (n, m); it counts where the home has a surplus.
        hours: length of a step [h].
    """
    steps = np.arange(others_kw.shape[1])
    room = np.clip(limit_kw[:, None] - others_kw, 0.0, rated_kw[:, None])
    room = np.where(steps < deadline[:, None], room, 0.0)
    price = np.where(others_kw < 0.0, np.minimum(sell, buy), buy)
    order = np.argsort(price, axis=1, kind="stable")
    energy = np.take_along_axis(room, order, axis=1) * (eta * hours)[:, None]
    before = np.cumsum(energy, axis=1) - energy
    taken = np.clip(needed_kwh[:, None] - before, 0.0, energy) / (eta * hours)[:, None]
    power = np.empty_like(taken)
    np.put_along_axis(power, order, taken, axis=1)
    return power
