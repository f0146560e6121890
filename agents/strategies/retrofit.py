"""What a retrofit needs before anybody drives out, and which services a customer can have."""

from dataclasses import dataclass
from typing import NamedTuple

from data.arrays import Bool

SERVICES = ("self-consumption", "peak-shaving", "tariff")
"""Add-on services; energy efficiency is always there (SUC03.2 rules 8 and 9)."""


@dataclass(frozen=True)
class Eligibility:
    """What holds at a home, from the identification of customers (service 4) and the recruitment.

    Attributes:
        heater_ready: a thermoelectric water heater is installed and ready for retrofit.
        own_clock: another control acts on it, an exclusive night clock for example.
        network_4g: there is 4G coverage where it stands.
        controllers_ready: controllers are configured and ready.
        recruited: its people were recruited: willing to permit control and data collection.
        scheduled: the installation is scheduled.
    """

    heater_ready: bool
    own_clock: bool
    network_4g: bool
    controllers_ready: bool
    recruited: bool
    scheduled: bool


def obstacles(home: Eligibility, *, trained: bool) -> list[str]:
    """Why there is no visit; empty where all that it needs is there (SUC03.1 rules 2 and 4)."""
    needs = (
        (home.heater_ready, "no water heater that is ready for retrofit"),
        (not home.own_clock, "an incompatible control acts on the water heater"),
        (home.network_4g, "no 4G coverage"),
        (home.controllers_ready, "no configured controllers"),
        (home.recruited, "the people are not recruited"),
        (home.scheduled, "no visit is scheduled"),
        (trained, "the installer is not trained"),
    )
    return [what for met, what in needs if not met]


class Services(NamedTuple):
    """Which services each of n homes has, (n,) each; energy efficiency has no column because all have it."""

    self_consumption: Bool
    peak_shaving: Bool
    tariff: Bool


def available(own_generation: Bool, household_meter: Bool, tariff_known: Bool) -> Services:
    """What each home can have (SUC03.2 rule 13): self-consumption with PV and meter, peak shaving with meter, prices with a tariff."""
    return Services(own_generation & household_meter, household_meter.copy(), tariff_known.copy())


def chosen(wanted: Services, possible: Services) -> Services:
    """What each home gets: what it wants of what it can have."""
    return Services(*(one & other for one, other in zip(wanted, possible, strict=True)))


def names(services: Services, row: int) -> str:
    """The services of one home as a text, energy efficiency first."""
    parts = [name for name, column in zip(SERVICES, services, strict=True) if column[row]]
    return " + ".join(["efficiency", *parts])
