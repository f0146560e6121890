r"""What each operator pays of a provider's settled day, when several bought of the same bids (BUC09).

In each perimeter, hour and direction every buyer gets the same part of what it bought: that which counts as delivered. It pays the service at the bid's price.
The energy itself goes one of three ways:

- *to the transmission system operator*: what distribution system operators activate counts for its balance, so that it takes the energy of all;
- *to the buyer*: each operator balances its own area and takes the energy that it bought for it;
- *as imbalance*: activations of distribution system operators do not count. Each takes the energy that it bought and has it in its position; what it had
  ordered is an imbalance of its own, settled at the imbalance price, so that the imbalances of all sum to that of the system.

Sources: schemes as in ``markets.coordination``; Commission Regulation (EU) 2017/2195, articles 49, 54, 55. The three ways are ours.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64
from markets.balancing.delivery import Account, Component, Delivery, credited
from markets.ledger import cents, split

Energy = Literal["tso", "buyer", "imbalance"]
"""Whose is the energy that distribution system operators activate."""


class Bill(NamedTuple):
    """What one operator owes for one provider's day; amounts in cents.

    Attributes:
        buyer: who.
        ordered_kwh: bought, both directions together.
        delivered_kwh: delivered of it.
        service_cents: to the provider, for the change.
        energy_cents: to the provider, for the energy; below 0: the provider pays.
        imbalance_cents: from the transmission system operator, for energy that does not count; below 0: to it.
    """

    buyer: str
    ordered_kwh: float
    delivered_kwh: float
    service_cents: int
    energy_cents: int
    imbalance_cents: int

    @property
    def to_provider_cents(self) -> int:
        """Service and energy; below 0: the provider pays."""
        return self.service_cents + self.energy_cents


class _Bought(NamedTuple):
    ordered_kwh: float = 0.0
    delivered_kwh: float = 0.0
    service_eur: float = 0.0
    energy_eur: float = 0.0
    imbalance_eur: float = 0.0

    def plus(self, *more: float) -> "_Bought":
        return _Bought(*(one + other for one, other in zip(self, more, strict=True)))


def bills(
    components: Sequence[Component], deliveries: Sequence[Delivery], whole: Account, *, tso: str, energy: Energy,
    day_ahead_eur_per_kwh: ArrayLike, imbalance_eur_per_kwh: ArrayLike,
) -> list[Bill]:  # fmt: skip
    """Share a provider's account among those who bought of it, by name, the transmission system operator first.

    Args:
        components: of the provider, one for each perimeter and direction, with what each buyer bought.
        deliveries: of each perimeter, as settled.
        whole: the provider's account.
        tso: name of the transmission system operator.
        energy: whose the energy is that others activate.
        day_ahead_eur_per_kwh: value of energy, (hours,) or one for all.
        imbalance_eur_per_kwh: price of imbalances, likewise.
    """
    prices = np.asarray(day_ahead_eur_per_kwh, np.float64), np.asarray(imbalance_eur_per_kwh, np.float64)
    settled = {one.perimeter: one for one in deliveries}
    found: dict[str, _Bought] = {tso: _Bought()}
    for one in components:
        part = _delivered_part(settled[one.perimeter], one.direction)
        for buyer, kwh in one.buyers(tso).items():
            found[buyer] = found.get(buyer, _Bought()).plus(*_amounts(one, kwh, part, *prices))
    names = [tso, *sorted(found.keys() - {tso})]
    service = _split(whole.service_cents, [max(found[name].service_eur, 0.0) for name in names])
    own = {name: 0 if energy == "tso" else cents(found[name].energy_eur) for name in names[1:]}
    own[tso] = whole.energy_cents - sum(own.values())
    imbalance = {name: cents(found[name].imbalance_eur) if energy == "imbalance" else 0 for name in names[1:]}
    return [
        Bill(name, found[name].ordered_kwh, found[name].delivered_kwh, service[k], own[name], imbalance.get(name, 0))
        for k, name in enumerate(names)
    ]


def _delivered_part(one: Delivery, direction: str) -> F64:
    """Part of what was accepted in a perimeter and direction that counts as delivered, (hours,)."""
    got = credited(one.up_kwh, one.down_kwh, one.delivered_kwh)
    kwh, of = (got.up_kwh, one.up_kwh) if direction == "up" else (got.down_kwh, one.down_kwh)
    return np.divide(kwh, of, out=np.zeros_like(of), where=of > 0)


def _amounts(one: Component, kwh: F64, part: F64, day_ahead: F64, imbalance: F64) -> tuple[float, ...]:
    sign = 1.0 if one.direction == "up" else -1.0
    got = kwh * part
    return (
        float(kwh.sum()), float(got.sum()), float((got * one.price_eur_per_kwh).sum()), float((sign * got * day_ahead).sum()),
        float((sign * kwh * imbalance).sum()),
    )  # fmt: skip


def _split(total_cents: int, weights: Sequence[float]) -> list[int]:
    if not any(weights):
        return [total_cents, *[0] * (len(weights) - 1)]
    return [int(one) for one in split(total_cents, weights)]


class Sale(NamedTuple):
    """What was taken of a bid that is delivered as sold.

    Attributes:
        direction: up or down.
        price_eur_per_kwh: of the bid.
        kwh: buyer -> energy, at least 0.
    """

    direction: str
    price_eur_per_kwh: float
    kwh: Mapping[str, float]


def sale_bills(sales: Sequence[Sale], tso: str, day_ahead_eur_per_kwh: float) -> list[Bill]:
    """What each operator owes of what is delivered as sold, by name, the transmission system operator first; it takes the energy of all.

    Args:
        sales: of one seller.
        tso: name of the transmission system operator.
        day_ahead_eur_per_kwh: value of energy.
    """
    kwh: dict[str, float] = {tso: 0.0}
    eur: dict[str, float] = {tso: 0.0}
    energy = 0.0
    for one in sales:
        energy += (1.0 if one.direction == "up" else -1.0) * sum(one.kwh.values()) * day_ahead_eur_per_kwh
        for buyer, bought in one.kwh.items():
            kwh[buyer] = kwh.get(buyer, 0.0) + bought
            eur[buyer] = eur.get(buyer, 0.0) + bought * one.price_eur_per_kwh
    names = [tso, *sorted(kwh.keys() - {tso})]
    service = _split(cents(sum(eur.values())), [eur[name] for name in names])
    bills = [
        Bill(name, kwh[name], kwh[name], service[k], cents(energy) if name == tso else 0, 0)
        for k, name in enumerate(names)
    ]
    return [one for one in bills if one.ordered_kwh > 0.0]


def balances(whole: Account, owed: Sequence[Bill], tso: str) -> Mapping[str, int]:
    """What everybody has in the end [cents], operators by name; they sum to 0."""
    others = [one for one in owed if one.buyer != tso]
    found = whole.balances()
    tso_cents = found.pop("tso") + sum(one.to_provider_cents - one.imbalance_cents for one in others)
    return {
        **found,
        tso: tso_cents,
        **{one.buyer: one.imbalance_cents - one.to_provider_cents for one in others},
    }
