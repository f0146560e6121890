"""Signatures that stay with what was signed: anybody who has the public key can check them, also years later.

The bus signs messages for the way (``environment.wire.sign``); what is stored, and must be trusted by others than the first receiver, carries a real
signature: Ed25519. A key is derived from the seed of the run and the name of its owner, so that a run can be repeated; outside a simulation keys come from
the operating system.

Source: RFC 8032 (Ed25519), by the library ``cryptography``.
"""

from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def secret(seed: int, purpose: str, name: str) -> bytes:
    """32 bytes that are the private key of a name for a purpose in a run."""
    return sha256(f"{seed}/{purpose}/{name}".encode()).digest()


class Signer:
    """Holds a private key.

    Args:
        private: 32 bytes, as from :func:`secret`.
    """

    def __init__(self, private: bytes) -> None:
        self._private = private

    @cached_property
    def _key(self) -> "Ed25519PrivateKey":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._private)

    @cached_property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, content: bytes) -> bytes:
        """The signature of a content, 64 bytes."""
        return self._key.sign(content)


class Verifier:
    """Checks signatures by public keys that it has read once; what held once is remembered, for the same bytes hold for ever.

    Args:
        public: name of the owner -> public key, 32 bytes.
    """

    def __init__(self, public: dict[str, bytes]) -> None:
        self._public = public
        self._keys: dict[str, Any] = {}
        self._held: set[tuple[str, bytes, bytes]] = set()

    def __contains__(self, name: str) -> bool:
        """Whether there is a key of that name."""
        return name in self._public

    def holds(self, name: str, content: bytes, signature: bytes) -> bool:
        """Whether a signature is that of its owner for this content."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        if name not in self._public:
            return False
        said = name, content, signature
        if said in self._held:
            return True
        if name not in self._keys:
            self._keys[name] = Ed25519PublicKey.from_public_bytes(self._public[name])
        try:
            self._keys[name].verify(signature, content)
        except InvalidSignature:
            return False
        self._held.add(said)
        return True
