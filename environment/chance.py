"""Chance as an address: a draw is a pure function of (seed, stream, owner, index).

There is no state and no sequence: asking again gives the same number, a vector over owners equals a loop over owners bit
for bit, and a new party or more draws by one shifts nobody else's. The generator is Philox4x32-10 (Salmon et al. 2011,
"Parallel random numbers: as easy as 1, 2, 3", doi 10.1145/2063384.2063405), evaluated on arrays of counters.

    key      = 64 bits of (seed, stream name)
    counter  = (64 bits of the owner's name, 64 bits of the index)
"""

from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64, U64
from data.copies import original

WORD = (1 << 64) - 1
"""64 bits."""

FEW = 8
"""Up to so many words plain integers are faster than arrays."""

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_HALF = 0xFFFFFFFF
_A0 = 0xD2511F53
_A1 = 0xCD9E8D57
_MULTIPLIERS = np.array([_A0, _A1], np.uint64)
_W0 = 0x9E3779B9
_W1 = 0xBB67AE85
_ROUNDS = 10
_TWO53 = 1.0 / (1 << 53)


def name_hash(name: str) -> int:
    """64 stable bits of a name: the same on every machine and in every run."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")


def name_hashes(names: Iterable[str]) -> U64:
    """``name_hash`` of each owner of chance, shape (n,); clones have that of their original (``data.copies``)."""
    return np.array([name_hash(original(name)) for name in names], dtype=np.uint64)


def philox(key: int, counter_low: ArrayLike, counter_high: ArrayLike) -> tuple[U64, U64]:
    """Two words of 64 random bits per counter; counters are broadcast against each other."""
    low, high = np.asarray(counter_low, np.uint64), np.asarray(counter_high, np.uint64)
    shape = np.broadcast_shapes(low.shape, high.shape)
    even = np.empty((2, *shape), np.uint64)  # the counter's words 0 and 2; word 1 and 3 are the odd ones
    even[0], even[1] = low, high
    odd = even >> _SHIFT
    even &= _MASK
    column = (2, *(1 for _ in shape))
    for keys in _keys(key):
        product = even * _MULTIPLIERS.reshape(column)
        np.right_shift(product[::-1], _SHIFT, out=even)
        even ^= odd
        even ^= keys.reshape(column)
        np.bitwise_and(product[::-1], _MASK, out=odd)
    odd <<= _SHIFT
    even |= odd
    return even[0], even[1]


@cache
def _keys(key: int) -> tuple[U64, ...]:
    return tuple(np.array(words, np.uint64) for words in _key_words(key))


@cache
def _key_words(key: int) -> tuple[tuple[int, int], ...]:
    """The two 32-bit keys of every round."""
    k0, k1 = key & _HALF, key >> 32
    return tuple(((k0 + turn * _W0) & _HALF, (k1 + turn * _W1) & _HALF) for turn in range(_ROUNDS))


def philox_word(key: int, counter_low: int, counter_high: int) -> tuple[int, int]:
    """``philox`` of one counter, in plain integers."""
    c0, c1 = counter_low & _HALF, counter_low >> 32
    c2, c3 = counter_high & _HALF, counter_high >> 32
    for k0, k1 in _key_words(key):
        p0, p1 = _A0 * c0, _A1 * c2
        c0, c1, c2, c3 = p1 >> 32 ^ c1 ^ k0, p1 & _HALF, p0 >> 32 ^ c3 ^ k1, p0 & _HALF
    return c0 | c1 << 32, c2 | c3 << 32


class Stream:
    """One named stream of chance, for example ``"weather.clearness"`` or ``"bus.delay"``.

    ``owner`` is a name, 64 bits of a name, or an array of those; ``index`` an integer (non-negative) or an array. They are
    broadcast against each other, so ``uniform(owners[:, None], days[None, :])`` has shape (owners, days).
    """

    def __init__(self, seed: int, name: str) -> None:
        self.name = name
        self._key = name_hash(f"{seed}/{name}")

    def bits(self, owner: Any, index: ArrayLike = 0) -> U64:
        """64 random bits for each (owner, index)."""
        return philox(self._key, _index_bits(index), _owner_bits(owner))[0]

    def uniform(self, owner: Any, index: ArrayLike = 0) -> F64:
        """Uniform in [0, 1), 53 bits."""
        return (self.bits(owner, index) >> np.uint64(11)).astype(np.float64) * _TWO53

    def normal(self, owner: Any, index: ArrayLike = 0) -> F64:
        """Standard normal, by Box and Muller from the two words of one counter."""
        first, second = philox(self._key, _index_bits(index), _owner_bits(owner))
        radius = 1.0 - (first >> np.uint64(11)).astype(np.float64) * _TWO53  # in (0, 1]
        angle = (second >> np.uint64(11)).astype(np.float64) * (2.0 * np.pi * _TWO53)
        return np.asarray(np.sqrt(-2.0 * np.log(radius)) * np.cos(angle))

    def choice(self, owner: Any, shares: ArrayLike, index: ArrayLike = 0) -> I64:
        """Position drawn with the given shares (they are normalised); a share of nothing is never drawn."""
        weights = np.asarray(shares, np.float64)
        if not (np.all(weights >= 0.0) and 0.0 < weights.sum() < np.inf):
            text = (
                f"{self.name}: the shares of a choice are not negative and not all zero; these are {weights.tolist()}"
            )
            raise ValueError(text)
        cumulated = np.cumsum(weights)
        drawn = np.searchsorted(cumulated / cumulated[-1], self.uniform(owner, index), side="right")
        return np.asarray(np.minimum(drawn, len(cumulated) - 1), np.int64)


class Chance:
    """The source of all streams of one run."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def stream(self, name: str) -> Stream:
        """The stream of that name; asking twice gives the same stream."""
        return Stream(self.seed, name)


def _index_bits(index: ArrayLike) -> U64:
    places = np.asarray(index)
    if places.dtype.kind == "i" and np.any(places < 0):
        text = f"an index of chance counts from 0; {places.min()} does not (shift it, or view it as 64 bits)"
        raise ValueError(text)
    return places.astype(np.uint64)


def _owner_bits(owner: Any) -> U64 | np.uint64:
    if isinstance(owner, str):
        return np.uint64(name_hash(original(owner)))
    if isinstance(owner, np.ndarray) and owner.dtype == np.uint64:
        return owner
    if isinstance(owner, int | np.integer):
        return np.uint64(int(owner))
    return name_hashes(owner)
