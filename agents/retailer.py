"""Retailer: sells energy to its homes, buys their surplus, and passes network tariff and taxes on (COUNTRIES 1)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agents.payments import pay_many
from data.arrays import F64
from environment.instruments import MeterStore
from environment.messages.base import Batch
from environment.messages.community_settlement import (
    AllocatedEnergies,
)
from environment.messages.settlement import Invoice, RetailBill
from environment.party import Party, Process, Seat, handles
from environment.units import MS_PER_DAY


@dataclass(frozen=True)
class Prices:
    """Prices of every step for the homes of one tariff, shape (steps,) each [EUR/kWh]: what a kWh costs by receiver, what surplus earns."""

    energy: F64
    network: F64
    taxes: F64
    surplus: F64


@dataclass(frozen=True)
class FixedCharges:
    """What a connection costs every day whatever it takes, by receiver, shape (homes,) each [EUR/day], taxes on it in ``taxes``."""

    energy: F64
    network: F64
    taxes: F64


@dataclass(frozen=True)
class RetailTerms:
    """What the retailer is told.

    Attributes:
        customers: names of the homes.
        meters: their metering points.
        tariff: name of each home's tariff.
        prices: by tariff, on the meters' timeline.
        fixed: charges per day of each home.
        days_ms: (start, end) of the days that are billed.
        bill_after_ms: how long after a day its bills go out.
        dso: role address of the DSO, of each customer or one for all.
        state: role address of the state.
    """

    customers: Sequence[str]
    meters: Sequence[str]
    tariff: Sequence[str]
    prices: Mapping[str, Prices]
    fixed: FixedCharges
    days_ms: Sequence[tuple[int, int]]
    bill_after_ms: int
    dso: str | Sequence[str]
    state: str

    @property
    def operators(self) -> Sequence[str]:
        """Role address of each customer's DSO."""
        return [self.dso] * len(self.customers) if isinstance(self.dso, str) else self.dso


class Retailer(Party):
    """Bills each home for each day, from its certified meter."""

    def __init__(self, seat: Seat, meters: MeterStore, terms: RetailTerms) -> None:
        super().__init__(seat)
        self._meters = meters
        self._terms = terms
        self._allocated: dict[tuple[str, int], AllocatedEnergies] = {}

    def processes(self) -> Iterable[Process]:
        """One billing run a day."""
        return [self.bill(start_ms, end_ms) for start_ms, end_ms in self._terms.days_ms]

    def bill(self, from_ms: int, to_ms: int) -> Process:
        """Send a bill to every home; pass on what is the DSO's and the state's."""
        yield self.until(to_ms + self._terms.bill_after_ms)
        if not self._terms.customers:
            return
        columns = self._bills(from_ms, to_ms)
        receiver = self.numbers(self._terms.customers)
        sender = self.numbers([self.name])
        bills = self.send_batch(RetailBill, columns, sender, receiver, f"billing:{self.name}:{from_ms}")
        yield self.confirm(bills)
        homes, own = np.array(self._terms.customers, object), np.array([self.name] * len(receiver), object)
        pay_many(self, own, homes, columns["surplus_eur"], "surplus", bills.batch.ids)
        owed = [("network", one, [one == other for other in self._terms.operators]) for one in self._dsos()]
        for name, creditor, rows in (*owed, ("taxes", self._terms.state, [True] * len(homes))):
            total = round(float(columns[f"{name}_eur"][np.array(rows, bool)].sum()), 2)
            invoice = Invoice(invoice=f"{self.name}/{name}/{from_ms}" + self._apart(name, creditor), debtor=self.name,
                              creditor=creditor, purpose=name, eur=total)  # fmt: skip
            self.send(invoice, [creditor, self.name], f"billing:{self.name}:{from_ms}")

    def _dsos(self) -> list[str]:
        return sorted(set(self._terms.operators))

    def _apart(self, name: str, creditor: str) -> str:
        """What tells the invoices of several operators apart."""
        return f"/{creditor}" if name == "network" and len(self._dsos()) > 1 else ""

    def _bills(self, from_ms: int, to_ms: int) -> dict[str, F64]:
        """Columns of the bills, amounts due in whole cents: what was taken, and the fixed charges of the time billed."""
        steps = self._meters.timeline.steps(from_ms, to_ms)
        taken, fed = self._energies(from_ms, to_ms)
        n = len(taken)
        columns: dict[str, F64] = {
            "from_ms": np.full(n, from_ms, np.int64), "to_ms": np.full(n, to_ms, np.int64),
            "import_kwh": taken.sum(axis=1), "export_kwh": fed.sum(axis=1),
        }  # fmt: skip
        days = (
            to_ms - from_ms
        ) / MS_PER_DAY  # by time, so that the days of 23 and 25 hours of a year add up to its charge
        fixed = {part: getattr(self._terms.fixed, part) * days for part in ("energy", "network", "taxes")}
        for part, charge in fixed.items():
            columns[f"{part}_eur"] = _cents((taken * self._price(part, steps)).sum(axis=1) + charge)
        columns["fixed_eur"] = np.sum(list(fixed.values()), axis=0)
        columns["surplus_eur"] = _cents((fed * self._price("surplus", steps)).sum(axis=1))
        return columns

    def _energies(self, from_ms: int, to_ms: int) -> tuple[F64, F64]:
        """What was supplied to each home and what surplus it had, (homes, steps) [kWh]: by the meter, of members of a community as allocated."""
        kwh = self._meters.read(self._terms.meters, from_ms, to_ms) * self._meters.timeline.hours
        taken, fed = np.maximum(kwh, 0.0), np.maximum(-kwh, 0.0)
        for row, customer in enumerate(self._terms.customers):
            allocated = self._allocated.get((customer, from_ms))
            if allocated is not None:
                taken[row], fed[row] = allocated.supplied_kwh, allocated.surplus_kwh
        return taken, fed

    @handles(AllocatedEnergies)
    def keep_energies(self, batch: Batch[AllocatedEnergies]) -> None:
        """What the DSO has validated of members of a community is billed in place of the meter; it must have come before the bill."""
        for record in batch.records():
            if record.valid:
                self._allocated[record.member, record.from_ms] = record

    def _price(self, part: str, steps: slice) -> F64:
        """Prices of every home and step, shape (homes, steps)."""
        by_tariff = {name: getattr(prices, part)[steps] for name, prices in self._terms.prices.items()}
        return np.array([by_tariff[name] for name in self._terms.tariff])

    @handles(Invoice)
    def pay_invoice(self, batch: Batch[Invoice]) -> None:
        """Pay what is owed to the DSO and the state (the retailer's own copy of the invoice is the one it cites)."""
        for record, message in zip(batch.records(), batch.ids, strict=True):
            debtor, creditor = (np.array([value], object) for value in (record.debtor, record.creditor))
            pay_many(self, debtor, creditor, np.array([record.eur]), record.purpose, np.array([message], np.uint64))


def _cents(eur: F64) -> F64:
    return np.rint(eur * 100.0) / 100.0
