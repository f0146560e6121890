"""Rules of energy sharing by country (data/sharing/countries.yaml)."""

from functools import cache

import msgspec

import data


class Sharing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a country allows; see the data file."""

    title: str
    radius_km: float | None
    coefficients: tuple[str, ...]
    ex_ante: bool
    step_min: int
    mark: str
    source: str


@cache
def sharing_rules() -> dict[str, Sharing]:
    """All countries by code."""
    found: dict[str, Sharing] = msgspec.convert(data.read_yaml("sharing", "countries.yaml"), dict[str, Sharing])
    return found


def sharing(country: str) -> Sharing:
    """The rules of one country; ``KeyError`` if there are none (scenarios are checked before)."""
    return sharing_rules()[country]
