"""What a pool's VPP tells its assets: what is called of it split over what they hold, sent where it has changed (SUC05.2 step 1.11)."""

from collections.abc import Mapping

import numpy as np

from agents.pool_terms import Called, Picture, PoolTerms
from agents.strategies import pool_optimisation
from environment.messages.balancing import PRODUCTS, ActivationConstraint
from environment.party import Party

SIGN = np.array([0.0, 1.0, -1.0, 1.0, -1.0])
MOVED_KW = 0.01
"""A smaller change is not worth a message."""
OVER_MS = 1_000_000
"""So long after its end a block has been ramped down."""


class PoolOrders:
    """The orders of one pool.

    Args:
        party: whose they are.
        terms: how the pool works.
        picture: what its assets have told.

    Attributes:
        called: what is called of the pool.
        split: power that each asset holds for each product, (assets, products).
    """

    def __init__(self, party: Party, terms: PoolTerms, picture: Picture) -> None:
        self._party, self._terms, self._picture = party, terms, picture
        self.called = Called()
        self.split = np.zeros((len(terms.assets), len(PRODUCTS)))
        self._told = np.zeros((len(terms.assets), 5))
        self._last: tuple[dict[str, float], bool] | None = None

    def changed(self) -> None:
        """Assets have been heard of, or what is held was split anew."""
        self._last = None

    def forget(self) -> None:
        """What was told counts no longer: all assets are told again."""
        self._told[:] = 0.0
        self._last = None

    def give(self, held_kw: Mapping[str, float], at_ms: int, end_ms: int, talk: str, *, ready: bool) -> None:
        """Tell the assets for which it has changed what they have to add; if nothing is due yet, only what they have to keep ready.

        Args:
            held_kw: what the pool holds of each product.
            at_ms: begin of the cycle.
            end_ms: until when it holds.
            talk: conversation.
            ready: whether anything is due.
        """
        picture, called = self._picture, self.called
        called.blocks = [one for one in called.blocks if one[0].end_ms + OVER_MS > self._party.now_ms]
        wanted = called.wanted_kw(held_kw, at_ms, self._terms.cycle_s)
        if self._last == (wanted, ready):
            return
        self._last = wanted, ready
        given = np.column_stack([
            pool_optimisation.dispatch(self.split[:, k], wanted[one]) if one != "fcr" else self.split[:, k] for k, one in enumerate(PRODUCTS)
        ])  # fmt: skip
        keep = self._terms.endurance_h * np.column_stack(
            [self.split @ side for side in (pool_optimisation.UP, pool_optimisation.DOWN)]
        )
        told = np.column_stack([given[:, 0], (given * SIGN).sum(axis=1), keep, picture.available])
        told[:, :2] *= ready
        rows = np.flatnonzero((np.abs(told - self._told) > MOVED_KW).any(axis=1) & picture.available)
        self._told[rows] = told[rows]
        self._told[~picture.available] = 0.0
        if not len(rows):
            return
        columns = {
            "asset": picture.names[rows], "droop_kw": told[rows, 0], "offset_kw": told[rows, 1], "reserve_up_kwh": told[rows, 2],
            "reserve_down_kwh": told[rows, 3], "until_ms": np.full(len(rows), end_ms),
        }  # fmt: skip
        party = self._party
        party.send_batch(ActivationConstraint, columns, party.numbers([party.at("vpp")]), picture.ems[rows], talk)
