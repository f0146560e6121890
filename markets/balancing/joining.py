"""Joined offers of small pools: what each alone could not sell, together they can, and what it brings is shared again.

A joined offer of a block is as large as whole granules of the sum of its parts, and asks the highest price among them, so that nobody is sold
for less than it asked. Of what is accepted each part gets a share in proportion to what it put in; the remainder that makes no granule stays
unsold with everybody alike.

Source: SUC05.2 (aggregator platform: offers of pools below the minimum size are joined); the rule of shares is this project's.
"""

from collections.abc import Sequence
from typing import NamedTuple

from markets.balancing.auction import Offer, Terms, whole_kw


class Joined(NamedTuple):
    """A joined offer and the offers it is made of."""

    offer: Offer
    parts: tuple[Offer, ...]


def join(parts: Sequence[Offer], seller: str, terms: Terms) -> list[Joined]:
    """Join the offers of small pools for one product, block by block.

    Args:
        parts: offers of that product.
        seller: who offers them together.
        terms: of the product; the price cap is left to the market.

    Returns:
        One joined offer a block in which the parts reach the minimum bid, by block.
    """
    found = []
    for from_ms in sorted({one.from_ms for one in parts}):
        mine = tuple(sorted((one for one in parts if one.from_ms == from_ms), key=lambda one: one.offer))
        kw = whole_kw(sum(one.kw for one in mine), terms)
        if kw > 0.0:
            whole = Offer(
                f"{seller}/{mine[0].product}/{from_ms}", seller, mine[0].product, from_ms, kw,
                max(one.capacity_eur_per_kw_h for one in mine), max(one.energy_eur_per_kwh for one in mine),
                max(one.received_ms for one in mine),
            )  # fmt: skip
            found.append(Joined(whole, mine))
    return found


def shares_kw(joined: Joined, accepted_kw: float) -> list[float]:
    """What of an accepted joined offer falls to each part, in the order of ``parts``; sums to what was accepted."""
    total = sum(one.kw for one in joined.parts)
    return [accepted_kw * one.kw / total for one in joined.parts]
