"""What homes plan and could change in some hours of the day that runs, asked for in the middle of it (tests of pools, SUC08.1)."""

from collections.abc import Sequence

import numpy as np

from agents.prosumer_hems import Hems
from agents.strategies import home_flexibility
from agents.strategies.home_flexibility import Potential
from agents.strategies.home_view import HomePlan
from data.arrays import F64, I64
from environment.instruments import Readings
from environment.messages.aggregation import AggregationCycle
from environment.messages.base import Batch


def hour_asked(hems: Hems, step: int, batch: Batch[AggregationCycle]) -> range | None:
    """Steps of the timeline that a provider asks about, where they are to come in the plan that is in force; None where it asks about the next day.

    All invitations of a batch are about the same period.
    """
    current, index = hems.current, hems.timeline.index
    if current is None or not len(batch) or batch["shortfall"][0]:
        return None
    steps = range(index(int(batch["from_ms"][0])), index(int(batch["to_ms"][0])))
    inside = max(current.first, step) <= steps.start < steps.stop <= current.end
    ahead = hems.next is not None and steps.start >= hems.next.first
    return steps if inside and not ahead else None


def plans_within(
    hems: Hems, step: int, asked: Sequence[tuple[range, I64]], readings: Readings
) -> list[tuple[F64, Potential]]:
    """``plan_within`` of several groups of homes, each with its steps; who is asked about the same steps plans together."""
    found: dict[int, tuple[F64, Potential]] = {}
    for steps in dict.fromkeys(steps for steps, _ in asked):
        places = [place for place, (other, _) in enumerate(asked) if other == steps]
        groups = [asked[place][1] for place in places]
        net_kw, able = plan_within(hems, step, steps, np.concatenate(groups), readings)
        ends = np.cumsum([len(rows) for rows in groups])
        for place, rows, end in zip(places, groups, ends.tolist(), strict=True):
            own = slice(end - len(rows), end)
            found[place] = net_kw[own], Potential(*(column[own] for column in able))
    return [found[place] for place in range(len(asked))]


def plan_within(hems: Hems, step: int, asked: range, rows: I64, readings: Readings) -> tuple[F64, Potential]:
    """What some homes plan in some steps that are to come, with what they know now, and what they could change of it, (rows, steps).

    The plan is the one in force; what is expected of load, sun and cars is looked at anew.
    """
    current = hems.current
    assert current is not None
    view = hems.book.with_ends(hems.view(step, current.end, readings, rows))
    rest = HomePlan(*(column[rows, step - current.first :] for column in current.plan))
    net_kw = view.load_kw - view.pv_kw + rest.ev_kw + rest.battery_kw + rest.heater_kw + rest.heat_pump_kw
    rest = rest._replace(net_kw=net_kw)
    columns = slice(asked.start - step, asked.stop - step)
    able = home_flexibility.potential(view, rest, columns.start, columns.stop, directions=hems.directions)
    return np.asarray(rest.net_kw[:, columns]), able
