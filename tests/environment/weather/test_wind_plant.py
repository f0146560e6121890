import pytest

from environment.calendar import Timeline
from environment.weather.wind_plant import SITES, wind_available_kw_per_kw


@pytest.mark.parametrize(("site", "hours"), [("WP4", 2563), ("WP7", 2930), ("WP10", 2493)])
def test_full_load_hours_are_those_of_the_source(calendar, site, hours):
    assert site in SITES
    year = Timeline(-18 * 86_400_000, 900_000, 366 * 96)
    power = wind_available_kw_per_kw(site, calendar, year)
    assert power.shape == (year.n,)
    assert power.min() >= 0.0
    assert power.max() <= 1.0
    assert power.mean() * 8784 == pytest.approx(hours, rel=0.01)


def test_an_unknown_site_is_refused(calendar, timeline):
    with pytest.raises(ValueError, match="WP99_pres"):
        wind_available_kw_per_kw("WP99", calendar, timeline)
