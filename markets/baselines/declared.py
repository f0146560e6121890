"""Declared baseline: the schedule a seller states at bidding time, frozen by a hash and never changed afterwards.

It is stored with the SHA-256 of its canonical bytes; any later change of a name, a time or a power shows, and a second
declaration for an interval already declared is refused.

Source: SUC06.3, the baseline is the one specified by the FSP at bidding time.

Canonical bytes: each name (id, seller, area) as UTF-8 behind its length, the number of intervals, then starts as signed
64-bit integers and powers as IEEE 754 doubles, all little-endian; negative zero counts as zero. A declaration by method
(``markets.baselines.method``) goes on with its terms, each as UTF-8 behind its length.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from data.arrays import F64, I64


@dataclass(frozen=True, eq=False)
class DeclaredBaseline:
    """A seller's schedule for one area.

    Attributes:
        baseline: id.
        fsp: the seller.
        area: where its resources are.
        t_ms: starts of the intervals, strictly increasing, shape (T,).
        power_kw: net load without activation, shape (T,).
        frozen_ms: when it was stored.
        sha256: hex digest of the canonical bytes.
        terms: method, parameters and eligible days of a declaration by method; its powers are what the seller expects.
    """

    baseline: str
    fsp: str
    area: str
    t_ms: I64
    power_kw: F64
    frozen_ms: int
    sha256: str
    terms: tuple[str, ...] = ()


def freeze(
    baseline: str, fsp: str, area: str, t_ms: I64, power_kw: F64, frozen_ms: int, terms: tuple[str, ...] = ()
) -> DeclaredBaseline:
    """Freeze a declaration; the arrays are copied and locked. Terms: see ``DeclaredBaseline``.

    Raises:
        ValueError: lengths differ, times do not increase, or a power is not a finite number.
    """
    starts, power = np.array(t_ms, np.int64), np.array(power_kw, np.float64)
    _check(baseline, starts, power)
    starts.setflags(write=False)
    power.setflags(write=False)
    digest = hashlib.sha256(canonical_bytes(baseline, fsp, area, starts, power, terms)).hexdigest()
    return DeclaredBaseline(baseline, fsp, area, starts, power, frozen_ms, digest, terms)


def canonical_bytes(baseline: str, fsp: str, area: str, t_ms: I64, power_kw: F64, terms: tuple[str, ...] = ()) -> bytes:
    """The bytes that the hash covers; see the module's text."""
    heads, tails = (
        b"".join(len(name.encode()).to_bytes(4, "little") + name.encode() for name in names)
        for names in ((baseline, fsp, area), terms)
    )
    count = len(t_ms).to_bytes(8, "little")
    return heads + count + t_ms.astype("<i8").tobytes() + (power_kw + 0.0).astype("<f8").tobytes() + tails


def verify(declared: DeclaredBaseline) -> bool:
    """True if the content still has the hash it was frozen with."""
    content = canonical_bytes(
        declared.baseline, declared.fsp, declared.area, declared.t_ms, declared.power_kw, declared.terms
    )
    return hashlib.sha256(content).hexdigest() == declared.sha256


class BaselineStore:
    """Frozen baselines by seller and area. ``declare`` gives a new store; this one stays as it is."""

    def __init__(self, declared: Iterable[DeclaredBaseline] = ()) -> None:
        self._kept: dict[str, DeclaredBaseline] = {d.baseline: d for d in declared}

    def __len__(self) -> int:
        return len(self._kept)

    def declare(self, declared: DeclaredBaseline, gate_ms: int) -> tuple["BaselineStore", str]:
        """Keep a declaration; gives the new store and the reason of a refusal (empty: kept, or the same came before).

        Args:
            declared: the frozen declaration.
            gate_ms: declarations count only if frozen before this instant.
        """
        before = self._kept.get(declared.baseline)
        if before is not None and before.sha256 == declared.sha256:
            return self, ""
        reason = self._refusal(declared, gate_ms)
        return (self, reason) if reason else (BaselineStore([*self._kept.values(), declared]), "")

    def read(self, fsp: str, area: str, t_ms: I64) -> F64:
        """The declared power of a seller in an area at the given starts, shape (len(t_ms),).

        Raises:
            ValueError: nothing was declared for one of the starts, or what was stored no longer has its hash.
        """
        found = np.full(len(t_ms), np.nan)
        for declared in self._of(fsp, area):
            if not verify(declared):
                msg = f"baseline {declared.baseline!r} was changed after it was frozen: its hash does not fit"
                raise ValueError(msg)
            rows = np.isin(t_ms, declared.t_ms)
            found[rows] = declared.power_kw[np.searchsorted(declared.t_ms, t_ms[rows])]
        if np.isnan(found).any():
            first = int(np.asarray(t_ms)[np.isnan(found)][0])
            msg = f"no baseline of {fsp} in {area} for the interval that starts at {first} ms"
            raise ValueError(msg)
        return found

    def _of(self, fsp: str, area: str) -> list[DeclaredBaseline]:
        return [d for d in self._kept.values() if d.fsp == fsp and d.area == area]

    def _refusal(self, declared: DeclaredBaseline, gate_ms: int) -> str:
        if declared.baseline in self._kept:
            return f"baseline {declared.baseline!r} is frozen and cannot be changed"
        if declared.frozen_ms >= gate_ms:
            return f"baseline {declared.baseline!r} came at {declared.frozen_ms} ms, after the gate at {gate_ms} ms"
        if not verify(declared):
            return f"baseline {declared.baseline!r} does not have the hash it names"
        taken = [d.baseline for d in self._of(declared.fsp, declared.area) if np.isin(declared.t_ms, d.t_ms).any()]
        return f"intervals are already declared in baseline {taken[0]!r}" if taken else ""


def _check(baseline: str, t_ms: I64, power_kw: F64) -> None:
    checks = [
        (t_ms.ndim == 1 and t_ms.shape == power_kw.shape, "times and powers differ in shape"),
        (len(t_ms) > 0, "it has no interval"),
        (bool((np.diff(t_ms) > 0).all()), "times do not increase"),
        (bool(np.isfinite(power_kw).all()), "a power is not a finite number"),
    ]
    wrong = [text for holds, text in checks if not holds]
    if wrong:
        listed = "; ".join(wrong)
        msg = f"baseline {baseline!r}: {listed}"
        raise ValueError(msg)
