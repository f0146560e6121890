"""What the energy management of a community plans with: members as they registered, their forecasts, and schedules for all of them (SUC02.1)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.strategies.home_sheets import CAPACITY, FORECAST
from agents.strategies.home_view import EARLY_EUR_PER_KWH_H, HomePlan, HomeView
from data.arrays import F64
from environment.messages.community import (
    DerForecast,
    MemberRegistration,
)


class Scheduled(NamedTuple):
    """A schedule of the members, by name; ``view`` is what it was made on."""

    members: tuple[str, ...]
    view: HomeView
    plan: HomePlan

    @property
    def net_kw(self) -> F64:
        """Net load of all members together, (m,)."""
        return np.asarray(self.plan.net_kw.sum(axis=0))


def view_of(
    registered: Mapping[str, MemberRegistration], told: Mapping[str, DerForecast], start_step: int = 0
) -> tuple[tuple[str, ...], HomeView]:
    """The homes of the members who told their forecasts, sorted by name."""
    names = tuple(sorted(name for name in told if name in registered))
    sheets, forecasts = [registered[name] for name in names], [told[name] for name in names]
    columns: dict[str, NDArray[Any]] = {name: np.array([getattr(one, name) for one in sheets]) for name in CAPACITY}
    columns |= {name: np.array([getattr(one, name) for one in forecasts]) for name in FORECAST}
    columns["ev_plugged"] = columns["ev_plugged"] > 0.5
    n = len(names)
    fixed = {
        "consent": np.ones(n, np.bool_),
        "curtailable": np.zeros(n, np.bool_),
        "early_eur_per_kwh_h": np.full(n, EARLY_EUR_PER_KWH_H),
    }
    hours = forecasts[0].step_s / 3600.0 if forecasts else 0.25
    return names, HomeView(hours=hours, start_step=start_step, **columns, **fixed)
