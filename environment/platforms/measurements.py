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


class Reading(NamedTuple):
    """Energy of an hour at a connection point."""

    gcp: str
    hour_ms: int
    consumption_kwh: float
    production_kwh: float


def content_of(reading: Reading) -> bytes:
    """The bytes that are chained; numbers in full precision."""
    gcp, hour_ms, consumption, production = reading
    return f"{gcp}|{hour_ms}|{float(consumption)!r}|{float(production)!r}".encode()


def signed_bytes(gcp: str, number: int, link: bytes) -> bytes:
    """What a gateway signs: the place of a measurement in its chain, and the link that binds all before it."""
    return f"{gcp}|{number}|".encode() + link


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

    def read(self, hour_ms: int, consumption_kwh: float, production_kwh: float) -> None:
        """Keep a measurement and link it."""
        reading = Reading(self.gcp, hour_ms, consumption_kwh, production_kwh)
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
    readings = [
        Reading(report.gcp, int(hour), float(taken), float(given))
        for hour, taken, given in zip(report.hours_ms, report.consumption_kwh, report.production_kwh, strict=True)
    ]
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
        Measured(*readings[k], content_of(readings[k]), true[k], signature if k == len(readings) - 1 else b"") for k in fresh
    ))  # fmt: skip


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
        content = content_of(Reading(row.gcp, row.hour_ms, row.consumption_kwh, row.production_kwh))
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
