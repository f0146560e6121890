"""What a home energy management system (HEMS) knows, for a whole population at once, and the plan it makes of it.

Row i of every array is home i and nothing else: no function of the home strategies mixes rows, so a population planned at once
equals its homes planned alone, bit for bit. A device a home does not have is a rating of zero. Powers are grid-side, net load
positive; ``n`` homes, ``m`` steps of the horizon, each ``hours`` long. Signs and units: ``environment.units``.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.arrays import F64, I64, Bool

EARLY_EUR_PER_KWH_H = 1e-6
"""Tie cost: an hour's delay of one kWh costs this much, so that equal prices have one optimum, the earliest."""


class HomeView(NamedTuple):
    """Own tariff, own forecasts, own devices and their measured states; arrays over homes (n,) or homes and steps (n, m).

    The stores (EV, battery, tank, house) must end the horizon at no less than their ``*_end_*`` value, as far as that can be
    reached; :func:`keep_start` sets these to the present states.

    Attributes:
        hours: length of a step [h].
        start_step: index of the first step on the timeline of the world.
        buy_eur_per_kwh: price of a consumed kWh (n, m).
        sell_eur_per_kwh: price of an injected kWh (n, m); where above the buying price, the buying price counts.
        contracted_kw: contracted power, limit of the net load (n,).
        load_kw: forecast of the own inflexible load (n, m).
        pv_kw: forecast of the own available generation, >= 0 (n, m).
        battery_kwh: nominal capacity (n,).
        battery_kw: rated power, both directions, grid side (n,).
        battery_eta_charge: stored kWh per charged kWh (n,).
        battery_eta_discharge: delivered kWh per stored kWh (n,).
        battery_soc_kwh: stored energy now (n,).
        battery_min_kwh: lowest stored energy (n,).
        battery_max_kwh: highest stored energy (n,).
        battery_end_kwh: least stored energy at the end (n,).
        battery_wear_eur_per_kwh: cost of wear per delivered kWh (n,).
        ev_kw: rated power of the charger (n,).
        ev_kwh_capacity: capacity of the car's battery (n,).
        ev_eta_charge: stored kWh per charged kWh (n,).
        ev_kwh: energy in the car now (n,).
        ev_target_share: share of the capacity wanted at every departure; charging stops there (n,).
        ev_end_kwh: least energy at the end (n,).
        ev_plugged: expected to be at the charger (n, m).
        ev_drive_kwh: energy expected to be taken by driving (n, m).
        heater_kw: rated power of the water heater (n,).
        heater_kwh_per_k: heat capacity of the tank (n,).
        heater_ua_kw_per_k: standing loss (n,).
        heater_c: water temperature now (n,).
        heater_low_c: lowest temperature accepted (n,).
        heater_high_c: highest temperature allowed (n,).
        heater_set_c: temperature the own thermostat holds (n,).
        heater_end_c: least temperature at the end (n,).
        heater_ambient_c: temperature around the tank (n,).
        heater_draw_kwh: expected heat drawn (n, m).
        hp_kw: rated electrical power of the heat pump (n,).
        hp_cop: expected coefficient of performance (n, m).
        house_kwh_per_k: heat capacity of the building (n,).
        house_loss_kw_per_k: heat loss coefficient (n,).
        house_c: indoor temperature now (n,).
        house_end_c: least temperature at the end (n,).
        house_low_c: lowest indoor temperature accepted (n, m).
        house_high_c: highest indoor temperature accepted (n, m).
        house_set_c: temperature the own thermostat holds (n, m).
        temp_out_c: forecast of the outdoor temperature (n, m).
        gains_kw: expected solar and internal gains (n, m).
        automatic: devices follow the HEMS; otherwise their own controls (n,).
        consent: the home lets its flexibility be offered (n,).
        curtailable: its generation can be limited from outside (n,).
        reservation_eur_per_kwh: least gain for which the home gives flexibility (n,).
        early_eur_per_kwh_h: tie cost of delay (n,).
    """

    hours: float
    start_step: int
    buy_eur_per_kwh: F64
    sell_eur_per_kwh: F64
    contracted_kw: F64
    load_kw: F64
    pv_kw: F64
    battery_kwh: F64
    battery_kw: F64
    battery_eta_charge: F64
    battery_eta_discharge: F64
    battery_soc_kwh: F64
    battery_min_kwh: F64
    battery_max_kwh: F64
    battery_end_kwh: F64
    battery_wear_eur_per_kwh: F64
    ev_kw: F64
    ev_kwh_capacity: F64
    ev_eta_charge: F64
    ev_kwh: F64
    ev_target_share: F64
    ev_end_kwh: F64
    ev_plugged: Bool
    ev_drive_kwh: F64
    heater_kw: F64
    heater_kwh_per_k: F64
    heater_ua_kw_per_k: F64
    heater_c: F64
    heater_low_c: F64
    heater_high_c: F64
    heater_set_c: F64
    heater_end_c: F64
    heater_ambient_c: F64
    heater_draw_kwh: F64
    hp_kw: F64
    hp_cop: F64
    house_kwh_per_k: F64
    house_loss_kw_per_k: F64
    house_c: F64
    house_end_c: F64
    house_low_c: F64
    house_high_c: F64
    house_set_c: F64
    temp_out_c: F64
    gains_kw: F64
    automatic: Bool
    consent: Bool
    curtailable: Bool
    reservation_eur_per_kwh: F64
    early_eur_per_kwh_h: F64

    @property
    def n(self) -> int:
        """Number of homes."""
        return len(self.contracted_kw)

    @property
    def m(self) -> int:
        """Number of steps of the horizon."""
        return int(self.load_kw.shape[1])


class HomePlan(NamedTuple):
    """Mean power of each flexible device and of the home, (n, m) [kW]: battery positive when charging, net positive when consuming."""

    ev_kw: F64
    battery_kw: F64
    heater_kw: F64
    heat_pump_kw: F64
    net_kw: F64


PER_STEP = frozenset(
    {
        "buy_eur_per_kwh",
        "sell_eur_per_kwh",
        "load_kw",
        "pv_kw",
        "ev_plugged",
        "ev_drive_kwh",
        "heater_draw_kwh",
        "hp_cop",
    }
    | {"house_low_c", "house_high_c", "house_set_c", "temp_out_c", "gains_kw"}
)
"""Fields of shape (n, m); the other arrays are (n,)."""

_DEFAULTS = {
    "contracted_kw": np.inf,
    "battery_eta_charge": 1.0,
    "battery_eta_discharge": 1.0,
    "ev_eta_charge": 1.0,
    "ev_target_share": 1.0,
    "heater_kwh_per_k": 1.0,
    "heater_high_c": 95.0,
    "hp_cop": 1.0,
    "house_kwh_per_k": 1.0,
    "house_high_c": 60.0,
    "early_eur_per_kwh_h": EARLY_EUR_PER_KWH_H,
}
_FLAGS = {"ev_plugged": False, "automatic": True, "consent": True, "curtailable": False}
_SCALARS = ("hours", "start_step")


def homes(n: int, m: int, hours: float, start_step: int = 0, **columns: Any) -> HomeView:
    """A view of ``n`` homes over ``m`` steps: the given columns, and no device where none is given.

    Args:
        n: number of homes.
        m: number of steps.
        hours: length of a step [h].
        start_step: index of the first step.
        **columns: fields of :class:`HomeView`, broadcast to their shape; (m,) is the same for all homes, (n, 1) the same at all steps.

    Returns:
        the view; terminal states that are not given are the present ones.

    Raises:
        ValueError: an unknown column or a shape that does not fit, all at once.
    """
    unknown = sorted(set(columns) - set(HomeView._fields) | (set(columns) & set(_SCALARS)))
    if unknown:
        msg = f"HomeView has no column {', '.join(unknown)}; columns: {', '.join(HomeView._fields[2:])}"
        raise ValueError(msg)
    filled: dict[str, Any] = {
        name: _column(name, columns.get(name), n, m) for name in HomeView._fields if name not in _SCALARS
    }
    view = HomeView(hours=hours, start_step=start_step, **filled)
    ends = {
        "battery_end_kwh": "battery_soc_kwh",
        "ev_end_kwh": "ev_kwh",
        "heater_end_c": "heater_c",
        "house_end_c": "house_c",
    }
    return view._replace(**{end: getattr(view, now) for end, now in ends.items() if end not in columns})


def _column(name: str, value: Any, n: int, m: int) -> NDArray[Any]:
    shape = (n, m) if name in PER_STEP else (n,)
    kind = np.bool_ if name in _FLAGS else np.float64
    given = _FLAGS.get(name, _DEFAULTS.get(name, 0.0)) if value is None else value
    try:
        return np.array(np.broadcast_to(np.asarray(given, kind), shape))
    except ValueError as error:
        msg = f"HomeView.{name}: shape {np.shape(given)} does not fit {shape}"
        raise ValueError(msg) from error


def keep_start(view: HomeView) -> HomeView:
    """The view whose stores must end no lower than they are now."""
    return view._replace(
        battery_end_kwh=view.battery_soc_kwh,
        ev_end_kwh=view.ev_kwh,
        heater_end_c=view.heater_c,
        house_end_c=view.house_c,
    )


def charged_at_end(view: HomeView) -> HomeView:
    """The view whose cars, where they are at the charger when the horizon ends, must then have what their next departure needs.

    A horizon that ends in the night sees no departure; without this the car would be left for the next plan to hurry.
    """
    wanted = view.ev_target_share * view.ev_kwh_capacity
    return view._replace(ev_end_kwh=np.where(view.ev_plugged[:, -1], wanted, view.ev_end_kwh))


def take(view: HomeView, rows: I64 | Bool | slice) -> HomeView:
    """The view of some homes: positions, a mask or a slice."""
    columns: list[Any] = [column[rows] for column in view[2:]]
    return HomeView(view.hours, view.start_step, *columns)


def take_plan(plan: HomePlan, rows: I64 | Bool | slice) -> HomePlan:
    """The plan of some homes."""
    return HomePlan(*(column[rows] for column in plan))


def put_plan(plan: HomePlan, rows: I64 | Bool, part: HomePlan) -> HomePlan:
    """A copy of a plan in which the rows of some homes are replaced."""
    columns = [column.copy() for column in plan]
    for column, new in zip(columns, part, strict=True):
        column[rows] = new
    return HomePlan(*columns)


def problems(view: HomeView) -> list[str]:
    """Everything wrong with a view, one sentence each; an empty list when it can be planned."""
    found = [f"{name} has values that are not finite" for name in view._fields[2:] if _holes(view, name)]
    positive = (
        "battery_eta_charge",
        "battery_eta_discharge",
        "ev_eta_charge",
        "heater_kwh_per_k",
        "house_kwh_per_k",
        "hp_cop",
    )
    found += [f"{name} must be > 0" for name in positive if bool((getattr(view, name) <= 0).any())]
    natural = (
        "battery_kw",
        "ev_kw",
        "heater_kw",
        "hp_kw",
        "pv_kw",
        "ev_drive_kwh",
        "heater_draw_kwh",
        "heater_ua_kw_per_k",
    )
    found += [f"{name} must be >= 0" for name in natural if bool((getattr(view, name) < 0).any())]
    pairs = (("battery_min_kwh", "battery_max_kwh"), ("heater_low_c", "heater_high_c"), ("house_low_c", "house_high_c"))
    found += [f"{low} is above {high}" for low, high in pairs if bool((getattr(view, low) > getattr(view, high)).any())]
    return found


def _holes(view: HomeView, name: str) -> bool:
    values = getattr(view, name)
    limit = np.isnan(values) if name == "contracted_kw" else ~np.isfinite(values)
    return bool(limit.any())
