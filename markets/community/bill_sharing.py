r"""Bill sharing: the community's bill with the grid, its cost cut by consumption, its revenue by what members fed in.

With community import :math:`I` and export :math:`X` of an interval at grid prices :math:`b` and :math:`s`, and members' own consumption
:math:`D_i` and injection :math:`E_i` at their meters:

.. math:: p_i = b I \frac{D_i}{\sum D} - s X \frac{E_i}{\sum E}

Members' energy from each other is free; it is simple, and who feeds in much may pay more than alone (``two-stage`` mends that).

Source: Long, Wu, Zhang, Thomas, Cheng, Jenkins: "Peer-to-peer energy trading in a community microgrid", IEEE PES General Meeting 2017.
"""

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64


def bill_sharing(net_kwh: ArrayLike, buy_eur_per_kwh: ArrayLike, sell_eur_per_kwh: ArrayLike) -> F64:
    """What each member pays, (n,) [EUR].

    Args:
        net_kwh: net load at the meter, (n, T).
        buy_eur_per_kwh: that the community pays, (T,) or one.
        sell_eur_per_kwh: that it is paid, likewise.
    """
    net = np.asarray(net_kwh, np.float64)
    taken, fed = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    whole = net.sum(axis=0)
    buy, sell = np.asarray(buy_eur_per_kwh, np.float64), np.asarray(sell_eur_per_kwh, np.float64)
    cost, revenue = buy * np.maximum(whole, 0.0), sell * np.maximum(-whole, 0.0)
    return np.asarray((cost * _shares(taken) - revenue * _shares(fed)).sum(axis=1))


def _shares(kwh: F64) -> F64:
    total = kwh.sum(axis=0)
    return np.asarray(kwh / np.where(total > 0.0, total, 1.0))
