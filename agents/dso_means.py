"""The operator's own means for what a look ahead finds, tried and priced for each switching state of the horizon (SUC06.1 rule 11)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.dso_grid import GridModel
from agents.dso_horizon import Outlook
from agents.dso_terms import DsoTerms
from environment.calendar import Timeline
from environment.grid.means import MeansCosts, Measure, conventional_measures
from environment.instruments import Switching

SHOWN = 10
"""So many measures are kept in the register."""


@dataclass(frozen=True)
class Tried:
    """What was tried for the steps of one switching state.

    Attributes:
        measures: those that help, best first.
        from_ms: when the state begins, now at the earliest.
        to_ms: when it ends; None if it is the last.
        notice_ms: how long before it an interruption of customers must be announced.
        now_ms: when they were tried.
    """

    measures: list[Measure]
    from_ms: int
    to_ms: int | None
    notice_ms: int
    now_ms: int

    @property
    def best(self) -> Measure | None:
        """The first that relieves everything and is in time."""
        return next((one for one in self.measures if not self.obstacle(one)), None)

    def obstacle(self, measure: Measure) -> str:
        """Why a measure cannot be taken; empty if it can."""
        if not measure.relieves:
            return "it leaves something"
        late = measure.interrupts and self.from_ms - self.now_ms < self.notice_ms
        return "it interrupts customers, who would have to be told earlier" if late else ""

    def switching(self, measure: Measure) -> Switching:
        """A measure in force as long as the state."""
        return Switching(measure.taps, measure.close, measure.open, self.from_ms, self.to_ms)

    def rows(self, taken: bool) -> Iterable[Mapping[str, Any]]:
        """Rows of the register of measures."""
        for one in self.measures[:SHOWN]:
            yield {
                "kind": one.kind, "text": one.text, "from_ms": self.from_ms, "cost_eur": one.cost_eur,
                "residual_kwh": one.residual_kwh, "residual_hours": one.residual_hours,
                "taken": taken and one is self.best, "reason": self.obstacle(one),
            }  # fmt: skip


def own_means(model: GridModel, outlook: Outlook, timeline: Timeline, now_ms: int, terms: DsoTerms) -> list[Tried]:
    """Own means for every switching state in which something is violated, judged over all its steps, quiet ones included."""
    costs = MeansCosts(terms.tap_change_eur, terms.off_load_tap_eur, terms.switching_eur)
    tried = []
    for rows, state, _ in outlook.grid.stretches:
        if not outlook.violations.steps[rows].any():
            continue
        begin, end = model.switching.window_ms(int(timeline.starts_ms[outlook.first + rows.start]))
        p, q = outlook.p_kw[rows], outlook.q_kvar[rows]
        measures = conventional_measures(model.network, p, q, model.limits, costs, timeline.hours, state)
        tried.append(Tried(measures, max(begin, now_ms), end, terms.interruption_notice_ms, now_ms))
    return tried
