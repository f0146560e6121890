"""What people of households decide: whether they take part, which plan they want, what they consent to, what they set.

Acceptance is a decision from preferences. A household weighs the saving that it is promised against what control means to it: the effort
of the plan times its reservation price (in which it weighs the discomfort) times the energy that its controllable devices would move in a
year. Nothing is drawn that follows from preferences.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from environment.messages.homes import CONSENTS

F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

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


def accepts(saving_eur: float, effort: float, flexible_kw: float, reservation_eur_per_kwh: float) -> bool:
    """Whether a household takes a plan: what it saves in a year against what control is worth to it.

    Args:
        saving_eur: saving promised for a year.
        effort: share of its devices that are controlled.
        flexible_kw: rated power of its controllable devices.
        reservation_eur_per_kwh: least that it wants for a kWh moved.
    """
    return saving_eur > effort * flexible_kw * MOVED_HOURS_PER_YEAR * reservation_eur_per_kwh


def chosen_plan(kinds: tuple[str, ...], has: Mapping[str, bool]) -> str:
    """The plan that a household applies for: the first on offer that fits what it has.

    Solar for who has a roof plant, flex for who has devices to control, technology for who would need new ones.
    """
    fits = {"solar": has["pv"], "flex": has["devices"], "technology": True}
    return next((kind for kind in ("flex", "solar", "technology") if kind in kinds and fits[kind]), kinds[0])
