"""What a DSO examines connection points with: the loads that its meters showed, less what operators ordered themselves."""

import numpy as np
import pytest

from agents.dso_grid import GridModel
from agents.dso_perimeters import OwnGrid
from environment.calendar import Timeline
from environment.grid.limits import Limits
from environment.grid.network import load_network
from environment.grid.switching import planned
from environment.instruments import MeterStore

QUARTER_MS, HOUR_MS = 900_000, 3_600_000


@pytest.fixture
def grid():
    """A meter at every bus of a feeder, three hours metered; hour 1 is heavy."""
    network = load_network("ieee-33")
    n = network.n_bus
    meters = MeterStore([f"m{k}" for k in range(n)], Timeline(-HOUR_MS, QUARTER_MS, 16))
    for step in range(12):
        meters.record(step, np.full(n, 50.0 if 4 <= step < 8 else 1.0))
    model = GridModel(network, Limits(), np.arange(n), np.zeros(n), planned([], -HOUR_MS))
    return OwnGrid(model, meters, ("area",), np.zeros(n, np.int64), {})


def test_hours_of_tests_are_nobody_s_ordinary_load(grid):
    assert grid.study().loads_kw.max() == 50.0
    again = OwnGrid(grid.model, grid.meters, grid.perimeters, grid.bus_perimeter, grid.bus_of)
    study = again.study({0})
    assert study.loads_kw.max() == 1.0
    assert study.loads_kw.shape == (8, grid.model.network.n_bus)


def test_a_study_is_kept_until_more_is_metered(grid):
    first = grid.study()
    assert grid.study() is first
    grid.meters.record(12, np.full(grid.model.network.n_bus, 2.0))
    assert grid.study() is not first
