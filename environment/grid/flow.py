"""Result of power flows: voltages of T steps, and everything that follows from them, computed when first asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.arrays import C128, F64, I64, Bool
from environment.grid.admittance import Ports
from environment.grid.model import BASE_KW, BASE_MVA, Network

AT_ONCE = 1_500_000
"""Values of a table of steps and buses that are looked at together: what follows from voltages takes some twenty such tables."""


@dataclass(frozen=True, eq=False)
class Flow:
    """Power flows of T steps. Rows are steps, columns buses (n) or branches (m) of the network.

    De-energised buses have voltage 0 and their branches carry nothing. In a step without solution every value is NaN and ``converged``
    is False. Where the switching state changes between steps (:func:`joined`), ports and energised buses have a row for each step.

    Attributes:
        network: whose buses and branches the columns are.
        ports: two-ports of the branches in the switching state solved, shape (m,) each, or (T, m).
        v: complex voltages in per unit, shape (T, n).
        p_kw: net loads solved for, shape (T, n); q_kvar likewise.
        converged: which steps were solved, shape (T,).
        energised: which buses are connected to the slack, shape (n,) or (T, n).
    """

    network: Network
    ports: Ports
    v: C128
    p_kw: F64
    q_kvar: F64
    converged: Bool
    energised: Bool

    @cached_property
    def v_pu(self) -> F64:
        """Magnitude of the voltages, per unit, shape (T, n)."""
        return np.abs(self.v)

    @cached_property
    def _end_currents(self) -> tuple[C128, C128]:
        start = self.v[:, self.network.branches.from_bus]
        end = self.v[:, self.network.branches.to_bus]
        i_from, i_to = self.ports.ff * start, self.ports.tt * end
        i_from += np.multiply(self.ports.ft, end, out=end)  # in place: arrays of a month are large
        i_to += np.multiply(self.ports.tf, start, out=start)
        return i_from, i_to

    def _end_power(self, side: int) -> C128:
        ends = self.network.branches.from_bus, self.network.branches.to_bus
        power = self.v[:, ends[side]]
        power *= BASE_KW * np.conj(self._end_currents[side])
        return power

    @cached_property
    def _from_kva(self) -> C128:
        return self._end_power(0)

    @cached_property
    def _to_kva(self) -> C128:
        return self._end_power(1)

    @cached_property
    def i_from_ka(self) -> F64:
        """Current at the from side, shape (T, m)."""
        return np.abs(self._end_currents[0]) * ka_per_pu(self.network, self.network.branches.from_bus)

    @cached_property
    def i_to_ka(self) -> F64:
        """Current at the to side, shape (T, m)."""
        return np.abs(self._end_currents[1]) * ka_per_pu(self.network, self.network.branches.to_bus)

    @cached_property
    def i_ka(self) -> F64:
        """The larger of the two end currents of a line; of a transformer that of the high-voltage (from) side, shape (T, m)."""
        return np.where(self.network.branches.is_line, np.maximum(self.i_from_ka, self.i_to_ka), self.i_from_ka)

    @cached_property
    def loading_percent(self) -> F64:
        """The larger of the two end currents over its rated current, shape (T, m); pandapower's definition for both kinds."""
        branches = self.network.branches
        shares = self.i_from_ka * (100.0 / branches.limit_from_ka), self.i_to_ka * (100.0 / branches.limit_to_ka)
        return np.maximum(*shares, out=shares[0])

    @property
    def p_from_kw(self) -> F64:
        """Active power entering at the from side, shape (T, m)."""
        return self._from_kva.real

    @property
    def q_from_kvar(self) -> F64:
        """Reactive power entering at the from side, shape (T, m)."""
        return self._from_kva.imag

    @property
    def p_to_kw(self) -> F64:
        """Active power entering at the to side (negative where it leaves), shape (T, m)."""
        return self._to_kva.real

    @property
    def q_to_kvar(self) -> F64:
        """Reactive power entering at the to side, shape (T, m)."""
        return self._to_kva.imag

    def p_from_kw_of(self, branches: Sequence[int]) -> F64:
        """``p_from_kw`` of some branches, shape (T, k), without a table of all."""
        start, _, i_from = self._at_from(branches)
        return np.asarray((start * (BASE_KW * np.conj(i_from))).real)

    def loading_percent_of(self, branches: Sequence[int]) -> F64:
        """``loading_percent`` of some branches, shape (T, k), without a table of all."""
        part, plate = list(branches), self.network.branches
        start, end, i_from = self._at_from(part)
        i_to = self.ports.tt[..., part] * end + self.ports.tf[..., part] * start
        sides = (i_from, plate.from_bus, plate.limit_from_ka), (i_to, plate.to_bus, plate.limit_to_ka)
        return np.maximum(
            *(np.abs(i) * ka_per_pu(self.network, bus[part]) * (100.0 / limit_ka[part]) for i, bus, limit_ka in sides)
        )

    def _at_from(self, branches: Sequence[int]) -> tuple[C128, C128, C128]:
        """Voltages at both ends of some branches, and the current into their from sides, (T, k) each."""
        part = list(branches)
        start = self.v[:, self.network.branches.from_bus[part]]
        end = self.v[:, self.network.branches.to_bus[part]]
        return start, end, self.ports.ff[..., part] * start + self.ports.ft[..., part] * end

    @cached_property
    def branch_losses_kw(self) -> F64:
        """Losses of each branch, iron and hanging cables included, shape (T, m)."""
        return self.p_from_kw + self.p_to_kw

    @cached_property
    def losses_kw(self) -> F64:
        """Losses of all branches, shape (T,)."""
        return np.asarray(self.branch_losses_kw.sum(axis=1))

    @cached_property
    def slack_kw(self) -> F64:
        """Active power drawn from the upstream grid, shape (T,)."""
        return np.asarray(self._slack_kva.real + self.p_kw[:, self.network.slack])

    @cached_property
    def slack_kvar(self) -> F64:
        """Reactive power drawn from the upstream grid, shape (T,)."""
        return np.asarray(self._slack_kva.imag + self.q_kvar[:, self.network.slack])

    @cached_property
    def _slack_kva(self) -> C128:
        """What the branches and shunts at the slack take."""
        branches, slack = self.network.branches, self.network.slack
        leaving = self._from_kva[:, branches.from_bus == slack].sum(axis=1) + self._to_kva[
            :, branches.to_bus == slack
        ].sum(axis=1)
        v = self.v_pu[:, slack]
        return np.asarray(leaving + BASE_KW * v**2 * np.conj(self.network.bus_shunt[slack]))

    @cached_property
    def shunt_kw(self) -> F64:
        """Active power taken by the shunts at the buses, shape (T,)."""
        return np.asarray((self.v_pu**2 * self.network.bus_shunt.real).sum(axis=1) * BASE_KW)

    @cached_property
    def unserved_kw(self) -> F64:
        """Consumption at de-energised buses, shape (T,)."""
        return np.asarray(np.where(self.energised, 0.0, np.maximum(self.p_kw, 0.0)).sum(axis=1))

    def lighten(self) -> None:
        """Forget all that follows from the voltages; it is worked out again if asked for."""
        kept = {one.name for one in fields(self)}
        for name in [name for name in self.__dict__ if name not in kept]:
            del self.__dict__[name]

    def __len__(self) -> int:
        return len(self.v)

    def rows(self, steps: slice) -> "Flow":
        """Some of the steps."""
        by_step = self.energised.ndim == 2
        ports = Ports(*(part[steps] for part in self.ports)) if by_step else self.ports
        energised = self.energised[steps] if by_step else self.energised
        return Flow(
            self.network, ports, self.v[steps], self.p_kw[steps], self.q_kvar[steps], self.converged[steps], energised
        )


def in_blocks(steps: slice, n_bus: int) -> list[slice]:
    """Steps in so few at a time that a table of all buses keeps within ``AT_ONCE`` values."""
    most = max(AT_ONCE // n_bus, 1)
    return [slice(begin, min(begin + most, steps.stop)) for begin in range(steps.start, steps.stop, most)]


def joined(flows: Sequence[Flow]) -> Flow:
    """The steps of several flows of one network one after the other, each in the switching state it was solved in."""
    if len(flows) == 1:
        return flows[0]
    counts = [len(flow) for flow in flows]

    def column(parts: Iterable[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate([np.repeat(part[None, :], n, axis=0) for part, n in zip(parts, counts, strict=True)])

    return Flow(
        network=flows[0].network,
        ports=Ports(*(column(parts) for parts in zip(*(flow.ports for flow in flows), strict=True))),
        v=np.concatenate([flow.v for flow in flows]),
        p_kw=np.concatenate([flow.p_kw for flow in flows]),
        q_kvar=np.concatenate([flow.q_kvar for flow in flows]),
        converged=np.concatenate([flow.converged for flow in flows]),
        energised=column(flow.energised for flow in flows),
    )


def ka_per_pu(network: Network, bus: I64) -> F64:
    """Kiloampere per unit of current at buses: S / (sqrt(3) U)."""
    return np.asarray(BASE_MVA / (np.sqrt(3.0) * network.bus_kv[bus]))
