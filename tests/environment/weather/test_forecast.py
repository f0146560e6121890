import numpy as np
import pytest

from environment.calendar import Timeline
from environment.chance import Chance
from environment.weather.forecast import LONGEST_H, MODELS, errors, forecast
from environment.weather.sources import weather_for

H = 3_600_000


@pytest.fixture
def truth(rome, calendar, timeline, chance):
    return weather_for(rome, calendar, timeline, chance)


@pytest.fixture(scope="module")
def sample():
    """Errors of 48 hours, made at the same time in 600 worlds, shape (600, 3, 48)."""
    return np.stack([errors(np.arange(48) + 0.5, 0.0, Chance(seed)) for seed in range(600)])


def test_what_has_happened_is_known(truth, timeline, chance):
    seen = forecast(truth, timeline, 0, chance)
    past = timeline.index(0)
    for true, expected in zip(truth, seen, strict=True):
        assert (true[:past] == expected[:past]).all()
    assert not (truth.temp_c[past:] == seen.temp_c[past:]).any()


def test_errors_are_unbiased_and_grow_as_documented(sample):
    for row, model in enumerate(MODELS.values()):
        for hour in (0, 5, 11, 23, 47):
            sigma = np.sqrt(model.variance(np.array(hour + 0.5)))
            assert sample[:, row, hour].std() == pytest.approx(sigma, rel=0.1)
            assert abs(sample[:, row, hour].mean()) < 4.0 * sigma / np.sqrt(len(sample))
        assert model.sigma**2 > model.variance(np.array(48.0)) > model.variance(np.array(6.0))


def test_neighbouring_hours_err_together_distant_ones_do_not(sample):
    temperature = sample[:, 0, :]
    assert np.corrcoef(temperature[:, 30], temperature[:, 31])[0, 1] > 0.8
    assert abs(np.corrcoef(temperature[:, 4], temperature[:, 44])[0, 1]) < 0.2


def test_factors_have_mean_one(truth, timeline, chance):
    light = truth.ghi_wm2 > 50.0
    light[: timeline.index(0)] = False
    ratios = [forecast(truth, timeline, 0, Chance(s)).ghi_wm2[light] / truth.ghi_wm2[light] for s in range(400)]
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.04)


def test_the_same_made_and_target_have_the_same_error_however_it_is_asked(truth, timeline, chance):
    whole = forecast(truth, timeline, 6 * H, chance)
    cut = Timeline(0, timeline.step_ms, 150)
    past = timeline.index(0)
    part = forecast(type(truth)(*(a[past : past + 150] for a in truth)), cut, 6 * H, chance)
    for a, b in zip(whole, part, strict=True):
        np.testing.assert_allclose(a[past : past + 150], b, rtol=1e-12)


def test_later_forecasts_are_better_and_close_to_the_earlier_ones():
    worlds = [Chance(seed) for seed in range(200)]
    target = np.array([36.5])
    made = {hour: np.array([errors(target, hour, c)[0, 0] for c in worlds]) for hour in (0.0, 1.0, 24.0, 35.0)}
    assert made[0.0].std() > made[24.0].std() > made[35.0].std() > 0.0
    assert np.corrcoef(made[0.0], made[1.0])[0, 1] > 0.95


def test_errors_are_chance_not_the_truth_of_another_time(truth, timeline, chance):
    """No shift of the truth explains the forecast better than the truth itself."""
    seen = forecast(truth, timeline, 0, chance).temp_c
    past = timeline.index(0)
    steps = np.arange(past + 20, timeline.n - 20)

    def misfit(shift):
        return np.std(seen[steps] - truth.temp_c[steps + shift])

    assert min(misfit(s) for s in (-16, -8, -4, 4, 8, 16)) > 0.0
    assert not any(np.allclose(seen[steps], truth.temp_c[steps + s]) for s in range(-20, 21))


def test_a_forecast_made_after_the_end_is_the_truth(truth, timeline, chance):
    assert forecast(truth, timeline, timeline.end_ms, chance) is truth


def test_irradiance_keeps_its_proportions_and_its_night(truth, timeline, chance):
    seen = forecast(truth, timeline, 0, chance)
    assert not seen.ghi_wm2[truth.ghi_wm2 == 0.0].any()
    both = truth.dhi_wm2 > 10.0
    np.testing.assert_allclose(seen.ghi_wm2[both] / seen.dhi_wm2[both], truth.ghi_wm2[both] / truth.dhi_wm2[both])


def test_too_long_a_horizon_is_refused(chance):
    with pytest.raises(ValueError, match=f"reaches {LONGEST_H} h; 300 h"):
        errors(np.array([1.0, 300.0]), 0.0, chance)
