"""What distribution system operators buy for themselves before the transmission system operator does, and what they let through to it."""

import numpy as np

from data.arrays import F64
from markets.coordination.purchase import Purchase, buy
from markets.coordination.situation import Situation, change_kw
from markets.programme import Programme, Solver


def local_purchases(case: Situation, *, unmet_eur_per_kwh: float, is_balanced: bool = False) -> dict[str, F64]:
    """What each distribution system operator takes of the bids in its own network, cheapest first: name -> (n,).

    Args:
        case: the situation.
        unmet_eur_per_kwh: from which price it would rather leave a need open.
        is_balanced: whether it also balances its own control area; else it buys only what its constraints need.
    """
    taken = {}
    for number, name in enumerate(case.operators[1:], start=1):
        purchase = Purchase(
            bids=case.operator_of_bid == number,
            constraints=case.operator_of_constraint == number,
            balance_kw=case.imbalance_kw[number] if is_balanced else None,
        )
        taken[name], _ = buy(case, purchase, unmet_eur_per_kwh=unmet_eur_per_kwh)
    return taken


def forwarded_kw(case: Situation, taken_kw: F64, *, unmet_eur_per_kwh: float, is_prequalified: bool) -> F64:
    r"""What is left of each bid for the transmission system operator, (n,).

    Prequalified, each operator cuts what it lets through so that whatever part of it is activated keeps its limits: the relief of all that works in one
    direction together stays within the room left there. Of what fits, the most valuable is let through:

    .. math:: \max \sum_j (\pi - c_j) q_j \quad \text{s.t.}\quad
        \sum_j \max(s_{lj} d_j, 0)\, q_j \le \overline h_l - r_l,\quad \sum_j \max(-s_{lj} d_j, 0)\\, q_j \le r_l - \underline h_l

    Args:
        case: the situation.
        taken_kw: what local purchases took of each bid, (n,).
        unmet_eur_per_kwh: value of flexibility to the transmission system operator.
        is_prequalified: whether operators look at what they let through.
    """
    left = case.bids.quantity_kw - taken_kw
    if not is_prequalified:
        return left
    relief = case.relief @ change_kw(case, taken_kw)
    for number in range(1, len(case.operators)):
        mine = np.flatnonzero(case.operator_of_constraint == number)
        effect = case.relief[mine][:, case.area_of_bid] * case.sign_of_bid
        acts = (effect != 0.0).any(axis=0)
        room = np.maximum(np.stack([case.high_kw[mine] - relief[mine], relief[mine] - case.low_kw[mine]]), 0.0)
        for interval in range(len(case.t_ms)):
            inside = acts & (left > 0.0) & (case.interval_of_bid == interval)
            if inside.any():
                value = np.maximum(unmet_eur_per_kwh - case.bids.price_eur_per_kwh[inside], 0.0)
                left[inside] = _fit(effect[:, inside], room[:, :, interval], left[inside], value)
    return left


def _fit(effect: F64, room_kw: F64, left_kw: F64, value: F64) -> F64:
    """The most valuable quantities, (n,), of which every part fits the room: effect (k, n), room (2, k)."""
    programme = Programme()
    parts = programme.columns((len(left_kw),), high=left_kw, cost=-value)
    for works, limit in zip((np.maximum(effect, 0.0), np.maximum(-effect, 0.0)), room_kw, strict=True):
        bounded = np.isfinite(limit) & works.any(axis=1)
        rows = programme.rows((int(bounded.sum()),), -np.inf, limit[bounded])
        programme.put(np.broadcast_to(rows[:, None], works[bounded].shape), parts, works[bounded])
    return np.clip(Solver(programme).solve().columns, 0.0, left_kw)
