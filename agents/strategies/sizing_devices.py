r"""Flexible devices of a study: what they take by themselves over the year, and what a control frees (water heater, heat pump, charger).

A thermal device is one node, :math:`C\,dT/dt = c P - UA (T - T_a) + g`, stepped exactly; by itself it returns to its set temperature as fast
as its power allows. A control may leave that course as long as the temperature stays within the comfort band: the deviation of the content
obeys the same equation without its drift, so that standing losses follow what is stored (``sizing_problem.Store``). A car takes its energy
of a day between arriving and leaving, by itself at once at a socket; a charger moves it within, and is faster.

Sources: DOMAIN 2.1 to 2.4 (one-node tank, 1R1C building, COP after Staffell 2012); IEC 61851 charging without feeding back.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from data.arrays import F64
from environment.devices.heat_pump import cop_air

_LIFT_K = (15.0, 60.0)
"""Range of the COP curve."""


@dataclass(frozen=True, eq=False)
class Thermal:
    """A tank or a building with its heater.

    Attributes:
        kw: electric power.
        sink_c: temperature at which its heat pump delivers; None for a heater of resistance.
        kwh_per_k: heat capacity.
        loss_kw_per_k: heat loss.
        room_c: temperature around it; None for outdoors.
        set_c, low_c, high_c: set temperature and comfort band.
        gain_kw: heat from elsewhere, less what is drawn, shape (T,).
    """

    kw: float
    sink_c: float | None
    kwh_per_k: float
    loss_kw_per_k: float
    room_c: float | None
    set_c: float
    low_c: float
    high_c: float
    gain_kw: F64


@dataclass(frozen=True)
class Charging:
    """A car that comes and goes at the same hours every day.

    Attributes:
        socket_kw: power at which it charges by itself.
        charger_kw: power of a charger.
        kwh_per_day: at the plug.
        arrives_h, leaves_h: whole hours of the day; equal ones for a car that is always there.
    """

    socket_kw: float
    charger_kw: float
    kwh_per_day: float
    arrives_h: int
    leaves_h: int

    @property
    def stays_h(self) -> int:
        """Hours for which it is plugged in."""
        return (self.leaves_h - self.arrives_h) % 24 or 24

    @property
    def fault(self) -> str:
        """Why it cannot be charged by itself, with the way out; empty if it can."""
        most = self.socket_kw * self.stays_h
        if self.kwh_per_day <= most + 1e-9:
            return ""
        return (
            f"{self.kwh_per_day:g} kWh a day do not fit in {self.socket_kw:g} kW from {self.arrives_h}:00 to {self.leaves_h}:00 "
            f"({most:g} kWh); give more socket_kw, a longer stay, or less kwh_per_day"
        )


class Course(NamedTuple):
    """What a device takes by itself and how far a control may leave that, shape (T,); for one piece.

    Attributes:
        base_kw: power by itself.
        most_kw: greatest power.
        gain: stored kWh for each kWh.
        low_kwh, high_kwh: deviation of the content that comfort allows at the end of each step.
        keep: share of a deviation that is left after a step.
        coldest_c: lowest temperature by itself; NaN for a car.
    """

    base_kw: F64
    most_kw: F64
    gain: F64
    low_kwh: F64
    high_kwh: F64
    keep: float
    coldest_c: float


def thermal_course(of: Thermal, outdoor_c: F64, hours: float) -> Course:
    """The course of a thermal device.

    Args:
        of: the device.
        outdoor_c: air temperature, shape (T,).
        hours: length of a step.

    Raises:
        ValueError: it cannot keep its comfort even at full power; with the way out.
    """
    around = outdoor_c if of.room_c is None else np.full(len(outdoor_c), of.room_c)
    cop = np.ones(len(outdoor_c)) if of.sink_c is None else cop_air(np.clip(of.sink_c - outdoor_c, *_LIFT_K))
    decay = of.loss_kw_per_k * hours / of.kwh_per_k
    keep = float(np.exp(-decay))
    heat, temp = np.zeros(len(outdoor_c)), np.zeros(len(outdoor_c))
    now = of.set_c
    for step, rest in enumerate((around + of.gain_kw / of.loss_kw_per_k).tolist()):  # a recursion in time
        wanted = ((of.set_c - now * keep) / (1.0 - keep) - rest) * of.loss_kw_per_k
        heat[step] = min(max(wanted, 0.0), of.kw * cop[step])
        aim = rest + heat[step] / of.loss_kw_per_k
        now = temp[step] = aim + (now - aim) * keep
    if (cold := float((temp < of.low_c).mean())) > 0.0:
        msg = (
            f"comfort of {of.low_c:g} degC cannot be kept: at full power ({of.kw:g} kW) it is colder in {100 * cold:.2g}% of the hours; "
            "give it more kw, more heat capacity, less loss, or a lower low_c"
        )
        raise ValueError(msg)
    return Course(
        base_kw=heat / cop,
        most_kw=np.full(len(heat), of.kw),
        gain=cop * (1.0 - keep) / decay,
        low_kwh=np.minimum(of.kwh_per_k * (of.low_c - temp), 0.0),
        high_kwh=np.maximum(of.kwh_per_k * (of.high_c - temp), 0.0),
        keep=keep,
        coldest_c=float(temp.min()),
    )


def charging_course(of: Charging, hour: F64) -> Course:
    """The course of a car.

    Args:
        of: the car and its charger.
        hour: local hour of the day at the beginning of each step, shape (T,); steps are hours.

    Raises:
        ValueError: its energy does not fit between arriving and leaving; with the way out.
    """
    if of.fault:
        raise ValueError(of.fault)
    place = (np.floor(hour + 1e-9).astype(np.int64) - of.arrives_h) % 24  # hours since it arrived
    charged = np.minimum(of.socket_kw * np.arange(25), of.kwh_per_day)
    there = place < of.stays_h
    within = place < of.stays_h - 1  # by the end of its stay it is full
    done = charged[place + 1]
    return Course(
        base_kw=np.where(there, done - charged[place], 0.0),
        most_kw=np.where(there, max(of.charger_kw, of.socket_kw), 0.0),
        gain=np.ones(len(hour)),
        low_kwh=np.where(within, -done, 0.0),
        high_kwh=np.where(within, of.kwh_per_day - done, 0.0),
        keep=1.0,
        coldest_c=np.nan,
    )


class Device(NamedTuple):
    """Devices of one kind at a site.

    Attributes:
        name: of the plant that a control of it is.
        member: whose it is, for its consent; empty at a shared site.
        pieces: how many there are.
        of: one of them.
    """

    name: str
    member: str
    pieces: int
    of: Thermal | Charging


def course_of(device: Device, outdoor_c: F64, hour: F64, hours: float) -> Course:
    """The course of one of the devices; see ``thermal_course`` and ``charging_course``.

    Raises:
        ValueError: comfort, or the energy of a day, cannot be had; names the device and the way out.
    """
    try:
        return (
            thermal_course(device.of, outdoor_c, hours)
            if isinstance(device.of, Thermal)
            else charging_course(device.of, hour)
        )
    except ValueError as error:
        msg = f"{device.name}: {error}"
        raise ValueError(msg) from error
