r"""The linear programme of a community's sizing.

Choose capacities and operation together, with perfect information, over representative days of weight :math:`w`:

.. math::
    \min \sum_t w_t h \big( \sum_g (b_{g,t} B_{g,t} - s_{g,t} S_{g,t} + c_{g,t} P_{g,t}) + \sum_k v_k d_{k,t} \big)
         + \sum_k a_k u_k + \sum_i x_i X_i

with for each group of nodes :math:`g` of equal prices what it buys (:math:`B`) and sells (:math:`S`) at retailers and what it buys
(:math:`P`) and sells (:math:`Q`) inside, units built :math:`u`, contracted power added :math:`X`, subject to

* at each meter: taken - fed in = load - generation + curtailed + charging - discharging + more - less;
* in each group: all that is taken is B + P, all that is fed in is S + Q; in the community the sum of P is the sum of Q;
* batteries :math:`e_t = e_{t-1} + \eta_c c h - d h / \eta_d`, within their usable capacity, charging and discharging together within their
  power; each representative day ends with the content it began with, which is free;
* controls as in ``sizing_problem.Store``, scaled by the share of the control that is built;
* power at a meter within what is contracted, which can be had more of.

Of solutions of equal cost one is taken (law 14): operation and units have a tie cost of about 1e-5 EUR a kWh, drawn from names, in the
objective only; no cost that is told contains it.

Sources: SUC01.1 (sizing by simulated operation with perfect information); formulation after the literature on the sizing of energy
communities (annuities of DER, state of charge reset at the end of each representative day).
"""

import numpy as np

from agents.strategies.sizing_problem import Accounts, Plant, Problem
from data.arrays import F64, I64
from environment.chance import Chance, name_hashes
from markets.programme import Programme

TIE_EUR_PER_KWH = 1e-5
TIE_EUR_PER_UNIT = 1e-3
_DRAWS = Chance(0).stream("sizing.tie")


class Model:
    """Columns and rows of one problem.

    Attributes:
        bought, sold, inside_bought, inside_sold: columns of each group and step, shape (G, T).
        taken, fed: columns of each node and step, shape (n, T).
        extra: columns of contracted power added, shape (n,).
        units: columns of units built, shape (plants,).
        most_units: how many may be built, shape (plants,).
        operation: plant -> its columns (charge, discharge, content; or more, less, deviation).
        curtailed: node -> columns of what is curtailed there.
        market: rows of the trade inside, shape (T,), empty without sharing.
        cost_row, carbon_row, use_row: rows that only add up cost, emissions, and own use (less what is bought from retailers).
        account_rows: rows of the money of each account.
        chosen_row: row that adds up the money of the chosen accounts; None without any.
    """

    def __init__(self, problem: Problem, accounts: Accounts | None = None) -> None:
        self.problem = problem
        self.accounts = accounts
        self.programme = Programme()
        self.operation: dict[int, tuple[I64, I64, I64]] = {}
        self.curtailed: dict[int, I64] = {}
        self._trade()
        self._meters()
        self._units()
        for number, plant in enumerate(problem.plants):
            if plant.kind != "pv" and plant.existing + plant.most_units > 0.0:
                (self._battery if plant.kind == "battery" else self._control)(number, plant)
        self._generation()
        self._contracts()
        if len(problem.prices.buy) > 1 and problem.sharing:
            self._feeding()
        self._sums()
        self.chosen_row: int | None = None
        self.account_rows = np.zeros(0, np.int64)
        if accounts is not None:
            self._money(accounts)

    def _tied(self, *names: str) -> F64:
        """Tie cost of each step of some things, shape (names, T): of their names and the step alone."""
        days = self.problem.days
        share = _DRAWS.uniform(name_hashes(names)[:, None], np.arange(days.n)[None, :])
        return np.asarray(TIE_EUR_PER_KWH * (1.0 + share) * days.step_hours)

    def _trade(self) -> None:
        one = self.problem
        hours, shape = one.days.step_hours, one.prices.buy.shape
        most = np.inf if one.sharing else 0.0
        self.bought = self.programme.columns(shape, cost=one.prices.buy * hours)
        self.sold = self.programme.columns(shape, cost=-one.prices.sell * hours)
        self.inside_bought = self.programme.columns(shape, 0.0, most, one.prices.inside * hours)
        self.inside_sold = self.programme.columns(shape, high=most)

    def _meters(self) -> None:
        one, put = self.problem, self.programme.put
        shape = one.load_kw.shape
        to_be_had = np.isfinite(one.extra_eur_per_kw)
        most = self.most_kw = np.where(to_be_had, np.inf, one.contracted_kw)[:, None]
        ties = (self._tied(*(f"{name}/{what}" for name in one.names)) for what in ("taken", "fed"))
        self.taken, self.fed = (self.programme.columns(shape, 0.0, most, tie=tie) for tie in ties)
        self.extra = self.programme.columns(
            (one.n,),
            0.0,
            np.where(to_be_had, np.inf, 0.0),
            np.where(to_be_had, one.extra_eur_per_kw, 0.0),
            TIE_EUR_PER_UNIT,
        )
        self.balance = self.programme.rows(shape, one.load_kw, one.load_kw)
        put(self.balance, self.taken, 1.0)
        put(self.balance, self.fed, -1.0)
        for nodes, retail, inside in (
            (self.taken, self.bought, self.inside_bought),
            (self.fed, self.sold, self.inside_sold),
        ):
            rows = self.programme.rows(retail.shape, 0.0, 0.0)
            put(rows[one.group], nodes, 1.0)
            put(rows, retail, -1.0)
            put(rows, inside, -1.0)
        self.market = self.programme.rows((one.days.n if one.sharing else 0,), 0.0, 0.0)
        if one.sharing:
            put(self.market[None, :], self.inside_bought, 1.0)
            put(self.market[None, :], self.inside_sold, -1.0)

    def _units(self) -> None:
        plants = self.problem.plants
        owners = name_hashes([plant.name for plant in plants])
        tie = TIE_EUR_PER_UNIT * (1.0 + np.asarray(_DRAWS.uniform(owners, self.problem.days.n)))
        self.most_units = np.array([plant.most_units for plant in plants])
        self.units = self.programme.columns(
            (len(plants),),
            0.0,
            self.most_units,
            np.array([plant.unit_eur_per_year for plant in plants]),
            tie if plants else 0.0,
        )
        for pool, most in sorted(self.problem.pools.items()):
            members = [number for number, plant in enumerate(plants) if plant.pool == pool]
            if members:
                row = self.programme.rows((1,), -np.inf, most)
                self.programme.put(row, self.units[members], [plants[number].unit for number in members])

    def _scaled(self, number: int, most: F64) -> I64:
        """Rows "something at most so much a unit of capacity, times the capacity" without the something."""
        plant = self.problem.plants[number]
        rows = self.programme.rows(most.shape, -np.inf, most * plant.existing)
        self.programme.put(rows, self.units[number], -most * plant.unit)
        return rows

    def _battery(self, number: int, plant: Plant) -> None:
        kind, days, put = plant.battery, self.problem.days, self.programme.put
        if kind is None:
            msg = f"{plant.name}: a battery without technology"
            raise ValueError(msg)
        ties = self._tied(f"{plant.name}/charge", f"{plant.name}/discharge")
        charge = self.programme.columns((days.n,), tie=ties[0])
        discharge = self.programme.columns((days.n,), cost=kind.wear_eur_per_kwh * days.step_hours, tie=ties[1])
        content = self.programme.columns((days.n,))
        put(self.balance[plant.node], charge, -1.0)
        put(self.balance[plant.node], discharge, 1.0)
        power = self._scaled(number, np.full(days.n, kind.kw_per_kwh))
        put(power, charge, 1.0)
        put(power, discharge, 1.0)
        put(self._scaled(number, np.full(days.n, kind.usable_share)), content, 1.0)
        course = self._course(content, 1.0)
        put(course, charge, -kind.charge_efficiency * days.hours)
        put(course, discharge, days.hours / kind.discharge_efficiency)
        self.operation[number] = (charge, discharge, content)

    def _course(self, content: I64, keep: float) -> I64:
        """Rows "content less what is kept of the content before", around the clock of each day."""
        days = self.problem.days
        rows = self.programme.rows((days.n,), 0.0, 0.0)
        self.programme.put(rows, content, 1.0)
        self.programme.put(rows, content[days.before()], -keep)
        return rows

    def _control(self, number: int, plant: Plant) -> None:
        store, days, put = plant.store, self.problem.days, self.programme.put
        if store is None:
            msg = f"{plant.name}: a control without store"
            raise ValueError(msg)
        ties = self._tied(f"{plant.name}/more", f"{plant.name}/less")
        more, less = (self.programme.columns((days.n,), tie=tie) for tie in ties)
        content = self.programme.columns((days.n,), low=-np.inf)
        put(self.balance[plant.node], more, -1.0)
        put(self.balance[plant.node], less, 1.0)
        put(self._scaled(number, store.more_kw), more, 1.0)
        put(self._scaled(number, store.less_kw), less, 1.0)
        put(self._scaled(number, store.high_kwh), content, 1.0)
        put(self._scaled(number, -store.low_kwh), content, -1.0)
        course = self._course(content, store.keep)
        put(course, more, -store.gain * days.hours)
        put(course, less, store.gain * days.hours)
        self.operation[number] = (more, less, content)

    def _generation(self) -> None:
        """Generation at each node less what is curtailed of it.

        To curtail more than is generated would throw away energy that costs something; the optimum does not.
        """
        put = self.programme.put
        for number, plant in enumerate(self.problem.plants):
            if plant.kind != "pv" or plant.existing + plant.most_units <= 0.0:
                continue
            put(self.balance[plant.node], self.units[number], yield_of(plant) * plant.unit)
            self.programme.shift(self.balance[plant.node], yield_of(plant) * plant.existing)
            if plant.node not in self.curtailed:
                tie = self._tied(f"{self.problem.names[plant.node]}/curtailed")[0]
                self.curtailed[plant.node] = self.programme.columns((self.problem.days.n,), tie=tie)
                put(self.balance[plant.node], self.curtailed[plant.node], -1.0)

    def _contracts(self) -> None:
        """Contracted power at the meters that can have more of it; elsewhere it is a bound."""
        one = self.problem
        nodes = np.flatnonzero(np.isfinite(one.extra_eur_per_kw))
        for column in (self.taken, self.fed):
            rows = self.programme.rows((len(nodes), one.days.n), -np.inf, one.contracted_kw[nodes, None])
            self.programme.put(rows, column[nodes], 1.0)
            self.programme.put(rows, self.extra[nodes, None], -1.0)

    def _feeding(self) -> None:
        """Only what is generated or discharged at a node is fed in: nobody resells what a retailer delivers."""
        one, put = self.problem, self.programme.put
        for node in range(one.n):
            plants = [
                k
                for k, plant in enumerate(one.plants)
                if plant.node == node and plant.existing + plant.most_units > 0.0
            ]
            rows = self.programme.rows((one.days.n,), 0.0, np.inf)
            put(rows, self.fed[node], -1.0)
            if node in self.curtailed:
                put(rows, self.curtailed[node], -1.0)
            for number in plants:
                plant = one.plants[number]
                if plant.kind == "pv":
                    put(rows, self.units[number], yield_of(plant) * plant.unit)
                    self.programme.shift(rows, yield_of(plant) * plant.existing)
                elif plant.kind == "battery":
                    put(rows, self.operation[number][1], 1.0)

    def _sums(self) -> None:
        one, hours, put = self.problem, self.problem.days.step_hours, self.programme.put
        cost = self.programme.cost
        self.cost_row, self.carbon_row, self.use_row = (int(row) for row in self.programme.rows((3,), -np.inf, np.inf))
        put(self.cost_row, np.flatnonzero(cost), cost[np.flatnonzero(cost)])
        put(self.carbon_row, self.bought, one.co2_kg_per_kwh * hours)
        put(self.carbon_row, self.units, np.array([plant.unit_kg_per_year for plant in one.plants]))
        put(self.use_row, self.bought, -hours)  # of a given consumption what is not bought is one's own

    def _money(self, accounts: Accounts) -> None:
        one, hours, put = self.problem, self.problem.days.step_hours, self.programme.put
        self.account_rows = self.programme.rows((len(accounts.names),), -np.inf, accounts.most_eur)
        extra = np.where(np.isfinite(one.extra_eur_per_kw), one.extra_eur_per_kw, 0.0)
        if accounts.chosen.any():
            self.chosen_row = int(self.programme.rows((1,), -np.inf, np.inf)[0])
        for row, number in self._targets(accounts):
            shares, parts = accounts.node_share[number], accounts.plant_share[number]
            for node in np.flatnonzero(shares):
                share = shares[node] * hours
                put(row, self.bought[node], share * one.prices.buy[node])
                put(row, self.sold[node], -share * one.prices.sell[node])
                put(row, self.extra[node], shares[node] * extra[node])
            for which in np.flatnonzero(parts):
                plant = one.plants[which]
                put(row, self.units[which], parts[which] * plant.unit_eur_per_year)
                if plant.battery is not None and which in self.operation:
                    wear = plant.battery.wear_eur_per_kwh * hours
                    put(row, self.operation[int(which)][1], parts[which] * wear)
        put(*self.priced(accounts.price))

    def _targets(self, accounts: Accounts) -> list[tuple[int, int]]:
        """Rows and the account whose money each adds up: one of its own, and that of the chosen."""
        found = [(int(row), number) for number, row in enumerate(self.account_rows)]
        if self.chosen_row is not None:
            found += [(self.chosen_row, int(number)) for number in np.flatnonzero(accounts.chosen)]
        return found

    def priced(self, price: F64) -> tuple[I64, I64, F64]:
        """What trade inside adds to the money of accounts at an internal price, shape (T,): rows, columns, coefficients."""
        if self.accounts is None:
            msg = "without accounts an internal price is nobody's money"
            raise RuntimeError(msg)
        hours, parts = self.problem.days.step_hours, []
        borne: dict[tuple[int, int], float] = {}
        for row, number in self._targets(self.accounts):
            for node in np.flatnonzero(self.accounts.node_share[number]).tolist():
                borne[row, node] = borne.get((row, node), 0.0) + float(self.accounts.node_share[number, node])
        for (row, node), part in borne.items():
            share = part * hours
            rows = np.full(len(hours), row)
            parts.append((rows, self.inside_bought[node], share * (self.problem.prices.inside[node] + price)))
            parts.append((rows, self.inside_sold[node], -share * price))
        found = tuple(np.concatenate(one) for one in zip(*parts, strict=True))
        return found[0], found[1], found[2]


def yield_of(plant: Plant) -> F64:
    """Power per kWp of a pv plant, shape (T,)."""
    if plant.yield_kw is None:
        msg = f"{plant.name}: a pv plant without yield"
        raise ValueError(msg)
    return plant.yield_kw
