"""Settlement of balancing services by a TSO: what each seller delivered and earns, and whose imbalance the rest is (SUC05.2 step 1.13).

What differs from all that was due of a seller is shared by the power held. Behind every seller stands a balance responsible party. Its position is the declared
baseline, adjusted by what was *due* of the activation, so that what was called is no imbalance of it; the value of the energy that was sold in its name is
handed on to it by the seller, which also bears at the imbalance price what was due and not given. How the assets strayed otherwise is the party's own
(Regulation (EU) 2017/2195, articles 49, 54, 55). Everybody else in the area answers for the imbalance that the control room sees.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from agents.balancing_dispatch import Dispatch
from agents.balancing_terms import TsoTerms
from agents.payments import pay, pay_when_told
from data.arrays import F64
from environment.control_area import AreaView
from environment.instruments import MeterStore
from environment.messages.balancing import PRODUCTS, DeliveryReport, ProvisionSettlement
from environment.messages.delivery import ImbalanceStatement
from environment.party import Party, Process
from environment.units import MS_PER_H
from markets.balancing.imbalance import activation_prices, settle
from markets.balancing.reserve_delivery import Delivery, delivery
from markets.balancing.reserve_delivery import pay as pay_of
from markets.ledger import cents

PLATFORM = "flexibility-market-platform"
SIGN = dict(zip(PRODUCTS, (0.0, 1.0, -1.0, 1.0, -1.0), strict=True))


class Settlement:
    """The accounts of one TSO, a day at a time.

    Args:
        party: the operator.
        terms: how it works.
        dispatch: what was held and called.
        area: what its control room has seen.
        meters: stores that the meters of all sellers are in.
        baselines: seller -> start of an interval -> net load declared for it.
    """

    def __init__(
        self, party: Party, terms: TsoTerms, dispatch: Dispatch, area: AreaView, meters: Sequence[MeterStore],
        baselines: dict[str, dict[int, float]],
    ) -> None:  # fmt: skip
        self._party, self._terms, self._dispatch, self._area = party, terms, dispatch, area
        self._meters, self._baselines = meters, baselines
        self._hours = terms.step_ms / MS_PER_H
        self._times: Any = np.zeros(0, np.int64)
        self._held: dict[str, dict[str, F64]] = {}
        self._due: dict[str, dict[str, F64]] = {}
        self._price: dict[str, dict[str, F64]] = {}
        self._value = self._imbalance_price = np.zeros(0)

    def sellers(self, start_ms: int, end_ms: int) -> list[str]:
        """Who held something on a day."""
        return sorted({one.seller for one in self._dispatch.reserves if start_ms <= one.from_ms < end_ms})

    def begin_day(self, start_ms: int, end_ms: int) -> None:
        """What was held and due of everybody on a day, and what imbalances cost."""
        self._times = np.arange(start_ms, end_ms, self._terms.step_ms)
        steps = self._area_steps()
        self._value = self._terms.value_eur_per_kwh[steps]
        for seller in self.sellers(start_ms, end_ms):
            held = {
                one: np.array([self._dispatch.held_kw(seller, one, int(t)) for t in self._times]) for one in PRODUCTS
            }
            due, price = {"fcr": held["fcr"] * self._area.droop_share[steps]}, {"fcr": np.zeros(len(self._times))}
            for product in PRODUCTS[1:]:
                of = self._dispatch.followed if product.startswith("afrr") else self._dispatch.blocks
                power, price[product] = of(seller, product, start_ms, end_ms, self._terms.step_ms)
                due[product] = SIGN[product] * power
            self._held[seller], self._due[seller], self._price[seller] = held, due, price
        called = [(self._due[one][name], self._price[one][name]) for one in self._due for name in PRODUCTS[1:]]
        change, premium = (np.array(part) for part in zip(*called, strict=True)) if called else np.zeros((2, 1, 1))
        self._imbalance_price = activation_prices(change, premium, self._value)

    def _area_steps(self) -> slice:
        return self._meters[0].timeline.steps(int(self._times[0]), int(self._times[-1]) + self._terms.step_ms)

    def _metered(self, seller: str) -> F64:
        """Net load of all assets behind a seller, (steps,)."""
        names = [f"{name}/assets" for name in self._terms.members[seller]]
        store = next(one for one in self._meters if names[0] in one)
        return np.asarray(
            store.read(names, int(self._times[0]), int(self._times[-1]) + self._terms.step_ms).sum(axis=0)
        )

    def settle(self, seller: str, report: DeliveryReport, talk: str) -> None:
        """Settle a seller's day, product by product, and the imbalance behind it."""
        metered, declared = self._metered(seller), self._baselines.get(seller, {})
        baseline = np.array([declared.get(int(t), float(kw)) for t, kw in zip(self._times, metered, strict=True)])
        held, due = self._held[seller], self._due[seller]
        total = np.sum(list(held.values()), axis=0)
        error = (baseline - metered) - np.sum(list(due.values()), axis=0)
        value_cents, given = 0, np.zeros(len(self._times))
        for product in PRODUCTS:
            share = np.divide(held[product], total, out=np.zeros(len(self._times)), where=total > 0.0)
            tolerance = self._terms.tolerances[product].share
            found = delivery(
                due[product] + share * error, np.zeros(len(self._times)), due[product], held[product], tolerance
            )
            value_cents += self._settle_product(seller, product, found, talk)
            given = given + found.given_kw
        self._party.register("reserve_reports").add(
            seller=seller, t_ms=self._times, baseline_kw=baseline, metered_kw=metered, reported_kw=report.delivered_kw,
            measured_kw=baseline - metered,
        )  # fmt: skip
        adjusted = np.sum(list(due.values()), axis=0) * self._hours
        undelivered = settle(given * self._hours, np.zeros(len(given)), adjusted, self._imbalance_price).paid_eur.sum()
        self._state(
            self._terms.responsible[seller], seller, -metered * self._hours, -baseline * self._hours, adjusted,
            cents(float(undelivered)), value_cents,
        )  # fmt: skip

    def _settle_product(self, seller: str, product: str, found: Delivery, talk: str) -> int:
        """Tell what a product is settled at and pay it; gives the value of its energy [cents]."""
        party, times, held = self._party, self._times, self._held[seller][product]
        capacity = np.array([
            sum(one.kw * one.capacity_eur_per_kw_h for one in self._dispatch.reserves if one.seller == seller and one.product == product and one.holds(t))
            for t in times.tolist()
        ])  # fmt: skip
        price = np.divide(capacity, held, out=np.zeros(len(held)), where=held > 0.0)
        tolerance = self._terms.tolerances[product]
        money = pay_of(found, held, self._hours, price, self._price[seller][product], tolerance, self._value)
        party.register("reserve_deliveries").add(
            day_ms=int(times[0]), seller=seller, product=product, t_ms=times, held_kw=held, due_kw=found.due_kw, delivered_kw=found.delivered_kw,
            missing_kw=found.missing_kw, capacity_eur=money.capacity_eur, energy_eur=money.energy_eur, penalty_eur=money.penalty_eur,
            value_eur=money.value_eur,
        )  # fmt: skip
        value = cents(float(money.value_eur.sum()))
        net = cents(float((money.net_eur - money.value_eur).sum())) + value
        settled = ProvisionSettlement(
            seller=seller, product=product, from_ms=int(times[0]), capacity_eur=float(money.capacity_eur.sum()),
            energy_eur=float(money.energy_eur.sum()), penalty_eur=float(money.penalty_eur.sum()), value_eur=value / 100.0, net_eur=net / 100.0,
        )  # fmt: skip
        sent = party.send(settled, self._terms.sellers[seller], talk, system=PLATFORM)
        if net > 0:
            paid = pay_when_told(party, sent, np.array([seller], object), np.array([net / 100.0]), f"reserve {product}")
            party.start(paid)
        return value

    def settle_others(self, seen_ms: Sequence[int], imbalance_kw: Sequence[float]) -> None:
        """The imbalance of everybody else in the area, as the control room saw it in each interval of the day."""
        place = (np.array(seen_ms, np.int64) - int(self._times[0])) // self._terms.step_ms
        inside = (place >= 0) & (place < len(self._times))
        count, total = (
            np.bincount(place[inside], weights, minlength=len(self._times))
            for weights in (None, np.array(imbalance_kw)[inside])
        )
        none = np.zeros(len(self._times))
        self._state(
            self._terms.others, self._terms.others, total / np.maximum(count, 1) * self._hours, none, none, 0, 0
        )

    def _state(
        self, party: str, seller: str, allocated: F64, position: F64, adjustment: F64, undelivered_cents: int, value_cents: int
    ) -> None:  # fmt: skip
        """Tell a balance responsible party of its imbalance, in whole cents; the operator pays where it owes."""
        day_ms, price = int(self._times[0]), self._imbalance_price
        found = settle(allocated, position, adjustment, price)
        owed = cents(float(found.paid_eur.sum()))
        self._party.register("reserve_imbalances").add(
            party=party, seller=seller, t_ms=self._times, allocated_kwh=allocated, position_kwh=position, adjustment_kwh=adjustment,
            imbalance_kwh=found.imbalance_kwh, price_eur_per_kwh=price, paid_eur=found.paid_eur,
        )  # fmt: skip
        statement = ImbalanceStatement(
            settlement=f"reserves/{seller}/{day_ms}", party=party, bsp=seller, from_ms=day_ms, step_s=self._terms.step_ms / 1000.0,
            allocated_kwh=allocated, position_kwh=position, adjustment_kwh=adjustment, price_eur_per_kwh=price, eur=owed / 100.0,
            undelivered_eur=undelivered_cents / 100.0, transfer_eur=value_cents / 100.0,
        )  # fmt: skip
        self._party.start(self._tell(statement))

    def _tell(self, statement: ImbalanceStatement) -> Process:
        party = self._party
        sent = party.send(statement, statement.party, f"imbalance:{statement.settlement}")
        outcome = yield party.confirm(sent)
        if outcome.acknowledged:
            pay(party, party.name, statement.party, max(-statement.eur, 0.0), "imbalance", sent.batch.ids[0])
