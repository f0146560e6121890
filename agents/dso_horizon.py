"""One look of the DSO ahead: the forecast of its grid, and how that answers to a little less load."""

from dataclasses import dataclass, field

from scipy import sparse

from data.arrays import F64
from environment.grid.feeders import Effects
from environment.grid.flow import Flow
from environment.grid.limits import Violations
from environment.grid.switching import SwitchedGrid


@dataclass(frozen=True)
class Outlook:
    """One look ahead.

    Attributes:
        made_ms: when.
        first: first step foreseen.
        p_kw: net load of the buses, shape (T, buses).
        q_kvar: reactive net load, shape (T, buses).
        flow: the power flow of these.
        violations: what it violates.
        grid: the grid through its switching states, which solved it.
        expected: the power flow without margin: the forecast proper.
    """

    made_ms: int
    first: int
    p_kw: F64
    q_kvar: F64
    flow: Flow
    grid: SwitchedGrid
    violations: Violations
    expected: Flow
    _effects: dict[int, Effects] = field(default_factory=dict, compare=False, repr=False)
    _own: dict[int, F64] = field(default_factory=dict, compare=False, repr=False)
    _within: dict[tuple[int, int], tuple[Flow, Flow]] = field(default_factory=dict, compare=False, repr=False)

    def effects(self, step: int, moves: sparse.csc_matrix) -> Effects:
        """What moves of net load, (buses, moves), change at a step; computed once for the moves that are first asked for."""
        if step not in self._effects:
            self._effects[step] = self.grid.effects(self.flow, step, moves)
        return self._effects[step]

    def own_v_pu_per_kw(self, step: int) -> F64:
        """What one kW more at each bus changes of its own voltage, at a step, (buses,); computed once."""
        if step not in self._own:
            self._own[step] = self.grid.own_v_pu_per_kw(self.flow, step)
        return self._own[step]

    @property
    def forecasts(self) -> tuple[Flow, Flow]:
        """With and without margin: which of them is nearer to a limit depends on the direction of the flow."""
        return self.flow, self.expected

    def forecasts_within(self, window: slice) -> tuple[Flow, Flow]:
        """The same in a window of the steps; what follows from them is worked out for the window alone."""
        key = window.start, window.stop
        if key not in self._within:
            self._within[key] = self.flow.rows(window), self.expected.rows(window)
        return self._within[key]
