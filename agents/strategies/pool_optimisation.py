r"""Optimisation of a pool: how a response is split over its assets (SUC05.2 step 1.7).

For one block, with :math:`x_{ap}` the power that asset a holds for product p, :math:`v_p` its value, :math:`n_p` what is needed, and u, d the
products that go up and down (containment reserve goes both ways):

.. math::
    \max \sum_{ap} (v_p - t_a)\, x_{ap}, \quad \sum_a x_{ap} \le n_p, \quad
    \sum_{p \in u} x_{ap} \le \min(U_a, E^{up}_a / h), \quad \sum_{p \in d} x_{ap} \le \min(D_a, E^{down}_a / h), \quad x \ge 0

U and D are what comfort and safety leave at the worst step of the block, E the energy, h the endurance that a reserve must have. Assets that
cannot follow the frequency hold no containment reserve. A linear programme, solved by HiGHS; the tie cost t grows with the place of the asset,
so that the optimum is one (law 14).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from data.arrays import F64, Bool
from environment.messages.balancing import PRODUCTS

UP = np.array([product == "fcr" or product.endswith("up") for product in PRODUCTS])
DOWN = np.array([product == "fcr" or product.endswith("down") for product in PRODUCTS])
FCR = PRODUCTS.index("fcr")
TIE_EUR_PER_KW = 1e-7
"""Far below any price: assets are taken in their order."""


class Room(NamedTuple):
    """What assets can do in a block, (assets,) each.

    Attributes:
        up_kw: reduction of net load that is possible in all of it.
        down_kw: increase, likewise.
        up_kwh: energy to give.
        down_kwh: energy to take.
        fast: it can follow the frequency.
    """

    up_kw: F64
    down_kw: F64
    up_kwh: F64
    down_kwh: F64
    fast: Bool


def split(room: Room, needed_kw: Sequence[float], value: Sequence[float], endurance_h: float) -> F64:
    """The best split of what is needed over the assets of a pool.

    Args:
        room: of the assets.
        needed_kw: of each of ``PRODUCTS``.
        value: of holding a kW of each, above the tie cost.
        endurance_h: for so long an asset must be able to give all it holds.

    Returns:
        power that each asset holds for each product, (assets, products).

    Raises:
        RuntimeError: the solver found no optimum, which cannot be: holding nothing is allowed.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, kron, vstack

    n, m = len(room.up_kw), len(PRODUCTS)
    if not n or not any(kw > 0.0 for kw in needed_kw):
        return np.zeros((n, m))
    up = np.minimum(room.up_kw, room.up_kwh / endurance_h)
    down = np.minimum(room.down_kw, room.down_kwh / endurance_h)
    most = np.where(UP, up[:, None], np.inf)
    most = np.minimum(most, np.where(DOWN, down[:, None], np.inf))
    most[~room.fast, FCR] = 0.0
    able = np.flatnonzero((up > 0.0) | (down > 0.0))
    if len(able) < n:
        whole = np.zeros((n, m))
        part = Room(room.up_kw[able], room.down_kw[able], room.up_kwh[able], room.down_kwh[able], room.fast[able])
        whole[able] = split(part, needed_kw, value, endurance_h)
        return whole
    each = csr_array(np.eye(n))
    rows = vstack([kron(each, UP[None, :]), kron(each, DOWN[None, :]), kron(np.ones((1, n)), np.eye(m))])
    limits = np.concatenate([up, down, np.asarray(needed_kw, np.float64)])
    tie = TIE_EUR_PER_KW * (1.0 + np.arange(n)[:, None] / n + np.arange(m) / (10.0 * m * n))
    found = linprog(
        -(np.asarray(value, np.float64) - tie).ravel(), A_ub=rows, b_ub=limits, method="highs-ds",
        bounds=np.column_stack([np.zeros(n * m), np.maximum(most, 0.0).ravel()]),
    )  # fmt: skip
    if not found.success:
        text = f"no split of {list(needed_kw)} kW over {n} assets: {found.message}"
        raise RuntimeError(text)
    return np.asarray(
        np.clip(found.x.reshape(n, m), 0.0, np.maximum(most, 0.0))
    )  # within bounds exactly, not to a tolerance


def dispatch(held_kw: F64, wanted_kw: float) -> F64:
    """What each asset gives of a called power, in its order: one after the other is used in full, so that few have to move, (assets,).

    Args:
        held_kw: of each asset, (assets,), in the order in which they are to be used.
        wanted_kw: power called, at least 0.
    """
    before = np.cumsum(held_kw) - held_kw
    return np.asarray(np.clip(wanted_kw - before, 0.0, held_kw))
