"""Confidentiality by recipient: what passes on the wire of a personal message is a sealed box that its receiver alone can open.

Of a sealed message whoever listens learns that it passed, between whom, which kind it is, how long it is, and nothing of what it says. A box is made only
where somebody listens: to sender and receiver it is as if there were none. A box that was altered does not open, nor one that was put to another message:
names and id belong to what is authenticated.

Source: X25519 (RFC 7748) with a key pair for each message, HKDF-SHA256 (RFC 5869), ChaCha20-Poly1305 (RFC 8439), by the library ``cryptography``.
"""

import json
from functools import cache
from typing import Any

import numpy as np

from data.arrays import I64
from environment.addresses import Directory
from environment.messages.base import Batch, Record, Unreadable, columns_of, fields
from environment.signatures import secret

SEALED = "sealed"
"""Name of the only column of a sealed batch: a box for each message."""


class Seals:
    """Seals and opens boxes; each address has a key pair, the public halves of which stand in the directory.

    Args:
        directory: all addresses.
        seed: of the run; keys are derived from it, so that a run can be repeated.
    """

    def __init__(self, directory: Directory, seed: int) -> None:
        self._names = directory.names
        self._seed = seed

    def sealed(self, batch: Batch[Any]) -> Batch[Any]:
        """A batch as it passes on the wire: envelopes as they are, in place of its fields a box for each message."""
        boxes = np.empty(len(batch), object)
        for row, record in enumerate(batch.records()):
            boxes[row] = self._seal(_bytes_of(record), batch, row)
        passed = batch.take(np.arange(len(batch)))
        passed.columns = {SEALED: boxes}
        return passed

    def opened(self, batch: Batch[Any]) -> list[tuple[Batch[Any], I64]]:
        """What receivers read in messages that were on the wire, one by one with their rows; what does not open is ``Unreadable``."""
        if SEALED not in batch.columns:
            return [(batch, np.arange(len(batch)))]
        found = []
        for row in range(len(batch)):
            content, place = self._open(batch, row), np.array([row])
            box = batch[SEALED][row].hex()
            record = Unreadable(box=box) if content is None else _record_of(batch.record, content)
            found.append((_with(batch.take(place), record), place))
        return found

    def _seal(self, content: bytes, batch: Batch[Any], row: int) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        envelope = self._envelope(batch, row)
        own = X25519PrivateKey.from_private_bytes(secret(self._seed, "sealing", envelope.decode()))
        receiver = int(batch.receiver[row])
        shared = own.exchange(self._key(receiver).public_key())
        return own.public_key().public_bytes_raw() + ChaCha20Poly1305(_derived(shared)).encrypt(
            bytes(12), content, envelope
        )

    def _open(self, batch: Batch[Any], row: int) -> bytes | None:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        box = batch[SEALED][row]
        try:
            shared = self._key(int(batch.receiver[row])).exchange(X25519PublicKey.from_public_bytes(box[:32]))
            return ChaCha20Poly1305(_derived(shared)).decrypt(bytes(12), box[32:], self._envelope(batch, row))
        except (InvalidTag, ValueError):
            return None

    def _envelope(self, batch: Batch[Any], row: int) -> bytes:
        sender, receiver = (self._names[int(side[row])] for side in (batch.sender, batch.receiver))
        return f"{batch.record.__name__}/{sender}/{receiver}/{int(batch.ids[row])}".encode()

    @cache  # noqa: B019 - as many as there are addresses, as long as the bus lives
    def _key(self, address: int) -> Any:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        return X25519PrivateKey.from_private_bytes(secret(self._seed, "address", self._names[address]))


def _derived(shared: bytes) -> bytes:
    """The key of one box; each has a key pair of its own, so that a nonce of zeros is used once."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"coflex sealed message").derive(shared)


def _with(one: Batch[Any], record: Record) -> Batch[Any]:
    """A message of other content under the same envelope."""
    part: Batch[Any] = Batch(
        type(record), one.sender, one.receiver, columns_of([record]), one.conversation, one.answer_to
    )
    part.ids, part.sent_ms, part.received_ms = one.ids, one.sent_ms, one.received_ms
    return part


def _bytes_of(record: Record) -> bytes:
    values = {field.name: getattr(record, field.name) for field in fields(type(record))}
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}
    return json.dumps(plain, separators=(",", ":")).encode()


def _record_of(record: type[Record], content: bytes) -> Record:
    values: dict[str, Any] = json.loads(content)
    kinds = {field.name: field.kind for field in fields(record)}
    for name, kind in kinds.items():
        if kind == "profile":
            values[name] = np.array(values[name], np.float64)
        elif kind == "names":
            values[name] = tuple(values[name])
    return record(**values)
