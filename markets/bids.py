"""Plain records of the market: bids, needs and sensitivities, one by one and as columns.

Rules work on columns; a single bid is a column of one. Order never matters: wherever a rule must prefer one of two
equal bids it takes the one received earlier, then the one whose id sorts first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from data.arrays import F64, I64, Bool, Names
from environment.units import Direction


class Bid(msgspec.Struct, frozen=True, kw_only=True):
    """One submitted bid for one interval (SUC06.1 Info-4).

    Attributes:
        bid: id, unique in its session.
        fsp: who offers.
        area: where.
        direction: ``up`` is less net load.
        t_ms: start of the interval.
        quantity_kw: offered power, mean over the interval.
        price_eur_per_kwh: price per unit of energy.
        received_ms: when the market received it.
        min_acceptance_kw: smallest part that may be taken (0: any).
        divisible: False: all or nothing.
    """

    bid: str
    fsp: str
    area: str
    direction: Direction
    t_ms: int
    quantity_kw: float
    price_eur_per_kwh: float
    received_ms: int
    min_acceptance_kw: float = 0.0
    divisible: bool = True


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of equal length, one row an object."""

    def __post_init__(self) -> None:
        lengths = {f.name: len(getattr(self, f.name)) for f in fields(self)}
        if len(set(lengths.values())) > 1:
            msg = f"{type(self).__name__}: columns differ in length: {lengths}"
            raise ValueError(msg)

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self, rows: Any) -> Self:
        """The rows of an index, mask or slice."""
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))

    def join(self, other: Self) -> Self:
        """These rows, then the other's."""
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return type(self)(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True, eq=False)
class BidColumns(Columns):
    """Bids as columns, each of shape (n,); ``up`` is True for direction up. See ``Bid`` for the meaning."""

    bid: Names
    fsp: Names
    area: Names
    up: Bool
    t_ms: I64
    quantity_kw: F64
    price_eur_per_kwh: F64
    received_ms: I64
    min_acceptance_kw: F64
    divisible: Bool

    @classmethod
    def of(cls, bids: Iterable[Bid]) -> "BidColumns":
        """Columns of single bids, in their order."""
        rows = list(bids)
        return cls(
            names(b.bid for b in rows),
            names(b.fsp for b in rows),
            names(b.area for b in rows),
            np.array([b.direction == "up" for b in rows], bool),
            np.array([b.t_ms for b in rows], np.int64),
            np.array([b.quantity_kw for b in rows], np.float64),
            np.array([b.price_eur_per_kwh for b in rows], np.float64),
            np.array([b.received_ms for b in rows], np.int64),
            np.array([b.min_acceptance_kw for b in rows], np.float64),
            np.array([b.divisible for b in rows], bool),
        )

    @classmethod
    def joined(cls, parts: Sequence["BidColumns"]) -> "BidColumns":
        """The rows of several columns, one after the other."""
        if not parts:
            return cls.of([])
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def row(self, k: int) -> Bid:
        """Row k as a single bid."""
        return Bid(
            bid=str(self.bid[k]),
            fsp=str(self.fsp[k]),
            area=str(self.area[k]),
            direction="up" if self.up[k] else "down",
            t_ms=int(self.t_ms[k]),
            quantity_kw=float(self.quantity_kw[k]),
            price_eur_per_kwh=float(self.price_eur_per_kwh[k]),
            received_ms=int(self.received_ms[k]),
            min_acceptance_kw=float(self.min_acceptance_kw[k]),
            divisible=bool(self.divisible[k]),
        )

    @property
    def least_kw(self) -> F64:
        """The smallest quantity that may be accepted: all of an indivisible bid."""
        return np.where(self.divisible, self.min_acceptance_kw, self.quantity_kw)

    def precedence(self) -> I64:
        """Row numbers by time of receipt, then id: the order in which equal bids are preferred."""
        return np.asarray(np.lexsort((self.bid, self.received_ms)), np.int64)


@dataclass(frozen=True, eq=False)
class NeedColumns(Columns):
    """Quantities at constraints: relief needed there, or headroom left there.

    Attributes:
        constraint: name of the branch or bus, shape (n,).
        up: True where net load behind the constraint must fall, shape (n,).
        t_ms: start of the interval, shape (n,).
        quantity_kw: amount at the constraint, not at the resource, shape (n,).
    """

    constraint: Names
    up: Bool
    t_ms: I64
    quantity_kw: F64

    @classmethod
    def of(cls, rows: Iterable[tuple[str, Direction, int, float]]) -> "NeedColumns":
        """Columns of (constraint, direction, t_ms, quantity_kw)."""
        listed = list(rows)
        return cls(
            names(r[0] for r in listed),
            np.array([r[1] == "up" for r in listed], bool),
            np.array([r[2] for r in listed], np.int64),
            np.array([r[3] for r in listed], np.float64),
        )


@dataclass(frozen=True, eq=False)
class Sensitivities:
    """What one kW less net load in an area takes off the flow at a constraint.

    In a radial grid without losses this is 1 for areas behind the constraint and 0 elsewhere. The same number holds
    in direction down, where net load and flow rise.

    Attributes:
        constraints: names of the rows.
        areas: names of the columns.
        kw_per_kw: shape (constraints, areas), dense or sparse: of a district of many feeders nearly all are 0.
    """

    constraints: tuple[str, ...]
    areas: tuple[str, ...]
    kw_per_kw: F64 | sparse.csr_matrix

    def __post_init__(self) -> None:
        expected = (len(self.constraints), len(self.areas))
        if self.kw_per_kw.shape != expected:
            msg = f"sensitivities: shape {self.kw_per_kw.shape}, but names say {expected}"
            raise ValueError(msg)
        if not np.isfinite(self.kw_per_kw.data if sparse.issparse(self.kw_per_kw) else self.kw_per_kw).all():
            msg = "sensitivities: not all are finite numbers"
            raise ValueError(msg)

    @classmethod
    def of(
        cls, constraints: tuple[str, ...], areas: tuple[str, ...], acting: Sequence[Mapping[str, float]]
    ) -> "Sensitivities":
        """From what acts on each constraint, by area; areas that are not among those named are left out."""
        place = {area: column for column, area in enumerate(areas)}
        rows = [[(place[area], kw) for area, kw in sorted(one.items()) if area in place] for one in acting]
        ends = np.cumsum([0, *map(len, rows)])
        columns = np.array([column for row in rows for column, _ in row], np.int64)
        values = np.array([kw for row in rows for _, kw in row], np.float64)
        return cls(constraints, areas, sparse.csr_matrix((values, columns, ends), (len(constraints), len(areas))))

    def between(self, constraints: Sequence[str] | Names, areas: Sequence[str] | Names) -> F64:
        """The submatrix of named constraints and areas, shape (len(constraints), len(areas)).

        Raises:
            ValueError: a name is unknown.
        """
        return np.asarray(self.acting(constraints, areas).toarray(), np.float64)

    def acting(self, constraints: Sequence[str] | Names, areas: Sequence[str] | Names) -> sparse.csr_matrix:
        """The same, sparse."""
        rows = positions(constraints, self.constraints, "constraint")
        columns = positions(areas, self.areas, "area")
        if sparse.issparse(self.kw_per_kw):
            return sparse.csr_matrix(self.kw_per_kw[rows][:, columns])
        return sparse.csr_matrix(self.kw_per_kw[np.ix_(rows, columns)])


def names(values: Iterable[str]) -> Names:
    """A column of names (at least one character wide, so that empty columns join with full ones)."""
    listed = list(values)
    return np.array(listed, dtype=np.str_) if listed else np.empty(0, dtype="U1")


def positions(wanted: ArrayLike, known: Sequence[str], what: str) -> I64:
    """Position of each wanted name among the known ones.

    Raises:
        ValueError: a name is not known; the text names it and what exists.
    """
    index = {name: k for k, name in enumerate(known)}
    asked = [str(name) for name in np.asarray(wanted, dtype=np.str_)]
    unknown = sorted({name for name in asked if name not in index})
    if unknown:
        msg = f"unknown {what}: {', '.join(unknown)}; known: {', '.join(sorted(index))}"
        raise ValueError(msg)
    return np.array([index[name] for name in asked], np.int64)
