"""Tariffs: bands and holidays as the law says, parts that add up, and figures that reproduce their sources."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import data
from environment.calendar import Calendar, Timeline
from environment.people import tariffs
from environment.people.tariffs import TariffError, band_table, easter, holidays, names, prices, tariff

ROME = ZoneInfo("Europe/Rome")


def day_prices(name, day, step_ms=900_000, zone=ROME):
    calendar = Calendar(datetime(day.year, day.month, day.day, tzinfo=zone), zone)
    return prices(tariff(name), calendar, Timeline(0, step_ms, 86_400_000 // step_ms))


def bands_of(name, day):
    """The band of each hour of a day, found from the retailer's price."""
    by_price = {round(v, 9): b for b, v in tariff(name).energy_eur_per_kwh["retailer"].items()}
    return "".join(by_price[round(float(p), 9)][-1] for p in day_prices(name, day, 3_600_000).parts["retailer"])


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2025, 7, 2), "3333333" + "2" + "1" * 11 + "2222" + "3"),  # Wednesday: F1 8-19, F2 7-8 and 19-23
        (date(2025, 7, 5), "3333333" + "2" * 16 + "3"),  # Saturday: F2 7-23
        (date(2025, 7, 6), "3" * 24),  # Sunday
        (date(2025, 8, 15), "3" * 24),  # a Friday, but a holiday
        (date(2025, 4, 21), "3" * 24),  # Easter Monday
        (date(2025, 12, 26), "3" * 24),
        (date(2025, 10, 4), "3333333" + "2" * 16 + "3"),  # not yet a holiday
        (date(2026, 10, 4), "3" * 24),
    ],
)
def test_italian_bands(day, expected):
    assert bands_of("it-f1f2f3-2025", day) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2025, 6, 4), "3" * 8 + "22" + "1111" + "2222" + "1111" + "22"),
        (date(2025, 6, 7), "3" * 24),
        (date(2025, 12, 8), "3" * 24),
    ],
)
def test_spanish_periods(day, expected):
    assert bands_of("es-20td-2025", day) == expected


def test_french_off_peak_and_swedish_high_load():
    assert bands_of("fr-hphc-2025", date(2025, 9, 7)) == "C" * 6 + "P" * 16 + "C" * 2
    winter = day_prices("se-time-2024", date(2024, 1, 10), 3_600_000).parts["dso"]
    assert (winter[6:22] > 5.0 * winter[0]).all()
    summer = day_prices("se-time-2024", date(2024, 7, 10), 3_600_000).parts["dso"]
    assert len(np.unique(summer)) == 1


@pytest.mark.parametrize("name", names())
def test_parts_add_up_and_buying_costs_more_than_selling_earns(name):
    got = day_prices(name, date(2025, 1, 15))
    assert set(got.parts) == {"retailer", "dso", "state"}
    np.testing.assert_allclose(sum(got.parts.values()), got.buy_eur_per_kwh, rtol=1e-14)
    assert all((part > 0.0).all() for part in got.parts.values())
    assert (got.sell_eur_per_kwh > 0.0).all()
    assert (got.sell_eur_per_kwh < got.buy_eur_per_kwh).all()
    assert got.buy_eur_per_kwh.shape == got.sell_eur_per_kwh.shape == (96,)


@pytest.mark.parametrize("name", names())
def test_a_tariff_says_where_it_comes_from_and_when_it_holds(name):
    given = tariff(name)
    assert given.source
    assert set(given.mark) <= set("VCM/")
    assert given.valid_from < given.valid_to
    assert given.name == name
    assert given.country in {"IT", "ES", "FR", "SE"}


def test_the_italian_reference_home_pays_what_the_regulator_publishes():
    """ARERA, third quarter 2025: 31.12 ct/kWh at 3 kW and 2000 kWh; there the excise has a free block (0.23 ct/kWh in the mean)."""
    given = tariff("it-flat-2025")
    energy = day_prices("it-flat-2025", date(2025, 7, 2)).buy_eur_per_kwh[0] * 2000.0
    fixed = sum(given.fixed_eur(3.0, 365.0).values())
    free_block = (0.0227 - 0.0023) * 2000.0 * 1.10
    assert (energy + fixed - free_block) / 2000.0 == pytest.approx(0.3112, abs=0.0005)


def test_constant_use_pays_the_same_under_bands_and_flat():
    calendar = Calendar(datetime(2018, 1, 1, tzinfo=ROME), ROME)
    year = Timeline(0, 3_600_000, 8760)
    banded = prices(tariff("it-f1f2f3-2025"), calendar, year).buy_eur_per_kwh.mean()
    flat = prices(tariff("it-flat-2025"), calendar, year).buy_eur_per_kwh.mean()
    assert banded == pytest.approx(flat, rel=0.001)


def test_the_spread_of_the_italian_bands_is_the_market_s():
    market = data.read_parquet_columns("profiles/prices/dayahead_2018.parquet", ["it_north"]).values["it_north"]
    calendar = Calendar(datetime(2018, 1, 1, tzinfo=ROME), ROME)
    retail = prices(tariff("it-f1f2f3-2025"), calendar, Timeline(0, 3_600_000, 8760)).parts["retailer"]
    for band, price in tariff("it-f1f2f3-2025").energy_eur_per_kwh["retailer"].items():
        share = market[np.isclose(retail, price)].mean() / market.mean()
        assert price == pytest.approx(0.1641 * share, rel=0.002), band


@pytest.mark.parametrize(("name", "low", "high"), [("fr-base-2025", 0.1952, 0.1952), ("fr-hphc-2025", 0.1635, 0.2081)])
def test_french_prices_are_the_published_ones(name, low, high):
    buy = day_prices(name, date(2025, 9, 3)).buy_eur_per_kwh
    assert buy.min() == pytest.approx(low, abs=2e-5)
    assert buy.max() == pytest.approx(high, abs=2e-5)


def test_spanish_offer_before_tax_is_the_published_one():
    got = day_prices("es-20td-2025", date(2025, 6, 4))
    before_tax = np.unique(np.round(got.parts["retailer"] + got.parts["dso"], 6))
    assert before_tax.tolist() == [0.119, 0.157, 0.226]
    assert got.buy_eur_per_kwh.max() == pytest.approx(0.226 * 1.0511 * 1.21)


def test_swedish_money_is_converted():
    network = day_prices("se-flat-2024", date(2024, 3, 6)).parts["dso"][0]
    assert network * 1.25 == pytest.approx(0.30 * 0.0885)  # 0.30 SEK/kWh with VAT


def test_fixed_charges_grow_with_power_and_time():
    given = tariff("it-flat-2025")
    year, half = given.fixed_eur(4.5, 365.0), given.fixed_eur(4.5, 182.5)
    assert year["dso"] == pytest.approx(20.0 + 4.5 * 23.0)
    assert {k: v / 2 for k, v in year.items()} == pytest.approx(half)
    assert year["state"] == pytest.approx(0.10 * (year["dso"] + year["retailer"]))


def test_the_italian_limiter_lets_ten_percent_pass():
    assert tariff("it-flat-2025").limit_kw(3.0) == pytest.approx(3.3)


def test_daylight_saving_days_have_their_hours():
    calendar = Calendar(datetime(2025, 3, 30, tzinfo=ROME), ROME)
    day = prices(tariff("fr-hphc-2025"), calendar, Timeline(0, 3_600_000, 23))
    assert (day.buy_eur_per_kwh < 0.17).sum() == 7  # one of the eight off-peak hours does not exist


@pytest.mark.parametrize(
    ("year", "sunday"),
    [(2016, date(2016, 3, 27)), (2019, date(2019, 4, 21)), (2025, date(2025, 4, 20)), (2038, date(2038, 4, 25))],
)
def test_easter(year, sunday):
    assert easter(year) == sunday


def test_holidays_of_a_country():
    italy = holidays("IT", {2025, 2026})
    assert date(2025, 4, 21) in italy
    assert date(2026, 10, 4) in italy
    assert date(2025, 10, 4) not in italy
    assert len(holidays("IT", {2025})) == 11
    assert date(2025, 5, 29) in holidays("FR", {2025})  # Ascension
    with pytest.raises(TariffError, match="country 'XX'; there is IT"):
        holidays("XX", {2025})


def test_an_unknown_tariff_names_the_near_ones():
    with pytest.raises(TariffError, match=r"'it-f1f2-2025'; did you mean it-f1f2f3-2025"):
        tariff("it-f1f2-2025")


def test_every_hour_of_every_band_system_has_one_band():
    for system in data.read_yaml("tariffs", "calendars", "bands.yaml"):
        bands, table = band_table(system)
        assert table.shape == (12, 3, 96)
        assert set(np.unique(table)) == set(range(len(bands)))
    with pytest.raises(TariffError, match="unknown bands 'x'"):
        band_table("x")


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        ({"A": [[0, 23]]}, "workday in month 1 at 23 h has no band"),
        ({"A": [[0, 24]], "B": [[5, 6]]}, "some hours have two bands"),
    ],
)
def test_bands_with_gaps_or_overlap_are_refused(monkeypatch, spans, words):
    season = {"months": list(range(1, 13)), "workday": spans, "saturday": spans, "sunday": spans}
    monkeypatch.setattr(tariffs.data, "read_yaml", lambda *_: {"odd": {"holidays": None, "seasons": [season]}})
    band_table.cache_clear()
    with pytest.raises(TariffError, match=words):
        band_table("odd")
    band_table.cache_clear()


def test_a_tariff_whose_prices_miss_a_band_is_refused():
    given = data.read_yaml("tariffs", "it-flat-2025.yaml") | {"bands": "it-f123"}
    with pytest.raises(
        TariffError, match=r"bad: retailer has prices for \['F0'\], the bands it-f123 are \['F1', 'F2', 'F3'\]"
    ):
        tariffs._read("bad", given)
