"""Chance is an address: known answers, independence of vectors and loops, distributions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from environment.chance import Chance, Stream, name_hash, name_hashes, philox, philox_word

WORD = 0xFFFFFFFF
OWNERS = [f"home-{number:04d}" for number in range(1, 301)]


def philox_by_hand(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10 on Python integers, after the definition in Salmon et al. 2011, section 3.3."""
    (a, b, c, d), (k0, k1) = counter, key
    for _ in range(10):
        low, high = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (high >> 32) ^ b ^ k0, high & WORD, (low >> 32) ^ d ^ k1, low & WORD
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return [a, b, c, d]


def words(key: list[int], counter: list[int]) -> list[int]:
    first, second = philox(key[0] | key[1] << 32, counter[0] | counter[1] << 32, counter[2] | counter[3] << 32)
    return [int(first) & WORD, int(first) >> 32, int(second) & WORD, int(second) >> 32]


# --- known answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([WORD] * 4, [WORD] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_gives_the_known_answers_of_random123(counter, key, expected):
    assert words(key, counter) == expected


@given(
    counter=st.lists(st.integers(0, WORD), min_size=4, max_size=4),
    key=st.lists(st.integers(0, WORD), min_size=2, max_size=2),
)
def test_philox_on_arrays_and_on_one_word_is_the_definition_on_integers(counter, key):
    by_hand = philox_by_hand(counter, key)
    assert words(key, counter) == by_hand
    one, other = philox_word(key[0] | key[1] << 32, counter[0] | counter[1] << 32, counter[2] | counter[3] << 32)
    assert [one & 0xFFFFFFFF, one >> 32, other & 0xFFFFFFFF, other >> 32] == by_hand


def test_name_hashes_are_those_of_every_machine():
    # BLAKE2b with 8 bytes of digest (RFC 7693), little endian; what `b2sum -l 64` prints for the text.
    assert name_hash("home-0001").to_bytes(8, "little").hex() == "0fc7845d292ce59e"
    assert name_hashes(["a", "b"]).tolist() == [name_hash("a"), name_hash("b")]
    assert len(set(name_hashes(OWNERS).tolist())) == len(OWNERS)


def test_one_draw_is_pinned_so_that_no_release_changes_it_unnoticed():
    key, owner, index = name_hash("7/weather.clearness"), name_hash("home-0001"), 12
    by_hand = philox_by_hand([index, 0, owner & WORD, owner >> 32], [key & WORD, key >> 32])
    uniform = ((by_hand[0] | by_hand[1] << 32) >> 11) / 2**53
    assert Chance(7).stream("weather.clearness").uniform("home-0001", 12) == uniform


# --- an address, not a sequence ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", ["bits", "uniform", "normal"])
def test_a_vector_over_owners_is_a_loop_over_owners_bit_for_bit(draw):
    stream, hashes = Stream(3, "trips"), name_hashes(OWNERS)
    vector = getattr(stream, draw)(hashes[:, None], np.arange(5))
    loop = np.array([[getattr(stream, draw)(owner, day) for day in range(5)] for owner in OWNERS])
    assert vector.shape == (300, 5)
    assert vector.tobytes() == loop.tobytes()


def test_names_hashes_and_single_owners_are_the_same_owner():
    stream = Stream(3, "trips")
    assert (stream.uniform(OWNERS, 4) == stream.uniform(name_hashes(OWNERS), 4)).all()
    assert stream.uniform(name_hash("home-0001"), 4) == stream.uniform("home-0001", 4)
    assert stream.uniform(np.uint64(name_hash("home-0001")), 4) == stream.uniform("home-0001", 4)


@given(
    owners=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=12, unique=True),
    added=st.text(min_size=9, max_size=12),
    place=st.integers(0, 12),
)
def test_an_added_owner_shifts_nobody(owners, added, place):
    stream = Stream(1, "any")
    more = [*owners[:place], added, *owners[place:]]
    before = dict(zip(owners, stream.uniform(owners), strict=True))
    after = dict(zip(more, stream.uniform(more), strict=True))
    assert {owner: after[owner] for owner in owners} == before


def test_asking_again_and_drawing_elsewhere_changes_nothing():
    chance = Chance(5)
    first = chance.stream("a").normal(OWNERS, 9)
    chance.stream("b").normal(OWNERS, 9)
    chance.stream("a").uniform(OWNERS, np.arange(300))
    assert (chance.stream("a").normal(OWNERS, 9) == first).all()


@pytest.mark.parametrize("other", [("b", 1, "x", 0), ("a", 2, "x", 0), ("a", 1, "y", 0), ("a", 1, "x", 1)])
def test_every_part_of_the_address_matters(other):
    def bits(name, seed, owner, index):
        return int(Stream(seed, name).bits(owner, index))

    assert bits("a", 1, "x", 0) != bits(*other)


def test_an_index_that_is_no_place_is_refused_alone_and_in_a_vector():
    with pytest.raises((OverflowError, ValueError)):
        Stream(1, "a").bits("x", -1)
    with pytest.raises((OverflowError, ValueError)):
        Stream(1, "a").bits("x", np.array([0, -1]))


# --- distributions (fixed seeds: these are facts about the streams, not gambles) -----------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_uniform_and_normal_have_their_distributions(seed):
    index = np.arange(100_000)
    assert stats.kstest(Stream(seed, "u").uniform("x", index), "uniform").pvalue > 0.001
    assert stats.kstest(Stream(seed, "n").normal("x", index), "norm").pvalue > 0.001


def test_uniform_lies_in_the_half_open_interval_and_normal_is_finite():
    uniform = Stream(1, "u").uniform(name_hashes(OWNERS)[:, None], np.arange(1000))
    assert uniform.min() >= 0.0
    assert uniform.max() < 1.0
    assert np.isfinite(Stream(1, "u").normal(name_hashes(OWNERS)[:, None], np.arange(1000))).all()


def test_neighbours_in_owner_and_index_are_uncorrelated():
    draws = Stream(1, "u").normal(name_hashes(OWNERS)[:, None], np.arange(400))
    across = np.corrcoef(draws[:-1].ravel(), draws[1:].ravel())[0, 1]
    along = np.corrcoef(draws[:, :-1].ravel(), draws[:, 1:].ravel())[0, 1]
    assert abs(across) < 4 / np.sqrt(draws.size)
    assert abs(along) < 4 / np.sqrt(draws.size)


def test_half_of_the_bits_are_set_in_every_place():
    bits = Stream(1, "u").bits("x", np.arange(50_000))
    share = np.array([((bits >> np.uint64(place)) & np.uint64(1)).mean() for place in range(64)])
    assert np.abs(share - 0.5).max() < 5 * 0.5 / np.sqrt(50_000)


# --- choice ----------------------------------------------------------------------------------------------------------


def test_choice_follows_the_shares():
    shares = np.array([5.0, 0.0, 3.0, 2.0])
    drawn = Stream(1, "c").choice("x", shares, np.arange(50_000))
    counts = np.bincount(drawn, minlength=4)
    assert counts[1] == 0
    assert stats.chisquare(counts[[0, 2, 3]], 50_000 * np.array([0.5, 0.3, 0.2])).pvalue > 0.001


@given(
    shares=st.lists(st.floats(0, 1e6), min_size=1, max_size=8).filter(lambda one: sum(one) > 1e-3),
    scale=st.sampled_from([0.25, 1.0, 8.0]),
)
def test_choice_never_draws_a_share_of_nothing_and_normalises(shares, scale):
    stream, index = Stream(2, "c"), np.arange(200)
    drawn = stream.choice("x", shares, index)
    assert (np.asarray(shares)[drawn] > 0).all()
    assert (stream.choice("x", np.asarray(shares) * scale, index) == drawn).all()
    assert drawn[7] == stream.choice("x", shares, 7)


@pytest.mark.parametrize("shares", [[], [0.0, 0.0], [1.0, -0.5], [np.nan, 1.0]])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ValueError, match="shares"):
        Stream(1, "c").choice("x", shares)
