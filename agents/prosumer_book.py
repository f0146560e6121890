"""What homes know of themselves: tariff, contract, preferences, devices. Columns over homes; 0 where a home has no such device."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agents.strategies.home_view import EARLY_EUR_PER_KWH_H, HomeView
from environment.chance import name_hashes
from environment.instruments import Readings
from environment.weather.records import Weather
from environment.weather.view import WeatherView

F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
I64 = NDArray[np.int64]

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
    reservation_eur_per_kwh: F64
    comfort_c: F64
    comfort_width_k: F64
    battery: dict[str, F64]
    ev: dict[str, F64]
    heater: dict[str, F64]
    house: dict[str, F64]

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
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
        temp = np.broadcast_to(weather.temp_c, (len(rows), m))
        house = {name: column[rows] for name, column in self.house.items()}
        comfort, width = self.comfort_c[rows, None], self.comfort_width_k[rows, None]
        flat = np.ones((1, m))
        return HomeView(
            hours=self.hours, start_step=step,
            buy_eur_per_kwh=self.buy_eur_per_kwh[self.tariff[rows], step:end],
            sell_eur_per_kwh=self.sell_eur_per_kwh[self.tariff[rows], step:end],
            contracted_kw=self.limit_kw[rows], load_kw=load, pv_kw=pv,
            battery_kwh=self.battery["kwh"][rows], battery_kw=self.battery["kw"][rows],
            battery_eta_charge=self.battery["eta_charge"][rows], battery_eta_discharge=self.battery["eta_discharge"][rows],
            battery_soc_kwh=_known(readings["battery_kwh"][rows], 0.0), battery_min_kwh=self.battery["min_kwh"][rows],
            battery_max_kwh=self.battery["max_kwh"][rows], battery_end_kwh=np.zeros(len(rows)),
            battery_wear_eur_per_kwh=self.battery["wear_eur_per_kwh"][rows],
            ev_kw=self.ev["kw"][rows], ev_kwh_capacity=self.ev["kwh"][rows], ev_eta_charge=self.ev["eta"][rows],
            ev_kwh=_known(readings["ev_kwh"][rows], 0.0), ev_target_share=self.ev["target_share"][rows],
            ev_end_kwh=np.zeros(len(rows)), ev_plugged=plugged, ev_drive_kwh=drive_kwh,
            heater_kw=self.heater["kw"][rows], heater_kwh_per_k=self.heater["kwh_per_k"][rows],
            heater_ua_kw_per_k=self.heater["ua_kw_per_k"][rows], heater_c=_known(readings["heater_c"][rows], 50.0),
            heater_low_c=np.minimum(TANK_LOW_C + TANK_RESERVE_K, self.heater["set_c"][rows] - 2.0),
            heater_high_c=self.heater["high_c"][rows],
            heater_set_c=self.heater["set_c"][rows], heater_end_c=np.zeros(len(rows)),
            heater_ambient_c=self.heater["ambient_c"][rows], heater_draw_kwh=draw_kwh,
            hp_kw=house["hp_kw"], hp_cop=cop(house, temp), house_kwh_per_k=house["kwh_per_k"],
            house_loss_kw_per_k=house["loss_kw_per_k"], house_c=_known(readings["house_c"][rows], 20.0),
            house_end_c=np.zeros(len(rows)), house_low_c=(comfort - width) * flat, house_high_c=(comfort + width) * flat,
            house_set_c=comfort * flat, temp_out_c=temp.copy(),
            gains_kw=house["internal_kw"][:, None] + house["aperture_m2"][:, None] * weather.ghi_wm2[None, :] / 1000.0,
            automatic=self.automatic[rows], consent=self.consent[rows],
            reservation_eur_per_kwh=self.reservation_eur_per_kwh[rows],
            early_eur_per_kwh_h=np.full(len(rows), EARLY_EUR_PER_KWH_H),
        )  # fmt: skip

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
        rows = np.arange(self.n)
        column = (slice(None), None)
        return self.view(
            rows, step, step + 1, readings["load_kw"][column], readings["pv_kw"][column],
            np.nan_to_num(readings["ev_plugged"], nan=0.0)[column] > 0.5, np.zeros((self.n, 1)),
            np.nan_to_num(readings["draw_kw"])[column] * self.hours, weather.ahead(step, step + 1), readings,
        )  # fmt: skip


def cop(house: dict[str, F64], temp_out_c: F64) -> F64:
    """Expected COP of an air source heat pump, (n, m): Staffell et al. 2012 at the lift of the heating curve (environment.devices.heat_pump)."""
    flow = house["flow_c"][:, None] - house["flow_slope"][:, None] * temp_out_c
    lift = np.clip(flow - temp_out_c, 15.0, 60.0)
    return np.maximum(house["fleet_factor"][:, None] * (6.81 - 0.121 * lift + 0.000630 * lift**2), 1.0)


def _known(column: F64, otherwise: float) -> F64:
    return np.where(np.isnan(column), otherwise, column)
