"""The public directory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environment.addresses import Address, AddressError, Directory
from environment.chance import name_hash


def address(name: str, party: str | None = None, *actors: str) -> Address:
    return Address(name, party or name.split("/", maxsplit=1)[0], actors, party or name)


NAMES = st.lists(st.text("abc-/0123", min_size=1, max_size=6), min_size=1, max_size=20, unique=True)


@given(NAMES, st.randoms(use_true_random=False))
def test_numbers_are_ranks_of_names_whatever_the_order_of_entry(names, random):
    shuffled = list(names)
    random.shuffle(shuffled)
    directory = Directory([address(name) for name in shuffled])
    assert directory.names == tuple(sorted(names))
    assert directory.numbers(sorted(names)).tolist() == list(range(len(names)))
    assert directory.hashes.tolist() == [name_hash(name) for name in sorted(names)]


def test_party_numbers_are_ranks_of_parties():
    directory = Directory([address("z/derms", "a"), address("a", "a"), address("b", "b"), address("home-1", "homes")])
    assert directory.parties == ("a", "b", "homes")
    assert [directory.parties[number] for number in directory.party] == ["a", "b", "homes", "a"]


def test_playing_marks_the_addresses_of_an_actor():
    directory = Directory([address("dso-1", None, "dso"), address("dso-1/derms", None, "derms"), address("x")])
    assert directory.playing("derms").tolist() == [False, True, False]
    assert not directory.playing("nobody").any()


def test_an_address_of_two_parties_is_refused_by_name():
    with pytest.raises(AddressError, match=r"two parties have the address dso-1/derms, home-1$"):
        Directory([address(name, party) for party in "ab" for name in ("home-1", "dso-1/derms")])


def test_an_unknown_address_is_refused_with_the_likely_name():
    directory = Directory([address("dso-1/derms"), address("lfmo-1")])
    assert "lfmo-1" in directory
    assert "lfmo-2" not in directory
    with pytest.raises(AddressError, match=r"nobody has the address 'dso-1/drems'; did you mean 'dso-1/derms'\?"):
        directory.number("dso-1/drems")
    with pytest.raises(AddressError, match=r"nobody has the address 'q'$"):
        directory.numbers(["lfmo-1", "q"])


def test_an_empty_directory_stands():
    directory = Directory([])
    assert directory.names == ()
    assert directory.numbers([]).tolist() == []
