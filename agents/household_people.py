"""What people of households decide: whether they take part, which plan they want, what they consent to, what they set.

Acceptance is a decision from preferences. A household weighs the saving that it is promised against what control means to it: what moving is
worth to it (the effort of the plan times its reservation price, in which it weighs the discomfort, times the energy that its controllable
devices would move in a year), and what it wants for others switching its devices at all. Nothing is drawn that follows from preferences.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from data.arrays import F64, Bool
from environment.messages.homes import CONSENTS

MOVED_HOURS_PER_YEAR = 250.0
"""Full-load hours a year in which a controllable device would run at another time than without control (judgement)."""


@dataclass(frozen=True)
class Preferences:
    """What the people of n households want.

    Attributes:
        interested: would hear of such a pilot at all, (n,).
        cautious: keep their data from everybody but the aggregator, (n,).
        control: consent to control of their devices, (n,).
        reservation_eur_per_kwh: least that they want for a kWh of flexibility, (n,).
        control_eur_per_year: what they want for others switching their devices at all, (n,).
        comfort_c: wanted indoor temperature, (n,).
        comfort_width_k: half width of the band they tolerate, (n,).
        tank_c: temperature they set at their tank, (n,).
        soc_share: state of charge that they want of their car, (n,).
        setback_k: how much colder they like it at night in manual mode, (n,).
    """

    interested: Bool
    cautious: Bool
    control: Bool
    reservation_eur_per_kwh: F64
    control_eur_per_year: F64
    comfort_c: F64
    comfort_width_k: F64
    tank_c: F64
    soc_share: F64
    setback_k: F64

    def schedule_c(self) -> F64:
        """The schedule of the manual mode: colder from ten in the evening to six in the morning, (n, 24) [K]."""
        hours = np.arange(24)
        night = (hours >= 22) | (hours < 6)
        return np.where(night, -self.setback_k[:, None], 0.0)

    def purposes(self, row: int) -> tuple[str, ...]:
        """What a household consents to when it signs."""
        given = [purpose for purpose in CONSENTS if purpose != "control" or self.control[row]]
        others = () if self.cautious[row] else ("transfer:service",)
        return (*given, "transfer:installer", *others)


class Decision(NamedTuple):
    """What a household answers to an offered plan, and why.

    Attributes:
        saving_eur: what it would save in a year.
        moving_eur: what it wants for the energy that would be moved.
        control_eur: what it wants for others switching its devices.
    """

    saving_eur: float
    moving_eur: float
    control_eur: float

    @property
    def accepted(self) -> bool:
        """It takes the plan where it is left with more than it wants."""
        return self.saving_eur > self.moving_eur + self.control_eur

    @property
    def reason(self) -> str:
        """Its reason in words; of a refusal the larger of the two things that it weighs."""
        wanted = self.moving_eur + self.control_eur
        if self.accepted:
            return f"saves {self.saving_eur:.0f} EUR a year and wants {wanted:.0f}"
        what = "others switching its devices" if self.control_eur >= self.moving_eur else "the energy that is moved"
        return f"saves {self.saving_eur:.0f} EUR a year and wants {wanted:.0f}, most of it for {what}"


def decide(
    saving_eur: float, effort: float, flexible_kw: float, reservation_eur_per_kwh: float, control_eur: float
) -> Decision:
    """What a household answers to a plan: what it saves in a year against what control is worth to it.

    Args:
        saving_eur: saving promised for a year.
        effort: share of its devices that are controlled.
        flexible_kw: rated power of its controllable devices.
        reservation_eur_per_kwh: least that it wants for a kWh moved.
        control_eur: what it wants in a year for others switching its devices.
    """
    moving_eur = effort * flexible_kw * MOVED_HOURS_PER_YEAR * reservation_eur_per_kwh
    return Decision(saving_eur, moving_eur, control_eur)


def chosen_plan(kinds: tuple[str, ...], has: Mapping[str, bool]) -> str:
    """The plan that a household applies for: the first on offer that fits what it has.

    Solar for who has a roof plant, flex for who has devices to control, technology for who would need new ones.
    """
    fits = {"solar": has["pv"], "flex": has["devices"], "technology": True}
    return next((kind for kind in ("flex", "solar", "technology") if kind in kinds and fits[kind]), kinds[0])
