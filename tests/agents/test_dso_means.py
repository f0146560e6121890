"""Own means come before flexibility: judged over quiet hours too, in time, and in force as long as the trouble's state."""

import dataclasses

from agents.dso_means import Tried
from environment.grid.means import Measure

HOUR = 3_600_000
DAY = 24 * HOUR


def tried(*measures, from_ms=DAY, notice_ms=72 * HOUR):
    return Tried(list(measures), from_ms, None, notice_ms, 0)


def measure(residual_hours=0.0, interrupts=False, cost_eur=1.0):
    return Measure("tap", f"costs {cost_eur}", cost_eur, residual_hours=residual_hours, interrupts=interrupts)


def test_a_measure_that_interrupts_customers_is_no_means_for_tomorrow():
    off_load, on_load = measure(interrupts=True), measure(cost_eur=9.0)
    assert tried(off_load, on_load).best is on_load
    assert tried(off_load, on_load, from_ms=4 * DAY).best is off_load
    assert "interrupts" in tried(off_load).obstacle(off_load)


def test_what_leaves_something_is_not_taken_and_the_register_says_so():
    half, whole = measure(residual_hours=1.0), measure(cost_eur=9.0)
    rows = list(tried(half, whole).rows(taken=True))
    assert [(row["taken"], bool(row["reason"])) for row in rows] == [(False, True), (True, False)]
    assert not any(row["taken"] for row in tried(half, whole).rows(taken=False))
    assert dataclasses.asdict(tried(half))["to_ms"] is None
