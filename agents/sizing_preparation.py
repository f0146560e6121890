"""Scenario preparation (SUC01.1): what its act reads and makes: completed consumption, simulated generation."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agents.strategies.gap_filling import Completed, complete
from agents.strategies.study_year import F64, StudyYear
from environment.messages.sizing import ConsumptionHistory, LocalWeather
from environment.weather.pv_yield import pv_available_kw_per_kwp
from environment.weather.records import Site, Weather


@dataclass(frozen=True, eq=False)
class Roofs:
    """The plants whose generation is simulated.

    Attributes:
        names: of the plants.
        tilt_deg: shape (n,).
        azimuth_deg: shape (n,).
    """

    names: tuple[str, ...]
    tilt_deg: F64
    azimuth_deg: F64


@dataclass(frozen=True, eq=False)
class PublicData:
    """What scenario preparation takes from public sources and its own configuration.

    Attributes:
        year: of the study.
        place: of the community.
        roofs: where generation is simulated.
        typical_kw: typical profile of each member in any scale, by name, shape (T,).
        most_missing: largest share of readings that may be missing.
    """

    year: StudyYear
    place: Site
    roofs: Roofs
    typical_kw: Mapping[str, F64]
    most_missing: float


def completed(history: ConsumptionHistory, public: PublicData) -> Completed:
    """A member's consumption without gaps.

    Raises:
        ValueError: too much is missing; says the way out.
    """
    known = np.asarray(history.known) > 0.5
    missing = 1.0 - known.mean()
    if known.any() and missing > public.most_missing:
        msg = (
            f"{history.member}: {100 * missing:.3g}% of the readings are missing, more than profiles.most_missing "
            f"({100 * public.most_missing:g}%); write meter: none and annual_kwh, so that a typical profile stands in, or raise it"
        )
        raise ValueError(msg)
    # Days of 24 steps of universal time: where clocks change they lag the wall by an hour, which usual days do not mind.
    return complete(
        np.asarray(history.metered_kw), known, public.typical_kw[history.member], public.year.local.workday,
        public.year.timeline.hours, history.annual_kwh,
    )  # fmt: skip


def generation(weather: LocalWeather, public: PublicData) -> F64:
    """Power per kWp of each roof, shape (n, T)."""
    if not public.roofs.names:
        return np.zeros((0, public.year.timeline.n))
    seen = Weather(*(np.asarray(getattr(weather, name)) for name in Weather._fields))
    return pv_available_kw_per_kwp(
        public.place, public.year.calendar, public.year.timeline, seen, public.roofs.tilt_deg, public.roofs.azimuth_deg
    )
