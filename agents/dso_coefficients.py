"""What an operator makes of the meters of a community: each member's day, whether coefficients hold, and the energies by them (SUC02.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data.arrays import F64
from environment.messages.base import Batch
from environment.messages.community import (
    MemberFiling,
)
from environment.messages.community_settlement import (
    AllocatedEnergies,
    AllocationCoefficients,
    DerReadings,
    SmartMeterData,
)
from markets.allocation.energies import COEFFICIENT_DIGITS, PER_KWH, Energies, allocate, whole
from markets.allocation.proportional import proportional

TOLERANCE = 0.5 * 10.0**-COEFFICIENT_DIGITS
"""Coefficients are filed with so many decimals; their sum may miss 1 by less than one unit of the last."""


@dataclass(frozen=True)
class MemberDay:
    """A member's certified day.

    Attributes:
        filing: who it is.
        from_ms: start of the day.
        step_s: length of an interval.
        net_kwh: at its metering point, (T,).
        owned_kwh: its part of what shared plants fed in, (T,).
        baseline_kw: frozen baseline, (T,); None where it was not scheduled.
        readings: of its resources, one row; None where it gave none.
    """

    filing: MemberFiling
    from_ms: int
    step_s: float
    net_kwh: F64
    owned_kwh: F64
    baseline_kw: F64 | None
    readings: Batch[DerReadings] | None

    @property
    def withdrawn_kwh(self) -> F64:
        """Taken at the metering point."""
        return np.maximum(self.net_kwh, 0.0)

    @property
    def injected_kwh(self) -> F64:
        """Fed in at the metering point."""
        return np.maximum(-self.net_kwh, 0.0)

    @property
    def given_kwh(self) -> F64:
        """What it gives to the community: its injection, and its part of shared plants."""
        return self.injected_kwh + self.owned_kwh

    def _read(self, name: str) -> F64:
        return self.injected_kwh * (name == "generation_kwh") if self.readings is None else self.readings[name][0]

    @cached_property
    def consumption_kwh(self) -> F64:
        """Consumed behind the metering point: what it took, generated and discharged, less what it fed in and charged."""
        stored = self._read("storage_in_kwh") - self._read("storage_out_kwh")
        return np.asarray(self.net_kwh + self._read("generation_kwh") - stored)

    def record(self, key: Mapping[str, F64], agrees_kwh: float) -> SmartMeterData:
        """What is told the member's HEMS."""
        hours = self.step_s / 3600.0
        metered = self.net_kwh / hours
        baseline = metered if self.baseline_kw is None else self.baseline_kw
        return SmartMeterData(
            member=self.filing.member, from_ms=self.from_ms, step_s=self.step_s, generation_kwh=self._read("generation_kwh"),
            consumption_kwh=np.maximum(self.consumption_kwh, 0.0), injection_kwh=self.injected_kwh, storage_kwh=self._read("storage_in_kwh"),
            withdrawal_kwh=self.withdrawn_kwh, owned_kwh=self.owned_kwh, baseline_kw=baseline, delivered_kw=baseline - metered,
            valid=bool((self.consumption_kwh >= -agrees_kwh).all()), **key,
        )  # fmt: skip


def provisional(days: Sequence[MemberDay]) -> dict[str, F64]:
    """Energies by the key that holds until coefficients are validated: in proportion to consumption, (members, T) each [kWh]."""
    taken, given = np.array([day.withdrawn_kwh for day in days]), np.array([day.given_kwh for day in days])
    columns = [proportional(float(given[:, t].sum()), taken[:, t]) for t in range(taken.shape[1])]
    imputed, used, left = (
        np.array([getattr(one, name) for one in columns]).T / PER_KWH
        for name in ("allocated", "self_consumed", "surplus")
    )
    shared = np.maximum(given - imputed, 0.0)
    return {"shared_kwh": shared, "imputed_kwh": imputed, "surplus_kwh": left, "self_consumed_kwh": used}


def faults(days: Sequence[MemberDay], shares: Mapping[str, AllocationCoefficients]) -> str:
    """Why the coefficients of a day cannot be accepted; empty if they can."""
    missing = [day.filing.member for day in days if day.filing.member not in shares]
    if missing:
        return f"no coefficients of {', '.join(missing[:3])}{' ...' if len(missing) > 3 else ''}"
    wrong = [day.filing.member for day in days if shares[day.filing.member].from_ms != day.from_ms]
    wrong += [day.filing.member for day in days if shares[day.filing.member].meter != day.filing.meter]
    if wrong:
        return f"the coefficients of {wrong[0]} are not about this day and metering point"
    table = np.array([shares[day.filing.member].coefficient for day in days])
    if table.shape[1] != len(days[0].net_kwh):
        return f"{table.shape[1]} coefficients for {len(days[0].net_kwh)} settlement periods"
    given = np.sum([whole(day.given_kwh) for day in days], axis=0)
    off = (np.abs(table.sum(axis=0) - 1.0) > TOLERANCE) & (given > 0)
    if off.any():
        first = int(np.argmax(off))
        return f"the coefficients of period {first} sum to {table[:, first].sum():g}, not to 1"
    return ""


def energies(
    days: Sequence[MemberDay], shares: Mapping[str, AllocationCoefficients], reason: str
) -> list[AllocatedEnergies]:
    """Every member's energies: by the coefficients, or without them each its own. Identities hold exactly, in whole mWh."""
    taken, given = (np.array([whole(getattr(day, name)) for day in days]) for name in ("withdrawn_kwh", "given_kwh"))
    found = []
    for t in range(taken.shape[1]):
        total = int(given[:, t].sum())
        if shares and total:
            found.append(allocate(total, taken[:, t], [shares[day.filing.member].coefficient[t] for day in days]))
        else:
            found.append(Energies(taken[:, t], given[:, t]))
    columns = {
        name: np.array([getattr(one, name) for one in found]).T / PER_KWH
        for name in ("consumption", "allocated", "self_consumed", "supplied", "surplus")
    }
    return [
        AllocatedEnergies(
            member=day.filing.member,
            meter=day.filing.meter,
            valid=not reason,
            reason=reason,
            from_ms=day.from_ms,
            step_s=day.step_s,
            generation_kwh=given[place] / PER_KWH,
            **{f"{name}_kwh": column[place] for name, column in columns.items()},
        )
        for place, day in enumerate(days)
    ]
