"""Chains of hashes: what was written once cannot be altered, left out or put in another order without that being found, at its place.

Each record's hash covers its content and the hash before it. Sources: Haber, Stornetta, "How to time-stamp a digital document", J. Cryptology 3 (1991)
99-111; FIPS 180-4 (SHA-256).
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

GENESIS = bytes(32)
"""Before the first record."""


def linked(before: bytes, content: bytes) -> bytes:
    """The hash of a record after another one."""
    return sha256(before + len(content).to_bytes(8, "big") + content).digest()


def chain(contents: Iterable[bytes], before: bytes = GENESIS) -> list[bytes]:
    """The hashes of records in their order."""
    hashes = []
    for content in contents:
        before = linked(before, content)
        hashes.append(before)
    return hashes


def first_fault(contents: Sequence[bytes], hashes: Sequence[bytes], before: bytes = GENESIS) -> int | None:
    """Where records and their chain part: the index of the first that was altered, left out, added or moved; None if all is as it was written."""
    for index, (content, said) in enumerate(zip(contents, hashes, strict=False)):
        if linked(before, content) != said:
            return index
        before = said
    return None if len(contents) == len(hashes) else min(len(contents), len(hashes))
