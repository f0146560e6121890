"""Measurements on their way from the meter's gateway to the Flexibility Register, so that nothing can be changed unseen (SUC10.4).

A gateway numbers its measurements, links each to the one before (``environment.hash_chain``) and signs the last link of every report: one signature binds
all that came before. The register takes what continues the chain it knows, takes a repetition as such, and refuses what contradicts it, what leaves a gap
and what the gateway did not sign. What is stored can be audited by anybody who has the gateway's public key: the first measurement that is not what was
signed is found at its index.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from environment.hash_chain import GENESIS, chain, linked
from environment.messages.delivery import MeasurementReport
from environment.platforms.register_store import Measured
from environment.signatures import Signer, Verifier
from environment.units import MS_PER_H


class Reading(NamedTuple):
    """Energy of an hour at a connection point, and by how much set-points were to change it."""

    gcp: str
    hour_ms: int
    consumption_kwh: float
    production_kwh: float
    set_up_kwh: float = 0.0
    set_down_kwh: float = 0.0


def content_of(reading: Reading) -> bytes:
    """The bytes that are chained; numbers in full precision."""
    gcp, hour_ms, *energy = reading
    return "|".join([gcp, str(hour_ms), *(repr(float(kwh)) for kwh in energy)]).encode()


def signed_bytes(gcp: str, number: int, link: bytes) -> bytes:
    """What a gateway signs: the place of a measurement in its chain, and the link that binds all before it."""
    return f"{gcp}|{number}|".encode() + link


class SetPoint(NamedTuple):
    """By how much a resource was to leave its plan [kW], at least 0, from when to when."""

    is_up: bool
    from_ms: int
    to_ms: int
    kw: float

    def kwh(self, hour_ms: int) -> float:
        """Part of it that lies in an hour."""
        return self.kw * max(min(self.to_ms, hour_ms + MS_PER_H) - max(self.from_ms, hour_ms), 0) / MS_PER_H


class Gateway:
    """The memory of one gateway: its measurements and their chain, and how many of them the register has.

    Args:
        gcp: the connection point.
        signer: its key.
    """

    def __init__(self, gcp: str, signer: Signer) -> None:
        self.gcp = gcp
        self.signer = signer
        self.readings: list[Reading] = []
        self.links: list[bytes] = []
        self.sent = 0
        self._set: dict[str, SetPoint] = {}

    def set(self, activation: str, point: SetPoint) -> None:
        """Keep what a resource was set to; shown again under the same name, the last counts."""
        self._set[activation] = point

    def read(self, hour_ms: int, consumption_kwh: float, production_kwh: float) -> None:
        """Keep a measurement with the set-points of its hour, and link it; set-points that are over are forgotten."""
        energy = [sum(one.kwh(hour_ms) for one in self._set.values() if one.is_up == is_up) for is_up in (True, False)]
        self._set = {name: one for name, one in self._set.items() if one.to_ms > hour_ms + MS_PER_H}
        reading = Reading(self.gcp, hour_ms, consumption_kwh, production_kwh, *energy)
        self.readings.append(reading)
        self.links.append(linked(self.links[-1] if self.links else GENESIS, content_of(reading)))

    def report(self) -> MeasurementReport | None:
        """What the register is not known to have; None if it has all."""
        rows = self.readings[self.sent :]
        if not rows:
            return None
        last = len(self.readings) - 1
        return MeasurementReport(
            gcp=self.gcp, number=self.sent,
            hours_ms=np.array([float(row.hour_ms) for row in rows]),
            consumption_kwh=np.array([row.consumption_kwh for row in rows]),
            production_kwh=np.array([row.production_kwh for row in rows]),
            set_up_kwh=np.array([row.set_up_kwh for row in rows]),
            set_down_kwh=np.array([row.set_down_kwh for row in rows]),
            chain=tuple(link.hex() for link in self.links[self.sent :]),
            signature=self.signer.sign(signed_bytes(self.gcp, last, self.links[-1])).hex(),
        )  # fmt: skip


class Taken(NamedTuple):
    """What the register makes of a report: the rows to be stored (none: a repetition), or the reason why none is."""

    rows: tuple[Measured, ...]
    reason: str = ""


def examine(report: MeasurementReport, known: Sequence[bytes], verifier: Verifier) -> Taken:
    """What of a report is new.

    Args:
        report: as received.
        known: links of the chain that is stored of this gateway, oldest first.
        verifier: public keys by connection point.
    """
    columns = report.hours_ms, report.consumption_kwh, report.production_kwh, report.set_up_kwh, report.set_down_kwh
    if len({len(column) for column in columns}) > 1:
        return Taken((), "its columns are not of one length")
    readings = [Reading(report.gcp, int(hour), *map(float, energy)) for hour, *energy in zip(*columns, strict=True)]
    if len(report.chain) != len(readings):
        return Taken((), f"{len(report.chain)} links for {len(readings)} measurements")
    try:
        said, signature = [bytes.fromhex(link) for link in report.chain], bytes.fromhex(report.signature)
    except ValueError:
        return Taken((), "links and signature are not written in hexadecimal digits")
    if report.number > len(known):
        return Taken((), f"measurement {len(known)} is missing before {report.number}")
    before = known[report.number - 1] if report.number else GENESIS
    true = chain([content_of(reading) for reading in readings], before)
    false = next((k for k, (one, other) in enumerate(zip(said, true, strict=True)) if one != other), None)
    if false is not None:
        return Taken((), f"measurement {report.number + false} does not fit its link of the chain")
    fork = next(
        (k for k, (one, other) in enumerate(zip(true, known[report.number :], strict=False)) if one != other), None
    )
    if fork is not None:
        return Taken((), f"measurement {report.number + fork} was stored with other content")
    if not verifier.holds(report.gcp, signed_bytes(report.gcp, report.number + len(readings) - 1, true[-1]), signature):
        return Taken((), "the signature is not that of the gateway")
    fresh = range(max(len(known) - report.number, 0), len(readings))
    return Taken(tuple(
        Measured(
            *readings[k][:4], content_of(readings[k]), true[k], signature if k == len(readings) - 1 else b"", *readings[k][4:]
        )
        for k in fresh
    ))  # fmt: skip


def reading_of(row: Measured) -> Reading:
    """A stored measurement as its gateway read it."""
    return Reading(row.gcp, row.hour_ms, row.consumption_kwh, row.production_kwh, row.set_up_kwh, row.set_down_kwh)


def first_false(gcp: str, rows: Sequence[Measured], verifier: Verifier) -> int | None:
    """The index of the first stored measurement of a gateway that is not what the gateway signed; None: all are.

    Numbers must be those whose bytes were chained, links must follow one another, and the signatures must hold. Who rewrites measurements and the chain
    from there on has no key: the rewriting is found where the signed part before it ends.

    Args:
        gcp: the connection point.
        rows: what is stored, oldest first.
        verifier: public keys by connection point.
    """
    before, proven, broken = GENESIS, 0, len(rows)
    for index, row in enumerate(rows):
        content = content_of(reading_of(row))
        if content != row.content or row.gcp != gcp or linked(before, row.content) != row.hash:
            broken = index
            break
        before = row.hash
    if broken == len(rows) and rows and _signed(gcp, rows, len(rows) - 1, verifier):
        return None  # one signature binds all before it
    for index in (index for index in range(broken) if rows[index].signature):
        if not _signed(gcp, rows, index, verifier):
            return proven
        proven = index + 1
    return broken if broken < len(rows) else (proven if proven < len(rows) else None)


def _signed(gcp: str, rows: Sequence[Measured], index: int, verifier: Verifier) -> bool:
    return verifier.holds(gcp, signed_bytes(gcp, index, rows[index].hash), rows[index].signature)
