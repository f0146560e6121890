r"""Uniform effective price, differentiated by node: accepted bids share one price per unit of relief.

A bid's effectiveness is :math:`\sigma_j = \sum_l w_l s_{lj}` with the constraints in need weighted by their shadow
price. The uniform price is the highest accepted effective price :math:`\lambda = \max_j c_j / \sigma_j`, and a bid at
its node gets :math:`\lambda\sigma_j`, never less than it asked for. Where one constraint is in need this is the
marginal bid's price divided by its sensitivity; pay-as-bid never pays more.

Source: node-differentiated marginal price of a local flexibility auction (dual of the relief row).
"""

import numpy as np

from data.arrays import F64, I64
from markets.bids import Sensitivities
from markets.clearing.outcome import Clearing


def prices(clearing: Clearing, network: Sensitivities) -> F64:
    """Price of each bid [EUR/kWh], shape (bids,); 0 where nothing was accepted.

    Args:
        clearing: the outcome of a clearing.
        network: the sensitivities it used.
    """
    bids = clearing.bids
    paid = np.zeros(len(bids))
    taken = np.flatnonzero(clearing.accepted_kw > 0.0)
    for up, t_ms in set(zip(bids.up[taken].tolist(), bids.t_ms[taken].tolist(), strict=True)):
        rows = taken[(bids.up[taken] == up) & (bids.t_ms[taken] == t_ms)]
        paid[rows] = _common(bids.price_eur_per_kwh[rows], _effectiveness(clearing, network, rows, up, t_ms))
    return paid


def _effectiveness(clearing: Clearing, network: Sensitivities, rows: I64, up: bool, t_ms: int) -> F64:
    needs = clearing.needs
    here = np.flatnonzero((needs.up == up) & (needs.t_ms == t_ms) & (needs.quantity_kw > 0.0))
    weight = clearing.shadow_eur_per_kwh[here]
    weight = weight / weight.max() if weight.max() > 0.0 else np.ones(len(here))
    relief = network.between(needs.constraint[here], clearing.bids.area[rows])
    return np.asarray((weight[:, None] * relief).sum(axis=0))


def _common(asked: F64, effectiveness: F64) -> F64:
    """The highest effective price at each node; a bid taken for another reason than relief keeps its own price."""
    helps = effectiveness > 1e-9
    effective = np.max(asked[helps] / effectiveness[helps], initial=0.0)
    return np.maximum(np.where(helps, effective * effectiveness, 0.0), asked)
