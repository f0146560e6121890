"""64 bits of the content of a message: the same for a record alone and in a batch.

Many rows are mixed as arrays, a few as plain integers: a numpy call for each field would cost more than the field.
"""

from collections.abc import Mapping
from functools import cache, lru_cache
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.arrays import U64
from environment.chance import FEW, WORD, name_hash

GOLDEN = 0x9E3779B97F4A7C15
_MIX1 = 0xBF58476D1CE4E5B9
_MIX2 = 0x94D049BB133111EB
_GOLDEN = np.uint64(GOLDEN)
_NUMBERS, _BITS = Struct("=d"), Struct("=Q")
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
_MIXES = np.uint64(_MIX1), np.uint64(_MIX2)


def mix(words: U64) -> U64:
    """The SplitMix64 finaliser (Steele et al. 2014, doi 10.1145/2660193.2660195), element by element."""
    mixed = np.right_shift(words, _SHIFTS[0])
    mixed ^= words
    mixed *= _MIXES[0]
    shifted = np.right_shift(mixed, _SHIFTS[1])
    mixed ^= shifted
    mixed *= _MIXES[1]
    np.right_shift(mixed, _SHIFTS[2], out=shifted)
    mixed ^= shifted
    return mixed


def mix_word(word: int) -> int:
    """``mix`` of one word, which may be longer than 64 bits (the rest is cut off)."""
    word &= WORD
    word = (word ^ word >> 30) * _MIX1 & WORD
    word = (word ^ word >> 27) * _MIX2 & WORD
    return word ^ word >> 31


def digest_rows(record: str, columns: Mapping[str, NDArray[Any]]) -> U64:
    """64 bits of the content of every row: class name, field names and values; shape (n,)."""
    n = len(next(iter(columns.values())))
    if n <= FEW:
        return np.array(digest_words(record, columns, n), np.uint64)
    digest = np.full(n, name_word(record), np.uint64)
    for name, word in _hashed(tuple(columns)):
        digest *= _GOLDEN
        digest += np.uint64(word)
        digest ^= _column_words(np.asarray(columns[name]))
        digest = mix(digest)
    return digest


def digest_words(record: str, columns: Mapping[str, NDArray[Any]], n: int) -> list[int]:
    """``digest_rows`` of a few rows, in plain integers."""
    words = [name_word(record)] * n
    for name, word in _hashed(tuple(columns)):
        for row, value in enumerate(_few_words(np.asarray(columns[name]))):
            one = words[row] * GOLDEN + word & WORD ^ value  # and ``mix_word`` of it: a call would cost as much
            one = (one ^ one >> 30) * _MIX1 & WORD
            one = (one ^ one >> 27) * _MIX2 & WORD
            words[row] = one ^ one >> 31
    return words


def _column_words(column: NDArray[Any]) -> U64:
    if column.dtype.kind in "OUS":
        return np.array(_text_words(column), np.uint64)
    words = _number_words(column)
    if words.ndim == 1:
        return mix(words + _GOLDEN)
    places = np.arange(1, words.shape[1] + 1, dtype=np.uint64) * _GOLDEN
    return np.asarray(mix(words + places).sum(axis=1, dtype=np.uint64), np.uint64)


def _few_words(column: NDArray[Any]) -> list[int]:
    kind = column.dtype.kind
    if kind in "OUS":
        return _text_words(column)
    if column.ndim > 1:
        return [int(word) for word in _column_words(column)]
    values = column.tolist()
    return [_mixed_number(value) for value in values] if kind == "f" else [mix_word(value + GOLDEN) for value in values]


@lru_cache(1 << 12)
def _mixed_number(value: float) -> int:
    """The word of a number in a column, remembered: many messages carry the same prices, steps and zeros."""
    return mix_word(_BITS.unpack(_NUMBERS.pack(value + 0.0))[0] + GOLDEN)


def _number_words(column: NDArray[Any]) -> U64:
    if column.dtype.kind == "f":
        return np.ascontiguousarray(column.astype(np.float64, copy=False) + 0.0).view(np.uint64)
    if column.dtype.kind == "u":
        return column.astype(np.uint64)
    return np.ascontiguousarray(column.astype(np.int64, copy=False)).view(np.uint64)


def _text_words(column: NDArray[Any]) -> list[int]:
    """Bits of texts, or of tuples of texts, each with its length so that no two tuples look alike."""
    return [
        name_word(value if isinstance(value, str) else "".join(f"{len(one)}:{one}," for one in value))
        for value in column.tolist()
    ]


@cache
def _hashed(names: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    return tuple((name, name_hash(name)) for name in sorted(names))


@cache
def name_word(text: str) -> int:
    """``name_hash``, remembered."""
    return name_hash(text)
