r"""Settlement of a community (Settl-1 to Settl-4): from energies by coefficients to what each member pays and is paid.

Of each member over the settlement periods, with its retailer's prices :math:`b, s`, the grid tariff :math:`g` of shared energy and the
internal price :math:`\lambda`:

* Settl-1 supply :math:`\sum b\,SUP`, to its retailer
* Settl-2 surplus :math:`\sum s\,SUR`, from its retailer
* Settl-3 self-consumption tariff :math:`\sum g\,SC`, to the grid operator
* Settl-4 internal transactions :math:`\sum \lambda (A - own)`: what it was allocated beyond what it gave, from or to the other members

and what flexibility earned, by what each delivered of its part, less compensation for what it did not. Internal transactions sum to zero in
every period, because what is allocated is what was given. Amounts become whole cents once, by largest remainder over the members, so
that they still do.

Source: SUC02.1 (settlement, compensation of activated assets).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from markets.allocation.energies import PER_KWH
from markets.ledger import split

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Terms:
    """Prices of a settlement: members' retailers (n, T), grid tariff, internal price (T,), compensation of missing flexibility."""

    buy_eur_per_kwh: F64
    sell_eur_per_kwh: F64
    share_eur_per_kwh: float
    internal_eur_per_kwh: F64
    missing_eur_per_kwh: float = 0.0


@dataclass(frozen=True, eq=False)
class Settled:
    """What members owe and are owed, in whole cents, shape (n,) each; positive: as the name says."""

    supply: I64
    surplus: I64
    self_consumption: I64
    internal: I64
    flexibility: I64
    shortfall: I64
    correction: I64

    @property
    def net(self) -> I64:
        """What the member pays in all."""
        return (
            self.supply - self.surplus + self.self_consumption + self.internal
            - self.flexibility + self.shortfall + self.correction
        )  # fmt: skip

    @property
    def by_community(self) -> I64:
        """What of it the community bills: all but supply and surplus, which are the retailer's."""
        return np.asarray(self.net - self.supply + self.surplus)


def settle(
    given_mwh: I64, consumption_mwh: I64, allocated_mwh: I64, terms: Terms, flexibility: "Flexibility | None" = None
) -> Settled:
    """Settle periods whose energies stand.

    Args:
        given_mwh: what each member gave to the community, whole mWh, (n, T).
        consumption_mwh: what each took at its meter, likewise.
        allocated_mwh: by coefficients, likewise; in every period as much as was given.
        terms: prices.
        flexibility: what was earned, delivered and promised, if any.

    Raises:
        ValueError: in some period more or less was allocated than given.
    """
    off = allocated_mwh.sum(axis=0) - given_mwh.sum(axis=0)
    if off.any():
        first = int(np.argmax(off != 0))
        msg = f"period {first}: {allocated_mwh[:, first].sum() / PER_KWH:g} kWh are allocated, {given_mwh[:, first].sum() / PER_KWH:g} were given"
        raise ValueError(msg)
    used = np.minimum(allocated_mwh, consumption_mwh)
    supply, surplus = (consumption_mwh - used) * terms.buy_eur_per_kwh, (allocated_mwh - used) * terms.sell_eur_per_kwh
    moved = (allocated_mwh - given_mwh) * terms.internal_eur_per_kwh
    earned = np.zeros(len(used)) if flexibility is None else flexibility.earned_eur()
    owed = np.zeros(len(used)) if flexibility is None else flexibility.missing_kwh * terms.missing_eur_per_kwh
    to_grid = used.sum(axis=1) * terms.share_eur_per_kwh / PER_KWH
    return Settled(
        supply=_cents(supply), surplus=_cents(surplus), self_consumption=whole_cents(to_grid), internal=_cents(moved),
        flexibility=whole_cents(earned), shortfall=whole_cents(owed), correction=np.zeros(len(used), np.int64),
    )  # fmt: skip


def _cents(mwh_eur_per_kwh: F64) -> I64:
    return whole_cents(mwh_eur_per_kwh.sum(axis=1) / PER_KWH)


@dataclass(frozen=True, eq=False)
class Flexibility:
    """What all earned together [EUR], and of each member what it delivered of its part, and what is missing of it, (n,) [kWh]."""

    total_eur: float
    delivered_kwh: F64
    missing_kwh: F64

    def earned_eur(self) -> F64:
        """Cut by what each delivered; where nobody did, a penalty by what each is missing."""
        weight = self.delivered_kwh if self.delivered_kwh.any() else self.missing_kwh
        total = float(weight.sum())
        return np.zeros_like(weight) if total <= 0.0 else np.asarray(self.total_eur * weight / total)


def whole_cents(eur: ArrayLike) -> I64:
    """Amounts in cents, cut by largest remainder: their sum is the rounded sum, so that what sums to zero still does."""
    cents = np.asarray(eur, np.float64) * 100.0
    low = np.floor(cents + 1e-9).astype(np.int64)
    rest = np.maximum(cents - low, 0.0)
    missing = round(float(cents.sum())) - int(low.sum())
    low[np.argsort(-rest, kind="stable")[:missing]] += 1
    return low


def corrected(settled: Settled, alone_cents: I64) -> Settled:
    """With the second stage: nobody pays more than alone, in whole cents (see ``two_stage``).

    Raises:
        ValueError: together members pay more inside than alone.
    """
    net = settled.net - settled.correction
    lacking = int((net - alone_cents).sum())
    if lacking > 0:
        msg = f"together members pay {lacking / 100:.2f} EUR more inside than alone; no sharing keeps everybody from paying more"
        raise ValueError(msg)
    gain, loss = np.maximum(alone_cents - net, 0), np.maximum(net - alone_cents, 0)
    if not loss.any():
        return settled
    return Settled(
        settled.supply, settled.surplus, settled.self_consumption, settled.internal, settled.flexibility, settled.shortfall,
        correction=split(int(loss.sum()), gain) - loss,
    )  # fmt: skip
