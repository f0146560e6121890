"""What households of a pilot are told: who serves them, what they have, and what their people will set and ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.arrays import F64, I64, Bool
from environment.messages.homes import AUTOMATIC, DEVICE_KINDS

PLACES = ("meter", *DEVICE_KINDS)
DEVICES: Mapping[str, str] = {kind: kind.replace("_", "-") for kind in PLACES}
"""Last part of the address of each device of a home."""


@dataclass(frozen=True)
class Wish:
    """Something that people set or ask for at an instant: a mode of one kind of device, or a right over their data."""

    at_ms: int
    row: int
    kind: int = -1
    mode: int = AUTOMATIC
    right: str = ""
    purpose: str = ""


@dataclass(frozen=True)
class Membership:
    """Who serves the households.

    Attributes:
        home: numbers of the homes' addresses, shape (n,).
        device: numbers of their device addresses by place of ``PLACES``, -1 where a home has none, (5, n).
        aggregator: number of the aggregator's address.
        leader: number of the pilot leader's address.
        database: number of the cloud database's address.
        retailer: name of the retailer.
        surveys: characteristics of each home's appliances by name, {name: (n,)}.
        tariff: name of each home's tariff.
        appliances: kinds of controllable appliances of each home.
        has_pv: homes with a roof plant, (n,).
        cloud_access: drivers who give access to their car maker's cloud, (n,).
    """

    home: I64
    device: I64
    aggregator: int
    leader: int
    database: int
    retailer: str
    surveys: Mapping[str, F64]
    tariff: Sequence[str]
    appliances: Sequence[tuple[str, ...]]
    has_pv: Bool
    cloud_access: Bool
