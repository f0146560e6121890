"""What homes pay and earn for energy: tariffs as data, read into prices per step, split by who receives the money.

A tariff has time bands (calendars/bands.yaml), a price per band and party before tax, taxes on top, fixed charges and a price for
surplus. Value added tax and the electricity tax go to the state; all prices of ``prices`` include them.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np

import data
from data.arrays import F64, I64
from environment.calendar import Calendar, LocalTime, Timeline

PARTIES: Final = ("retailer", "dso", "state")
_QUARTERS = 96
_WORKDAY, _SATURDAY, _SUNDAY = 0, 1, 2
_KINDS = ("workday", "saturday", "sunday")


class TariffError(ValueError):
    """A tariff that does not exist or does not add up."""


class Prices(NamedTuple):
    """Prices of each step, all of shape (T,), in EUR/kWh.

    Attributes:
        buy_eur_per_kwh: what one kWh more costs the home, taxes included.
        sell_eur_per_kwh: what one kWh fed in earns.
        parts: the buying price by receiver (``retailer``, ``dso``, ``state``); they add up to it.
    """

    buy_eur_per_kwh: F64
    sell_eur_per_kwh: F64
    parts: dict[str, F64]


@dataclass(frozen=True)
class Tariff:
    """A tariff as data says it; money in EUR before tax.

    Attributes:
        name: file name below data/tariffs.
        title: what it is.
        country: whose.
        bands: name of the band system.
        energy_eur_per_kwh: party -> band -> price.
        tax_share: electricity tax on energy, network and charges.
        vat_share: value added tax on everything.
        fixed_eur_per_year: party -> (per point, per kW contracted).
        sell_eur_per_kwh: price of surplus; the retailer pays it.
        usual_kw: contracted powers that are usual.
        tolerance_share: by how much the limiter lets the contracted power be passed without limit of time.
        valid_from: first day.
        valid_to: last day.
        mark: how sure the figures are.
        source: where they come from.
    """

    name: str
    title: str
    country: str
    bands: str
    energy_eur_per_kwh: dict[str, dict[str, float]]
    tax_share: float
    vat_share: float
    fixed_eur_per_year: dict[str, tuple[float, float]]
    sell_eur_per_kwh: float
    usual_kw: tuple[float, ...]
    tolerance_share: float
    valid_from: date
    valid_to: date
    mark: str
    source: str

    def limit_kw(self, contracted_kw: F64 | float) -> F64 | float:
        """Power that the meter's limiter lets pass for any time, for a contracted power."""
        return contracted_kw * (1.0 + self.tolerance_share)

    def fixed_eur(self, contracted_kw: float, days: float) -> dict[str, float]:
        """Fixed charges of a period by receiver, taxes included."""
        before = {party: self.fixed_eur_per_year.get(party, (0.0, 0.0)) for party in PARTIES}
        net = {party: (point + kw * contracted_kw) * days / 365.0 for party, (point, kw) in before.items()}
        return net | {"state": net["state"] + self.tax_eur(sum(net.values()))}

    def tax_eur(self, net_eur: Any) -> Any:
        """Electricity and value added tax on an amount (or price) before tax."""
        return net_eur * ((1.0 + self.tax_share) * (1.0 + self.vat_share) - 1.0)


def names() -> tuple[str, ...]:
    """Names of the shipped tariffs."""
    return tuple(sorted(file.stem for file in data.path("tariffs").glob("*.yaml")))


@cache
def tariff(name: str) -> Tariff:
    """A shipped tariff by name.

    Raises:
        TariffError: an unknown name, with the nearest known ones.
    """
    known = names()
    if name not in known:
        close = get_close_matches(name, known, n=2, cutoff=0.4)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        message = f"unknown tariff {name!r}; {hint}there is {', '.join(known)}"
        raise TariffError(message)
    return _read(name, data.read_yaml("tariffs", f"{name}.yaml"))


def _read(name: str, given: dict[str, Any]) -> Tariff:
    rate = given.get("eur_per_currency", 1.0)
    fixed = given.get("fixed_per_year", {})
    read = Tariff(
        name=name,
        title=given["title"],
        country=given["country"],
        bands=given["bands"],
        energy_eur_per_kwh={p: {b: v * rate for b, v in given["energy_per_kwh"][p].items()} for p in PARTIES},
        tax_share=given.get("tax_share", 0.0),
        vat_share=given["vat_share"],
        fixed_eur_per_year={p: (v.get("per_point", 0.0) * rate, v.get("per_kw", 0.0) * rate) for p, v in fixed.items()},
        sell_eur_per_kwh=given["sell"]["price"] * rate,
        usual_kw=tuple(given["contracted"]["usual_kw"]),
        tolerance_share=given["contracted"]["tolerance_share"],
        valid_from=given["valid_from"],
        valid_to=given["valid_to"],
        mark=given["mark"],
        source=given["source"],
    )
    _check_bands(read)
    return read


def _check_bands(read: Tariff) -> None:
    wanted = set(band_table(read.bands)[0])
    for party, by_band in read.energy_eur_per_kwh.items():
        if set(by_band) != wanted:
            message = f"tariff {read.name}: {party} has prices for {sorted(by_band)}, the bands {read.bands} are {sorted(wanted)}"
            raise TariffError(message)


@cache
def band_table(system: str) -> tuple[tuple[str, ...], I64]:
    """Names of the bands, and which one holds: array (month 12, kind of day 3, quarter hour 96).

    Raises:
        TariffError: unknown system, hours without a band or with two.
    """
    systems = data.read_yaml("tariffs", "calendars", "bands.yaml")
    if system not in systems:
        message = f"unknown bands {system!r}; there is {', '.join(systems)}"
        raise TariffError(message)
    seasons = systems[system]["seasons"]
    bands = tuple(sorted({band for season in seasons for kind in _KINDS for band in season[kind]}))
    table = np.full((12, 3, _QUARTERS), -1, np.int64)
    for season in seasons:
        for kind, name in enumerate(_KINDS):
            for band, spans in season[name].items():
                for low, high in spans:
                    where = np.ix_(
                        [month - 1 for month in season["months"]], [kind], range(round(4 * low), round(4 * high))
                    )
                    _refuse_overlap(system, table[where])
                    table[where] = bands.index(band)
    if (table < 0).any():
        month, kind, quarter = (int(i) for i in np.argwhere(table < 0)[0])
        message = f"bands {system}: {_KINDS[kind]} in month {month + 1} at {quarter / 4:g} h has no band"
        raise TariffError(message)
    return bands, table


def _refuse_overlap(system: str, taken: I64) -> None:
    if (taken >= 0).any():
        message = f"bands {system}: some hours have two bands"
        raise TariffError(message)


def prices(tariff: Tariff, calendar: Calendar, timeline: Timeline) -> Prices:
    """Buying and selling price of each step; a step has the band of its start, holidays are those of the tariff's country."""
    local = calendar.local_columns(timeline.starts_ms)
    bands, table = band_table(tariff.bands)
    band = table[local.month - 1, _kind_of_day(tariff.bands, local), np.floor(local.hour * 4.0).astype(np.int64)]
    net = {party: np.array([tariff.energy_eur_per_kwh[party][b] for b in bands])[band] for party in PARTIES}
    tax = tariff.tax_eur(net["retailer"] + net["dso"] + net["state"])
    parts = net | {"state": net["state"] + tax}
    buy = parts["retailer"] + parts["dso"] + parts["state"]
    return Prices(buy, np.full(timeline.n, tariff.sell_eur_per_kwh), parts)


def _kind_of_day(system: str, local: LocalTime) -> I64:
    country = data.read_yaml("tariffs", "calendars", "bands.yaml")[system]["holidays"]
    days = np.unique(local.day).astype("datetime64[D]").tolist()
    closed = holidays(country, {day.year for day in days}) if country else frozenset()
    numbers = np.array([(day - date(1970, 1, 1)).days for day in closed], np.int64)
    kind = np.where(local.weekday == 5, _SATURDAY, np.where(local.weekday == 6, _SUNDAY, _WORKDAY))
    return np.where(np.isin(local.day, numbers), _SUNDAY, kind)


def holidays(country: str, years: "set[int] | range") -> frozenset[date]:
    """National holidays of a country in the given years; they count as Sundays.

    Raises:
        TariffError: a country without a list.
    """
    known = data.read_yaml("tariffs", "calendars", "holidays.yaml")
    if country not in known:
        message = f"no holidays for country {country!r}; there is {', '.join(known)}"
        raise TariffError(message)
    given = known[country]
    days = {date(year, month, day) for year in years for month, day in given["fixed"]}
    days |= {easter(year) + timedelta(days=offset) for year in years for offset in given["easter"]}
    young = ((int(text[:2]), int(text[3:]), first) for text, first in given.get("since", {}).items())
    return frozenset(days | {date(year, m, d) for m, d, first in young for year in years if year >= first})


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Jones, Butcher: Nature 13 (1876) 487)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    leap, odd = divmod(century, 4)
    moon = (19 * golden + century - leap - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    quarter, remainder = divmod(rest, 4)
    weekday = (32 + 2 * odd + 2 * quarter - moon - remainder) % 7
    correction = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * correction + 114, 31)
    return date(year, month, day + 1)
