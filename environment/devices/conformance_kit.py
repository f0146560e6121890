"""What every device kind must obey, as functions: whoever adds a kind runs them (``check``) in its tests.

A law takes a kind and a case, says nothing when it holds, and otherwise raises ``BrokenLawError`` with the row and the numbers. Cases are
drawn from the kind's own ``examples``; ``draw`` makes one from a generator.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from data.arrays import F64, Bool
from environment.devices.kind import TICK_H, DeviceKind, take

TOLERANCE_KWH = 1e-9
"""No law about energy forgives more."""

BIG_KW = 1e6
"""A set-point beyond every rating."""


class BrokenLawError(AssertionError):
    """A device law does not hold."""


class Case(NamedTuple):
    """n devices, their set-points [kW, NaN for own control], and one step of some hours."""

    ratings: Any
    state: Any
    setpoint_kw: F64
    inputs: Any
    hours: F64

    def step(self, kind: DeviceKind, setpoint_kw: F64 | float | None = None) -> tuple[Any, F64]:
        """The case's step, at its own set-points or at others."""
        setpoint = self.setpoint_kw if setpoint_kw is None else np.broadcast_to(setpoint_kw, self.setpoint_kw.shape)
        return kind.step(self.ratings, self.state, np.asarray(setpoint, np.float64), self.inputs, self.hours)

    def rows(self, rows: Any) -> "Case":
        """Some devices of the case."""
        return Case(
            take(self.ratings, rows),
            take(self.state, rows),
            self.setpoint_kw[rows],
            take(self.inputs, rows),
            self.hours[rows],
        )


Law = Callable[[DeviceKind, Case], None]


def draw(kind: DeviceKind, rng: np.random.Generator, n: int) -> Case:
    """A case: own control, set-points within and beyond reach, at bounds; from one tick of the clock to a day."""
    ratings, state, inputs = kind.examples(rng, n)
    hours = np.exp(rng.uniform(np.log(TICK_H), np.log(24.0), n))
    low, high = kind.feasible_kw(ratings, state, inputs, hours)
    share = np.clip(rng.uniform(-0.2, 1.2, n), 0.0, 1.0)
    reach = 1.0 + np.abs(low) + np.abs(high)
    choices = (np.full(n, np.nan), low + share * (high - low), reach * rng.normal(size=n), np.zeros(n))
    return Case(ratings, state, np.choose(rng.integers(0, len(choices), n), choices), inputs, hours)


def examples_are_plausible(kind: DeviceKind, case: Case) -> None:
    """The kind's examples pass its own checks of ratings."""
    for what, rows in kind.implausible(case.ratings).items():
        _demand(kind, f"plausible examples ({what})", ~rows, case.hours, case.hours)


def feasible_is_a_range(kind: DeviceKind, case: Case) -> None:
    """The lowest feasible power is finite and not above the highest."""
    low, high = kind.feasible_kw(case.ratings, case.state, case.inputs, case.hours)
    _demand(kind, "feasible is a range", np.isfinite(low) & np.isfinite(high) & (low <= high + 1e-12), low, high)


def feasible_is_kept(kind: DeviceKind, case: Case) -> None:
    """A set-point in the range is the mean power; where something acts first, the mean stays within and meets the ends."""
    low, high = kind.feasible_kw(case.ratings, case.state, case.inputs, case.hours)
    forced = kind.forced(case.ratings, case.state, case.inputs)
    led = forced & _proportional(kind, case)
    for share in (0.0, 0.3, 1.0):
        asked = low + share * (high - low)
        power = case.step(kind, asked)[1]
        _demand(kind, "feasible is kept", forced | _near(power, asked, case.hours), power, asked)
        inside = (power >= low - _slack(case.hours)) & (power <= high + _slack(case.hours))
        _demand(kind, "forced stays within feasible", ~led | inside, power, low)
    least, most = case.step(kind, -BIG_KW)[1], case.step(kind, BIG_KW)[1]
    _demand(kind, "forced meets its lowest", ~led | _near(least, low, case.hours), least, low)
    _demand(kind, "forced meets its highest", ~led | _near(most, high, case.hours), most, high)


def power_is_bounded(kind: DeviceKind, case: Case) -> None:
    """Whatever is asked, and under own control, power and state lie between those of the least and of the most asked."""
    (low_state, low), (high_state, high) = case.step(kind, -BIG_KW), case.step(kind, BIG_KW)
    uneven = ~_proportional(kind, case)
    for setpoint in (None, np.nan):
        state, power = case.step(kind, setpoint)
        slack = _slack(case.hours)
        _demand(kind, "power has a lower bound", uneven | (power >= low - slack), power, low)
        _demand(kind, "power has an upper bound", uneven | (power <= high + slack), power, high)
        shown, floor, ceiling = (kind.state_value(case.ratings, s) for s in (state, low_state, high_state))
        _demand(kind, "state has a lower bound", ~(shown < floor - TOLERANCE_KWH), shown, floor)
        _demand(kind, "state has an upper bound", ~(shown > ceiling + TOLERANCE_KWH), shown, ceiling)


def energy_is_balanced(kind: DeviceKind, case: Case) -> None:
    """What is supplied is stored, used or lost; use is never negative; what is stored is what the state gained."""
    account = kind.account(case.ratings, case.state, case.setpoint_kw, case.inputs, case.hours)
    gone = account.stored_kwh + account.used_kwh + account.lost_kwh
    _demand(kind, "energy is balanced", np.abs(account.supplied_kwh - gone) < TOLERANCE_KWH, account.supplied_kwh, gone)
    _demand(kind, "use is not negative", account.used_kwh > -TOLERANCE_KWH, account.used_kwh, gone)
    if kind.STATE_UNIT == "kWh":
        before, after = kind.state_value(case.ratings, case.state), kind.state_value(case.ratings, case.step(kind)[0])
        gained = np.abs(after - before - account.stored_kwh) < TOLERANCE_KWH
        _demand(kind, "the state holds what is stored", gained, after - before, account.stored_kwh)


def splitting_changes_nothing(kind: DeviceKind, case: Case) -> None:
    """A step cut anywhere takes the same energy and ends in the same state."""
    state, power = case.step(kind)
    for share in (1e-6, 0.37, 0.999):
        first = case._replace(hours=case.hours * share)
        middle, early = first.step(kind)
        last, late = case._replace(state=middle, hours=case.hours - first.hours).step(kind)
        parts = early * first.hours + late * (case.hours - first.hours)
        whole = power * case.hours
        _demand(kind, "splitting keeps energy", np.abs(parts - whole) < TOLERANCE_KWH, parts, whole)
        for one, other in zip(last, state, strict=True):
            _demand(kind, "splitting keeps the state", np.abs(one - other) < TOLERANCE_KWH, one, other)


def more_power_means_more_state(kind: DeviceKind, case: Case) -> None:
    """A higher set-point never gives less power, nor less stored."""
    low = np.nan_to_num(case.setpoint_kw)
    before, less = case.step(kind, low)
    after, more = case.step(kind, low + 0.1 + np.abs(low))
    rising = ~_proportional(kind, case) | (more >= less - _slack(case.hours))
    _demand(kind, "power is monotone", rising, more, less)
    one, other = kind.state_value(case.ratings, after), kind.state_value(case.ratings, before)
    _demand(kind, "state is monotone", ~(one < other - TOLERANCE_KWH), one, other)


def many_are_as_many_single_ones(kind: DeviceKind, case: Case) -> None:
    """A batch of n is n batches of one, bit for bit, also from strided columns."""
    whole = _flat(case.step(kind))
    feasible = kind.feasible_kw(case.ratings, case.state, case.inputs, case.hours)
    for row in range(len(case.hours)):
        one = case.rows(slice(row, row + 1))
        _demand_same(kind, _flat(one.step(kind)), [a[row : row + 1] for a in whole])
        single = kind.feasible_kw(one.ratings, one.state, one.inputs, one.hours)
        _demand_same(kind, list(single), [a[row : row + 1] for a in feasible])
    strided = case.rows(slice(None, None, 3))
    _demand_same(kind, _flat(strided.step(kind)), [a[::3] for a in whole])


def arguments_are_left_alone(kind: DeviceKind, case: Case) -> None:
    """A step writes into nothing it was given, and nothing depends on when it is asked again."""
    ratings, state, inputs = _frozen(case.ratings), _frozen(case.state), _frozen(case.inputs)
    frozen = Case(ratings, state, _freeze(case.setpoint_kw), inputs, case.hours)
    _demand_same(kind, _flat(frozen.step(kind)), _flat(case.step(kind)))


LAWS: tuple[Law, ...] = (
    examples_are_plausible,
    feasible_is_a_range,
    feasible_is_kept,
    power_is_bounded,
    energy_is_balanced,
    splitting_changes_nothing,
    more_power_means_more_state,
    many_are_as_many_single_ones,
    arguments_are_left_alone,
)


def check(kind: DeviceKind, rng: np.random.Generator, n: int = 40) -> None:
    """Hold a kind to every law on one drawn case.

    Raises:
        BrokenLawError: a law does not hold; the text has kind, law, row and numbers.
    """
    case = draw(kind, rng, n)
    for law in LAWS:
        law(kind, case)


def _slack(hours: F64) -> F64:
    """Tolerance of a mean power [kW]: the energy tolerance over the hours, and never finer than rounding allows."""
    return np.asarray(TOLERANCE_KWH / np.maximum(hours, 1e-3))


def _proportional(kind: DeviceKind, case: Case) -> Bool:
    """Rows whose mean power grows with what is asked: all, unless the kind knows better."""
    rule = getattr(kind, "proportional", None)
    return np.ones(case.hours.shape, np.bool_) if rule is None else np.asarray(rule(case.ratings, case.inputs))


def _near(power: F64, other: F64, hours: F64) -> Bool:
    return np.asarray(np.abs(power - other) <= _slack(hours))


def _demand(kind: DeviceKind, law: str, holds: Bool, found: F64, against: F64) -> None:
    if not np.all(holds):
        row = int(np.argmin(holds))
        msg = f"{kind.KIND}: {law} is broken in row {row} of {len(holds)}: {found[row]!r} against {against[row]!r}"
        raise BrokenLawError(msg)


def _demand_same(kind: DeviceKind, found: list[F64], expected: list[F64]) -> None:
    for one, other in zip(found, expected, strict=True):
        same = (one == other) | (np.isnan(one) & np.isnan(other))
        _demand(kind, "bit-for-bit equality", same, one, other)


def _flat(stepped: tuple[Any, F64]) -> list[F64]:
    return [*stepped[0], stepped[1]]


def _frozen(record: Any) -> Any:
    return type(record)(*map(_freeze, record))


def _freeze(column: F64) -> F64:
    copy = np.array(column)
    copy.flags.writeable = False
    return copy
