"""Peak shaving by water heaters: lower peaks of homes, and no heat borrowed from the days after."""

import numpy as np
import pytest

from experiments.assembly.tanks import KIND
from experiments.covers import covers
from tests.agents.heaters_world import DAY_MS, HOMES, World

SHAVING = {
    "clock__days": 6, "heaters__installation__household_meter": 1.0,
    "heaters__services": {"self_consumption": 0.0, "peak_shaving": 1.0, "tariff": 0.0},
}  # fmt: skip


@pytest.fixture(scope="module")
def shaved():
    """Everything works and all homes are metered; peak shaving is the only service, for two days of control."""
    return World(**SHAVING)


@covers("SUC03.2/r11")
def test_peak_shaving_lowers_the_peak(shaved):
    """Against the same homes under their thermostats: less energy above the limit, and lower peaks where there were any above it."""
    free = World(coordination=False, **SHAVING)
    step_ms = shaved.site.timeline.step_ms
    days = slice(4 * DAY_MS // step_ms, 6 * DAY_MS // step_ms)
    rows = np.flatnonzero(np.isfinite(shaved.set_kw[:, days]).mean(axis=1) > 0.95)
    limit = 0.9 * shaved.site.people.contracted_kw[rows, None]
    own, other = (one.site.living.physics.meters.kw[rows, days] for one in (shaved, free))
    above, otherwise = (np.maximum(net - limit, 0.0) for net in (own, other))
    assert len(rows) >= HOMES // 2
    assert above.sum() < 0.9 * otherwise.sum()
    high = otherwise.max(axis=1) > 0.0
    assert own[high].max(axis=1).mean() < other[high].max(axis=1).mean()


def test_no_less_heat_is_left_in_the_end_than_there_was_when_control_began(shaved):
    """But for what people draw so late that no element can make up for it, and the grid of temperatures."""
    mean, ordered = shaved.site.living.physics.record.inner[KIND]["mean_c"], np.isfinite(shaved.set_kw)
    end, rows = 6 * DAY_MS // shaved.site.timeline.step_ms, np.flatnonzero(ordered.any(axis=1))
    assert len(rows) >= HOMES // 2
    assert ordered[rows, end - 1].all()
    begun = mean[rows, ordered[rows].argmax(axis=1) - 1]
    first = shaved.site.timeline.index(0)
    late = shaved.site.people.draw_kw[rows, first + end - 8 : first + end].sum(axis=1) * shaved.site.timeline.hours
    capacity = shaved.fleet.ratings.volume_l[rows] * 4.186 / 3600.0
    assert (mean[rows, end - 1] + late / capacity >= begun - 1.0).all()
    assert mean[rows, end - 1].mean() >= begun.mean()
