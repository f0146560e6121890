"""The provider's settlement service where the market has a baseline method: it computes the baselines by itself."""

from functools import partial

import numpy as np
import pytest
from msgspec import structs

from environment.messages.activation import ActivationReport
from environment.messages.settlement import (
    MeterData,
)
from experiments.covers import covers
from markets.baselines import x_of_y
from markets.baselines.declared import freeze
from markets.baselines.method import Method, hashed
from tests.agents.settlement_cases import (
    BASELINE,
    DAY_MS,
    FROM_MS,
    FSP,
    STEP_MS,
    declaration,
    engagement,
    order,
    settled,
    table,
)
from tests.environment.kernel_cases import plain


@pytest.fixture
def settle(stage):
    """A settlement of which the given is unusual (``settled``)."""
    return partial(settled, stage)


WEEK = {f"2016-01-{14 + k}": -(5 - k) * DAY_MS for k in range(4)}
"""Local date -> start of earlier days."""


def high_of(x=2, y=3):
    return Method(
        rule="x-of-y",
        parameters=(f"x={x}", f"y={y}"),
        compute=partial(x_of_y.baseline, x=x, y=y),
        days=y,
        like={0: WEEK},
    )


def by_method(**changes):
    given = {
        "method": "x-of-y",
        "parameters": ("x=2", "y=3"),
        "eligible": ("2016-01-15", "2016-01-16", "2016-01-17"),
    } | changes
    t_ms = FROM_MS + STEP_MS * np.arange(2, dtype=np.int64)
    terms = hashed(given["method"], given["parameters"], given["eligible"])
    return declaration(**({"sha256": freeze("base", FSP, "A", t_ms, BASELINE, 0, terms).sha256} | given))


def by_day(puppet, batch, gaps_before_ms=None):
    """Readings of every day: 5 kW on the day of the event, 14, 10 and 9 kW on eligible ones, others else; spans are answered one by one."""
    for row, request in enumerate(batch.records()):
        level = {0: 5.0, 1: 99.0, 2: 14.0, 3: 10.0, 4: 9.0, 5: 20.0}[round((FROM_MS - request.to_ms) / DAY_MS)]
        kw = np.full((request.to_ms - request.from_ms) // STEP_MS, level)
        missing = int(gaps_before_ms is not None and request.to_ms < gaps_before_ms)
        data = plain(
            MeterData, meters=request.meters, from_ms=request.from_ms, step_s=900.0, metered_kw=kw, missing=missing
        )
        puppet.answer(batch.take(np.array([row])), data)


@covers("SUC06.3/r02")
def test_a_method_is_computed_from_the_eligible_days_that_the_database_has(settle):
    there = settle(kept=[by_method(), engagement(), order()], method=high_of(), metered=by_day)
    assert table(there, "deliveries")["baseline_kw"].tolist() == [12.0, 12.0], (
        "the mean of the two highest of 9, 10 and 14 kW"
    )
    assert table(there, "baselines")["method"].tolist() == ["x-of-y"] * 2
    assert table(there, "baselines")["power_kw"].tolist() == [12.0, 12.0]
    assert there.outcomes() == [("SUC06.3", "completed", "")]


@covers("SUC06.3/r02")
@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (by_method(parameters=("x=1", "y=3")), "the market's baseline is x-of-y, x=2, y=3, not x-of-y, x=1, y=3"),
        (
            by_method(eligible=("2016-01-14", "2016-01-15")),
            "its eligible days are not 2016-01-15, 2016-01-16, 2016-01-17",
        ),
        (declaration(), "the market's baseline is x-of-y, x=2, y=3, not declared-schedule"),
        (by_method(sha256="0" * 64), "hash"),
    ],
)
def test_a_declaration_that_is_not_what_was_agreed_is_refused(settle, record, reason):
    there = settle(kept=[record, engagement(), order()], method=high_of())
    assert table(there, "refused_baselines")["reason"].tolist() == [reason]
    assert there.outcomes() == [("SUC06.3", "failed", "no baseline of fsp-a in A stands")]


@pytest.mark.parametrize(
    ("heard", "eligible", "stands"),
    [
        (True, ("2016-01-14", "2016-01-15", "2016-01-16"), True),
        (True, ("2016-01-15", "2016-01-16", "2016-01-17"), False),
        (False, ("2016-01-14", "2016-01-15", "2016-01-16"), True),
        (False, ("2016-01-15", "2016-01-16", "2016-01-17"), True),
        (False, ("2016-01-14", "2016-01-15", "2016-01-17"), False),
    ],
    ids=["both know it", "left in", "heard, not delivered", "never heard", "another day left out"],
)
def test_a_call_that_nobody_knows_to_have_arrived_counts_as_the_provider_has_it(settle, heard, eligible, stands):
    """The provider was called on the 17th. Where delivery was reported the day does not count; where not, the call may be lost."""
    lost = structs.replace(
        order(activation="lost"), from_ms=WEEK["2016-01-17"] + FROM_MS, to_ms=WEEK["2016-01-17"] + FROM_MS + 2 * STEP_MS
    )
    report = plain(ActivationReport, activation="lost", node="A", volume_kw=3.0, verified=True)
    there = settle(
        kept=[lost, *([report] if heard else []), by_method(eligible=eligible), engagement(), order()],
        method=high_of(), metered=by_day,
    )  # fmt: skip
    assert ("refused_baselines" not in there.provider.registers) == stands
    reason = "" if stands else "no baseline of fsp-a in A stands"
    assert there.outcomes()[-1] == ("SUC06.3", "failed" if reason else "completed", reason)


def test_too_few_days_with_readings_stop_the_settlement(settle):
    gaps = partial(by_day, gaps_before_ms=FROM_MS - 2.5 * DAY_MS)
    there = settle(kept=[by_method(), engagement(), order()], method=high_of(), metered=gaps)
    (outcome,) = there.outcomes()
    assert outcome[:2] == ("SUC06.3", "failed")
    assert "only 1 eligible days in the history" in outcome[2]
