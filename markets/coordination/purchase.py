r"""One purchase of flexibility: the linear programme that every scheme is made of.

In one interval, with bids :math:`j` (sign :math:`d_j`, area :math:`a`), wants :math:`b` and what earlier purchases have already done to the network,
:math:`r_l`:

.. math::
    \min \sum_j c_j x_j - \sum_b \pi_b y_b + \pi \Bigl(\sum_l (u_l + o_l) + s\Bigr) \quad \text{s.t.}\quad
    \underline h_l \le r_l + \sum_j s_{la} d_j x_j + u_l - o_l \le \overline h_l,\quad
    \sum_{j} d_j x_j - \sum_b d_b y_b + s = n

Slacks exist only where a need is open, and only as large as it is: an open need is never an infeasible market, and no purchase may make a
constraint worse than it found it. Of equal bids the earlier is taken (tie costs as in :mod:`markets.clearing.network_aware`).
"""

from dataclasses import dataclass

import numpy as np

from data.arrays import F64, I64, Bool
from markets.clearing.network_aware import PENALTY_SCALE, TIE_SHARE, UNMET_SCALE, tie_order
from markets.coordination.situation import ZERO_KW, Situation
from markets.programme import Programme, Solver

DUAL_TOLERANCE = 1e-10
"""Below the tie costs."""


@dataclass(frozen=True, eq=False)
class Purchase:
    """What one buyer looks at, the same in every interval.

    Attributes:
        bids: which bids it may take, mask (n,).
        constraints: which constraints it looks at, mask (C,).
        balance_kw: what it must activate in sum, (T,); None: whatever its constraints need.
        done_kw: change of injection by earlier purchases, (A, T).
        taken_kw: what earlier purchases took of each bid, (n,).
        with_lights: whether traffic lights bound what an area gives.
        with_wants: whether commercial parties buy as well.
    """

    bids: Bool
    constraints: Bool
    balance_kw: F64 | None = None
    done_kw: F64 | None = None
    taken_kw: F64 | None = None
    with_lights: bool = False
    with_wants: bool = False


def buy(case: Situation, purchase: Purchase, *, unmet_eur_per_kwh: float) -> tuple[F64, F64]:
    """The cheapest way to meet what a buyer needs.

    Args:
        case: the situation.
        purchase: what the buyer looks at.
        unmet_eur_per_kwh: from which price it would rather leave a need open.

    Returns:
        What it takes of each bid, (n,), and what commercial parties get, (w,).

    Raises:
        RuntimeError: the solver gave up.
    """
    taken, served = np.zeros(len(case.bids)), np.zeros(len(case.wants))
    if purchase.balance_kw is None and not purchase.constraints.any():
        return taken, served
    left = case.bids.quantity_kw - (0.0 if purchase.taken_kw is None else purchase.taken_kw)
    precedence = case.bids.precedence()
    open_bids = (purchase.bids & (left > ZERO_KW))[precedence]
    for interval in range(len(case.t_ms)):
        rows = precedence[open_bids & (case.interval_of_bid[precedence] == interval)]
        wants = np.flatnonzero(case.wants.interval == interval) if purchase.with_wants else np.zeros(0, np.int64)
        if len(rows):
            taken[rows], served[wants] = _buy_at(case, purchase, interval, rows, left[rows], wants, unmet_eur_per_kwh)
    return taken, served


def _buy_at(
    case: Situation, purchase: Purchase, interval: int, rows: I64, left_kw: F64, wants: I64, unmet_eur_per_kwh: float
) -> tuple[F64, F64]:
    unit_kw = 2.0 ** np.ceil(np.log2(left_kw.max() / 100.0))
    scale = PENALTY_SCALE / unmet_eur_per_kwh
    programme = Programme()
    tie = TIE_SHARE * PENALTY_SCALE * tie_order(len(rows))
    bids = programme.columns(
        (len(rows),), high=left_kw / unit_kw, cost=case.bids.price_eur_per_kwh[rows] * scale, tie=tie
    )
    served = programme.columns(
        (len(wants),), high=case.wants.quantity_kw[wants] / unit_kw, cost=-case.wants.price_eur_per_kwh[wants] * scale
    )
    _add_limits(programme, case, purchase, interval, rows, bids, unit_kw)
    if purchase.balance_kw is not None:
        sign = np.where(case.wants.up[wants], 1.0, -1.0)
        _add_balance(programme, purchase.balance_kw[interval] / unit_kw, case.sign_of_bid[rows], bids, sign, served)
    if purchase.with_lights:
        _add_lights(programme, case, interval, rows, bids, unit_kw)
    found = Solver(programme, dual_tolerance=DUAL_TOLERANCE).solve().columns * unit_kw
    return _snap(found[bids], left_kw), _snap(found[served], case.wants.quantity_kw[wants])


def _add_limits(
    programme: Programme, case: Situation, purchase: Purchase, interval: int, rows: I64, bids: I64, unit_kw: float
) -> None:
    mine = np.flatnonzero(purchase.constraints)
    if not len(mine):
        return
    done = 0.0 if purchase.done_kw is None else case.relief[mine] @ purchase.done_kw[:, interval]
    low, high = ((limit[mine, interval] - done) / unit_kw for limit in (case.low_kw, case.high_kw))
    limits = programme.rows((len(mine),), low, high)
    effect = case.relief[mine][:, case.area_of_bid[rows]] * case.sign_of_bid[rows]
    acts = np.abs(effect) > 0.0
    programme.put(
        np.broadcast_to(limits[:, None], acts.shape)[acts], np.broadcast_to(bids, acts.shape)[acts], effect[acts]
    )
    short = programme.columns((len(mine),), high=np.maximum(low, 0.0), cost=UNMET_SCALE)
    over = programme.columns((len(mine),), high=np.maximum(-high, 0.0), cost=UNMET_SCALE)
    programme.put(limits, short, 1.0)
    programme.put(limits, over, -1.0)


def _add_balance(programme: Programme, need: float, sign: F64, bids: I64, wanted: F64, served: I64) -> None:
    balance = programme.rows((1,), need, need)
    programme.put(balance, bids, sign)
    if len(served):
        programme.put(balance, served, -wanted)
    # The slack has the sign of the need, so that its cost is that of its size.
    left = programme.columns((1,), min(need, 0.0), max(need, 0.0), cost=UNMET_SCALE if need >= 0 else -UNMET_SCALE)
    programme.put(balance, left, 1.0)


def _add_lights(programme: Programme, case: Situation, interval: int, rows: I64, bids: I64, unit_kw: float) -> None:
    areas = case.area_of_bid[rows]
    group = areas * 2 + (case.sign_of_bid[rows] < 0)
    caps = np.moveaxis(case.capability_kw[:, :, interval], 0, 1).ravel()
    lit = np.flatnonzero(np.isfinite(caps[group]))
    if not len(lit):
        return
    bounded, place = np.unique(group[lit], return_inverse=True)
    lights = programme.rows((len(bounded),), -np.inf, caps[bounded] / unit_kw)
    programme.put(lights[place], bids[lit], 1.0)


def _snap(values: F64, bound: F64) -> F64:
    held = np.clip(np.where(values < ZERO_KW, 0.0, values), 0.0, bound)
    return np.where(bound - held < ZERO_KW, bound, held)
