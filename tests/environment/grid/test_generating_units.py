"""Conventional units: ramps, droop, and meters that show both."""

import numpy as np
import pytest

from environment.calendar import Timeline
from environment.devices.reserve import Frequency
from environment.grid.generating_units import GeneratingUnits, UnitSetting
from environment.instruments import MeterStore

STEP_MS, TICK_MS = 900_000, 4_000
TIMELINE = Timeline(0, STEP_MS, 4)


def made(deviation_hz, ramp_kw_per_min=60.0, schedule_kw=100.0):
    ticks = TIMELINE.end_ms // TICK_MS
    frequency = Frequency(0, TICK_MS, np.broadcast_to(np.asarray(deviation_hz, np.float64), ticks).copy())
    setting, meters = UnitSetting(schedule_kw), MeterStore(["unit/assets"], TIMELINE)
    return GeneratingUnits(["unit"], [150.0], [ramp_kw_per_min], [setting], frequency, 0.01, meters), setting, meters


def test_an_offset_is_reached_by_the_ramp_and_metered():
    units, setting, meters = made(0.0)
    units.carry_out(0)
    setting.offset_kw = 28.0
    units.carry_out(STEP_MS)
    units.advance(2 * STEP_MS)
    assert meters.kw[0, 0] == pytest.approx(-100.0)
    assert units.power_kw == pytest.approx([128.0])
    assert meters.kw[0, 1] == pytest.approx(-(128.0 - 28.0 * 14.0 / 900.0))  # 28 s on the way, half of it on average
    assert np.isnan(meters.kw[0, 2])


@pytest.mark.parametrize(
    ("deviation_hz", "share"),
    [(-0.2, 1.0), (-0.1, 0.5), (-0.05, 0.25), (-0.25, 1.0), (0.02, -0.1), (0.01, 0.0), (-0.009, 0.0)],
)
def test_the_droop_is_that_of_the_product(deviation_hz, share):
    units, setting, meters = made(deviation_hz)
    setting.droop_kw = 20.0
    units.carry_out(0)
    units.advance(STEP_MS)
    units.advance(2 * STEP_MS)
    assert meters.kw[0, 1] == pytest.approx(-(100.0 + 20.0 * share))


def test_a_unit_gives_no_more_than_it_has_and_changes_no_faster_than_it_can():
    units, setting, _ = made(0.0)
    units.carry_out(0)
    setting.offset_kw = 500.0
    units.carry_out(0)
    path = []
    for t in range(TICK_MS, 120_000, TICK_MS):
        units.advance(t)
        path.append(units.power_kw[0])
    assert np.diff([100.0, *path]).max() <= 60.0 * TICK_MS / 60_000 + 1e-9
    assert path[-1] == 150.0


def test_where_time_is_cut_changes_nothing():
    wave = 0.05 * np.sin(np.arange(TIMELINE.end_ms // TICK_MS) / 11.0)
    stores = []
    for cuts in ([TIMELINE.end_ms], [1, 3_999, 4_000, 900_001, 2_000_002, TIMELINE.end_ms]):
        units, setting, meters = made(wave)
        setting.droop_kw = 20.0
        units.carry_out(0)
        for t in cuts:
            units.advance(t)
        stores.append(meters.kw)
    assert stores[0] == pytest.approx(stores[1], abs=1e-9)
