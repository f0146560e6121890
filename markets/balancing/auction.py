r"""Auction of balancing capacity, and the merit order of balancing energy.

Capacity is bought product by product and block by block: offers in ascending price until the need is covered, the last one in part, in whole
granules. An offer below the minimum bid size, or off the granularity, is refused. Where a product is paid as cleared every accepted offer gets
the price of the dearest; paid as bid, its own. Every offer is accounted for: accepted + rejected = offered, each rejection with a reason.
Ties go to the earlier offer, then by name, so that the order of arrival of a list does not matter.

Source: regelleistung.net, "Tender of FCR" (marginal price, 1 MW) and "of aFRR/mFRR capacity"; Commission Regulation (EU) 2017/2195, articles 30 and
32 (energy by merit order, paid the marginal price).
"""

from collections.abc import Sequence
from typing import NamedTuple

TINY_KW = 1e-6


class Offer(NamedTuple):
    """Capacity offered for one block of one product.

    Attributes:
        offer: its name.
        seller: whose.
        product: what.
        from_ms: begin of the block.
        kw: quantity, above 0.
        capacity_eur_per_kw_h: price asked for holding a kW for an hour.
        energy_eur_per_kwh: price asked for activated energy; 0 where the product pays none.
        received_ms: when it was received.
    """

    offer: str
    seller: str
    product: str
    from_ms: int
    kw: float
    capacity_eur_per_kw_h: float
    energy_eur_per_kwh: float
    received_ms: int


class Terms(NamedTuple):
    """What a product asks of an offer, and how it pays.

    Attributes:
        min_bid_kw: smallest offer.
        granularity_kw: offers are whole multiples of it.
        cap_eur_per_kw_h: highest price that is bought at.
        pays_as_cleared: one price for all, that of the dearest accepted.
    """

    min_bid_kw: float
    granularity_kw: float
    cap_eur_per_kw_h: float
    pays_as_cleared: bool


class Result(NamedTuple):
    """What became of one offer.

    Attributes:
        offer: the offer.
        accepted_kw: of its quantity.
        price_eur_per_kw_h: what the accepted part is paid.
        reason: why the rest was not accepted; empty where nothing is left.
    """

    offer: Offer
    accepted_kw: float
    price_eur_per_kw_h: float
    reason: str


def clear(offers: Sequence[Offer], need_kw: float, terms: Terms) -> list[Result]:
    """Clear one block of one product.

    Args:
        offers: of that block and product, in any order.
        need_kw: what is to be bought.
        terms: of the product.

    Returns:
        A result for every offer, in merit order.
    """
    left, found = max(need_kw, 0.0), []
    for one in sorted(offers, key=lambda one: (one.capacity_eur_per_kw_h, one.received_ms, one.offer)):
        reason = _refused(one, terms)
        accepted = 0.0 if reason else _whole(min(one.kw, left), terms.granularity_kw)
        left -= accepted
        if not reason and accepted < one.kw - TINY_KW:
            reason = "the need is covered" if left < terms.granularity_kw - TINY_KW else "no whole granule is left"
        found.append(Result(one, accepted, one.capacity_eur_per_kw_h if accepted else 0.0, reason))
    if not terms.pays_as_cleared:
        return found
    price = max((one.price_eur_per_kw_h for one in found), default=0.0)
    return [one._replace(price_eur_per_kw_h=price if one.accepted_kw else 0.0) for one in found]


def _refused(offer: Offer, terms: Terms) -> str:
    if offer.kw < terms.min_bid_kw - TINY_KW:
        return f"below the minimum bid of {terms.min_bid_kw:g} kW"
    if abs(_whole(offer.kw, terms.granularity_kw) - offer.kw) > TINY_KW:
        return f"not a multiple of {terms.granularity_kw:g} kW"
    if offer.capacity_eur_per_kw_h > terms.cap_eur_per_kw_h:
        return f"above the price cap of {terms.cap_eur_per_kw_h:g} EUR/kW/h"
    return ""


def whole_kw(kw: float, terms: Terms) -> float:
    """The largest quantity that can be offered of some power: whole granules, 0 below the minimum bid [kW]."""
    whole = _whole(kw, terms.granularity_kw)
    return whole if whole >= terms.min_bid_kw - TINY_KW else 0.0


def _whole(kw: float, granularity_kw: float) -> float:
    return granularity_kw * float((kw + TINY_KW) // granularity_kw)


class Share(NamedTuple):
    """What one reserve does of a called power: the part, and its price for energy."""

    kw: float
    price_eur_per_kwh: float


def call(held_kw: Sequence[float], prices_eur_per_kwh: Sequence[float], wanted_kw: float) -> list[Share]:
    """Energy by merit order: cheapest first until the wanted power is covered, paid the price of the dearest called.

    Args:
        held_kw: capacity that each reserve holds, at least 0, in order of name (ties go to the earlier).
        prices_eur_per_kwh: what each asks.
        wanted_kw: power called, at least 0.

    Returns:
        Power and price of each, in the order given.
    """
    left, parts = max(wanted_kw, 0.0), [0.0] * len(held_kw)
    dearest = 0.0
    for place in sorted(range(len(held_kw)), key=lambda place: (prices_eur_per_kwh[place], place)):
        parts[place] = min(held_kw[place], left)
        left -= parts[place]
        dearest = prices_eur_per_kwh[place] if parts[place] > TINY_KW else dearest
    return [Share(kw, dearest if kw > TINY_KW else 0.0) for kw in parts]
