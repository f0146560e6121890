"""Hours that are asked about: who is asked about the same steps plans together, and everybody gets his own rows."""

import numpy as np

from agents import prosumer_hour
from agents.strategies.home_flexibility import Potential


def test_groups_that_are_asked_about_the_same_steps_plan_in_one_and_get_their_own_rows(monkeypatch):
    calls = []

    def plan_within(hems, step, asked, rows, readings):
        calls.append((asked, rows.tolist()))
        kw = rows[:, None] + 100.0 * np.arange(asked.start, asked.stop)
        return kw, Potential(*(kw + k if k < 3 else rows + float(k) for k in range(len(Potential._fields))))

    monkeypatch.setattr(prosumer_hour, "plan_within", plan_within)
    early, late = range(4, 8), range(8, 10)
    asked = [(early, np.array([3, 1])), (late, np.array([5])), (early, np.array([7, 8, 9]))]
    found = prosumer_hour.plans_within(None, 0, asked, None)
    assert calls == [(early, [3, 1, 7, 8, 9]), (late, [5])]
    for (steps, rows), (net_kw, able) in zip(asked, found, strict=True):
        alone = plan_within(None, 0, steps, rows, None)
        np.testing.assert_array_equal(net_kw, alone[0])
        for mine, own in zip(able, alone[1], strict=True):
            np.testing.assert_array_equal(mine, own)
    assert prosumer_hour.plans_within(None, 0, [], None) == []
