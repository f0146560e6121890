"""Instruments: unbiased, addressed by name and time, as exact as their class."""

import numpy as np
import pytest

from environment.chance import Stream
from environment.grid.network import NetworkError
from environment.grid.power_flow import PowerFlow
from environment.grid.scada import EXACT, Accuracy, Point, measure, true_values, usual_points

STREAM = Stream(7, "scada")
TIMES = np.arange(-2000, 2000) * 900_000


@pytest.fixture(scope="module")
def flow(network_named):
    network = network_named("simbench/1-LV-semiurb4--0-sw")
    p, q = network.rated_power()
    return PowerFlow(network).solve(np.tile(p, (len(TIMES), 1)), np.tile(q, (len(TIMES), 1)))


def test_exact_instruments_read_the_flow(flow):
    points = usual_points(flow.network)
    read = measure(flow, points, STREAM, TIMES, EXACT)
    assert (read == true_values(flow, points)).all()
    trafo = flow.network.branches.names[-1]
    assert read[0, points.index(Point(trafo, "loading_percent"))] == flow.loading_percent[0, -1]
    assert read[0, points.index(Point(trafo, "p_kw"))] == flow.p_from_kw[0, -1]


def test_errors_have_mean_zero_and_the_deviation_of_their_class(flow):
    points = usual_points(flow.network)
    accuracy = Accuracy(voltage_share=0.004, power_share=0.03, current_share=0.01)
    error = measure(flow, points, STREAM, TIMES, accuracy) / true_values(flow, points) - 1
    sigma = np.array([accuracy.share(point.quantity) for point in points])
    assert np.abs(error.mean(axis=0) / sigma).max() < 4 / np.sqrt(len(TIMES))
    assert error.std(axis=0) / sigma == pytest.approx(np.ones(len(points)), abs=0.05)


def test_loading_has_the_error_of_its_current(flow):
    trafo = flow.network.branches.names[-1]
    points = (Point(trafo, "i_ka"), Point(trafo, "loading_percent"), Point(trafo, "p_kw"))
    error = measure(flow, points, STREAM, TIMES) / true_values(flow, points)
    assert np.allclose(error[:, 0], error[:, 1])
    assert abs(np.corrcoef(error[:, 0], error[:, 2])[0, 1]) < 0.1


def test_a_reading_does_not_depend_on_the_other_points_or_times(flow):
    points = usual_points(flow.network)
    whole = measure(flow, points, STREAM, TIMES)
    assert (measure(flow, points[3:4], STREAM, TIMES)[:, 0] == whole[:, 3]).all()
    network = flow.network
    one = PowerFlow(network).solve(flow.p_kw[5], flow.q_kvar[5])
    assert np.allclose(measure(one, points, STREAM, int(TIMES[5])), whole[5], rtol=1e-12)


def test_usual_points_are_transformers_feeder_heads_and_busbars(network_named):
    network = network_named("simbench/1-MVLV-semiurb-3.202-0-sw")
    points = usual_points(network)
    elements = {point.element for point in points}
    assert {"HV1-MV2.101-Trafo1", "MV2.101-LV3.202-Trafo", "MV2.101 Line 1", "LV3.202 Line 64"} <= elements
    assert len(set(points)) == len(points)
    volts = [point.element for point in points if point.quantity == "v_pu"]
    assert len(volts) == 3


def test_wrong_points_times_and_accuracies_are_refused(flow):
    with pytest.raises(NetworkError, match="unknown bus"):
        true_values(flow, (Point("nowhere", "v_pu"),))
    with pytest.raises(ValueError, match="3 times for 4000 steps"):
        measure(flow, usual_points(flow.network), STREAM, TIMES[:3])
    with pytest.raises(ValueError, match="negative"):
        Accuracy(voltage_share=-0.1)
