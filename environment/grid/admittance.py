"""From branches to the two-port of each and the admittance matrix of all; open ends are eliminated exactly."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from data.arrays import C128, Bool
from environment.grid.model import Branches, Network


class Ports(NamedTuple):
    """Two-ports of the branches, per unit, shape (m,) each: I_from = ff V_from + ft V_to, I_to = tf V_from + tt V_to."""

    ff: C128
    ft: C128
    tf: C128
    tt: C128


def ports(branches: Branches, open_from: Bool, open_to: Bool) -> Ports:
    """Two-ports with the ends given open.

    A branch open at one end draws only what its charging needs (the open end is eliminated, no current flows there); open at
    both ends it is nothing.
    """
    tap = branches.tap
    ff = (branches.series + branches.shunt_from) / np.abs(tap) ** 2
    ft = -branches.series / np.conj(tap)
    tf = -branches.series / tap
    tt = branches.series + branches.shunt_to
    hanging_from = np.where(open_from, 0.0, np.where(open_to, ff - ft * tf / tt, ff))
    hanging_to = np.where(open_to, 0.0, np.where(open_from, tt - tf * ft / ff, tt))
    closed = ~(open_from | open_to)
    return Ports(hanging_from, ft * closed, tf * closed, hanging_to)


def bus_admittance(network: Network, two_ports: Ports) -> sparse.csr_matrix:
    """Admittance matrix of all buses, shape (n, n), per unit, shunts included."""
    start, end = network.branches.from_bus, network.branches.to_bus
    every = np.arange(network.n_bus)
    rows = np.concatenate([start, start, end, end, every])
    columns = np.concatenate([start, end, start, end, every])
    values = np.concatenate([*two_ports, network.bus_shunt])
    matrix = sparse.coo_matrix((values, (rows, columns)), shape=(network.n_bus, network.n_bus)).tocsr()
    matrix.eliminate_zeros()
    return matrix
