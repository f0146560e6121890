"""A fleet: the columns of all owners of one device kind, integrated through time under their set-points.

Every row knows the instant it has been integrated to. Before something about a row changes (set-point, mode), the fleet brings that row to
the present, so that what is written at t acts on [t, next). In between, all rows walk together, one call of the kind per step.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from math import isnan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from data.arrays import F64, I64
from environment.calendar import Timeline
from environment.devices.kind import TICK_H, DeviceKind, put, take
from environment.devices.reserve import Frequency, Reserve
from environment.devices.set_points import Priority, Selection, SetPoints
from environment.units import MS_PER_H

BLOCK = 8192
"""Rows that are stepped at once; a matter of speed only."""


class Ahead(NamedTuple):
    """A piece of a step worked out beforehand: from when to when, the state and set-points it starts from, and what comes of it."""

    now_ms: int
    until_ms: int
    before: Any
    setpoint_kw: F64
    after: Any
    power_kw: F64


class Fleet:
    """All devices of one kind.

    Args:
        kind: the device kind (a module, see ``environment.devices.kind``).
        owners: names, one a row.
        ratings: the kind's ``Ratings``, columns (n,).
        state: the kind's ``State`` at the start, columns (n,).
        inputs: step index -> the kind's ``Inputs`` for that step, columns (n,) or scalars.
        timeline: the grid of steps; the fleet starts at its start.

    Raises:
        ValueError: a column does not have one value a row, or is not a number, or a rating cannot be; all at once.
    """

    def __init__(
        self,
        kind: DeviceKind,
        owners: Sequence[str],
        ratings: Any,
        state: Any,
        inputs: Callable[[int], Any],
        timeline: Timeline,
    ) -> None:
        self.kind = kind
        self.owners = tuple(owners)
        self.n = len(self.owners)
        self.timeline = timeline
        self.ratings = self._columns("ratings", ratings)
        self._check_ratings()
        self.set_points = SetPoints(self.n, timeline)
        self.reserve = Reserve(self.n)
        self._state = self._columns("state", state)
        self._inputs = inputs
        self._inputs_now: tuple[int, Any] | None = None
        self._energy_kwh = np.zeros(self.n)
        self._step_kwh: dict[int, F64] = {}
        self._ahead: Ahead | None = None
        self._common_ms: int | None = timeline.start_ms
        self._at_ms = np.full(self.n, timeline.start_ms, np.int64)

    @property
    def state(self) -> Any:
        """The kind's ``State`` now: columns that are never written again."""
        return self._state

    @property
    def state_value(self) -> F64:
        """What a results table shows, (n,), in the kind's ``STATE_UNIT``."""
        return self.kind.state_value(self.ratings, self._state)

    @property
    def energy_kwh(self) -> F64:
        """Net energy from the grid since creation, (n,) [kWh], a copy."""
        return self._energy_kwh.copy()

    @property
    def at_ms(self) -> I64:
        """The instant to which each row is integrated, (n,) [ms], a copy."""
        return self._at_ms.copy() if self._common_ms is None else np.full(self.n, self._common_ms, np.int64)

    def advance(self, to_ms: int, rows: Selection | None = None) -> None:
        """Integrate rows (all by default) to an instant, each from its own.

        Raises:
            ValueError: the instant is before that of a row, or after the end of the timeline.
        """
        if to_ms > self.timeline.end_ms:
            msg = f"{self.kind.KIND} fleet: {to_ms} ms is after the timeline's end, {self.timeline.end_ms} ms"
            raise ValueError(msg)
        if self._common_ms == to_ms:
            return
        if (rows is None or self.reserve.active) and self._common_ms is not None:
            self._advance_together(self._common_ms, to_ms)
        else:
            self._advance_apart(to_ms, np.arange(self.n) if rows is None else self.set_points.rows(rows))

    def power_now_kw(self, until_ms: int | None = None) -> F64:
        """Power from each row's instant on, (n,) [kW]: the mean over the clock's next tick of one millisecond.

        At the end of the timeline its last step counts on.

        Args:
            until_ms: an instant of this step to which the fleet will probably be brought next: the way there is worked out in the same
                call, and taken if nothing changes before.
        """
        if self._common_ms is not None:
            step = self._present_step()
            if self.reserve.active:
                return self._piece_with_reserve(step, self._common_ms, TICK_H)[1]
            if until_ms is None or not self._state or not 0 < 2 * self.n <= BLOCK:
                return self._piece_of_all(step, TICK_H)[1]
            return self._look_ahead(step, self._common_ms, until_ms)
        steps = np.minimum((self._at_ms - self.timeline.start_ms) // self.timeline.step_ms, self.timeline.n - 1)
        power = np.empty(self.n)
        for step in np.unique(steps):
            rows = np.flatnonzero(steps == step)
            power[rows] = self._piece(int(step), rows, TICK_H)[1]
        return power

    def feasible_kw(self, hours: float) -> tuple[F64, F64]:
        """Range of mean power [kW] over the next hours with this step's inputs, each (n,); all rows at one instant."""
        return self.kind.feasible_kw(self.ratings, self._state, self.inputs(self._present_step()), hours)

    def step_energy(self, step: int) -> F64:
        """Hand over the energy of a finished step, (n,) [kWh], and forget this step and those before.

        Raises:
            ValueError: rows have not reached the step's end, or it was handed over before.
        """
        end_ms = self.timeline.start_ms + (step + 1) * self.timeline.step_ms
        at_ms = int(self._at_ms.min(initial=end_ms)) if self._common_ms is None else self._common_ms
        if self.n and at_ms < end_ms:
            msg = f"{self.kind.KIND} fleet: step {step} ends at {end_ms} ms, rows are at {at_ms} ms; advance first"
            raise ValueError(msg)
        if step not in self._step_kwh:
            msg = f"{self.kind.KIND} fleet: the energy of step {step} was handed over before, or never made"
            raise ValueError(msg)
        energy = self._step_kwh[step]
        self._step_kwh = {k: kwh for k, kwh in self._step_kwh.items() if k > step}
        return energy

    def inputs(self, step: int) -> Any:
        """The kind's ``Inputs`` of a step, asked for once while the fleet is in it."""
        if self._inputs_now is None or self._inputs_now[0] != step:
            self._inputs_now = (step, self._inputs(step))
        return self._inputs_now[1]

    def schedule(self, at_ms: int, rows: Selection, from_step: int, kw: ArrayLike) -> None:
        """Write the base schedule (``SetPoints.schedule``) at an instant."""
        self._touch(at_ms, rows, from_step)
        self.set_points.schedule(rows, from_step, kw)

    def order(
        self, at_ms: int, name: str, priority: Priority, rows: Selection, kw: ArrayLike, from_step: int | None = None
    ) -> None:
        """Place an order (``SetPoints.place``) at an instant, by default from the step it falls in."""
        first = self.timeline.index(at_ms) if from_step is None else from_step
        self._touch(at_ms, rows, first)
        self.set_points.place(name, priority, rows, first, kw)

    def revoke(self, at_ms: int, name: str, rows: Selection | None = None) -> None:
        """Take an order back from an instant on, for all its rows or some."""
        ordered = np.unique(np.concatenate([order.rows for order in self.set_points.named(name)]))
        touched = ordered if rows is None else np.intersect1d(ordered, self.set_points.rows(rows))
        self.advance(at_ms, touched)
        self.set_points.revoke(name, touched)

    def listen(self, frequency: Frequency, dead_band_hz: float) -> None:
        """Let the devices measure the frequency, so that they can have a droop."""
        self.reserve = Reserve(self.n, frequency, dead_band_hz)

    def reserves(self, at_ms: int, rows: Selection, droop_kw: F64, offset_kw: F64) -> None:
        """Set droop and offset of some rows from an instant on (``environment.devices.reserve``), (m,) each."""
        self.advance(at_ms)
        self.reserve.set(self.set_points.rows(rows), droop_kw, offset_kw)

    def set_mode(self, at_ms: int, rows: Selection, automatic: ArrayLike) -> None:
        """Put rows in automatic or manual mode from an instant on."""
        self.advance(at_ms, rows)
        self.set_points.set_mode(rows, automatic)

    def _touch(self, at_ms: int, rows: Selection, from_step: int) -> None:
        """Bring rows to the present if what is written changes the step they are in."""
        if from_step <= self.timeline.index(at_ms):
            self.advance(at_ms, rows)

    def _advance_together(self, from_ms: int, to_ms: int) -> None:
        self._check_forward(from_ms, to_ms)
        now = from_ms
        while now < to_ms:
            step = self.timeline.index(now)
            until = min(to_ms, self._end_ms(step))
            if self.reserve.active:
                until = self.reserve.until_ms(now, until)
            hours = (until - now) / MS_PER_H
            state, power = self._piece_from(step, now, until)
            self._check_numbers(step, slice(None), (power, *state))
            self._state = state
            self._book(step, slice(None), power * hours)
            self._common_ms = now = until

    def _look_ahead(self, step: int, now_ms: int, until_ms: int) -> F64:
        """Power over the next tick, and the piece to an instant of this step, kept for ``_piece_from``: one call for twice as many rows."""
        n, setpoint = self.n, self.set_points.effective(step).copy()
        hours = np.repeat([TICK_H, (until_ms - now_ms) / MS_PER_H], n)
        both = (take(self._state, self._twice), setpoint[self._twice], take(self.inputs(step), self._twice))
        state, power = self.kind.step(self._ratings_twice, *both, hours)
        later = type(state)(*(column[n:] for column in state))
        self._ahead = Ahead(now_ms, until_ms, self._state, setpoint, later, power[n:])
        return np.asarray(power[:n])

    def _piece_from(self, step: int, now_ms: int, until_ms: int) -> tuple[Any, F64]:
        """The piece of a step between two instants, for all rows; as ``_look_ahead`` has worked it out where nothing changed since."""
        ahead, self._ahead = self._ahead, None
        if self.reserve.active:
            state, power, asked, given = self._piece_with_reserve(step, now_ms, (until_ms - now_ms) / MS_PER_H)
            self.reserve.book(step, asked, given, until_ms - now_ms)
            return state, power
        same = (
            ahead is not None and (ahead.now_ms, ahead.until_ms) == (now_ms, until_ms) and ahead.before is self._state
        )
        if ahead is not None and same and self.set_points.effective(step).tobytes() == ahead.setpoint_kw.tobytes():
            return ahead.after, ahead.power_kw
        return self._piece_of_all(step, (until_ms - now_ms) / MS_PER_H)

    def _piece_with_reserve(self, step: int, now_ms: int, hours: float) -> tuple[Any, F64, F64, F64]:
        """A piece of a step with what reserves add to what each row would do otherwise: state, power, asked and given change (up)."""
        asked = np.where(self.set_points.automatic, self.reserve.up_kw(now_ms), 0.0)
        state, otherwise = self._piece_of_all(step, hours)
        if not asked.any():
            return state, otherwise, asked, asked
        setpoint = np.where(asked == 0.0, self.set_points.effective(step), otherwise - asked)
        state, power = self.kind.step(self.ratings, self._state, setpoint, self.inputs(step), hours)
        return state, power, asked, otherwise - power

    @cached_property
    def _twice(self) -> I64:
        return np.tile(np.arange(self.n), 2)

    @cached_property
    def _ratings_twice(self) -> Any:
        return take(self.ratings, self._twice)

    def _advance_apart(self, to_ms: int, rows: I64) -> None:
        if self._common_ms is not None:
            self._at_ms[:] = self._common_ms
            self._common_ms = None
        if rows.size:
            self._check_forward(int(self._at_ms[rows].max()), to_ms)
        behind = rows[self._at_ms[rows] < to_ms]
        while behind.size:
            steps = (self._at_ms[behind] - self.timeline.start_ms) // self.timeline.step_ms
            step = int(steps.min())
            chosen = behind[steps == step]
            self._advance_piece(step, chosen, min(to_ms, self._end_ms(step)))
            behind = behind[self._at_ms[behind] < to_ms]
        if bool((self._at_ms == to_ms).all()):
            self._common_ms = to_ms

    def _advance_piece(self, step: int, rows: I64, until_ms: int) -> None:
        """Integrate some rows within one step, each from its own instant."""
        hours = (until_ms - self._at_ms[rows]) / MS_PER_H
        state, power = self._piece(step, rows, hours)
        self._check_numbers(step, rows, (power, *state))
        self._state = type(self._state)(*map(np.copy, self._state))  # states handed out before stay as they were
        put(self._state, rows, state)
        self._book(step, rows, power * hours)
        self._at_ms[rows] = until_ms

    def _book(self, step: int, rows: I64 | slice, energy_kwh: F64) -> None:
        if step not in self._step_kwh:
            self._step_kwh[step] = np.zeros(self.n)
        if isinstance(rows, slice):
            self._step_kwh[step] += energy_kwh
            self._energy_kwh += energy_kwh
        else:
            self._step_kwh[step][rows] += energy_kwh
            self._energy_kwh[rows] += energy_kwh

    def _check_numbers(self, step: int, rows: I64 | slice, columns: tuple[F64, ...]) -> None:
        """A NaN among the inputs stops the run where it bites and its cause can be named."""
        if not any(isnan(np.dot(column, column)) for column in columns):  # the quicker test
            return
        for column in columns:
            if np.isnan(column).any():
                owner = self.owners[int(np.arange(self.n)[rows][np.argmax(np.isnan(column))])]
                msg = f"{self.kind.KIND} fleet: {owner!r} in step {step} comes to no number; look at its inputs of that step"
                raise ValueError(msg)

    def _piece_of_all(self, step: int, hours: float) -> tuple[Any, F64]:
        """A piece of a step for all rows; many rows go in blocks that fit into the processor's cache."""
        if self.n <= BLOCK:
            setpoint = self.set_points.effective(step)
            return self.kind.step(self.ratings, self._state, setpoint, self.inputs(step), hours)
        state, power = type(self._state)(*map(np.empty_like, self._state)), np.empty(self.n)
        for start in range(0, self.n, BLOCK):
            rows = slice(start, start + BLOCK)
            block, power[rows] = self._piece(step, rows, hours)
            put(state, rows, block)
        return state, power

    def _piece(self, step: int, rows: I64 | slice, hours: F64 | float) -> tuple[Any, F64]:
        setpoint = self.set_points.effective(step)[rows]
        inputs = take(self.inputs(step), rows)
        return self.kind.step(take(self.ratings, rows), take(self._state, rows), setpoint, inputs, hours)

    def _end_ms(self, step: int) -> int:
        return self.timeline.start_ms + (step + 1) * self.timeline.step_ms

    def _present_step(self) -> int:
        """The step that all rows are in; at the end of the timeline its last."""
        if self._common_ms is None:
            msg = f"{self.kind.KIND} fleet: its rows are at different instants; advance all of them first"
            raise ValueError(msg)
        return min(self.timeline.index(self._common_ms), self.timeline.n - 1)

    def _check_forward(self, from_ms: int, to_ms: int) -> None:
        if to_ms < from_ms:
            msg = f"{self.kind.KIND} fleet: cannot go back from {from_ms} ms to {to_ms} ms"
            raise ValueError(msg)

    def _columns(self, what: str, record: Any) -> Any:
        columns = {name: np.array(values, np.float64) for name, values in record._asdict().items()}
        wrong = [
            f"{name} {values.shape}"
            for name, values in columns.items()
            if values.shape != (self.n,) or np.isnan(values).any()
        ]
        if wrong:
            msg = f"{self.kind.KIND} fleet of {self.n}: {what} need one number a row; wrong: {', '.join(wrong)}"
            raise ValueError(msg)
        return type(record)(**columns)

    def _check_ratings(self) -> None:
        wrong = {what: np.flatnonzero(rows) for what, rows in self.kind.implausible(self.ratings).items() if rows.any()}
        if wrong:
            found = "; ".join(
                f"{what}: {', '.join(self.owners[row] for row in rows[:3])}{' ...' * (len(rows) > 3)}"
                for what, rows in wrong.items()
            )
            msg = f"{self.kind.KIND} fleet: ratings that cannot be: {found}"
            raise ValueError(msg)
