r"""Settlement of a community (Settl-1 to Settl-4): from energies by coefficients to what each member pays and is paid.

Of each member over the settlement periods, with its retailer's prices :math:`b, s`, the grid tariff :math:`g` of shared energy and the
internal price :math:`\lambda`:

* Settl-1 supply :math:`\sum b\,SUP`, to its retailer
* Settl-2 surplus :math:`\sum s\,SUR`, from its retailer
* Settl-3 self-consumption tariff :math:`\sum g\,SC`, to the grid operator
* Settl-4 internal transactions :math:`\sum \lambda (A - own)`: what it was allocated beyond what it gave, from or to the other members

and what flexibility earned, by what each delivered of its part, less compensation for what it did not. Internal transactions sum to zero in
every period, because what is allocated is what was given. Amounts become whole cents once, when they are billed (``billed_cents``), by
largest remainder over the members, so that they still do.

Source: SUC02.1 (settlement, compensation of activated assets).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64
from markets.allocation.energies import PER_KWH
from markets.community.two_stage import two_stage
from markets.ledger import CENTS_PER_EUR

BILLED: Mapping[str, int] = {"grid_eur": 1, "internal_eur": 1, "shortfall_eur": 1, "flexibility_eur": -1}
"""What the community bills, with its sign; supply and surplus are the retailer's."""


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
    """What a settlement comes to for each member, (n,) each [kWh, EUR]; positive as the name says (internal: the member pays).

    ``bought_eur`` is what of the internal transactions its purchases cost; ``alone_eur`` what the same energies would have cost outside.
    """

    bought_kwh: F64
    sold_kwh: F64
    self_consumed_kwh: F64
    supplied_kwh: F64
    surplus_kwh: F64
    supply_eur: F64
    surplus_eur: F64
    grid_eur: F64
    internal_eur: F64
    flexibility_eur: F64
    shortfall_eur: F64
    alone_eur: F64
    bought_eur: F64

    @property
    def energy_eur(self) -> F64:
        """What the member pays for energy, to retailer, grid operator and other members."""
        return self.supply_eur - self.surplus_eur + self.grid_eur + self.internal_eur

    @property
    def inside_eur(self) -> F64:
        """What the member pays in all, fixed charges apart."""
        return self.energy_eur - self.flexibility_eur + self.shortfall_eur


@dataclass(frozen=True, eq=False)
class Flexibility:
    """What all earned together [EUR], and of each member what it delivered of its part, and what is missing of it, (n,) [kWh]."""

    total_eur: float
    delivered_kwh: F64
    missing_kwh: F64

    @classmethod
    def of(cls, total_eur: float, given_kwh: F64, committed_kwh: F64) -> "Flexibility":
        """From what members gave and had committed, (n, T); up is positive. Nobody delivers more than its part, or the other way."""
        toward = np.clip(given_kwh * np.sign(committed_kwh), 0.0, np.abs(committed_kwh))
        return cls(total_eur, toward.sum(axis=1), (np.abs(committed_kwh) - toward).sum(axis=1))

    def earned_eur(self) -> F64:
        """What is earned is cut by what each delivered, a penalty (and what nobody delivered) by what each is missing."""
        weight = self.delivered_kwh if self.total_eur >= 0.0 and self.delivered_kwh.any() else self.missing_kwh
        total = sum(weight.tolist())
        return np.zeros_like(weight) if total <= 0.0 else np.asarray(self.total_eur * weight / total)


def settle(
    given_mwh: I64, consumption_mwh: I64, allocated_mwh: I64, terms: Terms, flexibility: Flexibility | None = None
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
    used_mwh = np.minimum(allocated_mwh, consumption_mwh)
    given, taken, used = given_mwh / PER_KWH, consumption_mwh / PER_KWH, used_mwh / PER_KWH
    supplied, surplus = (consumption_mwh - used_mwh) / PER_KWH, (allocated_mwh - used_mwh) / PER_KWH
    moved = allocated_mwh / PER_KWH - given
    bought = np.maximum(moved, 0.0)
    buy, sell, price = terms.buy_eur_per_kwh, terms.sell_eur_per_kwh, terms.internal_eur_per_kwh
    nothing = np.zeros(len(used))
    return Settled(
        bought_kwh=bought.sum(axis=1), sold_kwh=np.maximum(-moved, 0.0).sum(axis=1), self_consumed_kwh=used.sum(axis=1),
        supplied_kwh=supplied.sum(axis=1), surplus_kwh=surplus.sum(axis=1),
        supply_eur=(supplied * buy).sum(axis=1), surplus_eur=(surplus * sell).sum(axis=1),
        grid_eur=used.sum(axis=1) * terms.share_eur_per_kwh, internal_eur=(moved * price).sum(axis=1),
        flexibility_eur=nothing if flexibility is None else flexibility.earned_eur(),
        shortfall_eur=nothing if flexibility is None else flexibility.missing_kwh * terms.missing_eur_per_kwh,
        alone_eur=(taken * buy - given * sell).sum(axis=1), bought_eur=(bought * price).sum(axis=1),
    )  # fmt: skip


def corrected(settled: Settled) -> Settled:
    """Nobody pays more for energy than alone: the second stage of sharing (``two_stage``), among internal transactions.

    Where all together pay more than alone (members took part in what the grid asked for), there is nothing to give; it stays as it is.
    """
    alone, inside = settled.alone_eur, settled.energy_eur
    if inside.sum() > alone.sum():
        return settled
    return replace(settled, internal_eur=settled.internal_eur + (two_stage(alone, inside) - inside))


def whole_cents(eur: ArrayLike) -> I64:
    """Amounts in cents, cut by largest remainder: their sum is the rounded sum, so that what sums to zero still does."""
    cents = np.asarray(eur, np.float64) * CENTS_PER_EUR
    low = np.floor(cents + 1e-9).astype(np.int64)
    rest = np.maximum(cents - low, 0.0)
    missing = round(float(cents.sum())) - int(low.sum())
    low[np.argsort(-rest, kind="stable")[:missing]] += 1
    return low


def billed_cents(amounts_eur: Mapping[str, ArrayLike]) -> tuple[dict[str, I64], I64]:
    """The parts of ``BILLED`` of all members in whole cents, and what each owes the community in all, (n,); negative: it is owed."""
    parts = {name: whole_cents(amounts_eur[name]) for name in BILLED}
    return parts, np.asarray(sum(sign * parts[name] for name, sign in BILLED.items()))
