"""The public directory: who can be reached, and what role an address plays.

Address numbers are ranks in the sorted list of names, so order by number is order by name (law 3).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from data.arrays import I64, U64, Bool
from data.copies import copy_of
from environment.chance import name_hashes


class AddressError(ValueError):
    """An address that nobody has."""


@dataclass(frozen=True)
class Address:
    """One address of a party.

    Attributes:
        name: as messages carry it, for example ``dso-1/derms``.
        party: the party that reads its post.
        actors: canonical actor ids of the catalogue that it plays.
        operator: the business party that runs it.
        device: whether it is a device of a member.
    """

    name: str
    party: str
    actors: tuple[str, ...]
    operator: str
    device: bool = False


class Directory:
    """All addresses of a world; fixed when the world is built.

    Attributes:
        names: all address names, sorted; an address number is a position in it.
        hashes: 64 stable bits of every name, shape (n,); a clone has those of its original (``data.copies``).
        copy: number of the copy that every address belongs to, shape (n,); 1 where nothing is copied.
        party: number of the party of every address, shape (n,).
        parties: names of the parties, sorted.
    """

    def __init__(self, addresses: Iterable[Address]) -> None:
        self.addresses: tuple[Address, ...] = tuple(sorted(addresses, key=lambda address: address.name))
        self.names: tuple[str, ...] = tuple(address.name for address in self.addresses)
        self._number = {name: number for number, name in enumerate(self.names)}
        if len(self._number) != len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            text = f"two parties have the address {', '.join(twice)}"
            raise AddressError(text)
        self.hashes: U64 = name_hashes(self.names)
        self.copy: I64 = np.array([copy_of(name) for name in self.names], np.int64)
        self.parties: tuple[str, ...] = tuple(sorted({address.party for address in self.addresses}))
        rank = {name: number for number, name in enumerate(self.parties)}
        self.party: I64 = np.array([rank[address.party] for address in self.addresses], np.int64)

    def __contains__(self, name: str) -> bool:
        return name in self._number

    def number(self, name: str) -> int:
        """The number of an address; ``AddressError`` with the likely meant name if there is none."""
        if name not in self._number:
            close = get_close_matches(name, self.names, n=1)
            text = f"nobody has the address {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")
            raise AddressError(text)
        return self._number[name]

    def numbers(self, names: Sequence[str]) -> I64:
        """The numbers of several addresses, shape (n,)."""
        return np.array([self.number(name) for name in names], np.int64)

    def playing(self, actor: str) -> Bool:
        """Which addresses play an actor of the catalogue, shape (n,)."""
        return np.array([actor in address.actors for address in self.addresses], bool)
