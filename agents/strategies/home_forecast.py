"""A home's forecasts of itself, from what its meters and its car have shown so far: arrays of the past in, arrays of the future out.

Time appears as calendar columns that the caller takes from its calendar: ``slot`` the step within the local day, ``kind`` the type of day
(for example workday or not), ``day`` a running day number. Row i of a result depends on row i of the history alone.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from data.arrays import F64, I64, Bool

NOWCAST_STEPS = 8.0
"""Steps in which the difference between measured and forecast generation falls to 1/e: two hours (judgement)."""
LEAST_PV_KW = 0.1
"""Below this forecast the ratio to what is measured says nothing."""

AT_ONCE = 1 << 19
"""Homes times steps of the past that are looked at together: bounds the memory, changes no result."""


class Steps(NamedTuple):
    """Calendar of some steps, each (t,): day number, step of the day, type of day."""

    day: I64
    slot: I64
    kind: I64


class Trips(NamedTuple):
    """A forecast of the car (n, m): at the charger, and energy taken by driving [kWh]."""

    plugged: Bool
    drive_kwh: F64


def similar_days(values: F64, past: Steps, future: Steps, days: int = 10) -> F64:
    """Mean of the same step on the most recent days of the same type; (n, T) -> (n, m).

    Args:
        values: seen history, one row per home (n, T), in any quantity.
        past: calendar of the T steps.
        future: calendar of the m steps.
        days: greatest number of days that count.

    Returns:
        the forecast; where no day of the type was seen, the mean over days of any type, and 0 where there is no history of the slot.
    """
    chosen = _matches(past, future, days)
    total: F64 = np.zeros((len(values), len(future.slot)))
    count = np.zeros(len(future.slot))
    for column in chosen.T:  # one column a day: a running sum keeps rows independent of each other
        seen = column >= 0
        total = total + np.where(seen, values[:, np.maximum(column, 0)], 0.0)
        count = count + seen
    return total / np.maximum(count, 1.0)


def least_of_similar_days(values: F64, past: Steps, future: Steps, days: int = 10) -> F64:
    """Least value of the same step on the most recent days of the same type: the pessimistic side of a forecast; (n, T) -> (n, m).

    Arguments are those of :func:`similar_days`; 0 where there is no history of the slot.
    """
    chosen = _matches(past, future, days)
    least = np.full((len(values), len(future.slot)), np.inf)
    for column in chosen.T:
        least = np.where(column >= 0, np.minimum(least, values[:, np.maximum(column, 0)]), least)
    return np.where(np.isfinite(least), least, 0.0)


def _matches(past: Steps, future: Steps, days: int) -> I64:
    """Positions in the past of the same step on similar days, latest first, -1 where there is none; (m, days)."""
    chosen = np.full((len(future.slot), days), -1, np.int64)
    by_key: dict[tuple[int, int], I64] = {}
    for j, (slot, kind) in enumerate(zip(future.slot.tolist(), future.kind.tolist(), strict=True)):
        if (slot, kind) not in by_key:
            same = past.slot == slot
            alike = same & (past.kind == kind)
            by_key[slot, kind] = np.flatnonzero(alike if alike.any() else same)[::-1][:days]
        found = by_key[slot, kind]
        chosen[j, : len(found)] = found
    return chosen


def load(values: F64, past: Steps, future: Steps, days: int = 10, recent: int = 8, fades_in: float = 12.0) -> F64:
    """Own load: similar days, shifted by how much the last steps differed from their own similar days; (n, m) [kW].

    Args:
        values: metered own load (n, T) up to now.
        past: calendar of the T steps.
        future: calendar of the m steps, the first right after the last of the past.
        days: days that count.
        recent: last steps that the shift is taken from.
        fades_in: steps in which the shift falls to 1/e.
    """
    base = similar_days(values, past, future, days)
    last = Steps(*(column[-recent:] for column in past))
    before = Steps(*(column[:-recent] for column in past))
    if not len(before.slot):
        return base
    errors = values[:, -recent:] - similar_days(values[:, :-recent], before, last, days)
    shift = np.cumsum(errors, axis=1)[:, -1] / len(last.slot)
    fade = np.exp(-(np.arange(len(future.slot)) + 1.0) / fades_in)
    shifted: F64 = np.maximum(base + shift[:, None] * fade, 0.0)
    return shifted


def generation(
    values: F64, weather: F64, past: Steps, weather_ahead: F64, future: Steps, slots_per_day: int, prior: float = 2.0
) -> F64:
    """Own PV: the weather forecast times the yield learned for each hour of the day; (n, m) [kW].

    Least squares of generation on irradiance, by hour of the day (roofs face different ways), drawn towards the yield of the whole
    day where an hour has seen little sun.

    Args:
        values: metered own generation, >= 0 (n, T).
        weather: what was measured or published for the same steps, e.g. horizontal irradiance (T,).
        past: calendar of the T steps.
        weather_ahead: its forecast (m,).
        future: calendar of the m steps.
        slots_per_day: steps in a day.
        prior: sunny days' worth of weight of the all-day yield in each hour.
    """
    hour, hour_ahead = past.slot * 24 // slots_per_day, future.slot * 24 // slots_per_day
    energy, power = np.zeros(24), np.zeros((len(values), 24))
    for h in range(24):
        at = hour == h
        sun = weather[at]
        if sun.any():
            energy[h] = np.cumsum(sun**2)[-1]
            power[:, h] = np.cumsum(values[:, at] * sun, axis=1)[:, -1]
    all_energy, all_power = np.cumsum(energy)[-1], np.cumsum(power, axis=1)[:, -1]
    overall = all_power / (all_energy if all_energy > 0.0 else 1.0)
    observed_days = max(len(np.unique(past.day)), 1)
    weight = prior * energy.max() / observed_days
    yields = (power + weight * overall[:, None]) / np.where(energy + weight > 0.0, energy + weight, 1.0)
    return np.asarray(np.maximum(yields[:, hour_ahead] * weather_ahead, 0.0))


def nowcast(pv_kw: F64, measured_kw: F64) -> F64:
    """Forecast generation of k homes, (k, m), drawn to what was measured last, (k,), for the next hours; less the further ahead."""
    first = pv_kw[:, 0]
    ratio = np.where(first > LEAST_PV_KW, np.clip(measured_kw / np.maximum(first, LEAST_PV_KW), 0.0, 2.0), 1.0)
    fade = np.exp(-np.arange(pv_kw.shape[1]) / NOWCAST_STEPS)
    return np.asarray(pv_kw * (1.0 + (ratio[:, None] - 1.0) * fade))


def trips(plugged: Bool, drive_kwh: F64, past: Steps, future: Steps, share: float = 0.5, late: int = 4) -> Trips:
    """The car's absences: median departure, arrival and energy by type of day, from own history.

    A type of day has a habit if the car left on at least ``share`` of its days. A car that is still at home when it is
    expected away stays until it would be back; one that is away when expected at home is expected within ``late`` steps.
    An absence over midnight counts as out from the first to the last of a day: who is out most nights is taken to be out all day.

    Args:
        plugged: seen at the charger (n, T).
        drive_kwh: energy that was missing after each absence, booked on steps of the absence (n, T).
        past: calendar of the T steps, whole days preferred.
        future: calendar of the m steps.
        share: share of days with a trip from which on a trip is expected.
        late: steps within which an overdue car is expected.
    """
    n, m = len(plugged), len(future.slot)
    at_home, driven = np.ones((n, m), np.bool_), np.zeros((n, m))
    for kind in np.unique(future.kind).tolist():
        leave, arrive, energy = _habits(plugged, drive_kwh, past, kind, share)
        steps = np.flatnonzero(future.kind == kind)
        slot = future.slot[steps]
        away = (slot >= leave[:, None]) & (slot < arrive[:, None])
        at_home[:, steps] = ~away
        length = np.maximum(arrive - leave, 1.0)
        driven[:, steps] = np.where(away, (energy / length)[:, None], 0.0)
    return _from_now(plugged[:, -1], Trips(at_home, driven), late)


def _habits(plugged: Bool, drive_kwh: F64, past: Steps, kind: int, share: float) -> tuple[F64, F64, F64]:
    """Median first departure, last arrival (slots; 0, 0 without habit) and energy of a day of the type, (n,) each."""
    known = np.unique(past.day[past.kind == kind])
    days = known if len(known) else np.unique(past.day)
    firsts, lasts, energies = [], [], []
    for steps in _days_alike(past.day, days, len(plugged)):
        gone, slot = ~plugged[:, steps], past.slot[steps]  # (n, days, steps of a day)
        out, day = gone.any(axis=2), np.arange(len(steps))
        firsts.append(np.where(out, slot[day, gone.argmax(axis=2)], np.nan))
        lasts.append(np.where(out, slot[day, -1 - gone[:, :, ::-1].argmax(axis=2)] + 1.0, np.nan))
        energies.append(np.where(out, np.cumsum(drive_kwh[:, steps], axis=2)[:, :, -1], np.nan))
    seen = np.concatenate(firsts, axis=1)
    habit = (~np.isnan(seen)).sum(axis=1) >= max(share * len(days), 1.0)
    leave, arrive = (np.where(habit, median(np.concatenate(rows, axis=1)), 0.0) for rows in (firsts, lasts))
    return leave, arrive, np.where(habit, median(np.concatenate(energies, axis=1)), 0.0)


def _days_alike(day: I64, days: I64, n: int) -> Iterator[I64]:
    """The steps of some days, (days, steps), as many days of one length at once as bound the memory for n homes."""
    first, after = np.searchsorted(day, days), np.searchsorted(day, days, side="right")
    for length in np.unique(after - first).tolist():
        alike = first[after - first == length]
        together = max(AT_ONCE // (max(n, 1) * length), 1)
        for begin in range(0, len(alike), together):
            yield alike[begin : begin + together, None] + np.arange(length)


def median(values: F64) -> F64:
    """Median of each row without its NaN, NaN for a row of nothing else; (n, k) -> (n,)."""
    ordered = np.sort(values, axis=1)
    count = (~np.isnan(values)).sum(axis=1)
    rows = np.arange(len(values))
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, values.shape[1] - 1)
    return np.where(count > 0, (ordered[rows, low] + ordered[rows, high]) / 2.0, np.nan)


def _from_now(now: Bool, expected: Trips, late: int) -> Trips:
    """The expectation corrected by where the car is: until the next expected event, an overdue car for some steps only."""
    same = ~np.logical_or.accumulate(expected.plugged != expected.plugged[:, :1], axis=1)
    wrong = (expected.plugged[:, 0] != now)[:, None] & same
    soon = np.arange(expected.plugged.shape[1]) < late
    plugged = np.where(wrong & (now[:, None] | soon), now[:, None], expected.plugged)
    return Trips(plugged, np.where(plugged, 0.0, expected.drive_kwh))
