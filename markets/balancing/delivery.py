r"""What a balancing service provider delivered of what was accepted, what it earns, and what its imbalance costs whom (SUC08.4).

Flexibility is above 0 upward (the grid sees less net load). In each perimeter and hour

.. math:: d = b - m, \qquad \text{credited}_\uparrow = \min(a_\uparrow, \max(0, a_\uparrow + \min(d - n, 0))), \quad n = a_\uparrow - a_\downarrow

with baseline :math:`b`, metered net load :math:`m` and accepted quantities :math:`a`; downward likewise. Credited energy is paid the price of the bid for the
change, and the energy itself at the day-ahead price: sold upward, bought downward. What is delivered beyond what was accepted earns nothing as a service.

The balance responsible party behind the provider's points has the position that it had without activation, and is adjusted by what was *ordered*, so that what
was ordered is no imbalance of it. What is left is of two kinds: what was ordered and not credited, which the provider bears at the imbalance price, and what
the points strayed from their baseline otherwise, which is the party's own and would have been without activation. With the value of the energy that was
sold in its name handed over the party is left as without activation.

Sources: Commission Regulation (EU) 2017/2195, articles 45, 49, 54, 55; SUC08.4 rules 11 to 13. Transfer of energy at the day-ahead price is one of the
arrangements of Directive (EU) 2019/944, article 17(4), under which aggregators compensate suppliers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, Bool
from markets.balancing.imbalance import imbalance_price, settle
from markets.ledger import cents


@dataclass(frozen=True, eq=False)
class Component:
    """What became of a bid in one DSO perimeter; vectors of the hours of a day.

    Attributes:
        bsp: who bid.
        perimeter: grid element id code.
        direction: up or down.
        price_eur_per_kwh: of the bid.
        offered_kw: as bid, at least 0.
        left_kw: what the DSO's constraint left of it.
        is_limited: hours in which a light was yellow or red.
        limit_kw: most that was admitted; read where it is limited.
        accepted_kw: what was to be delivered.
        bought_kw: part of it that each operator pays for, where several bought it; empty: the transmission system operator pays for all.
    """

    bsp: str
    perimeter: str
    direction: str
    price_eur_per_kwh: float
    offered_kw: F64
    left_kw: F64
    is_limited: Bool
    limit_kw: F64
    accepted_kw: F64
    bought_kw: Mapping[str, F64] = field(default_factory=dict)

    def buyers(self, tso: str) -> Mapping[str, F64]:
        """What each operator pays for, (hours,) each; they sum to what was accepted."""
        return self.bought_kw or {tso: self.accepted_kw}

    def of_hours(self, hours: int) -> "Component":
        """The same for a day of so many hours: vectors of the market have 24 elements also where clocks change (SUC08.2)."""
        vectors = {
            name: getattr(self, name) for name in ("offered_kw", "left_kw", "is_limited", "limit_kw", "accepted_kw")
        }
        bought = {name: fitted(vector, hours) for name, vector in self.bought_kw.items()}
        return replace(self, bought_kw=bought, **{name: fitted(vector, hours) for name, vector in vectors.items()})


def shared_limits(left_kw: ArrayLike, capability_kw: ArrayLike) -> F64:
    """What each of several components in a perimeter may deliver, (components, hours); they sum to the perimeter's capability.

    Args:
        left_kw: what was left of each, (components, hours).
        capability_kw: what the perimeter admits of all, (hours,). What is left free is shared equally; where more was left than that, all are cut alike.
    """
    left, capability = np.asarray(left_kw, np.float64), np.asarray(capability_kw, np.float64)
    total = left.sum(axis=0)
    part = np.divide(capability, total, out=np.ones_like(total), where=total > capability)
    return np.asarray(left * part + np.maximum(capability - total, 0.0) / len(left))


def fitted(vector: F64, hours: int) -> Any:
    """A vector of 24 hours as one of so many: the last are left out, or hours of nothing added."""
    return np.concatenate([vector, np.zeros(max(hours - len(vector), 0), vector.dtype)])[:hours]


class Credited(NamedTuple):
    """Energy that counts as delivered, both at least 0 and of the shape of the input."""

    up_kwh: F64
    down_kwh: F64


def credited(accepted_up_kwh: ArrayLike, accepted_down_kwh: ArrayLike, delivered_kwh: ArrayLike) -> Credited:
    """What of accepted quantities was delivered; of more than was accepted, no more counts.

    Where both directions were accepted in one place and hour, their difference is what the meter can show: what is missing of it is taken from the
    direction that it is missing of.

    Args:
        accepted_up_kwh: at least 0, any shape.
        accepted_down_kwh: at least 0, same shape.
        delivered_kwh: baseline less metered net load, same shape.
    """
    up, down, delivered = (np.asarray(one, np.float64) for one in (accepted_up_kwh, accepted_down_kwh, delivered_kwh))
    off = delivered - (up - down)
    return Credited(
        np.clip(up + np.minimum(off, 0.0), 0.0, up),
        np.clip(down - np.maximum(off, 0.0), 0.0, down),
    )


class Delivery(NamedTuple):
    """A provider's day in one perimeter; vectors of hours.

    Attributes:
        perimeter: where.
        up_kwh: accepted upward.
        down_kwh: accepted downward.
        up_eur: value of the accepted upward energy at the prices of the bids.
        down_eur: of the downward energy.
        delivered_kwh: baseline less metered, as finally agreed.
    """

    perimeter: str
    up_kwh: F64
    down_kwh: F64
    up_eur: F64
    down_eur: F64
    delivered_kwh: F64


class Account(NamedTuple):
    """What a provider's day costs whom; amounts in cents.

    Attributes:
        ordered_kwh: accepted, both directions together.
        credited_kwh: delivered of it.
        service_cents: TSO to provider, for the change.
        energy_cents: TSO to provider, for the energy, below 0: the other way; the same again from the provider to the balance responsible party.
        exposure_cents: what the party's imbalance would cost it had nothing been adjusted.
        neutralised_cents: part of it that the adjustment takes away.
        imbalance_cents: what is left: balance responsible party to TSO; below 0: the other way.
        undelivered_cents: part of that which was ordered and not delivered: provider to balance responsible party; below 0: the other way.
        final_cents: TSO to provider.
    """

    ordered_kwh: float
    credited_kwh: float
    service_cents: int
    energy_cents: int
    exposure_cents: int
    neutralised_cents: int
    imbalance_cents: int
    undelivered_cents: int
    final_cents: int

    def balances(self) -> dict[str, int]:
        """What each of the three has in the end [cents]: they sum to 0."""
        bsp = self.final_cents - self.energy_cents - self.undelivered_cents
        party = self.energy_cents + self.undelivered_cents - self.imbalance_cents
        return {"tso": -self.final_cents + self.imbalance_cents, "bsp": bsp, "balance responsible party": party}


def account(
    deliveries: Sequence[Delivery], day_ahead_eur_per_kwh: ArrayLike, imbalance_eur_per_kwh: ArrayLike
) -> Account:
    """Settle a provider's day.

    Args:
        deliveries: of each perimeter.
        day_ahead_eur_per_kwh: value of energy, (hours,) or one for all.
        imbalance_eur_per_kwh: price of imbalances, likewise.
    """
    service = energy = ordered = counted = 0.0
    net = moved = taken = np.zeros(1)
    value = np.asarray(day_ahead_eur_per_kwh, np.float64)
    for one in deliveries:
        got = credited(one.up_kwh, one.down_kwh, one.delivered_kwh)
        service += float((_share(got.up_kwh, one.up_kwh) * one.up_eur).sum())
        service += float((_share(got.down_kwh, one.down_kwh) * one.down_eur).sum())
        energy += float(((got.up_kwh - got.down_kwh) * value).sum())
        ordered += float(one.up_kwh.sum() + one.down_kwh.sum())
        counted += float(got.up_kwh.sum() + got.down_kwh.sum())
        net, moved = net + one.up_kwh - one.down_kwh, moved + one.delivered_kwh
        taken = taken + got.up_kwh - got.down_kwh
    none = np.zeros_like(moved)
    exposure, left, lacking = (
        cents(float(settle(allocated, none, adjusted, imbalance_eur_per_kwh).paid_eur.sum()))
        for allocated, adjusted in ((moved, none), (moved, net), (taken, net))
    )
    paid, worth = cents(service), cents(energy)
    return Account(ordered, counted, paid, worth, exposure, exposure - left, left, lacking, paid + worth)


def _share(part: F64, whole: F64) -> F64:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def imbalance_prices(components: Sequence[Component], hours: int, day_ahead_eur_per_kwh: float) -> F64:
    """Imbalance price of each hour, (hours,): that of the direction that prevailed among what was accepted, energy and change together.

    Args:
        components: all that was accepted in the system.
        hours: length of their vectors.
        day_ahead_eur_per_kwh: value of energy, and the price where nothing was accepted.
    """
    found = np.empty(hours)
    for hour in range(hours):
        ways = [
            (
                [one.accepted_kw[hour] for one in components if one.direction == way],
                [day_ahead_eur_per_kwh + sign * one.price_eur_per_kwh for one in components if one.direction == way],
            )
            for way, sign in (("up", 1.0), ("down", -1.0))
        ]
        found[hour] = imbalance_price(*ways[0], *ways[1], day_ahead_eur_per_kwh)
    return found


def tolerance_kw(deviation_kw: ArrayLike, is_activated: ArrayLike, *, times: float, least_kw: float) -> F64:
    """How far measurements may exceed a limit before that proves anything, (rows, 1): so far they stray from baselines without any activation.

    Args:
        deviation_kw: baseline less metered net load, (rows, hours); NaN: not read.
        is_activated: hours in which something was to be delivered, same shape; they say nothing about the baseline.
        times: multiple of the root mean square deviation; the source states none.
        least_kw: the least tolerance, also where no hour is left to tell.
    """
    deviation, activated = np.asarray(deviation_kw, np.float64), np.asarray(is_activated, bool)
    usable = ~(activated | np.isnan(deviation))
    square = np.where(usable, np.nan_to_num(deviation), 0.0) ** 2
    count = usable.sum(axis=-1, keepdims=True)
    spread = np.sqrt(square.sum(axis=-1, keepdims=True) / np.maximum(count, 1))
    return np.asarray(np.maximum(times * spread, least_kw))
