"""A chain of hashes shows where it was tampered with (FIPS 180-4 example; case SE6)."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from environment.hash_chain import chain, first_fault

records = st.lists(st.binary(max_size=12), min_size=1, max_size=12)


def test_sha_256_is_the_standard_s() -> None:
    assert sha256(b"abc").hexdigest() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(records)
def test_what_was_not_touched_has_no_fault(contents: list[bytes]) -> None:
    assert first_fault(contents, chain(contents)) is None


@given(records, st.data())
def test_an_altered_record_is_found_at_its_index(contents: list[bytes], data) -> None:  # type: ignore[no-untyped-def]
    place = data.draw(st.integers(0, len(contents) - 1))
    altered = [*contents]
    altered[place] = contents[place] + b"!"
    assert first_fault(altered, chain(contents)) == place


@given(st.lists(st.binary(min_size=1, max_size=6), min_size=2, max_size=12, unique=True), st.data())
def test_a_record_left_out_or_moved_is_found_at_its_index(contents: list[bytes], data) -> None:  # type: ignore[no-untyped-def]
    place = data.draw(st.integers(0, len(contents) - 2))
    hashes = chain(contents)
    assert first_fault(contents[:place] + contents[place + 1 :], hashes) == place
    moved = [*contents]
    moved[place], moved[place + 1] = moved[place + 1], moved[place]
    assert first_fault(moved, hashes) == place


def test_added_and_missing_ends_are_found() -> None:
    contents = [b"a", b"b", b"c"]
    assert first_fault(contents, chain(contents[:2])) == 2
    assert first_fault(contents[:2], chain(contents)) == 2


def test_the_border_between_records_counts() -> None:
    assert chain([b"ab", b"c"])[-1] != chain([b"a", b"bc"])[-1]


def test_a_hash_altered_with_its_record_breaks_what_follows() -> None:
    contents = [b"a", b"b", b"c"]
    hashes = chain(contents)
    forged = [b"a", b"x", b"c"]
    hashes[1] = chain(forged)[1]
    assert first_fault(forged, hashes) == 2
