"""What homes know of themselves: tariff, contract, preferences, devices. Columns over homes; 0 where a home has no such device."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.strategies.home_view import EARLY_EUR_PER_KWH_H, HomeView
from data.arrays import F64, I64, U64, Bool
from environment.chance import name_hashes
from environment.instruments import Readings
from environment.weather.records import Weather
from environment.weather.view import WeatherView

TANK_LOW_C = 40.0
"""Lowest tank temperature at which a shower of 40 degC is possible."""

TANK_RESERVE_K = 10.0
"""What a HEMS keeps above it, since a bath is larger than the mean draw that it plans with (judgement)."""


@dataclass
class HomeBook:
    """Static knowledge of n homes.

    Attributes:
        names: homes, sorted.
        hours: length of a step [h].
        tariff: number of each home's tariff, (n,).
        buy_eur_per_kwh: by tariff and step, (tariffs, T).
        sell_eur_per_kwh: likewise.
        limit_kw: power that the meter's limiter lets pass, (n,).
        automatic: the HEMS is in automatic mode, (n,).
        consent: the home lets its flexibility be used, (n,).
        curtailable: its generation can be limited from outside, (n,).
        reservation_eur_per_kwh: least gain for which it gives flexibility, (n,).
        comfort_c: wanted indoor temperature, (n,).
        comfort_width_k: half width of the band tolerated, (n,).
        battery: columns kwh, kw, eta_charge, eta_discharge, min_kwh, max_kwh, wear_eur_per_kwh.
        ev: columns kw, kwh, eta, target_share.
        heater: columns kw, kwh_per_k, ua_kw_per_k, set_c, high_c, ambient_c.
        house: columns hp_kw, kwh_per_k, loss_kw_per_k, internal_kw, aperture_m2; and the heat pump's curve flow_c, fleet_factor.
    """

    names: tuple[str, ...]
    hours: float
    tariff: I64
    buy_eur_per_kwh: F64
    sell_eur_per_kwh: F64
    limit_kw: F64
    automatic: Bool
    consent: Bool
    curtailable: Bool
    reservation_eur_per_kwh: F64
    comfort_c: F64
    comfort_width_k: F64
    battery: dict[str, F64]
    ev: dict[str, F64]
    heater: dict[str, F64]
    house: dict[str, F64]

    @cached_property
    def hashes(self) -> U64:
        """64 stable bits of each home's name, (n,)."""
        return name_hashes(self.names)

    @property
    def n(self) -> int:
        """Number of homes."""
        return len(self.names)

    def view(
        self, rows: I64, step: int, end: int, load: F64, pv: F64, plugged: Bool, drive_kwh: F64, draw_kwh: F64,
        weather: Weather, readings: Readings,
    ) -> HomeView:  # fmt: skip
        """The view of some homes at the start of ``step`` over the steps up to ``end``, from their forecasts and readings."""
        m = end - step
        temp = np.repeat(weather.temp_c[None, :], len(rows), axis=0)
        everyone = len(rows) == self.n and bool((rows == self._everyone).all())
        own = self._static if everyone else {name: column[rows] for name, column in self._static.items()}
        house = self.house if everyone else {name: column[rows] for name, column in self.house.items()}
        comfort, width = self.comfort_c[rows, None], self.comfort_width_k[rows, None]
        zero = np.zeros(len(rows))
        return HomeView(
            hours=self.hours, start_step=step,
            buy_eur_per_kwh=self.buy_eur_per_kwh[self.tariff[rows], step:end],
            sell_eur_per_kwh=self.sell_eur_per_kwh[self.tariff[rows], step:end],
            load_kw=load, pv_kw=pv, ev_plugged=plugged, ev_drive_kwh=drive_kwh, heater_draw_kwh=draw_kwh,
            battery_soc_kwh=known(readings["battery_kwh"][rows], 0.0), ev_kwh=known(readings["ev_kwh"][rows], 0.0),
            heater_c=known(readings["heater_c"][rows], 50.0), house_c=known(readings["house_c"][rows], 20.0),
            battery_end_kwh=zero, ev_end_kwh=zero, heater_end_c=zero, house_end_c=zero,
            hp_cop=cop(house, temp), house_low_c=np.repeat(comfort - width, m, axis=1),
            house_high_c=np.repeat(comfort + width, m, axis=1), house_set_c=np.repeat(comfort, m, axis=1), temp_out_c=temp,
            gains_kw=house["internal_kw"][:, None] + house["aperture_m2"][:, None] * weather.ghi_wm2[None, :] / 1000.0,
            **own,
        )  # fmt: skip

    @cached_property
    def _everyone(self) -> I64:
        return np.arange(self.n)

    @cached_property
    def _static(self) -> dict[str, NDArray[Any]]:
        """What does not change of the homes: fields of ``HomeView``; not to be written."""
        battery, ev, heater, house = self.battery, self.ev, self.heater, self.house
        return {
            "contracted_kw": self.limit_kw, "battery_kwh": battery["kwh"], "battery_kw": battery["kw"],
            "battery_eta_charge": battery["eta_charge"], "battery_eta_discharge": battery["eta_discharge"],
            "battery_min_kwh": battery["min_kwh"], "battery_max_kwh": battery["max_kwh"],
            "battery_wear_eur_per_kwh": battery["wear_eur_per_kwh"],
            "ev_kw": ev["kw"], "ev_kwh_capacity": ev["kwh"], "ev_eta_charge": ev["eta"], "ev_target_share": ev["target_share"],
            "heater_kw": heater["kw"], "heater_kwh_per_k": heater["kwh_per_k"], "heater_ua_kw_per_k": heater["ua_kw_per_k"],
            "heater_low_c": np.minimum(TANK_LOW_C + TANK_RESERVE_K, heater["set_c"] - 2.0),
            "heater_high_c": heater["high_c"], "heater_set_c": heater["set_c"], "heater_ambient_c": heater["ambient_c"],
            "hp_kw": house["hp_kw"], "house_kwh_per_k": house["kwh_per_k"], "house_loss_kw_per_k": house["loss_kw_per_k"],
            "automatic": self.automatic, "consent": self.consent, "curtailable": self.curtailable, "reservation_eur_per_kwh": self.reservation_eur_per_kwh,
            "early_eur_per_kwh_h": np.full(self.n, EARLY_EUR_PER_KWH_H),
        }  # fmt: skip

    def with_ends(self, view: HomeView) -> HomeView:
        """The view with what the stores must hold at its end: a car ready as always, the rest as the homes like it."""
        rest = np.minimum(view.heater_c, view.heater_set_c)
        return view._replace(
            battery_end_kwh=np.minimum(view.battery_soc_kwh, 0.5 * view.battery_kwh),
            ev_end_kwh=np.minimum(view.ev_kwh, view.ev_target_share * view.ev_kwh_capacity),
            heater_end_c=np.maximum(rest, view.heater_low_c),
            house_end_c=np.minimum(np.maximum(view.house_c, view.house_low_c[:, 0]), view.house_set_c[:, 0]),
        )

    def now_view(self, step: int, readings: Readings, weather: WeatherView) -> HomeView:
        """The view of the present step alone, with what is measured now."""
        column = (slice(None), None)
        return self.view(
            self._everyone, step, step + 1, readings["load_kw"][column], readings["pv_kw"][column],
            known(readings["ev_plugged"], 0.0)[column] > 0.5, np.zeros((self.n, 1)),
            known(readings["draw_kw"], 0.0)[column] * self.hours, weather.ahead(step, step + 1), readings,
        )  # fmt: skip


def cop(house: dict[str, F64], temp_out_c: F64) -> F64:
    """Expected COP of an air source heat pump, (n, m): Staffell et al. 2012 at the lift of the heating curve (environment.devices.heat_pump)."""
    flow = house["flow_c"][:, None] - house["flow_slope"][:, None] * temp_out_c
    lift = np.minimum(np.maximum(flow - temp_out_c, 15.0), 60.0)
    return np.maximum(house["fleet_factor"][:, None] * (6.81 - 0.121 * lift + 0.000630 * lift**2), 1.0)


def known(column: F64, otherwise: float) -> F64:
    """The column with a value where it is NaN (``np.nan_to_num`` takes several times as long)."""
    return np.where(np.isnan(column), otherwise, column)
