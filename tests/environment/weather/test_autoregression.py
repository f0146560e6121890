import numpy as np
import pytest

from environment.weather.autoregression import autoregressive


@pytest.mark.parametrize("lag", [0.3, 0.8, 0.93])
def test_standard_normal_with_the_asked_correlation(chance, lag):
    x = autoregressive(chance.stream("a"), "o", np.arange(60_000), lag)
    assert x.mean() == pytest.approx(0.0, abs=0.06)
    assert x.std() == pytest.approx(1.0, abs=0.03)
    assert np.corrcoef(x[1:], x[:-1])[0, 1] == pytest.approx(lag, abs=0.02)
    assert np.corrcoef(x[3:], x[:-3])[0, 1] == pytest.approx(lag**3, abs=0.03)


def test_the_value_at_an_index_depends_on_the_index_alone(chance):
    stream = chance.stream("a")
    long = autoregressive(stream, "o", np.arange(-50, 300), 0.9)
    assert (autoregressive(stream, "o", np.arange(100, 130), 0.9) == long[150:180]).all()


def test_another_owner_has_other_values(chance):
    stream = chance.stream("a")
    assert not (autoregressive(stream, "o", np.arange(9), 0.9) == autoregressive(stream, "p", np.arange(9), 0.9)).any()
