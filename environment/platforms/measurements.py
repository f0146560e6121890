"""Measurements on their way from the meter's gateway to the Flexibility Register, so that nothing can be changed unseen (SUC10.4).

A gateway numbers its measurements, links each to the one before (``environment.hash_chain``) and signs the last link of every report: one signature binds
all that came before. The register takes what continues the chain it knows, takes a repetition as such, and refuses what contradicts it, what leaves a gap
and what the gateway did not sign. What is stored can be audited by anybody who has the gateway's public key: the first measurement that is not what was
signed is found at its index.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    gcp, hour_ms, consumption, production, up, down = reading
    return f"{gcp}|{hour_ms}|{float(consumption)!r}|{float(production)!r}|{float(up)!r}|{float(down)!r}".encode()


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
        energy = [0.0, 0.0]
        if self._set:
            energy = [
                sum((one.kwh(hour_ms) for one in self._set.values() if one.is_up == is_up), 0.0)
                for is_up in (True, False)
            ]
            self._set = {name: one for name, one in self._set.items() if one.to_ms > hour_ms + MS_PER_H}
        reading = Reading(self.gcp, hour_ms, consumption_kwh, production_kwh, *energy)
        self.readings.append(reading)
        self.links.append(linked(self.links[-1] if self.links else GENESIS, content_of(reading)))

    def report(self) -> MeasurementReport | None:
        """What the register is not known to have; None if it has all."""
        if not self.unsent:
            return None
        column = report_columns([self])
        hours_ms, consumption, production, up, down = (column[name][0] for name in PROFILES)
        return MeasurementReport(
            gcp=self.gcp, number=self.sent, hours_ms=hours_ms, consumption_kwh=consumption, production_kwh=production, set_up_kwh=up,
            set_down_kwh=down, chain=column["chain"][0], signature=column["signature"][0],
        )  # fmt: skip

    @property
    def unsent(self) -> int:
        """How many measurements the register is not known to have."""
        return len(self.readings) - self.sent

    def signature(self) -> bytes:
        """Over place and link of the last measurement."""
        return self.signer.sign(signed_bytes(self.gcp, len(self.readings) - 1, self.links[-1]))


PROFILES = "hours_ms", "consumption_kwh", "production_kwh", "set_up_kwh", "set_down_kwh"
"""What a report says of each hour."""


def report_columns(gateways: Sequence[Gateway]) -> dict[str, NDArray[Any]]:
    """What the register is not known to have, in columns of ``MeasurementReport``: a report of each gateway, all of equally many hours."""
    told = np.array([[row[1:] for row in one.readings[one.sent :]] for one in gateways], np.float64)
    texts = {name: np.empty(len(gateways), object) for name in ("gcp", "chain", "signature")}
    texts["gcp"][:] = [one.gcp for one in gateways]
    texts["chain"][:] = [tuple(link.hex() for link in one.links[one.sent :]) for one in gateways]
    texts["signature"][:] = [one.signature().hex() for one in gateways]
    number = np.array([one.sent for one in gateways], np.int64)
    return {"number": number, **dict(zip(PROFILES, np.moveaxis(told, 2, 0), strict=True)), **texts}


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
    columns = [getattr(report, name).tolist() for name in PROFILES]
    if len(set(map(len, columns))) > 1:
        return Taken((), "its columns are not of one length")
    readings = [Reading(report.gcp, int(hour), *energy) for hour, *energy in zip(*columns, strict=True)]
    if len(report.chain) != len(readings):
        return Taken((), f"{len(report.chain)} links for {len(readings)} measurements")
    try:
        said, signature = [bytes.fromhex(link) for link in report.chain], bytes.fromhex(report.signature)
    except ValueError:
        return Taken((), "links and signature are not written in hexadecimal digits")
    if report.number > len(known):
        return Taken((), f"measurement {len(known)} is missing before {report.number}")
    before = known[report.number - 1] if report.number else GENESIS
    contents = [content_of(reading) for reading in readings]
    true = chain(contents, before)
    false = _first_unlike(said, true)
    if false is not None:
        return Taken((), f"measurement {report.number + false} does not fit its link of the chain")
    fork = _first_unlike(true, known[report.number :])
    if fork is not None:
        return Taken((), f"measurement {report.number + fork} was stored with other content")
    if not verifier.holds(report.gcp, signed_bytes(report.gcp, report.number + len(readings) - 1, true[-1]), signature):
        return Taken((), "the signature is not that of the gateway")
    last, fresh = len(readings) - 1, range(max(len(known) - report.number, 0), len(readings))
    return Taken(tuple(
        Measured(*readings[k][:4], contents[k], true[k], signature if k == last else b"", *readings[k][4:]) for k in fresh
    ))  # fmt: skip


def _first_unlike(some: Sequence[bytes], others: Sequence[bytes]) -> int | None:
    """Where two series part, as far as both go."""
    return next((k for k, (one, other) in enumerate(zip(some, others, strict=False)) if one != other), None)


def reading_of(row: Measured) -> Reading:
    """A stored measurement as its gateway read it."""
    return Reading(row.gcp, row.hour_ms, row.consumption_kwh, row.production_kwh, row.set_up_kwh, row.set_down_kwh)


def first_false(gcp: str, rows: Sequence[Measured], verifier: Verifier, known: int = 0) -> int | None:
    """The index of the first stored measurement of a gateway that is not what the gateway signed; None: all are.

    Numbers must be those whose bytes were chained, links must follow one another, and the signatures must hold. Who rewrites measurements and the chain
    from there on has no key: the rewriting is found where the signed part before it ends.

    Args:
        gcp: the connection point.
        rows: what is stored, oldest first.
        verifier: public keys by connection point.
        known: so many of the oldest were found to be true before and have not changed since.
    """
    before, proven, broken = rows[known - 1].hash if known else GENESIS, 0, len(rows)
    for index in range(known, len(rows)):
        row = rows[index]
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
